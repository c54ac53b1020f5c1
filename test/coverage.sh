#!/usr/bin/env bash
# coverage.sh - what the tests reach: lines, functions and branches by file.
#
#     test/coverage.sh [--missed] [STEP...]
#
# The steps are those of check.sh, which see; by default unit, regress and tap.
# --missed prints each line that no test has reached as well.
#
# Branches of PostgreSQL's macros that report or assert are left out: most
# of them stand for what the compiler has not thrown away yet.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

probes+=([lcov]='lcov --version')
missed=
steps=()

read_arguments() {
    local argument

    for argument; do
        case $argument in
            --missed) missed=yes ;;
            *) steps+=("$argument") ;;
        esac
    done
    [ ${#steps[@]} -gt 0 ] || steps=(unit regress tap)
}

# A build that counts; the server's processes write their counts beside the
# objects when they end.
build_counting() {
    export PROFILE='-O0 -g --coverage -fprofile-update=atomic -Wno-error'

    need_build
    chmod a+rwx "$tree/src"
}

# The tests of the signer are programs with a copy of it, and count in there
run_tests() {
    CPPFLAGS=--coverage LDFLAGS=--coverage "$top/test/check.sh" "${steps[@]}"
}

lcov_here() {
    quietly lcov --rc lcov_branch_coverage=1 \
        --rc lcov_excl_br_line='(ereport|elog|Assert|CHECK_FOR_INTERRUPTS)\(' \
        "$@"
}

collect() {
    lcov_here --capture --directory "$tree" --base-directory "$tree" \
        --output-file "$temp/all.info"
    lcov_here --extract "$temp/all.info" "$tree/src/*.c" \
        --output-file "$temp/src.info"
}

# From the counts of each file: LF and LH are lines, FN functions, BR branches
# that there are (F) and that were reached (H)
show_table() {
    awk -F '[:,]' '
        function row(name, what,   i, kind) {
            printf "%-20s", name
            for (i = 1; i <= 3; i++) {
                kind = substr("LFFNBR", 2 * i - 1, 2)
                printf " %5d of %5d %5.1f %%", what[kind "H"], what[kind "F"], \
                    what[kind "F"] ? 100 * what[kind "H"] / what[kind "F"] : 100
            }
            print ""
        }
        BEGIN { printf "%-20s %22s %22s %22s\n", "", "lines", "functions", "branches" }
        $1 == "SF" { name = $2; sub(/.*\//, "", name) }
        $1 ~ /^(LF|LH|FNF|FNH|BRF|BRH)$/ {
            kind = $1 == "LF" ? "LFF" : $1 == "LH" ? "LFH" : $1
            file[kind] = $2
            all[kind] += $2
        }
        $1 == "end_of_record" { row(name, file); split("", file) }
        END { row("all", all) }' "$temp/src.info"
}

show_missed() {
    local file line

    awk -F '[:,]' '
        $1 == "SF" { name = $2 }
        $1 == "DA" && $3 == 0 { print name, $2 }' "$temp/src.info" |
        while read -r file line; do
            printf 'src/%s:%d:%s\n' "${file##*/}" "$line" \
                "$(sed -n "${line}p" "$file")"
        done
}

read_arguments "$@"
need_packages lcov
build_counting
status=0
run_tests || status=$?
collect
[ -z "$missed" ] || show_missed
show_table
exit "$status"
