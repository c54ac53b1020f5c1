#!/usr/bin/env bash
# instructions.sh [KEYS] - the instructions that a lookup takes, counted by
# callgrind: of raw libcurl, of a join, and of a join with the pages of ListApps
# that are read beside it, with the functions that take most of the first join's.
#
# Each is run with 200 keys and with KEYS more (1000), and what is shown is the
# difference, for each of these, so that nothing of what is done once counts.  The
# mock is on this machine and answers at once.  It is no test, but unlike
# milliseconds, instructions are nearly the same in each run; those of the kernel
# are not counted.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

few=200
more=${1:-1000}
[ $# -le 1 ] && [[ $more =~ ^[1-9][0-9]*$ ]] || die "usage: instructions.sh [KEYS]"

# count NAME COMMAND...: its instructions, into a file
count() {
    as_server valgrind -q --tool=callgrind --callgrind-out-file="$temp/out/$1" "${@:2}"
}

# ask NAME KEYS MAX_CALLS: without a postmaster, the server is one process,
# which ends with its input
ask() {
    printf '%s; ' 'SET jit = off' "SET amplify_fdw.max_calls = $3" \
        "SELECT count(e.update_time) FROM (SELECT * FROM keys WHERE n <= $2) k
         LEFT JOIN backend_environments e USING (app_id, environment_name)" |
        tr '\n' ' ' | count "$1" "$(pg --bindir)/postgres" --single -D "$temp/data" postgres |
        grep "count = \"$2\"" > /dev/null || die "wrong rows"
}

need_packages server "${build_packages[@]}"
type valgrind > /dev/null || install_packages valgrind
need_cluster
start_mock --generate "$((few + more)),2"
psql -XqAt -f "$tree/test/setup.psql" -f - > /dev/null <<END
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
CREATE TABLE keys AS SELECT n, 'd' || lpad(n::text, 11, '0') AS app_id,
    'dev'::text AS environment_name FROM generate_series(1, $((few + more))) n;
ANALYZE keys;
END
as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" --silent stop > /dev/null
gcc -O2 -g -Wall -o "$tree/test/bench/raw" -I"$tree/src" "$tree/test/bench/raw.c" \
    "$tree/src/aws/sigv4.c" -lcurl -lcrypto

mkdir -m 777 "$temp/out"
for n in "$few" "$((few + more))"; do
    count "raw.$n" "$tree/test/bench/raw" "$AMPLIFY_MOCK_URL" get "$n" 10 1 > /dev/null
    ask "join.$n" "$n" 1000000      # with any limit, no apps are listed
    ask "listing.$n" "$n" 0
done
cd "$temp/out"
for way in raw join listing; do
    mv "$way.$few"* "$way.few"
    mv "$way.$((few + more))"* "$way.more"
done
/usr/bin/python3 "$tree/test/bench/instructions.py" "$more"
