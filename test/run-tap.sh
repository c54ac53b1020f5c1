#!/usr/bin/env bash
# run-tap.sh [NAME ...] - runs the TAP tests test/t/NAME.t, or all of them.
#
# They use PostgreSQL's own TAP framework and start servers and mocks of their
# own.  Where one fails, its logs are kept in tmp_check/.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Servers refuse to be root's, and the tests look into what theirs have open:
# both run as the same user.
prove_as_server() {
    local pgxs

    pgxs=$(dirname "$(pg --pgxs)")/../..
    as_server env --chdir="$temp/tap" PATH="$(pg --bindir):$PATH" \
        PERL5LIB="$pgxs/src/test/perl" \
        PG_REGRESS="$pgxs/src/test/regress/pg_regress" \
        TESTDIR="$temp/tap" TESTDATADIR="$temp/tap/tmp_check" \
        TESTLOGDIR="$temp/tap/tmp_check/log" prove --timer "$@"
}

keep_logs() {
    rm -rf "$top/tmp_check"
    mkdir -p "$top/tmp_check"
    cp -r "$temp/tap/tmp_check/log" "$top/tmp_check/"
    say "logs are in $top/tmp_check/log"
}

need_packages perl libipc-run-perl openssl server "${build_packages[@]}"
need_build
need_temp
mkdir -p "$temp/tap"
[ "$(id -u)" -ne 0 ] || chown postgres "$temp/tap"
tests=()
for name; do
    tests+=("$tree/test/t/${name%.t}.t")
done
[ ${#tests[@]} -gt 0 ] || tests=("$tree"/test/t/*.t)
prove_as_server "${tests[@]}" || {
    keep_logs
    exit 1
}
