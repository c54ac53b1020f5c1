#!/usr/bin/env bash
# reach.sh FOLDER - which tests reach which lines of src/; for mutation.sh.
#
# Each regression test and each TAP test runs by itself, with a build that counts.
# For each that passes, FOLDER gets a file of its kind and name, such as
# tap.cancel, with the lines that it reaches, such as src/http/loop.c:12.  "lines"
# has all that there are, and "order" the names, the quickest test first, after
# the milliseconds that it took.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -eq 1 ] || die "usage: reach.sh FOLDER"
mkdir -p "$1"
folder=$(cd "$1" && pwd)

# Each test's processes write their counts to a folder of its own, when they end.
counting() {
    mkdir -m 777 "$temp/counts/$1"
    export GCOV_PREFIX=$temp/counts/$1
}

# A server writes its counts when it ends: that of one test, as the next begins.
renew_server() {
    as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" --mode=fast \
        --log="$temp/data/log" --silent --wait restart > /dev/null
}

run_regress() {
    counting "regress.$1"
    renew_server
    make -s -C "$tree" with_llvm=no installcheck REGRESS="$1"
}

run_tap() {
    (unset PGHOST PGPORT PGUSER PGDATABASE
        counting "tap.$1"
        "$top/test/run-tap.sh" "$1")
}

# Runs a test, and keeps what it says.
run() {
    "run_$1" "$2" > "$temp/logs/$1.$2" 2>&1 ||
        mv "$temp/logs/$1.$2" "$temp/failed/$1.$2"
}

# The lines that it has reached
lines_of() {
    cp -r "$temp/counts/$1$tree/src" "$tree"
    (cd "$tree" && gcov -t src/*.gcno src/*/*.gcno 2> /dev/null) |
        awk -F : -v all="$folder/lines" '
            $2 + 0 == 0 && $3 == "Source" { file = $4 }
            file !~ /^src\// || $2 + 0 == 0 || $1 ~ /-$/ { next }
            { print file ":" $2 + 0 > all }
            $1 !~ /[#=]/ { print file ":" $2 + 0 }'
    find "$tree/src" -name '*.gcda' -delete
}

need_packages perl libipc-run-perl openssl
export PROFILE='-O0 -g --coverage -fprofile-update=atomic -Wno-error'
need_cluster
mkdir "$temp/counts" "$temp/logs" "$temp/failed"
chmod 777 "$temp/counts"
{
    for test in "$tree"/test/t/*.t; do
        [ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
        run tap "$(basename "$test" .t)" &
    done
    wait
} &
for test in $(cd "$tree/sql" && ls | sed -n '/^amplify_fdw--/!s/\.sql$//p'); do
    run regress "$test"
done
renew_server
wait
find "$temp/failed" -type f -printf '%f fails, and is left out\n'
cd "$temp/logs"
for name in *; do
    lines_of "$name" > "$folder/$name"
    sed -n "s/.*\\<ok\\>.* \([0-9][0-9]*\) ms.*/\1 $name/p" "$name"
done | sort -n > "$temp/order"
mv "$temp/order" "$folder"
