# packages.sh - what the test scripts need of the machine; sourced by lib.sh.
#
# What is missing is installed, as root on Debian, and looked for again.  What
# can't be helped is said in one sentence that names it, where it is, and the
# way out.

# The versions of PostgreSQL that will do
oldest_server=15
newest_server=19

# A path from here is none for make, which runs elsewhere
for name in PG_CONFIG PKG_CONFIG; do
    case ${!name:-} in
        [!/]*/*) export "$name=$PWD/${!name}" ;;
    esac
done

# What each package is needed for: a command that works when it is there.
# PostgreSQL itself is apart, for there may be several.
pkg_config=${PKG_CONFIG:-pkg-config}
declare -A probes=(
    [curl]='curl --version'
    [gcc]='gcc --version'
    [make]='make --version'
    [pkg-config]="$pkg_config --version"
    [libc6-dev]='test -e /usr/include/stdio.h'
    [libcurl4-openssl-dev]="$pkg_config --print-errors --exists 'libcurl >= 7.87'"
    [libssl-dev]="$pkg_config --print-errors --exists 'libcrypto >= 3'"
    [libjson-c-dev]="$pkg_config --print-errors --exists json-c"
    [zlib1g-dev]="$pkg_config --print-errors --exists zlib"
    [perl]='prove --version'
    [libipc-run-perl]='perl -MIPC::Run -e 1'
    [python3]='/usr/bin/python3 --version'
    [python3-botocore]='/usr/bin/python3 -c "import botocore"'
    [openssl]='openssl version'
    [nghttp2-proxy]='nghttpx --version'
    [pgbouncer]='/usr/sbin/pgbouncer --version'
    [pgpool2]='/usr/sbin/pgpool --version'
    [awscli]='/usr/bin/python3 -c "import awscli"'
    [nodejs]='node --version'
    [npm]='npm --version'
    [universal-ctags]='ctags-universal --version'
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

# ---------- which PostgreSQL ----------

pg() {
    "${PG_CONFIG:-pg_config}" "$1" 2> /dev/null
}

# The version in what pg_config or a server prints for --version
major_version() {
    sed -n '1s/^[^0-9]*\([0-9][0-9]*\).*/\1/p'
}

will_do() {
    [ "$1" -ge "$oldest_server" ] && [ "$1" -le "$newest_server" ]
}

# The pg_config of each installed server that will do, newest first
usable_servers() {
    local server

    for server in /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb; do
        server=${server%/*}/pg_config
        if [ -x "$server" ] && will_do "$("$server" --version | major_version)"
        then
            printf '%s\n' "$server"
        fi
    done | sort -rV
}

# Ends the script with what is wrong with a pg_config, and the way out.
refuse_server() {
    local other

    other=$(usable_servers | head -n 1)
    [ -z "$other" ] ||
        die "$*: set PG_CONFIG to that of another server, such as $other"
    die "$*: install PostgreSQL $oldest_server to $newest_server, and set" \
        "PG_CONFIG to its pg_config"
}

# Decides which PostgreSQL it is to be.  None at all is fine: the distribution's
# will be installed.
choose_server() {
    local config printed version bin

    if ! config=$(type -P "${PG_CONFIG:-pg_config}"); then
        [ -z "${PG_CONFIG:-}" ] ||
            refuse_server "PG_CONFIG is $PG_CONFIG, which is not a program"
        config=$(usable_servers | head -n 1)
        [ -n "$config" ] || return 0
        export PG_CONFIG=$config
    fi
    printed=$("$config" --version 2>&1) ||
        refuse_server "$config does not work (\"${printed##*$'\n'}\")"
    version=$(major_version <<< "$printed")
    [ -n "$version" ] ||
        refuse_server "$config tells no version of PostgreSQL (\"$printed\")"
    will_do "$version" ||
        refuse_server "$config belongs to PostgreSQL $version, which amplify_fdw does not support"
    bin=$("$config" --bindir)
    if [ "$bin" != "/usr/lib/postgresql/$version/bin" ]; then
        refuse_incomplete "$config" "$version" "$bin"
    elif [ -z "${PG_CONFIG:-}" ] && [ ! -x "$bin/initdb" ] &&
        [ -n "$(usable_servers)" ]; then
        refuse_server "$config belongs to PostgreSQL $version, which has no server here"
    fi
}

# Of a server that is not Debian's, nothing can be installed
refuse_incomplete() {
    local file

    for file in "$3/initdb" "$("$1" --includedir-server)/postgres.h" \
        "$("$1" --pgxs)"; do
        [ -e "$file" ] ||
            refuse_server "$1 belongs to PostgreSQL $2, which lacks $file"
    done
}

# The packages of that server, as far as they are missing.  The makefiles come
# with the client, so they don't tell whether the headers are there.
server_packages() {
    local version

    version=$(pg --version | major_version) || version=
    [ -n "$version" ] && [ -x "$(pg --bindir)/initdb" ] ||
        printf '%s\n' "postgresql${version:+-$version}"
    [ -n "$version" ] && [ -e "$(pg --includedir-server)/postgres.h" ] &&
        [ -e "$(pg --pgxs)" ] ||
        printf '%s\n' "postgresql-server-dev-${version:-all}"
}

# What must be there once they are installed
confirm_server() {
    local missing

    choose_server
    missing=$(server_packages)
    [ -z "$missing" ] ||
        die "installed PostgreSQL, but of ${missing//$'\n'/ and } nothing is" \
            "found by $(type -P "${PG_CONFIG:-pg_config}" || echo pg_config)"
    [ "$(id -u)" -ne 0 ] || id postgres > /dev/null 2>&1 ||
        die "PostgreSQL refuses to be run by root, and there is no user" \
            "\"postgres\" to run it: make one (useradd --system postgres)"
}

# pg_cron for a server of Debian's, if it is missing; one that was built by hand
# does without, as does one that Debian has no pg_cron for yet
cron_package() {
    local version

    version=$(pg --bindir | sed -n 's,^/usr/lib/postgresql/\([0-9]*\)/bin$,\1,p')
    [ -z "$version" ] || [ "$version" -ge 19 ] ||
        [ -e "$(pg --pkglibdir)/pg_cron.so" ] ||
        printf 'postgresql-%s-cron\n' "$version"
}

# ---------- packages ----------

has_package() {
    sh -c "${probes[$1]}" > /dev/null 2>&1
}

missing_packages() {
    local package

    for package; do
        if [ "$package" = server ]; then
            server_packages
        elif [ "$package" = cron ]; then
            cron_package
        else
            has_package "$package" || printf '%s\n' "$package"
        fi
    done | awk '!seen[$0]++'
}

# Makes sure of the packages named, or keys of probes; "server" is PostgreSQL,
# "cron" its pg_cron.
need_packages() {
    local missing

    case " $* " in
        *' server '*) choose_server ;;
    esac
    case " $* " in
        *' libcurl4-openssl-dev '*) refuse_other_tls ;;
    esac
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ]; then
        may_install "${missing[@]}"
        say "installing ${missing[*]}"
        install_packages "${missing[@]}" ||
            die "apt-get did not install ${missing[*]}, for the reason above"
        confirm_packages "${missing[@]}"
    fi
    case " $* " in
        *' server '*) confirm_server ;;
    esac
}

# What libcurl does TLS with is not told by its version.
refuse_other_tls() {
    local backends

    backends=$(curl-config --ssl-backends 2> /dev/null) || return 0
    [[ $backends == *OpenSSL* ]] ||
        die "$(type -P curl-config) belongs to a libcurl with ${backends:-no TLS}," \
            "and amplify_fdw needs one with OpenSSL: \"apt-get install" \
            "libcurl4-openssl-dev\" puts it in place of the other"
}

may_install() {
    local command="apt-get install --no-install-recommends $*"

    type -P apt-get > /dev/null ||
        die "missing: $* (these are Debian's names; the README has others)"
    [ "$(id -u)" -eq 0 ] || die "missing, and only root can install it: $command"
}

# One at a time, as steps may run side by side, and apt-get update does not wait.
# Services that are started on the way are not to hold the lock.
install_packages() (
    flock 9
    # A fresh machine may be installing something itself; and nothing that is
    # there may have to go
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get -q update 9>&- &&
        quietly apt-get -q -y -o DPkg::Lock::Timeout=300 --no-remove \
            --no-install-recommends install "$@" 9>&-
) 9< /var/lib/dpkg

# A probe that fails although its package is there has met another program or
# library first.
confirm_packages() {
    local package probe program said

    for package; do
        probe=${probes[$package]:-}
        [ -n "$probe" ] && ! said=$(sh -c "$probe" 2>&1) || continue
        program=${probe%% *}
        die "$package is installed, but this still fails: $probe" \
            "(${said:+${said//$'\n'/ }; }$program is" \
            "$(type -P "$program" || echo missing):" \
            "put the distribution's own first in PATH)"
    done
}
