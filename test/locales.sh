#!/usr/bin/env bash
# locales.sh [NAME...] - runs "make installcheck" on clusters of several encodings
# and locales, with ten modules of other people preloaded.
#
# The names are those of the table below; without any, it is all of them.  A
# locale that the machine lacks is made, as root.  The last line is
# "N passed, N failed".
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# Name, encoding and locale, and what localedef makes the locale of
clusters='
sql_ascii  SQL_ASCII  C
latin1     LATIN1     de_DE        de_DE  ISO-8859-1
german     UTF8       de_DE.UTF-8  de_DE  UTF-8
plain      UTF8       C.UTF-8
'

modules='auth_delay, auto_explain, basic_archive, hstore, passwordcheck'
modules+=', pg_prewarm, pg_stat_statements, pg_trgm, postgres_fdw, tcn'

# auto_explain reads every plan, and has each of ours run with instrumentation
cluster_settings="
shared_preload_libraries = '$modules'
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_buffers = on
auto_explain.log_settings = on
auto_explain.log_triggers = on
auto_explain.log_nested_statements = on
"

passed=0
failed=0

need_locale() {
    ! locale -a | grep -qixF "${1/UTF-8/utf8}" || return 0
    [ $# -eq 3 ] && localedef --inputfile="$2" --charmap="$3" "$1" ||
        die "there is no locale $1 here, nor what makes one: install \"locales\""
}

run_cluster() {
    local name=$1 encoding=$2 locale=$3 log=$temp/$1.log result

    say "$name: $encoding, $locale"
    need_locale "${@:3}"
    need_cluster --encoding="$encoding" --locale="$locale"
    if ! make -s -C "$tree" with_llvm=no installcheck > "$log" 2>&1; then
        grep -E '\.\.\. FAILED|^not ok' "$log" || tail -n 20 "$log"
        head -n 100 "$tree/regression.diffs"
    fi
    result=$(count "$log" 0)
    passed=$((passed + ${result% *}))
    failed=$((failed + ${result#* }))
    stop_cluster
    rm -rf "$temp/data" "$temp/socket"
}

need_build
need_temp
while read -r -a cluster; do
    if [ ${#cluster[@]} -gt 0 ] &&
        { [ $# -eq 0 ] || [[ " $* " == *" ${cluster[0]} "* ]]; }; then
        run_cluster "${cluster[@]}" < /dev/null
    fi
done <<< "$clusters"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
