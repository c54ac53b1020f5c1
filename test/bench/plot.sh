#!/usr/bin/env bash
# plot.sh [DIR] - draws how many calls a join has in flight, with read-ahead and
# without: read-ahead.svg, and the two plans beside it, read-ahead.txt.
#
# DIR is doc/ without it.  The mock takes 20 ms for a response.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

[ $# -le 1 ] || die "usage: plot.sh [DIR]"
target=$(realpath "${1:-$top/doc}")
keys=100

query="SELECT i.app_id, e.stack_name
  FROM inventory i
  LEFT JOIN backend_environments e
    ON e.app_id = i.app_id AND e.environment_name = i.env;"

prepare() {
    psql -Xq -f "$tree/test/setup.psql" -f - > /dev/null <<END
-- an account with so much in it that nobody would list it for these
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TABLE inventory AS
  SELECT 'd' || lpad(n::text, 11, '0') AS app_id, 'dev'::text AS env
    FROM generate_series(1, $keys) AS n;
ANALYZE inventory;
END
}

# The plan on standard output; what was in flight, and when, into a file
run_with() {
    "$tree/test/mock/mockctl" reset > /dev/null
    "$tree/test/mock/mockctl" latency 20 > /dev/null
    printf '%s\n' "SET amplify_fdw.read_ahead = $1;" \
        "EXPLAIN (ANALYZE, COSTS OFF)" "$query" ""
    psql -XAtq -c "SET jit = off" -c "SET amplify_fdw.read_ahead = $1" \
        -c "EXPLAIN (ANALYZE, COSTS OFF) $query"
    "$tree/test/mock/mockctl" flights > "$temp/flights.$1"
}

need_packages server "${build_packages[@]}"
need_cluster
start_mock --generate "$keys,1"
prepare
mkdir -p "$target"
{
    run_with 200
    printf '\n'
    run_with 0
} > "$target/read-ahead.txt"
/usr/bin/python3 "$tree/test/bench/plot.py" "$temp/flights.200" "$temp/flights.0" \
    > "$target/read-ahead.svg"
say "$target/read-ahead.svg and .txt"
