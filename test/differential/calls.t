#!/usr/bin/env bash
# No statement makes many more calls than the least that would do: see calls.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_packages server "${build_packages[@]}" >&2
need_cluster >&2
accounts=()
for account in "12 300" "130 40"; do
    file=$temp/${account%% *}.json
    /usr/bin/python3 "$tree/test/differential/account.py" $account > "$file"
    start_mock --data "$file"
    accounts+=("$file=$AMPLIFY_MOCK_URL")
done
psql -Xq -v ON_ERROR_STOP=1 -f "$tree/test/setup.psql" \
    -f "$tree/test/differential/calls.sql" > /dev/null
/usr/bin/python3 "$tree/test/differential/calls.py" "${accounts[@]}"
