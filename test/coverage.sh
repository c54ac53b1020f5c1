#!/usr/bin/env bash
# coverage.sh - what the tests reach: lines, functions and branches by file.
#
#     test/coverage.sh [STEP...]
#
# The steps are those of check.sh, which see.  With none named, they are docs,
# unit, regress and tap, and the result is judged: there is a least share of
# lines and of branches, and each line that is not reached is named in
# coverage.unreached, with the reason, and no other is.  Of steps that are named,
# the lines are shown that they do not reach.
#
# Branches of PostgreSQL's macros that report or assert are left out: they stand
# for levels of messages and for failed assertions, not for what we decide.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

least_lines=95                  # percent
least_branches=85

probes+=([lcov]='lcov --version')

# A build that counts; the server's processes write their counts beside the
# objects when they end.
build_counting() {
    export PROFILE='-O0 -g --coverage -fprofile-update=atomic -Wno-error'

    need_build
    chmod a+rwx "$tree/src"
}

# The tests of the signer are programs with a copy of it, and count in there.
# They are compiled and linked at once: the last -O is the one that holds.
run_tests() {
    CPPFLAGS=--coverage LDFLAGS='--coverage -O0' "$top/test/check.sh" "$@"
}

lcov_here() {
    quietly lcov --rc lcov_branch_coverage=1 \
        --rc lcov_excl_br_line='(ereport|elog|Assert|CHECK_FOR_INTERRUPTS)\(' \
        "$@"
}

# What the programs in a folder have counted, compiled from where they are told
capture() {
    lcov_here --capture --directory "$tree/$1" --base-directory "$tree/$2" \
        --output-file "$temp/$3.info"
    all+=(--add-tracefile "$temp/$3.info")
}

collect() {
    local all=()

    capture src . server
    [ -z "$(find "$tree/test/unit" -name '*.gcda')" ] ||
        capture test/unit test/unit unit
    lcov_here "${all[@]}" --output-file "$temp/all.info"
    lcov_here --extract "$temp/all.info" "$tree/src/*.c" "$tree/src/*/*.c" \
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

# Lines "FILE FUNCTION: TEXT" of what is not reached, its blanks folded
missed() {
    awk -F '[:,]' '
        $1 == "SF" {
            path = $2
            file = $2
            sub(/.*\//, "", file)
            split("", functions)
            for (line = 1; (getline source[line] < path) > 0; line++)
                continue
            close(path)
        }
        $1 == "FN" { functions[$2] = $NF }
        $1 == "DA" && $3 == 0 {
            for (line = $2; line > 1 && !(line in functions); line--)
                continue
            text = source[$2]
            gsub(/[ \t]+/, " ", text)
            print file " " functions[line] ":" (text ~ /^ / ? "" : " ") text
        }' "$temp/src.info" | sort -u
}

# The same out of the list, where each stands below its reason and further in
listed() {
    sed -n -e 's/^  *~ //p' -e t -e 's/^  *//p' "$top/test/coverage.unreached" |
        sort -u
}

# Less those that are reached by chance
firmly_listed() {
    sed -n -e '/^  *~/d' -e 's/^  *//p' "$top/test/coverage.unreached" | sort -u
}

too_little() {
    awk -F : -v lines="$least_lines" -v branches="$least_branches" '
        { n[$1] += $2 }
        END {
            if (100 * n["LH"] < lines * n["LF"])
                print "less than " lines " % of the lines"
            if (100 * n["BRH"] < branches * n["BRF"])
                print "less than " branches " % of the branches"
        }' "$temp/src.info"
}

judge() {
    no_findings "enough is reached" too_little
    no_findings "what is not reached is in coverage.unreached" \
        comm -23 <(missed) <(listed)
    no_findings "what is in coverage.unreached is not reached" \
        comm -13 <(missed) <(firmly_listed)
}

steps=("$@")
[ $# -gt 0 ] || steps=(docs unit regress tap)
need_packages lcov
build_counting
status=0
run_tests "${steps[@]}" || status=$?
collect
if [ $# -gt 0 ]; then
    missed
else
    judge
fi
show_table
[ "$tap_failed" -eq 0 ] || status=1
exit "$status"
