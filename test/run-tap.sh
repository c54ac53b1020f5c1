#!/usr/bin/env bash
# run-tap.sh [NAME ...] - runs the TAP tests test/t/NAME.t, or all of them but
# those that AMPLIFY_TEST_LEFT_OUT names, one a line.
#
# They use PostgreSQL's own TAP framework and start servers and mocks of their
# own, and wait more than they work: half as many again run at once as there are
# processors.  Where one fails, the end of its log is shown.
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
        TESTLOGDIR="$temp/tap/tmp_check/log" \
        prove --norc --timer --jobs "$(($(nproc) * 3 / 2))" "$@"
}

# What a test says goes to a log, and the reason of its death nowhere else.
show_failed() {
    local log

    for log in "$temp"/tap/tmp_check/log/regress_log_*; do
        if grep -q '^\[[^]]*\][^ ]* not ok' "$log" ||
            ! grep -q '^\[[^]]*\][^ ]* 1\.\.[0-9]' "$log"; then
            say "the end of ${log##*/}"
            tail -n 30 "$log"
        fi
    done
}

choose_all() {
    local file name

    for file in "$tree"/test/t/*.t; do
        name=$(basename "$file" .t)
        if grep -qx "$name" <<< "${AMPLIFY_TEST_LEFT_OUT:-}"; then
            say "left out: $name"
        else
            tests+=("$file")
        fi
    done
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
[ ${#tests[@]} -gt 0 ] || choose_all
prove_as_server "${tests[@]}" || {
    show_failed
    exit 1
}
