#!/usr/bin/env bash
# Pushdown and read-ahead never change the rows: see differential.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

need_packages server "${build_packages[@]}" >&2
need_cluster >&2
start_mock --generate 0,0 --region eu-west-1
other=$AMPLIFY_MOCK_URL
start_mock --generate 12,5 --odd-names
psql -Xq -v ON_ERROR_STOP=1 -f "$tree/test/setup.psql" -f - > /dev/null <<END
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '50',
    ADD max_concurrency '10', ADD estimated_rows '60');
\i $tree/test/differential/setup.sql
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'eu-west-1', endpoint_url '$other');
CREATE USER MAPPING FOR CURRENT_USER SERVER other
    OPTIONS (access_key_id 'AKIDEXAMPLE',
             secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE FOREIGN TABLE everywhere_1 PARTITION OF everywhere FOR VALUES IN ('us-east-1')
    SERVER amplify OPTIONS (resource 'backend_environments');
CREATE FOREIGN TABLE everywhere_2 PARTITION OF everywhere FOR VALUES IN ('eu-west-1')
    SERVER other OPTIONS (resource 'backend_environments');
END
/usr/bin/python3 "$tree/test/differential/differential.py" "$@"
