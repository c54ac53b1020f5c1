#!/usr/bin/env bash
# The tables show all that the service's own model has: botocore brings the
# model, the extension tells what its tables are made of.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_packages python3-botocore server "${build_packages[@]}" >&2
need_cluster >&2
psql -Xq -c 'CREATE EXTENSION IF NOT EXISTS amplify_fdw'
/usr/bin/python3 "$tree/test/clients/model.py"
