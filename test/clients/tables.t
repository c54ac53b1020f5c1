#!/usr/bin/env bash
# Clients that nobody here wrote see what SQL sees, on every
# column of every table: the AWS CLI and the JavaScript SDK talk to the mock, too.
# This proves the mock, and with it what all other tests believe.
#
# The data: what has every member, a page for each item; much made up by data.py,
# other things for another SEED; and what the mock makes up itself.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
. "$top/test/clients/sdk.sh"

seed=${SEED:-1}

need_clients
need_cluster >&2
here=$tree/test/clients
everything=$tree/test/mock/everything.json
python3 "$here/data.py" "$everything" "$seed" > "$temp/data.json"
data=()
start_mock --data "$everything"
data+=("every member" 1 "$AMPLIFY_MOCK_URL")
start_mock --data "$temp/data.json"
data+=("seed $seed" 100 "$AMPLIFY_MOCK_URL")
start_mock --generate 30,12 --odd-names
data+=("the mock's own" 5 "$AMPLIFY_MOCK_URL")
unset AMPLIFY_MOCK_CONTROL_URL  # each is controlled where it is asked
psql -Xq -f "$tree/test/setup.psql" > /dev/null
/usr/bin/python3 "$here/tables.py" "$sdk" "${data[@]}"
