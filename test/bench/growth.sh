#!/usr/bin/env bash
# growth.sh [short] [AREA ...] - how calls, connections, descriptors, memory and
# CPU of a statement grow with its size; markdown, and then what is not linear.
#
# An AREA is keys, gone, parents, read_ahead, partitions or sessions; all without
# any.  "short" leaves out whatever has a clock in it, and the largest sizes.
# It is no test; the form without a clock prints nearly the same in each run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

options=()
envs=50
apps=10000
if [ "${1:-}" = short ]; then
    options=(--short)
    apps=2000
    shift
fi
for area; do
    case $area in
        keys | gone | parents | read_ahead | partitions | sessions) ;;
        *) die "usage: growth.sh [short] [keys|gone|parents|read_ahead|partitions|sessions ...]" ;;
    esac
done

need_packages server "${build_packages[@]}"
cluster_settings='autovacuum = off'
need_cluster
start_mock --generate "$apps,$envs"
psql -Xq -f "$tree/test/setup.psql" > /dev/null
/usr/bin/python3 "$tree/test/bench/growth.py" "$apps" "$@" "${options[@]}"
