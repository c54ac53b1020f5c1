#!/usr/bin/env bash
# newcomer.sh [--skip] [WORD...] - starts as a newcomer does, on many machines.
#
#     test/newcomer.sh                    # all, most of an hour
#     test/newcomer.sh bookworm bare      # one machine
#     test/newcomer.sh trixie demo        # one way, on many
#
# A machine is a release of Debian's and a state that it is in; a way is what
# somebody does there: the demo, what the README says of installing by hand with
# its first server, "make installcheck" after that and removing it, or check.sh.
# One more way, package, is what it says of a Debian package, and is taken only if it
# is named.  Each way ends well on each machine, or with the one sentence that the
# state's row has.
#
# Words choose releases, states and ways; with none of a kind, it is all of that
# kind.  The machines are chroots over base systems that are kept in
# $AMPLIFY_TEST_CACHE, with the packages that were fetched.  With --skip it is
# no failure if they can't be had.  It is a TAP test.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$top/test/chroot.sh"

all_releases=(bookworm trixie)
all_ways=(demo hand check package)

# State, what is done to the base system, in whose shoes, and what the ways end
# with where that is not well: the demo and check.sh, by hand.
states='
bare      |         |
server    | install postgresql |
headers   | install postgresql libpq-dev |
client    | install postgresql-client libpq-dev |
built     | install gcc make postgresql-server-dev-all libcurl4-openssl-dev |
gnutls    | install libcurl4-gnutls-dev | | curl-config belongs to a libcurl with GnuTLS
gnutls_pc | install libcurl4-gnutls-dev pkg-config | | curl-config belongs to a libcurl with GnuTLS
broken_pg | program pg_config "echo no library; exit 127" | | /usr/local/bin/pg_config does not work | makefiles of PostgreSQL
old_pg    | program pg_config "echo PostgreSQL 14.1" | | belongs to PostgreSQL 14, which | makefiles of PostgreSQL
shown     | /mnt/test/demo.sh |
psql      | program psql "echo not this psql; exit 9" ; program initdb "exit 9"; program pg_ctl "exit 9" | | | not this psql
pkgconf   | program pkg-config "exit 9" | | pkg-config is /usr/local/bin/pkg-config | pkg-config does not find
libpq     | foreign_server | PGSERVICE=production PGHOSTADDR=127.0.0.1 PGOPTIONS=-csearch_path=x
german    | install locales; localedef -i de_DE -f UTF-8 de_DE.UTF-8 | LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8
foreign   |         | LANG=xx_YY.UTF-8
noexec    | noexec  | | set AMPLIFY_TEST_TMP
tmpdir    |         | TMPDIR=/nowhere | | dpkg returned an error
moved     | noexec; mkdir /srv/tmp | AMPLIFY_TEST_TMP=/srv/tmp
user      | useradd -m newcomer | AS=newcomer | only root can install it: apt-get install | only root
able      | useradd -m newcomer; able | AS=newcomer | | only root
'

skip=
releases_chosen=()
states_chosen=()
ways_chosen=()
count=0
failures=0

# ---------- what is done inside ----------

# Of what a state does, and of the ways
# shellcheck disable=SC2016
inside='
umask 022
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get -q update && apt-get -q -y --no-install-recommends install "$@"
}
program() {
    printf "#!/bin/sh\n%s\n" "$2" > "/usr/local/bin/$1"
    chmod 755 "/usr/local/bin/$1"
}
noexec() {
    mount -o remount,noexec /tmp
}
# All that the demo and the tests need
able() {
    . /mnt/test/lib.sh
    need_packages server "${build_packages[@]}" perl openssl python3-botocore
}
# A server that is to be left alone
foreign_server() {
    install postgresql
    service postgresql start
    printf "[production]\nhost=/var/run/postgresql\nuser=postgres\n" \
        > ~/.pg_service.conf
    sed -i "s/ peer$/ trust/" /etc/postgresql/*/main/pg_hba.conf
    service postgresql restart
    runuser -l postgres -c "createdb mine"
}
foreign_server_is_as_it_was() {
    [ ! -e ~/.pg_service.conf ] ||
        [ "$(runuser -l postgres -c "psql -XAt -c \"SELECT (SELECT count(*)
            FROM pg_extension), (SELECT count(*) FROM pg_database)\"")" = "1|4" ]
}
as_newcomer() {
    if [ -n "${AS:-}" ]; then
        runuser -u "$AS" -- "$@"
    else
        "$@"
    fi
}
# A block of the README: the first of this mark that has this
readme() {
    awk -v RS="\`\`\`" -v mark="$1" -v has="$2" \
        "index(\$0, mark \"\n\") == 1 && index(\$0, has) { print substr(\$0, length(mark) + 2); exit }" \
        /mnt/README.md
}
way_demo() {
    as_newcomer /mnt/test/demo.sh
    foreign_server_is_as_it_was
    [ -z "$(ls -A /tmp /srv/tmp 2> /dev/null | grep amplify)" ]
}
way_check() {
    as_newcomer /mnt/test/check.sh build unit regress
    foreign_server_is_as_it_was
}
say_yes() {
    [ -z "${AS:-}" ] || { echo "only root can install"; return 1; }
    echo "APT::Get::Assume-Yes \"true\"; APT::Install-Recommends \"false\";" \
        > /etc/apt/apt.conf.d/91newcomer
}
nothing_is_left() {
    [ -z "$(find /usr/lib/postgresql /usr/share/postgresql -name "*amplify*")" ]
}
way_package() {
    say_yes
    cd /mnt
    grep -o "\./test/package.sh /tmp/packages && apt-get install [^\`]*" README.md | bash -ex
    service postgresql start
    runuser -l postgres -c "psql -v ON_ERROR_STOP=1 -c \"CREATE EXTENSION amplify_fdw\" \
        -c \"SELECT amplify_fdw_version()\" -c \"DROP EXTENSION amplify_fdw\""
    apt-get remove "^postgresql-[0-9]*-amplify-fdw\$"
    nothing_is_left
}
way_hand() {
    say_yes
    cp -r /mnt ~/amplify_fdw
    cd ~/amplify_fdw
    # as it is cloned: nothing is built
    find . \( -name "*.o" -o -name "*.bc" -o -name "*.so" \
        -o -name amplify-mock \) -delete
    readme sh "make install" | bash -ex
    readme sql "CREATE EXTENSION" > /tmp/first.sql
    install curl zlib1g-dev
    readme sh "amplify-mock --port" > /tmp/mock.sh
    # the mock goes on as long as this shell
    . /tmp/mock.sh
    until curl -s -o /dev/null 127.0.0.1:8080; do :; done
    sed -i "0,/'"'us-east-1'"'/s,,&\, endpoint_url '"'http://127.0.0.1:8080'"'," \
        /tmp/first.sql
    env -u PGSERVICE -u PGHOSTADDR -u PGOPTIONS runuser -l postgres -c \
        "psql -v ON_ERROR_STOP=1" < /tmp/first.sql
    readme sql "SELECT app_id" |
        env -u PGSERVICE -u PGHOSTADDR -u PGOPTIONS runuser -l postgres -c "psql" |
        tee /tmp/result
    grep -q amplify-storefront-prod-161629 /tmp/result
    # the server that is meant is the one that was installed
    unset PGSERVICE PGHOSTADDR PGOPTIONS
    runuser -u postgres -- createuser --superuser root
    # another port, if something on this machine has that one
    PGPORT=$(pg_lsclusters --no-header | awk "{ print \$3; exit }") \
        make installcheck || { cat regression.diffs | head -n 100; return 1; }
    runuser -l postgres -c \
        "psql -v ON_ERROR_STOP=1 -c \"DROP EXTENSION amplify_fdw CASCADE\""
    make uninstall
    nothing_is_left
}
'

# ---------- machines ----------

# Lays a folder of its own over the base system, so that that stays as it is; the
# packages that are fetched are common to all.
# shellcheck disable=SC2016
before_chroot='
    mkdir -p "$root.over/up" "$root.over/work" "$root"
    mount -t overlay overlay "$root" \
        -o "lowerdir=${root%/*}/base-${root##*/newcomer-},upperdir=$root.over/up,workdir=$root.over/work"
    mount --bind "${root%/*}/archives" "$root/var/cache/apt/archives"
'

row_of() {
    grep "^$1 " <<< "$states"
}

# Field N of a row, without the blanks around it
field() {
    cut -d '|' -f "$2" <<< "$1" | sed -e 's/^ *//' -e 's/ *$//'
}

# One way on one machine, told as a test
run_way() {
    local release=$1 state=$2 way=$3 row root expected result=0 log variables
    local name="$release, $state: $way"

    row=$(row_of "$state")
    expected=$(field "$row" $([ "$way" = hand ] && echo 5 || echo 4))
    read -ra variables <<< "$(field "$row" 3)"
    root=$cache/newcomer-$release
    log=$cache/newcomer-$release-$state-$way.log
    # One at a time, whoever runs them: they share the packages and the ports
    end_child=TERM
    supervised flock "$turn"
    rm -rf "$root.over"
    in_chroot "$root" "$inside
        $(field "$row" 2)
        set +e
        (set -e; way_$way)" "${variables[@]}" < /dev/null > "$log" 2>&1 ||
        result=$?
    rm -rf "$root.over"
    flock --unlock "$turn"
    count=$((count + 1))
    if [ "$result" -eq 0 ] && [ -z "$expected" ]; then
        echo "ok $count - $name"
    elif [ "$result" -ne 0 ] && [ -n "$expected" ] &&
        tail -n 3 "$log" | grep -F -- "$expected" > /dev/null; then
        echo "ok $count - $name, says: $(grep -F -- "$expected" "$log" | tail -n 1)"
    else
        echo "not ok $count - $name"
        tail -n 25 "$log" | sed -e "1i# status $result, see $log" -e 's/^/#   /' >&2
        failures=$((failures + 1))
    fi
}

read_arguments() {
    local word

    for word; do
        case " ${all_releases[*]} / ${all_ways[*]} " in
            *" $word "*/*) releases_chosen+=("$word") ;;
            */*" $word "*) ways_chosen+=("$word") ;;
            *)
                if [ "$word" = --skip ]; then
                    skip=yes
                elif row_of "$word" > /dev/null; then
                    states_chosen+=("$word")
                else
                    die "usage: newcomer.sh [--skip] [WORD...]"
                fi ;;
        esac
    done
    [ ${#releases_chosen[@]} -gt 0 ] || releases_chosen=("${all_releases[@]}")
    [ ${#ways_chosen[@]} -gt 0 ] || ways_chosen=(demo hand check)
    [ ${#states_chosen[@]} -gt 0 ] ||
        mapfile -t states_chosen < <(awk 'NF { print $1 }' <<< "$states")
}

cannot_be_had() {
    if [ -n "$skip" ]; then
        echo "1..0 # SKIP $1"
        exit
    fi
    die "$1"
}

read_arguments "$@"
mkdir -p "$cache/archives"
exec {turn}< "$cache/archives"
why=$(may_chroot 2>&1) || cannot_be_had "chroots are not permitted here: $why"
for release in "${releases_chosen[@]}"; do
    need_base "$release" > "$cache/newcomer.log" 2>&1 ||
        cannot_be_had "the packages of $release cannot be had"
    for state in "${states_chosen[@]}"; do
        for way in "${ways_chosen[@]}"; do
            run_way "$release" "$state" "$way"
        done
    done
done
echo "1..$count"
[ "$failures" -eq 0 ]
