#!/usr/bin/env bash
# calls.sh [ACCOUNT ...] [-- OPTION ...] - how many calls joins make, beside the
# least that would do, for inventories of many kinds; markdown, and then what
# misses its target.
#
# An ACCOUNT is a number of apps, or "jobs", one branch that has 2,000; without
# any, it is 20, 200, 2000 and jobs.  The OPTIONs are --sizes 10,100 (rows of
# the inventories) and --statistics none,inventory,both (what is analyzed).  It
# is no test: calls are exact, but milliseconds are those of the machine.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

latency=20
jobs=2000

accounts=()
while [ $# -gt 0 ]; do
    case $1 in
        [1-9]*) accounts+=("$1") ;;
        jobs) accounts+=("$1") ;;
        --) shift; break ;;
        *) die "usage: calls.sh [APPS|jobs ...] [-- --sizes N,N --statistics NAME,NAME]" ;;
    esac
    shift
done
[ ${#accounts[@]} -gt 0 ] || accounts=(20 200 2000 jobs)

# One app with one branch that has been deployed so often, newest first
branch_of_jobs() {
    local app='"appId": "d00000000001", "name": "app"'
    local i

    printf '{"apps": [{%s, "branches": [{"branchName": "main", "jobs": [' "$app"
    for ((i = $1; i > 0; i--)); do
        printf '{"summary": {"jobId": "%d", "status": "SUCCEED"}, "steps": []}' "$i"
        [ "$i" -eq 1 ] || printf ','
    done
    printf ']}]}]}\n'
}

need_packages server "${build_packages[@]}"
cluster_settings='autovacuum = off'     # statistics are those of the table
need_cluster
for account in "${accounts[@]}"; do
    if [ "$account" = jobs ]; then
        branch_of_jobs "$jobs" > "$temp/jobs.json"
        start_mock --data "$temp/jobs.json" --latency "$latency"
        what=(jobs "$jobs")
    else
        start_mock --generate "$account,5" --latency "$latency"
        what=(environments "$account")
    fi
    psql -Xq -f "$tree/test/setup.psql" > /dev/null
    /usr/bin/python3 "$tree/test/bench/calls.py" "${what[@]}" "$@"
    stop_mock
done
