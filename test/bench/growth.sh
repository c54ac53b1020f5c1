#!/usr/bin/env bash
# growth.sh [short|tap] [AREA ...] - how calls, connections, descriptors, memory
# and CPU of a statement grow with its size; markdown, and then what is not
# linear.
#
# An AREA is keys, gone, parents, read_ahead, partitions, sessions or throttled;
# all without any.  "short" leaves out whatever has a clock in it, and the
# largest sizes; "tap" makes a test of that, growth.t.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

options=()
envs=50
apps=10000
case ${1:-} in
    short | tap)
        options=("--$1")
        apps=2000
        shift
        ;;
esac
for area; do
    case $area in
        keys | gone | parents | read_ahead | partitions | sessions | throttled) ;;
        *) die "usage: growth.sh [short|tap] [keys|gone|parents|read_ahead|partitions|sessions|throttled ...]" ;;
    esac
done

need_packages python3 server "${build_packages[@]}"
cluster_settings='autovacuum = off'
need_cluster
# Sessions of PostgreSQL 15 and 16 share rates only so
library=$(psql -XAtqc "LOAD '\$libdir/amplify_fdw'" -c "SELECT substring(
    pg_read_file('/proc/self/maps') FROM '(/\S*/amplify_fdw)[.]so')")
psql -Xqc "ALTER SYSTEM SET shared_preload_libraries = '$library'"
as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" --log="$temp/data/log" \
    --silent --wait restart > /dev/null
start_mock --generate "$apps,$envs"
psql -Xq -f "$tree/test/setup.psql" > /dev/null
/usr/bin/python3 "$tree/test/bench/growth.py" "$apps" "$@" "${options[@]}"
