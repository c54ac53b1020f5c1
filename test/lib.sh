# lib.sh - what the test scripts share; to be sourced by bash.
#
# It installs what is missing, builds the extension in a temporary folder, and
# starts a private server and mock services.  Nothing of it touches the
# repository, the installed server or what else runs on the machine, so any
# number of scripts may run at once, from any directory.  Whatever way a script
# ends, the trap set here stops what it has started and removes the folder.
#
# A script that runs others hands its build on to them: AMPLIFY_TEST_BUILD is
# the folder with the tree, the installation and the server's settings.

set +o posix                    # as sh may be bash, and for POSIXLY_CORRECT
unset CDPATH                    # cd goes where we say, and says nothing
[ -e /dev/fd/0 ] || exec < /dev/null    # closed, it would be the next file
umask 022                       # the server's user reads what we install
export LC_ALL=C.UTF-8           # whatever the machine has, or has not
unset LANGUAGE                  # which goes before it
unset TMPDIR                    # not all users get there, if it is there at all
top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
tree=$top                       # where the build is
temp=                           # our folder, once it is needed
declare -A pids=()              # what we have started and not stopped

say() {
    printf '%s\n' "== $*"
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Runs a command silently; shows what it has printed if it fails.
quietly() {
    local log status=0

    log=$("$@" 2>&1) || status=$?
    [ "$status" -eq 0 ] || printf '%s\n' "$log" "failed: $*" >&2
    return "$status"
}

# As we call it, whatever ~/.proverc has
prove() {
    command prove --norc "$@"
}

. "$top/test/packages.sh"

# ---------- the end ----------

kill_children() {
    local child children=()

    read -ra children 2>/dev/null < "/proc/$1/task/$1/children"
    for child in "${children[@]}"; do
        kill_children "$child"
        kill "$child" 2>/dev/null
    done
}

clean_up() {
    trap '' HUP INT TERM
    set +e
    [ ! -e "$temp/data/postmaster.pid" ] || stop_cluster
    kill_children $$
    [ ! -e "$temp/build/uninstall" ] ||
        make -s -C "$temp/build/tree" with_llvm=no uninstall > /dev/null
    [ ${#pids[@]} -eq 0 ] || kill "${!pids[@]}" 2>/dev/null
    wait 2>/dev/null
    [ -z "$temp" ] || rm -rf "$temp"
}
# Bash runs this at a signal, too, and at once; it would put off a trap of the
# signal itself until the running program has ended.  Control-C ends that, too,
# and without a trap of it, some programs' way to end makes bash go on.
trap clean_up EXIT
trap 'exit 130' INT

# To be called by the script itself and not by a subshell, where the trap would
# not know the folder
need_temp() {
    local place

    [ -z "$temp" ] || return 0
    place=$(realpath -m "${AMPLIFY_TEST_TMP:-/tmp}")
    temp=$(mktemp -d "$place/amplify_fdw.XXXXXX") ||
        die "no folder can be made in $place: set AMPLIFY_TEST_TMP to another"
    chmod 755 "$temp"
    [ ${#temp} -le 80 ] ||
        die "$place is too long for the name of a socket:" \
            "set AMPLIFY_TEST_TMP to another folder"
    printf '#!/bin/sh\n' > "$temp/program"
    chmod 755 "$temp/program"
    "$temp/program" 2> /dev/null ||
        die "$place does not let programs run (is it mounted noexec?):" \
            "set AMPLIFY_TEST_TMP to another folder"
    rm "$temp/program"
}

# ---------- build ----------

# Where the build is to be: "tree", and the settings of a server
place_build() {
    need_temp
    export AMPLIFY_TEST_BUILD=${AMPLIFY_TEST_BUILD:-$temp/build}
    # PostgreSQL's own TAP framework reads that, too
    export TEMP_CONFIG=$AMPLIFY_TEST_BUILD/server.conf
    tree=$AMPLIFY_TEST_BUILD/tree
}

need_build() {
    place_build
    [ -e "$TEMP_CONFIG" ] || build
}

# The tree as it is, less what is built there, is copied, built and installed.
build() {
    need_packages "${build_packages[@]}" server
    say "building with $(pg --version)"
    mkdir -p "$tree"
    tar -C "$top" --format=posix --exclude=./.git --exclude='*.[oa]' --exclude='*.so' \
        --exclude='*.bc' --exclude=./results --exclude=./log \
        --exclude=./tmp_check -cf - . | tar -C "$tree" -xof -
    # the clone may be for root's eyes only
    chmod -R a+rX "$tree"
    make_tree
    installation_settings > "$TEMP_CONFIG.new"
    mv "$TEMP_CONFIG.new" "$TEMP_CONFIG"
}

# "make_options" goes to the makes of the extension and of the mock.
make_options=()
make_tree() {
    local jobs

    jobs=$(nproc)
    quietly make -s -C "$tree" -j "$jobs" with_llvm=no "${make_options[@]}"
    quietly make -s -C "$tree/test/mock" clean
    quietly make -s -C "$tree/test/mock" -j "$jobs" "${make_options[@]}"
    quietly make -s -C "$tree" with_llvm=no DESTDIR="$AMPLIFY_TEST_BUILD/inst" \
        install
}

# Lets a server find what is installed there.  Debian has a setting for that,
# PostgreSQL 18 another.  Else it goes into the server's own folders, and out of
# them in the end.
installation_settings() {
    local settings inst=$AMPLIFY_TEST_BUILD/inst

    settings=$("$(pg --bindir)/postgres" --describe-config | cut -f 1)
    case $'\n'$settings$'\n' in
        *$'\nextension_destdir\n'*)
            printf "extension_destdir = '%s'\n" "$inst" ;;
        *$'\nextension_control_path\n'*)
            printf "extension_control_path = '%s:\$system'\n" \
                "$inst$(pg --sharedir)"
            printf "dynamic_library_path = '%s:\$libdir'\n" \
                "$inst$(pg --pkglibdir)" ;;
        *)
            [ -e "$(pg --sharedir)/extension/amplify_fdw.control" ] ||
                touch "$AMPLIFY_TEST_BUILD/uninstall"
            quietly make -s -C "$tree" with_llvm=no DESTDIR= install ;;
    esac
}

# ---------- server ----------

# Servers refuse to be root's
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Whatever of libpq's the caller has set leads to a database of theirs: a service
# and an address even in place of the host that is set.
forget_libpq_settings() {
    local name

    for name in "${!PG@}"; do
        case $name in
            PG_*) ;;            # not libpq's
            *) unset "$name" ;;
        esac
    done
}

# Starts the private cluster and lets psql and the like find it.  The arguments
# are initdb's; "cluster_settings" goes into its postgresql.conf.
cluster_settings=
need_cluster() {
    local bin

    [ ! -e "$temp/data" ] || return 0
    need_build
    need_temp
    as_server test -x "$temp" ||
        die "the server's user can't get into $temp:" \
            "set AMPLIFY_TEST_TMP to another folder"
    forget_libpq_settings
    bin=$(pg --bindir)
    mkdir "$temp/data" "$temp/socket"
    [ "$(id -u)" -ne 0 ] || chown postgres "$temp/data" "$temp/socket"
    as_server "$bin/initdb" --pgdata="$temp/data" --username=postgres \
        --encoding=UTF8 --locale=C --auth=trust --no-sync "$@" > /dev/null
    cat >> "$temp/data/postgresql.conf" <<END
listen_addresses = ''
port = 5432
unix_socket_directories = '$temp/socket'
fsync = off
include '$TEMP_CONFIG'
$cluster_settings
END
    as_server "$bin/pg_ctl" --pgdata="$temp/data" --log="$temp/data/log" \
        --silent --wait start > /dev/null ||
        die "the server does not start: $(cat "$temp/data/log")"
    export PGHOST=$temp/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    # none at all: psql warns of one that others can read
    export PGPASSFILE=$temp/pgpass
    PATH=$bin:$PATH
}

stop_cluster() {
    as_server "$(pg --bindir)/pg_ctl" --pgdata="$temp/data" --mode=immediate \
        --silent stop > /dev/null
}

# ---------- mock ----------

# Starts a mock with these options and waits until it is ready.  Sets
# AMPLIFY_MOCK_URL and AMPLIFY_MOCK_CONTROL_URL, and mock_pid.
start_mock() {
    local line output host=http://127.0.0.1

    # It prints its ports when it is ready, that of control last.  In a session
    # of its own, it does not get the Control-C that cancels a query in psql.
    exec {output}< <(exec setsid "$tree/test/mock/amplify-mock" "$@" \
        < /dev/null)
    mock_pid=$!
    pids[$mock_pid]=1
    while read -r -u "$output" line; do
        case $line in
            AMPLIFY_MOCK_PORT=*)
                export AMPLIFY_MOCK_URL=$host:${line#*=} ;;
            AMPLIFY_MOCK_TLS_PORT=*)
                export AMPLIFY_MOCK_TLS_URL=https${host#http}:${line#*=} ;;
            AMPLIFY_MOCK_CONTROL_PORT=*)
                export AMPLIFY_MOCK_CONTROL_URL=$host:${line#*=}
                exec {output}<&-
                return ;;
        esac
    done
    die "the mock does not start"
}

# Stops the latest mock.
stop_mock() {
    kill "$mock_pid"
    wait "$mock_pid" || true
    unset "pids[$mock_pid]"
    mock_pid=
}

# ---------- tests of the source ----------

tap_count=0
tap_failed=0

# no_findings NAME COMMAND...: one test, which passes when the command prints
# nothing; what it does print is why it fails.
no_findings() {
    local name=$1 findings

    shift
    findings=$("$@")
    tap_count=$((tap_count + 1))
    if [ -z "$findings" ]; then
        printf 'ok %d - %s\n' "$tap_count" "$name"
    else
        printf 'not ok %d - %s\n' "$tap_count" "$name"
        sed -e "1i# not so: $name" -e 's/^/#   /' <<< "$findings" >&2
        tap_failed=1
    fi
}

done_testing() {
    printf '1..%d\n' "$tap_count"
    exit "$tap_failed"
}

# ---------- results ----------

# From what a step has printed: how many tests have passed and failed.  A file
# that died without a failed test, or a step that printed no test, is a failure.
count() {
    awk -v status="$2" '
        # prove
        /^Files=[0-9]+, Tests=[0-9]+/ { split($2, t, /[=,]/); passed += t[2] }
        /\(Wstat: .* Tests: [0-9]+ Failed: [0-9]+\)/ {
            n = $0
            sub(/.* Failed: /, "", n)
            n += 0
            passed -= n
            failed += n > 0 ? n : 1
        }
        # pg_regress, of PostgreSQL 15 and of later versions
        /^(test|    ) .* \.\.\. ok / { passed++ }
        /^(test|    ) .* \.\.\. (FAILED|failed) / { failed++ }
        /^ok [0-9]+ +[-+] [^ ]+ +[0-9]+ ms/ { passed++ }
        /^not ok [0-9]+ +[-+] [^ ]+ +[0-9]+ ms/ { failed++ }
        END {
            if (failed == 0 && status != 0) failed = 1
            print passed + 0, failed + 0
        }' "$1"
}
