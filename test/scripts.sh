#!/usr/bin/env bash
# scripts.sh - checks how these scripts behave on machines that are not as they
# should be, as a TAP test: what the caller has set leads them nowhere else, and
# what is wrong is said in a sentence that names it.
#
# Programs of a machine that is not as it should be are fakes, first in PATH;
# newcomer.sh has real ones.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

# ---------- the caller's environment ----------

# As if the private server were the caller's, with a service and a profile of
# psql that lead there
make_caller() {
    mkdir "$temp/home"
    cat > "$temp/home/services" <<END
[production]
host=$PGHOST
port=$PGPORT
dbname=postgres
user=postgres
END
    echo '\connect service=production' > "$temp/home/.psqlrc"
    # of which psql warns, and what would have prove do nothing
    install -m 644 /dev/null "$temp/home/.pgpass"
    echo --dry > "$temp/home/.proverc"
}

# Runs the demo with these variables.  It fails only if the demo does or if its
# prompt is not that of the demo.
demo_for_caller() {
    env HOME="$temp/home" PGSERVICEFILE="$temp/home/services" "$@" \
        "$top/test/demo.sh" --keep > "$temp/demo" 2>&1 \
        <<< "SELECT count(*) || ' apps' FROM apps;" || tail -n 5 "$temp/demo"
    grep -q ' apps$' "$temp/demo" || tail -n 5 "$temp/demo"
    [ ! -e "$temp/home/.psql_history" ] || echo "it has left a history of psql"
    ! grep pgpass "$temp/demo" || echo "it has read the passwords"
}

left_with_caller() {
    psql -XqAtc "SELECT 'extension ' || extname FROM pg_extension
                 WHERE extname LIKE 'amplify%'
                 UNION ALL SELECT 'server ' || srvname FROM pg_foreign_server"
}

demo_reaches() {
    demo_for_caller "$@"
    left_with_caller
}

# ---------- machines ----------

# Makes "$fakes" anew, where programs are for what follows.
new_machine() {
    fakes=$temp/fakes
    rm -rf "$fakes"
    mkdir "$fakes"
    fake apt-get 'echo "$*" >> "${0%/*}/apt.log"'
}

# Puts a program there, of this text.
fake() {
    printf '#!/bin/sh\n%s\n' "$2" > "$fakes/$1"
    chmod 755 "$fakes/$1"
}

# A pg_config of some version, with what is told in other places
fake_postgres() {
    local option cases=

    for option in "${@:2}"; do
        cases+="--${option%%=*}) echo '${option#*=}' ;; "
    done
    fake pg_config "case \$1 in --version) echo 'PostgreSQL $1' ;;
        $cases *) exec $(type -P pg_config) \"\$@\" ;; esac"
}

# Asks for packages on that machine, with these variables: what is said must
# begin with this.
not_said() {
    local expected=$1 packages=$2 said

    shift 2
    said=$(env PATH="$fakes:$PATH" "$@" bash -euc \
        '. "$0/test/lib.sh"; need_packages '"$packages" "$tree" 2>&1) &&
        echo "it has not failed"
    [[ $'\n'$said == *$'\n'"$expected"* ]] ||
        printf '%s\n' "$said" "but not: $expected"
}

apt_may_remove() {
    grep -v -e --no-remove -e update "$fakes/apt.log" || true
}

usage_differs() {
    ("$@" --nonsense 2>&1 || true) | diff <(echo 'usage: demo.sh [--keep]') - ||
        true
}

# Where a regression test runs, and what check.sh says of a step that is none, for
# a caller whose shell is set up in this way
goes_elsewhere() {
    env "$@" PGAPPNAME=pg_regress/get "$tree/test/with-mock" pwd 2>&1 |
        diff <(echo "$tree/sql") - || true
    (env "$@" "$top/test/check.sh" nonsense 2>&1 || true) |
        diff <(echo 'no such step: nonsense') - || true
}

# What lib.sh makes of paths from here, and of no standard input
paths_differ() {
    (cd "$temp" && PG_CONFIG=fakes/pg_config PKG_CONFIG=pkg-config \
        AMPLIFY_TEST_TMP=elsewhere bash -euc '. "$0/test/lib.sh"
            need_temp
            echo "$PG_CONFIG $PKG_CONFIG ${temp%.*}"
            readlink /dev/fd/0' "$tree" <&-) |
        diff <(echo "$fakes/pg_config pkg-config $temp/elsewhere/amplify_fdw"
            echo /dev/null) - || true
}

prove_differs() {
    echo 'echo 1..1; echo ok' > "$temp/test"
    HOME=$temp/home prove -e sh "$temp/test" | grep ' Tests=1,' > /dev/null ||
        echo "prove has run no test"
}

# A build in another folder than its source: objects of two wings, and the scripts
# that would be installed
build_elsewhere() {
    mkdir "$temp/source" "$temp/away"
    tar -C "$tree" --exclude='*.o' --exclude='*.so' -cf - Makefile \
        amplify_fdw.control sql src | tar -C "$temp/source" -xof -
    make_away src/amplify_fdw.o src/http/loop.o 2>&1
    make_away -n install | grep -o '/amplify_fdw--[^ /]*[.]sql' | sort |
        diff <(cd "$temp/source/sql" && ls -1 amplify_fdw--*.sql | sed 's,^,/,' | sort) - || true
}

make_away() {
    make -s -C "$temp/away" -f "$temp/source/Makefile" with_llvm=no "$@"
}

# What make says when a program is missing
make_differs() {
    (PATH=$fakes:$PATH make -s -C "$tree" "${@:2}" 2>&1 || true) |
        grep "^$1" > /dev/null || echo "not said: $1"
}

need_cluster >&2
make_caller
no_findings "a service of the caller's is not the demo's" \
    demo_reaches PGSERVICE=production
no_findings "no variable of libpq leads the demo elsewhere" \
    demo_reaches PGSERVICE=nowhere PGHOSTADDR=nowhere PGOPTIONS='-c x=y' \
    PGSSLMODE=verify-full PGTARGETSESSIONATTRS=standby PGREQUIREPEER=nobody \
    PGCHANNELBINDING=require PGGSSENCMODE=require PGDATABASE=nowhere \
    PGUSER=nobody PGPORT=1 PGHOST=nowhere PGDATA=/nowhere PGCLIENTENCODING=KOI8R \
    PGTZ=nowhere PGDATESTYLE=nowhere PGREQUIREAUTH=none LC_ALL=nowhere LANG=nowhere

server=$(pg --bindir)/pg_config
other="set PG_CONFIG to that of another server, such as"
new_machine
no_findings "PG_CONFIG that is no program" not_said \
    "PG_CONFIG is /nowhere/pg_config, which is not a program: $other" \
    server PG_CONFIG=/nowhere/pg_config
fake pg_config 'echo "libpq.so.5: cannot open shared object file"; exit 127'
no_findings "a broken pg_config" not_said \
    "$fakes/pg_config does not work (\"libpq.so.5: cannot" server
fake pg_config 'echo "usage: pg_config"'
no_findings "a pg_config of something else" not_said \
    "$fakes/pg_config tells no version of PostgreSQL (\"usage: pg_config\")" server
for version in $((oldest_server - 1)).3 $((newest_server + 1))devel; do
    fake_postgres "$version"
    no_findings "PostgreSQL $version" not_said \
        "$fakes/pg_config belongs to PostgreSQL ${version%%[.d]*}, which amplify" server
done
fake_postgres 17.1 bindir=/opt/bin
no_findings "a hand-made PostgreSQL without a server" not_said \
    "$fakes/pg_config belongs to PostgreSQL 17, which lacks /opt/bin/initdb" server
fake_postgres 17.1 bindir="$fakes" includedir-server=/opt/include
touch "$fakes/initdb"
no_findings "a hand-made PostgreSQL without headers" not_said \
    "$fakes/pg_config belongs to PostgreSQL 17, which lacks /opt/include/postgres.h" \
    server
fake_postgres 16.1 bindir=/usr/lib/postgresql/16/bin
if [ -n "$(usable_servers)" ] && [ ! -e /usr/lib/postgresql/16/bin/initdb ]; then
    no_findings "a client newer than the server" not_said \
        "$fakes/pg_config belongs to PostgreSQL 16, which has no server here: $other" \
        server
fi
if [ "$(id -u)" -eq 0 ]; then
    fake_postgres 16.1 bindir=/usr/lib/postgresql/16/bin \
        includedir-server=/usr/include/postgresql/16/server
    no_findings "headers that are not there when they have been installed" not_said \
        "installed PostgreSQL, but of postgresql-16 and postgresql-server-dev-16" \
        server PG_CONFIG="$fakes/pg_config"

    new_machine
    fake pkg-config 'case $* in *--exists*) echo "No package found"; exit 1; esac'
    no_findings "another pkg-config" not_said \
        "libssl-dev is installed, but this still fails: pkg-config --print-errors --exists 'libcrypto >= 3' (No package found; pkg-config is $fakes/pkg-config" \
        libssl-dev
    no_findings "apt-get may remove nothing" apt_may_remove
    fake apt-get 'case $* in *install*) echo "E: held packages"; exit 100; esac'
    no_findings "a reason of apt-get's" not_said "E: held packages" libssl-dev
    no_findings "who only root can help" not_said \
        "missing, and only root can install it: apt-get install --no-install-recommends libssl-dev" \
        '; id() { echo 7; }; need_packages libssl-dev'
fi
new_machine
fake curl-config 'echo GnuTLS'
no_findings "libcurl with GnuTLS" not_said \
    "$fakes/curl-config belongs to a libcurl with GnuTLS" libcurl4-openssl-dev
no_findings "libcurl with GnuTLS, by hand" make_differs \
    "curl-config belongs to a libcurl without OpenSSL" needed
fake curl 'exit 127'
no_findings "no clang, by hand" make_differs "/nowhere/clang is not here" \
    with_llvm=yes CLANG=/nowhere/clang needed
no_findings "no curl, by hand" make_differs "the tests need curl" mock
no_findings "no pg_config, by hand" make_differs \
    ".*/nowhere leads to no makefiles of PostgreSQL" PG_CONFIG=/nowhere needed

no_findings "a build in another folder" build_elsewhere

mkdir -p "$temp/elsewhere/sql"
no_findings "a caller's CDPATH" goes_elsewhere CDPATH="$temp/elsewhere"
no_findings "a caller's language" not_said \
    "ls: cannot access '/nowhere': No such file or directory" '; ls /nowhere' LANGUAGE=de
no_findings "a caller's TMPDIR" not_said /tmp/ '; mktemp -u; false' TMPDIR=/nowhere
no_findings "a caller's POSIXLY_CORRECT" goes_elsewhere POSIXLY_CORRECT=1
no_findings "a caller's .proverc" prove_differs
no_findings "paths from where the caller is, and no standard input" paths_differ

ln -s "$top/test/demo.sh" "$temp/link"
no_findings "the demo by sh" usage_differs sh "$top/test/demo.sh"
no_findings "the demo by a symbolic link" usage_differs "$temp/link"
no_findings "the demo where no folder can be made" not_said \
    "no folder can be made in /nowhere: set AMPLIFY_TEST_TMP" \
    '; need_temp' AMPLIFY_TEST_TMP=/nowhere
done_testing
