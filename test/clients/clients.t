#!/usr/bin/env bash
# Clients that nobody here wrote see what SQL sees: the AWS CLI and the
# JavaScript SDK talk to the mock, too.  This proves the mock, and with it what
# all other tests believe.
#
# The SDK is installed into a folder of the user's cache, not into the tree.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

sdk=${XDG_CACHE_HOME:-$HOME/.cache}/amplify_fdw/sdk

# A registry that can't be reached is no failure of ours
need_sdk() {
    mkdir -p "$sdk"
    if ! cmp -s "$top/test/clients/package.json" "$sdk/package.json" ||
        [ ! -d "$sdk/node_modules" ]; then
        rm -rf "$sdk/node_modules" "$sdk/package-lock.json"
        cp "$top/test/clients/package.json" "$sdk/"
        (cd "$sdk" && quietly npm install --silent --no-audit --no-fund) || {
            rm -rf "$sdk/node_modules"
            printf '1..1\nok 1 # SKIP the JavaScript SDK cannot be installed\n'
            exit 0
        }
    fi
    cp "$top/test/clients/sdk.mjs" "$sdk/"
}

need_packages awscli nodejs npm server "${build_packages[@]}" >&2
need_sdk
need_cluster >&2
start_mock --generate 30,12 --odd-names
psql -Xq -f "$tree/test/setup.psql" > /dev/null
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
export NODE_NO_WARNINGS=1
/usr/bin/python3 "$tree/test/clients/compare.py" "$sdk"
