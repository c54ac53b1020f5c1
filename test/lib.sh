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

umask 022                       # the server's user reads what we install
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tree=$top                       # where the build is
temp=                           # our folder, once it is needed
declare -A pids=()              # what we have started and not stopped

# What each package is needed for: a command that works when it is there.
# The server and its headers are apart, for their version varies.
declare -A probes=(
    [curl]='curl --version'
    [gcc]='gcc --version'
    [make]='make --version'
    [pkg-config]='pkg-config --version'
    [libc6-dev]='test -e /usr/include/stdio.h'
    [libcurl4-openssl-dev]='pkg-config --exists libcurl'
    [libssl-dev]='pkg-config --exists libcrypto'
    [libjson-c-dev]='pkg-config --exists json-c'
    [zlib1g-dev]='pkg-config --exists zlib'
    [perl]='prove --version'
    [libipc-run-perl]='perl -MIPC::Run -e 1'
    [python3-botocore]='/usr/bin/python3 -c "import botocore"'
    [openssl]='openssl version'
    [awscli]='aws --version'
    [nodejs]='node --version'
    [npm]='npm --version'
    [universal-ctags]='ctags --version | grep Universal'
    [clang-tidy]='clang-tidy --version'
    [cppcheck]='cppcheck --version'
    [dpkg-dev]='dpkg-buildpackage --version'
    [postgresql-server-dev-all]='command -v pg_buildext'
    [lintian]='lintian --version'
    [git]='git --version'
    [unzip]='unzip -v'
)
build_packages=(gcc make libc6-dev pkg-config libcurl4-openssl-dev libssl-dev
    libjson-c-dev zlib1g-dev curl)

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
    # Not in $TMPDIR: the server's user must get there, and the name of a
    # socket is short
    [ -n "$temp" ] || temp=$(mktemp -d /tmp/amplify_fdw.XXXXXX)
    chmod 755 "$temp"
}

# ---------- packages ----------

pg() {
    "${PG_CONFIG:-pg_config}" "$1" 2>/dev/null
}

# The packages of the server that pg_config belongs to, or of the
# distribution's own, as far as they are missing
server_packages() {
    local version

    version=$(pg --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/') || version=
    [ -n "$version" ] && [ -x "$(pg --bindir)/initdb" ] ||
        printf '%s\n' "postgresql${version:+-$version}"
    [ -n "$version" ] && [ -e "$(pg --pgxs)" ] ||
        printf '%s\n' "postgresql-server-dev-${version:-all}"
}

# pg_cron for a server of Debian's, if it is missing; one that was built by hand
# does without
cron_package() {
    local version

    version=$(pg --bindir | sed -n 's,^/usr/lib/postgresql/\([0-9]*\)/bin$,\1,p')
    [ -z "$version" ] || [ -e "$(pg --pkglibdir)/pg_cron.so" ] ||
        printf 'postgresql-%s-cron\n' "$version"
}

missing_packages() {
    local package

    for package; do
        if [ "$package" = server ]; then
            server_packages
        elif [ "$package" = cron ]; then
            cron_package
        else
            sh -c "${probes[$package]}" > /dev/null 2>&1 ||
                printf '%s\n' "$package"
        fi
    done
}

# Makes sure of the packages named, or keys of probes; "server" is PostgreSQL,
# "cron" its pg_cron.
need_packages() {
    local missing

    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get > /dev/null && [ "$(id -u)" -eq 0 ] ||
        die "missing, and only root can install it on Debian: ${missing[*]}"
    say "installing ${missing[*]}"
    install_packages "${missing[@]}"
}

install_packages() {
    local conf=/etc/postgresql-common/createcluster.d/amplify_fdw-test.conf
    local status=0

    # A fresh server package would make and start a cluster of its own; and a
    # fresh machine may be installing something itself
    mkdir -p "${conf%/*}"
    printf 'create_main_cluster = false\n' > "$conf"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get -q update &&
        quietly apt-get -q -y -o DPkg::Lock::Timeout=300 \
            --no-install-recommends install "$@" || status=1
    rm -f "$conf"
    return "$status"
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
    tar -C "$top" --exclude=./.git --exclude='*.[oa]' --exclude='*.so' \
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
# PostgreSQL 18 another.
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
            # nothing but the server's own folders will do
            quietly make -s -C "$tree" with_llvm=no install ;;
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

# Starts the private cluster and lets psql and the like find it.
need_cluster() {
    local bin

    [ ! -e "$temp/data" ] || return 0
    need_build
    need_temp
    bin=$(pg --bindir)
    mkdir "$temp/data" "$temp/socket"
    [ "$(id -u)" -ne 0 ] || chown postgres "$temp/data" "$temp/socket"
    as_server "$bin/initdb" --pgdata="$temp/data" --username=postgres \
        --encoding=UTF8 --locale=C --auth=trust --no-sync > /dev/null
    cat >> "$temp/data/postgresql.conf" <<END
listen_addresses = ''
port = 5432
unix_socket_directories = '$temp/socket'
fsync = off
include '$TEMP_CONFIG'
END
    as_server "$bin/pg_ctl" --pgdata="$temp/data" --log="$temp/data/log" \
        --silent --wait start > /dev/null ||
        die "the server does not start: $(cat "$temp/data/log")"
    export PGHOST=$temp/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
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
