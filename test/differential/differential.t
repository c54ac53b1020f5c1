#!/usr/bin/env bash
# Pushdown and read-ahead never change the rows: see differential.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_packages server "${build_packages[@]}" >&2
need_cluster >&2
# two regions; the other one has some of the same app ids
start_mock --generate 6,3 --region eu-west-1
export AMPLIFY_OTHER_URL=$AMPLIFY_MOCK_URL
start_mock --generate 12,5 --odd-names
psql -Xq -v ON_ERROR_STOP=1 -f "$tree/test/setup.psql" \
    -f "$tree/test/differential/setup.sql" > /dev/null
/usr/bin/python3 "$tree/test/differential/differential.py"
