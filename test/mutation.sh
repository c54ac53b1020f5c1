#!/usr/bin/env bash
# mutation.sh - how much the tests notice: makes small changes of src/, one at a
# time, and runs the tests that reach the changed line until one fails.
#
#     --seed N         which changes (a number that is printed)
#     --count N        how many that compile without a warning (20)
#     --match REGEX    only of files and lines, "src/x.c:12", that match
#     --tap REGEX      only TAP tests whose names match; "-" for none
#     --part I/N       every Nth of them, from the Ith on: several runs side by
#                      side have all
#     --show           prints the changes and does no more
#
# A line for each: killed and by what, or survived and the change.  It ends with
# the score by folder, and fails only if it can't do its work.  Not every
# survivor is a missing test: some changes make no difference, which only people
# can tell.
#
# Which tests reach which line is learnt at first, in some minutes, and kept in
# $AMPLIFY_TEST_CACHE (default: ~/.cache/amplify_fdw) until source or tests change.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seed=$RANDOM
count=20
match=.
tap=.
part=1/1
show=

usage() {
    sed -n '5,11s/^# *//p' "$0" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --show) show=1 ;;
        --seed|--count|--match|--tap|--part)
            [ $# -ge 2 ] || usage
            printf -v "${1#--}" %s "$2"
            shift ;;
        *) usage ;;
    esac
    shift
done

say "seed $seed"
cd "$top"
mapfile -t sources < <(find src -name '*.c' | LC_ALL=C sort)
mapfile -t mutants < <(perl test/mutants.pl pick "$seed" "${sources[@]}" |
    awk -F '\t' -v match_="$match" -v part="$part" '
        BEGIN { split(part, of, "/") }
        $1 ":" $2 ~ match_ && n++ % of[2] == of[1] - 1')
if [ -n "$show" ]; then
    printf '%s\n' "${mutants[@]}" | head -n "$count"
    exit
fi

[ "$(nice)" -ge 10 ] || renice -n 10 $$ > /dev/null
ulimit -v 4000000               # kB; a change may want memory without end
state=$(cat src/*.[ch] src/*/*.[ch] sql/* test/t/* | sha256sum)
reach=${AMPLIFY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/amplify_fdw}/reach/${state:0:12}
[ -e "$reach/order" ] || test/reach.sh "$reach"
declare -A took=()              # each test, in ms
while read -r ms name; do
    took[$name]=$ms
done < "$reach/order"

need_cluster
need_packages perl libipc-run-perl openssl
cp -a "$tree/src" "$temp/pristine"
stop_cluster
cp -a "$temp/data" "$temp/pristine-data"

# As check.sh does: a warning is an error, and the compiler's find
build_it() {
    make -s -C "$tree" with_llvm=no COPT=-Werror all &&
        make -s -C "$tree" with_llvm=no DESTDIR="$AMPLIFY_TEST_BUILD/inst" \
            install-lib-shared
}

# What one mutant has left in the cluster is not the next one's affair.
renew_cluster() {
    [ ! -e "$temp/data/postmaster.pid" ] || stop_cluster || true
    rm -rf "$temp/data"
    cp -a "$temp/pristine-data" "$temp/data"
    as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" \
        --log="$temp/data/log" --silent --wait start > /dev/null ||
        die "the server does not start"
}

# The tests of that kind that reach a line, the quickest first.  A line that has no
# code of its own belongs to the statement that it stands in; tables, which are
# in none, are for all tests.
tests_of() {
    local kind=$1 file=$2 line=$3 place names

    mapfile -t names < <(sed -n "s/^[0-9]* \(${kind}[.]\)/\1/p" "$reach/order")
    place=$(awk -v line="$line" -v file="$file:" '
        FNR == NR { has_code[$0] = 1; next }
        FNR <= line && /^}/ { place = "" }
        FNR <= line && (file FNR) in has_code { place = file FNR }
        END { print place }' "$reach/lines" "$temp/pristine/${file#src/}")
    if [ -n "$place" ]; then
        (cd "$reach" && grep -lxF "$place" "${names[@]}" || true)
    else
        printf '%s\n' "${names[@]}"
    fi | sed 's/^[a-z]*[.]//'
}

# Each of these sets "killer" if it finds one.

find_unit() {
    ! grep -qE "/${1##*/}|\<$(basename "$1" .c)_test\>" "$tree/test/unit/Makefile" ||
        timeout 180 prove "$tree"/test/unit/*.t > "$temp/run.log" 2>&1 ||
        killer=unit
}

# All in one run, up to the first that fails.  That has to fail by itself, too:
# on a busy machine, some test may fail of any.
find_regress() {
    local tests

    mapfile -t tests < <(tests_of regress "$@")
    while [ ${#tests[@]} -gt 0 ]; do
        run_regress "${tests[@]}"
        tests=("${tests[@]:passed}")
        [ ${#tests[@]} -gt 0 ] || return 0
        run_regress "${tests[0]}"
        [ "$passed" -eq 1 ] || killer="regress ${tests[0]}"
        [ -z "$killer" ] || return 0
        tests=("${tests[@]:1}")
    done
}

# Sets "passed" to how many of these have, before one fails, or takes much longer
# than it did.
run_regress() {
    local line limit output make

    passed=0
    renew_cluster
    exec {output}< <(exec setsid make -s -C "$tree" with_llvm=no installcheck \
        REGRESS="$*" 2>&1)
    make=$!
    while [ $# -gt 0 ]; do
        limit=$((60 + ${took[regress.$1]} / 50))
        read -r -t "$limit" -u "$output" line || break
        case $line in
            "test $1 "*" ok "*|"ok "*" $1 "*) passed=$((passed + 1)); shift ;;
            "test $1 "*|"not ok "*) break ;;
        esac
    done
    kill -- "-$make" 2> /dev/null || true
    exec {output}<&-
}

# Some at a time, and again what fails of these
find_tap() {
    local tests some name

    mapfile -t tests < <(tests_of tap "$@" | grep -E -- "$tap" || true)
    while [ ${#tests[@]} -gt 0 ]; do
        some=("${tests[@]:0:4}")
        tests=("${tests[@]:4}")
        run_tap "${some[@]}" && continue
        for name in "${some[@]}"; do
            grep -q "/${name}[.]t .*ok  " "$temp/run.log" || run_tap "$name" ||
                killer="tap $name"
            [ -z "$killer" ] || return 0
        done
    done
}

# It starts servers of its own.
run_tap() {
    (unset PGHOST PGPORT PGUSER PGDATABASE
        timeout --kill-after=5 600 "$tree/test/run-tap.sh" "$@") \
        > "$temp/run.log" 2>&1
}

declare -A killed=() survived=()
n=0
broken=0
for mutant in "${mutants[@]}"; do
    [ "$n" -lt "$count" ] || break
    IFS=$'\t' read -r file line column length new <<< "$mutant"
    perl "$top/test/mutants.pl" make "$temp/pristine/${file#src/}" "$line" \
        "$column" "$length" "$new" > "$temp/mutant.c"
    change=$(diff "$temp/pristine/${file#src/}" "$temp/mutant.c" |
        sed -n 's/^\([<>]\)[ \t]*/\1 /p' | tr '\n' ' ') || true
    cat "$temp/mutant.c" > "$tree/$file"
    if build_it > "$temp/build.log" 2>&1; then
        n=$((n + 1))
        folder=$(dirname "${file#src/}")
        killer=
        for kind in unit regress tap; do
            [ -n "$killer" ] || "find_$kind" "$file" "$line"
        done
        if [ -n "$killer" ]; then
            killed[$folder]=$((${killed[$folder]:-0} + 1))
            printf 'killed   %s:%s %s # %s\n' "$file" "$line" "$change" "$killer"
        else
            survived[$folder]=$((${survived[$folder]:-0} + 1))
            printf 'SURVIVED %s:%s %s\n' "$file" "$line" "$change"
        fi
    else
        broken=$((broken + 1))
    fi
    cat "$temp/pristine/${file#src/}" > "$tree/$file"
done
for folder in $(printf '%s\n' "${!killed[@]}" "${!survived[@]}" | sort -u); do
    printf '%-10s %3d killed %3d survived\n' "$folder" \
        "${killed[$folder]:-0}" "${survived[$folder]:-0}"
    all_killed=$((${all_killed:-0} + ${killed[$folder]:-0}))
done
printf '%d mutants: %d killed, %d survived; %d did not compile\n' \
    "$n" "${all_killed:-0}" $((n - ${all_killed:-0})) "$broken"
