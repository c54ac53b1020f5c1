#!/usr/bin/env bash
# run.sh [--quick|--full] [-o FILE] - the benchmark: raw libcurl, boto3 and SQL,
# side by side in one run, against the same mock on this machine.
#
# Prints a table, and writes it to FILE.  It is no test: machines are noisy,
# so look at the ratios, not at the milliseconds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

quick=()
full=
output=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=(--latencies 20 --widths 50 --repeats 3) ;;
        --full) full=1 ;;
        -o) : > "$2"; output=(-o "$(realpath "$2")"); shift ;;
        *) die "usage: run.sh [--quick|--full] [-o FILE]" ;;
    esac
    shift
done

# A mock with so many apps and environments each, and a database that asks it
open_mock() {
    [ -z "${mock_pid:-}" ] || stop_mock
    start_mock --generate "$1,$2" --any-region
    psql -XqAt -f "$tree/test/setup.psql" -f - > /dev/null <<END
ALTER SERVER amplify OPTIONS (ADD max_concurrency '10');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
SET client_min_messages = warning;
DROP TABLE IF EXISTS keys;
CREATE TABLE keys AS SELECT n, 'd' || lpad(n::text, 11, '0') AS app_id,
    'dev'::text AS environment_name FROM generate_series(1, $1) n;
ANALYZE keys;
END
}

# A parent of 17 places, among which the keys are spread
open_parent() {
    psql -XqAt -v url="$AMPLIFY_MOCK_URL" > /dev/null <<END
SET client_min_messages = warning;
ALTER TABLE keys ADD region text;
UPDATE keys SET region = 'us-east-' || 1 + n % 17;
VACUUM (FULL, ANALYZE) keys;
CREATE TABLE everywhere (LIKE backend_environments) PARTITION BY LIST (region);
SELECT format(\$\$
    CREATE SERVER amplify_%1\$s FOREIGN DATA WRAPPER amplify_fdw
        OPTIONS (region 'us-east-%1\$s', endpoint_url %2\$L, max_concurrency '10');
    CREATE USER MAPPING FOR CURRENT_USER SERVER amplify_%1\$s OPTIONS
        (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
    CREATE FOREIGN TABLE everywhere_%1\$s PARTITION OF everywhere FOR VALUES IN ('us-east-%1\$s')
        SERVER amplify_%1\$s OPTIONS (resource 'backend_environments')
    \$\$, i, :'url') FROM generate_series(1, 17) i
\gexec
END
}

bench() {
    /usr/bin/python3 "$tree/test/bench/bench.py" "${quick[@]}" "$@" "${output[@]}"
}

need_packages server "${build_packages[@]}"
/usr/bin/python3 -c 'import boto3' 2> /dev/null || install_packages python3-boto3
need_cluster
gcc -O2 -Wall -o "$tree/test/bench/raw" -I"$tree/src" "$tree/test/bench/raw.c" \
    "$tree/src/aws/sigv4.c" -lcurl -lcrypto
open_mock 1000 2
bench get 1 100 1000
psql -XqAtc 'ALTER FOREIGN TABLE backend_environments OPTIONS (DROP estimated_rows)'
say "in default settings, without statistics"
bench get 1000 --latencies 20 --widths 10
psql -XqAtc 'ANALYZE backend_environments'
say "in default settings, with statistics"
bench get 1000 --latencies 20 --widths 10
say "through a parent of 17 places, in default settings, without statistics"
open_parent
bench parent 1000 --latencies 20 --widths 51 170
open_mock 200 5
bench list 200 --per-app 5
[ -z "$full" ] || {
    open_mock 2000 50
    bench list 2000 --per-app 50
}
