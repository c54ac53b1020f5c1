#!/usr/bin/env bash
# versions.sh - runs the tests with several versions of PostgreSQL.
#
#     test/versions.sh [--skip] [here | 15 | 17 | 18 | 19] ...
#     test/versions.sh --prepare [15 | 17 | 18 | 19] ...
#
# Each version is that of a Debian release, with its compiler and its libcurl,
# OpenSSL and json-c, in a chroot that is made at the first time and kept in
# $AMPLIFY_TEST_CACHE (default: ~/.cache/amplify_fdw).  19 is a release candidate,
# from Debian experimental; 16 is in no release of Debian, and is not tested.
# "here" is this machine and all of check.sh.  Without arguments: 17, 18 and 19.
# With --skip, a version that cannot be had, as this is not root, or may not make
# chroots, or does not get at the packages, is no failure; it is named at the end.
# With --prepare, chroots are made, and no tests run.
#
# The last line is "N passed, N failed", of all versions together.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$top/test/chroot.sh"
steps=(unit regress tap)        # what depends on the version; and the package

# Files of t/ that are not run in a chroot, and why
left_out='
credential_cli  about the AWS CLI, which is 150 MB and is started 100 times
'

skip=
prepare=
versions=()
passed=0
failed=0
failed_logs=()
summary=()

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
            --skip) skip=yes ;;
            --prepare) prepare=yes ;;
            *)
                [ "$1" = here ] || [ -n "${releases[$1]:-}" ] ||
                    die "usage: versions.sh [--skip|--prepare] [here | 15 | 17 | 18 | 19] ..."
                versions+=("$1") ;;
        esac
        shift
    done
    [ ${#versions[@]} -gt 0 ] || versions=(17 18 19)
}

# The package is made of what is committed, and by the release that the version
# belongs to: experimental is none.
makes_package() {
    [ -e "$top/.git" ] && [ "${releases[$1]}" != experimental ]
}

# A package of experimental is installed only if it is asked for by name.
# shellcheck disable=SC2016
need_experimental() {
    in_chroot "$1" 'packages=(postgresql-$version postgresql-client-$version
            postgresql-server-dev-$version libpq5 libpq-dev)
        dpkg --status "${packages[@]}" > /dev/null 2>&1 || {
            apt-get -q update
            apt-get -q -y --no-install-recommends install \
                "${packages[@]/%//experimental}"
        }' LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive version="$2"
}

need_chroot() {
    local version=$1 root=$2 more=

    [ -d "$root" ] || copy_base "${releases[$version]}" "$root" || return
    [ "${releases[$version]}" != experimental ] ||
        need_experimental "$root" "$version" || return
    ! makes_package "$version" ||
        more="dpkg-dev postgresql-server-dev-all lintian git unzip"
    # shellcheck disable=SC2016
    in_chroot "$root" '. /mnt/test/lib.sh
        need_packages server cron "${build_packages[@]}" perl libipc-run-perl \
            openssl python3-botocore $more
        apt-get clean' LC_ALL=C.UTF-8 more="$more"
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
        [ "${BASH_REMATCH[2]}" -eq 0 ] || failed_logs+=("$log")
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
    local name="PostgreSQL $1" root=$cache/${releases[$1]} log why package=

    log=$root.log
    if ! why=$(may_chroot 2>&1); then
        cannot_be_had "$name" "chroots are not permitted here: $why"
    elif ! need_chroot "$1" "$root" > "$log" 2>&1; then
        tail -n 5 "$log"
        cannot_be_had "$name" 'its packages cannot be had'
    else
        ! makes_package "$1" || package=package
        # building the package runs no tests: the step before has
        run_checks "$name" "$log" in_chroot "$root" \
            "/mnt/test/check.sh ${steps[*]} $package" LC_ALL=C.UTF-8 COPT=-Werror \
            DEB_BUILD_OPTIONS=nocheck \
            AMPLIFY_TEST_LEFT_OUT="$(awk '{ print $1 }' <<< "$left_out")"
    fi
}

read_arguments "$@"
mkdir -p "$cache"
if [ -n "$prepare" ]; then
    for version in "${versions[@]}"; do
        need_chroot "$version" "$cache/${releases[$version]}"
    done
    exit
fi
for version in "${versions[@]}"; do
    if [ "$version" = here ]; then
        run_checks here "$cache/here.log" run_here
    else
        printf '== PostgreSQL %s, Debian %s\n' "$version" \
            "${releases[$version]}"
        run_version "$version"
    fi
done
for log in "${failed_logs[@]}"; do
    sed -n '/^== failed:/,$p' "$log"
done
printf '%s\n' "${summary[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
