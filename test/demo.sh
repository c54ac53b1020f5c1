#!/usr/bin/env bash
# demo.sh [--keep] - shows amplify_fdw at work, with no AWS account.
#
# On Debian, as root, it installs what is missing, builds, and starts a private
# server and a mock of Amplify.  With --keep, it leaves you at a psql prompt
# there.  Nothing it has started is left when it ends.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

keep=false
case $* in
    '') ;;
    --keep) keep=true ;;
    *) die "usage: demo.sh [--keep]" ;;
esac

need_cluster
# another region, with apps of its own; the first one is good for any
start_mock --generate 3,2 --region eu-west-1
mock_eu=$AMPLIFY_MOCK_URL
start_mock --data "$tree/test/mock/demo.json" --any-region
# From standard input, so that psql prints an error as a user sees it, and where
psql -X -q -P pager=off -v mock="$AMPLIFY_MOCK_URL" \
    < "$tree/test/demo.psql" 2>&1
if "$keep"; then
    say "a psql prompt on this server and mock; \\q ends it all"
    # Control-C is psql's: it cancels a query
    trap : INT
    PATH=$tree/test/mock:$PATH PSQL_HISTORY=/dev/null \
        psql -X -v mock="$AMPLIFY_MOCK_URL" -v mock_eu="$mock_eu"
fi
