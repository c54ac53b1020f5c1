#!/usr/bin/env bash
# versions.sh - runs the tests with several versions of PostgreSQL.
#
#     test/versions.sh [--skip] [here | 15 | 17 | 18] ...
#
# Each version is that of a Debian release, with its compiler and its libcurl,
# OpenSSL and json-c, in a chroot that is made at the first time and kept in
# $AMPLIFY_TEST_CACHE (default: ~/.cache/amplify_fdw).  "here" is this machine
# and all of check.sh.  Without arguments: 17 and 18.  With --skip, a version
# that cannot be had, as this is not root, or may not make chroots, or does not
# get at the packages, is no failure; it is named at the end.
#
# The last line is "N passed, N failed", of all versions together.
#
# All that happens in a chroot does so in mount and process namespaces of its
# own: however it ends, nothing stays mounted and nothing goes on running.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$top/test/debian.sh"
steps=(unit regress tap)        # what depends on the version

# Files of t/ that are not run in a chroot, and why
left_out='
credential_cli  about the AWS CLI, which is 150 MB and is started 100 times
'

skip=
versions=()
passed=0
failed=0
summary=()
child=
end_child=                      # the signal that ends it and all it started

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --skip) skip=yes ;;
            *)
                [ "$1" = here ] || [ -n "${releases[$1]:-}" ] ||
                    die "usage: versions.sh [--skip] [here | 15 | 17 | 18] ..."
                versions+=("$1") ;;
        esac
        shift
    done
    [ ${#versions[@]} -gt 0 ] || versions=(17 18)
}

# Not for all: tee goes on as long as this has its end of the pipe.
clean_up() {
    [ -n "$child" ] || return 0
    kill "-$end_child" "$child" 2> /dev/null || true
    wait "$child" || true
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command in the background and waits for it, as bash would run a trap
# only after the end of a command in the foreground.
supervised() {
    local result=0

    "$@" &
    child=$!
    wait "$child" || result=$?
    child=
    return "$result"
}

# Runs a command in namespaces of its own.  unshare does not pass a signal on,
# but its end is the end of all.
isolated() {
    end_child=KILL
    supervised unshare --mount --propagation private --pid --fork \
        --kill-child "$@"
}

# Runs a script of bash in a chroot, where the repository is /mnt, read-only.
# shellcheck disable=SC2016
in_chroot() {
    isolated bash -euc '
        mount -t proc proc "$1/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
        mkdir -p "$1/dev/shm"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        mount --bind "$2" "$1/mnt"
        mount -o remount,bind,ro "$1/mnt"
        exec chroot "$1" env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            COPT=-Werror AMPLIFY_TEST_LEFT_OUT="$4" bash -euc "$3"' \
        in_chroot "$1" "$top" "$2" "$(awk '{ print $1 }' <<< "$left_out")"
}

# Whether chroots can be used here; it says why not.
# shellcheck disable=SC2016
may_chroot() {
    isolated sh -euc 'mount -t proc proc /proc
        mount -t tmpfs tmpfs /mnt
        chroot / true'
}

need_debootstrap() {
    command -v debootstrap > /dev/null ||
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install debootstrap; }
}

# What only tests live in need not survive a power cut, and nobody reads there
dpkg_settings() {
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' \
        'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*'
}

# Makes the chroot of a release; it gets its name when it is complete.
make_chroot() {
    local release=$1 root=$2 scripts=/usr/share/debootstrap/scripts script

    # A release that this debootstrap is too old for is like unstable
    script=$scripts/$release
    [ -e "$script" ] || script=$scripts/sid
    rm -rf "$root.new"
    mkdir -p "$root.new/etc/dpkg/dpkg.cfg.d"
    dpkg_settings > "$root.new/etc/dpkg/dpkg.cfg.d/90amplify_fdw-test"
    isolated debootstrap --variant=minbase --include=ca-certificates \
        "$release" "$root.new" "$(mirror)" "$script" || return
    apt_settings > "$root.new/etc/apt/apt.conf.d/90amplify_fdw-test"
    rm -rf "$root.new/var/cache/apt/archives"/*.deb
    mv "$root.new" "$root"
}

need_chroot() {
    local version=$1 root=$2

    [ -d "$root" ] ||
        { need_debootstrap && make_chroot "${releases[$version]}" "$root"; } ||
        return
    # shellcheck disable=SC2016
    in_chroot "$root" '. /mnt/test/lib.sh
        need_packages server cron "${build_packages[@]}" perl libipc-run-perl \
            openssl python3-botocore
        apt-get clean'
}

# Runs check.sh in some way, shows what it prints and keeps that, and adds its
# last line to the sums.
run_checks() {
    local name=$1 log=$2 tee output last result=0

    shift 2
    exec {output}> >(exec tee "$log")
    tee=$!
    "$@" < /dev/null >&"$output" 2>&1 || result=$?
    exec {output}>&-
    wait "$tee"
    last=$(tail -n 1 "$log")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
        last="FAILED, no result, status $result"
    fi
    summary+=("$name: $last")
}

run_here() {
    end_child=TERM
    supervised "$top/test/check.sh"
}

cannot_be_had() {
    summary+=("$1: ${skip:+SKIP, }$2")
    [ -n "$skip" ] || failed=$((failed + 1))
}

run_version() {
    local name="PostgreSQL $1" root=$cache/${releases[$1]} log why

    log=$root.log
    if ! why=$(may_chroot 2>&1); then
        cannot_be_had "$name" "chroots are not permitted here: $why"
    elif ! need_chroot "$1" "$root" > "$log" 2>&1; then
        tail -n 5 "$log"
        cannot_be_had "$name" 'its packages cannot be had'
    else
        run_checks "$name" "$log" in_chroot "$root" \
            "/mnt/test/check.sh ${steps[*]}"
    fi
}

read_arguments "$@"
mkdir -p "$cache"
for version in "${versions[@]}"; do
    if [ "$version" = here ]; then
        run_checks here "$cache/here.log" run_here
    else
        printf '== PostgreSQL %s, Debian %s\n' "$version" \
            "${releases[$version]}"
        run_version "$version"
    fi
done
printf '%s\n' "${summary[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
