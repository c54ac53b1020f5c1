#!/usr/bin/env bash
# What clients that nobody here wrote are told, SQL is told as well: the AWS CLI
# and the JavaScript SDK meet the mock's errors.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$top/test/clients/sdk.sh"

need_clients
need_cluster >&2
start_mock --generate 2,2
psql -Xq -f "$tree/test/setup.psql" > /dev/null
psql -Xqc "ALTER SERVER amplify OPTIONS (ADD max_attempts '1')"
/usr/bin/python3 "$tree/test/clients/errors.py" "$sdk"
