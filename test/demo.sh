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
# Whatever servers are made, in whatever database, ask mocks: of three accounts,
# in any region.  The apps of the first one's us-east-1 are shown.
rest=
for account in 111122223333 444455556666 012345678901; do
    start_mock --generate 2,2 --any-region --account "$account"
    rest+=",{\"account\": \"$account\", \"url\": \"$AMPLIFY_MOCK_URL\"}"
done
start_mock --data "$tree/test/mock/demo.json"
places="[{\"account\": \"111122223333\", \"region\": \"us-east-1\",
    \"url\": \"$AMPLIFY_MOCK_URL\"}$rest]"
for database in template1 "$PGDATABASE"; do
    psql -X -q -d "$database" -v places="$places" < "$tree/test/places.psql"
done
# From standard input, so that psql prints an error as a user sees it, and where
psql -X -q -P pager=off -v mock="$AMPLIFY_MOCK_URL" \
    < "$tree/test/demo.psql" 2>&1
if "$keep"; then
    say "a psql prompt on this server and mock; \\q ends it all"
    echo "   Servers that you make ask mocks, too.  README.md goes on at \"Which exist\","
    echo "   doc/report.md can be typed here, and each page in a new database."
    # Control-C is psql's: it cancels a query
    trap : INT
    PATH=$tree/test/mock:$PATH PSQL_HISTORY=/dev/null \
        psql -X -v mock="$AMPLIFY_MOCK_URL"
fi
