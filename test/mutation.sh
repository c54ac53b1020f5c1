#!/usr/bin/env bash
# mutation.sh - how much the tests notice: makes small changes of src/, one at a
# time, and runs the tests until one fails.
#
#     --seed N         which changes (a number that is printed)
#     --count N        how many that compile (20)
#     --match REGEX    only of files and lines, "src/x.c:12", that match
#     --tap "NAME..."  what survives runs these TAP tests, too; "" for none
#     --show           prints the changes and does no more
#
# A line for each: killed and by what, or survived and the change.  It ends with
# the score, and fails only if it can't do its work.  Not every survivor is a
# missing test: some changes make no difference, which only people can tell.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seed=$RANDOM
count=20
match=.
show=
tap="changed transactions credential_refresh credential_role dns growth memory
    reuse timeouts cancel faults tls attacks sessions progress recheck secrets
    credential_concurrent credential_providers credential_secrets leak credential_services"

usage() {
    sed -n '5,9s/^# *//p' "$0" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --show) show=1 ;;
        --seed|--count|--match|--tap)
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
    awk -F '\t' -v match_="$match" '$1 ":" $2 ~ match_')
if [ -n "$show" ]; then
    printf '%s\n' "${mutants[@]}" | head -n "$count"
    exit
fi

renice -n 10 $$ > /dev/null
need_cluster
need_packages perl libipc-run-perl openssl
cp -a "$tree/src" "$temp/pristine"
# A change can make a loop endless: none of these takes a third of that.
limit=(timeout --kill-after=5 180)
short_limit=(timeout --kill-after=5 60)
mapfile -t regress < <(cd "$tree/sql" && ls | sed -n '/^amplify_fdw--/!s/\.sql$//p')

build_it() {
    make -s -C "$tree" with_llvm=no &&
        make -s -C "$tree" with_llvm=no DESTDIR="$AMPLIFY_TEST_BUILD/inst" install
}

# A server that is busy for ever, or has crashed, is not the next one's affair.
restart_cluster() {
    as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" --mode=immediate \
        --log="$temp/data/log" --silent --wait restart
}

# It starts servers of its own.
run_tap() {
    (unset PGHOST PGPORT PGUSER PGDATABASE
        "${limit[@]}" "$tree/test/run-tap.sh" "$1")
}

# A test that fails anyway notices nothing.
check_tests() {
    local name sound=

    "${limit[@]}" make -s -C "$tree" with_llvm=no installcheck \
        > "$temp/run.log" 2>&1 || die "regress fails without any change"
    for name in $tap; do
        if run_tap "$name" > "$temp/run.log" 2>&1; then
            sound+=" $name"
        else
            say "left out, for it fails without any change: $name"
        fi
    done
    tap=$sound
}

# What notices the change, if anything does; the last one is named.
killer=
run_tests() {
    local i name

    killer=unit
    if grep -q "/${1##*/}" "$tree/test/unit/Makefile"; then
        "${limit[@]}" prove "$tree"/test/unit/*.t || return
    fi
    for ((i = 0; i < ${#regress[@]}; i += 8)); do
        killer="regress ${regress[*]:i:8}"
        "${short_limit[@]}" make -s -C "$tree" with_llvm=no installcheck \
            REGRESS="${regress[*]:i:8}" || return
    done
    for name in $tap; do
        killer="tap $name"
        run_tap "$name" || return
    done
}

# The tests that failed of those that ran together
name_killer() {
    local failed

    failed=$(sed -n 's/^test \([a-z_0-9]*\) .*\(FAILED\|failed\).*/\1/p
        s/^not ok [0-9]* *[-+] \([a-z_0-9]*\) .* ms$/\1/p' "$1" | tr '\n' ' ')
    case $killer in
        regress*) echo "regress ${failed:-(time is over)}" ;;
        *) echo "$killer" ;;
    esac
}

check_tests
killed=0 survived=0 broken=0
for mutant in "${mutants[@]}"; do
    [ $((killed + survived)) -lt "$count" ] || break
    IFS=$'\t' read -r file line column length new <<< "$mutant"
    perl "$top/test/mutants.pl" make "$temp/pristine/${file#src/}" "$line" \
        "$column" "$length" "$new" > "$temp/mutant.c"
    change=$(diff "$temp/pristine/${file#src/}" "$temp/mutant.c" |
        sed -n 's/^\([<>]\)[ \t]*/\1 /p' | tr '\n' ' ') || true
    cat "$temp/mutant.c" > "$tree/$file"
    if ! build_it > "$temp/build.log" 2>&1; then
        broken=$((broken + 1))
    elif run_tests "$file" > "$temp/run.log" 2>&1; then
        survived=$((survived + 1))
        printf 'SURVIVED %s:%s %s\n' "$file" "$line" "$change"
    else
        killed=$((killed + 1))
        printf 'killed   %s:%s %s # %s\n' "$file" "$line" "$change" \
            "$(name_killer "$temp/run.log")"
        restart_cluster > /dev/null 2>&1 || die "the server does not start"
    fi
    cat "$temp/pristine/${file#src/}" > "$tree/$file"
done
printf '%d mutants: %d killed, %d survived; %d did not compile\n' \
    $((killed + survived)) "$killed" "$survived" "$broken"
