#!/usr/bin/env bash
# What is done ahead is unseen: see unseen.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_packages server "${build_packages[@]}" >&2
need_cluster >&2
start_mock --generate 12,5
psql -Xq -v ON_ERROR_STOP=1 -f "$tree/test/setup.psql" \
    -f "$tree/test/differential/unseen.sql" > /dev/null
/usr/bin/python3 "$tree/test/differential/unseen.py"
