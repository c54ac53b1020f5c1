#!/usr/bin/env bash
# versions.sh - runs the tests with other versions of PostgreSQL.
#
#     test/versions.sh [--skip] [15 | 17 | 18] ...
#
# Each version is that of a Debian release, with its compiler and its libcurl,
# OpenSSL and json-c, in a chroot that is made at the first time and kept in
# $AMPLIFY_TEST_CACHE (default: ~/.cache/amplify_fdw).  Without arguments:
# 17 and 18.  With --skip, a version whose packages cannot be fetched is no
# failure.  Only root can do this.
#
# All that happens in a chroot does so in mount and process namespaces of its
# own: however it ends, nothing stays mounted and nothing goes on running.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$top/test/debian.sh"
steps=(unit regress tap)        # what depends on the version
skip=
versions=()
summary=()
status=0
child=

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --skip) skip=yes ;;
            *)
                [ -n "${releases[$1]:-}" ] ||
                    die "usage: versions.sh [--skip] [15 | 17 | 18] ..."
                versions+=("$1") ;;
        esac
        shift
    done
    [ ${#versions[@]} -gt 0 ] || versions=(17 18)
}

# unshare does not pass a signal on, but its end is the end of all
clean_up() {
    [ -z "$child" ] || kill -KILL "$child" 2> /dev/null || true
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command in namespaces of its own.  In the background, as bash would
# run a trap only after the end of a command in the foreground.
isolated() {
    local result=0

    unshare --mount --propagation private --pid --fork --kill-child "$@" &
    child=$!
    wait "$child" || result=$?
    child=
    return "$result"
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
            COPT=-Werror bash -euc "$3"' in_chroot "$1" "$top" "$2"
}

need_debootstrap() {
    command -v debootstrap > /dev/null ||
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install debootstrap; }
}

# Makes the chroot of a release; it gets its name when it is complete.
make_chroot() {
    local release=$1 root=$2 scripts=/usr/share/debootstrap/scripts script

    # A release that this debootstrap is too old for is like unstable
    script=$scripts/$release
    [ -e "$script" ] || script=$scripts/sid
    rm -rf "$root.new"
    mkdir -p "$root.new"
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
        need_packages server "${build_packages[@]}" perl libipc-run-perl \
            openssl python3-botocore
        apt-get clean'
}

run_version() {
    local version=$1 root=$cache/${releases[$1]} log tee output

    log=$cache/${releases[$1]}.log
    mkdir -p "$cache"
    if ! need_chroot "$version" "$root" > "$log" 2>&1; then
        tail -n 5 "$log"
        summary+=("PostgreSQL $version: ${skip:+SKIP, }its packages cannot be had")
        [ -n "$skip" ] || status=1
        return
    fi
    exec {output}> >(exec tee "$log")
    tee=$!
    in_chroot "$root" "/mnt/test/check.sh ${steps[*]}" \
        < /dev/null >&"$output" 2>&1 || status=1
    exec {output}>&-
    wait "$tee"
    summary+=("PostgreSQL $version: $(tail -n 1 "$log")")
}

read_arguments "$@"
[ "$(id -u)" -eq 0 ] || die "versions.sh makes chroots, which only root can do"
for version in "${versions[@]}"; do
    printf '== PostgreSQL %s, Debian %s\n' "$version" "${releases[$version]}"
    run_version "$version"
done
printf '%s\n' "${summary[@]}"
exit "$status"
