#!/usr/bin/env bash
# sanitize.sh - runs tests in a server that is watched.
#
#     test/sanitize.sh [assert | address | valgrind] ... [15 | 18] [STEP...]
#
# assert    PostgreSQL with its assertions
# address   gcc's address and undefined-behaviour sanitizers in the extension
# valgrind  the whole server under memcheck, which knows palloc as well
#
# Without arguments: all three, with PostgreSQL 15 and the step "regress" (see
# check.sh).  All need a PostgreSQL of our own, with assertions and debugging
# symbols; it is built from Debian's source at the first time and kept in
# $AMPLIFY_TEST_CACHE (default: ~/.cache/amplify_fdw).
#
# It fails if a test does, or if there is a report with a function of ours in
# it.  What else is reported, such as what the server never frees, is not ours.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$top/test/debian.sh"

probes+=(
    [bison]='bison --version'
    [flex]='flex --version'
    [bzip2]='bzip2 --help'
    [libicu-dev]='pkg-config --exists icu-uc'
    [valgrind]='valgrind --version && test -e /usr/include/valgrind/valgrind.h'
)
tools=()
steps=()
version=15
summary=()
status=0

read_arguments() {
    local argument

    for argument; do
        case $argument in
            assert | address | valgrind) tools+=("$argument") ;;
            [0-9]*) version=$argument ;;
            *) steps+=("$argument") ;;
        esac
    done
    [ ${#tools[@]} -gt 0 ] || tools=(assert address valgrind)
    [ ${#steps[@]} -gt 0 ] || steps=(regress)
    [ -n "${releases[$version]:-}" ] || die "no such version: $version"
}

# ---------- a PostgreSQL of our own ----------

# Fetches Debian's source of a version into a folder.  apt gets its own lists
# there, for the machine's may be without sources, or of another release.
fetch_source() {
    local folder=$1

    mkdir -p "$folder"/{lists,archives}/partial
    apt_settings > "$folder/apt.conf"
    cat >> "$folder/apt.conf" <<END
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder";
APT::Sandbox::User "$(id -un)";
END
    printf 'deb-src [signed-by=%s] %s %s main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg "$(mirror)" \
        "${releases[$version]}" > "$folder/sources.list"
    (
        cd "$folder"
        export APT_CONFIG=$folder/apt.conf
        quietly apt-get -q update
        quietly apt-get -q source --download-only "postgresql-$version"
    )
}

# Builds and installs it, in a way that the installation can be copied
# elsewhere: programs find their library next to them.
build_postgres() {
    local folder=$1 prefix=$2

    mkdir -p "$folder/source"
    tar -xf "$folder"/postgresql-*.orig.tar.* -C "$folder/source" \
        --strip-components=1
    (
        cd "$folder/source"
        export LD_RUN_PATH=\$ORIGIN/../lib
        quietly ./configure --quiet --prefix="$prefix" --disable-rpath \
            --enable-cassert --enable-debug --enable-tap-tests --with-openssl \
            --with-icu --without-readline --without-zlib \
            CFLAGS='-Og -g -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND
        quietly make -s -j "$(nproc)"
        quietly make -s install
        quietly make -s -C contrib/postgres_fdw install
        cp src/tools/valgrind.supp "$prefix/"
    )
}

# A program of that copy becomes this script, and NAME.bin is what it was.
wrap() {
    local program=$temp/pg/bin/$1

    mv "$program" "$program.bin"
    cat > "$program"
    chmod +x "$program"
}

# A copy of that installation, for our extension gets into it
need_postgres() {
    local kept=$cache/postgresql-$version

    need_packages "${build_packages[@]}" perl bison flex bzip2 libicu-dev \
        valgrind
    need_temp
    if [ ! -d "$kept" ]; then
        say "building PostgreSQL $version"
        rm -rf "$kept.new"
        fetch_source "$temp/apt"
        build_postgres "$temp/apt" "$kept.new"
        mv "$kept.new" "$kept"
        rm -rf "$temp/apt"
    fi
    cp -a "$kept" "$temp/pg"
    export PG_CONFIG=$temp/pg/bin/pg_config
    wrap postgres <<'END'
#!/bin/sh
# The server, in what is to watch it; but not when it only tells of itself, or
# makes a cluster.
case $1 in
    --* | -V) ;;
    *)
        around=$AMPLIFY_TEST_AROUND
        # Before what a test preloads
        preload="$AMPLIFY_TEST_PRELOAD $LD_PRELOAD"
        [ "$preload" = ' ' ] || export LD_PRELOAD="$preload" ;;
esac
exec $around "$0.bin" "$@"
END
    wrap pg_ctl <<'END'
#!/bin/sh
# A restart would start what the server says that it is, without the wrapper
exec "$0.bin" -p "${0%/*}/postgres" "$@"
END
}

# ---------- the tools ----------

# Files of t/ that are not run with a tool, and why
left_out='
address   memory          libcurl frees what it has received into; here nobody writes there
address   credential_cli  the AWS CLI is not ours
valgrind  memory          as with address
valgrind  credential_cli  as with address
valgrind  leak            its thousands of statements; valgrind itself tells of leaks
assert    credential_cli  as with address
'

run_assert() {
    :
}

run_address() {
    local flags='-fsanitize=address,undefined -fno-sanitize-recover=undefined'

    # Not COPT, which check.sh has its own use for
    export PROFILE="-O1 -g -fno-omit-frame-pointer $flags -Wno-error"
    AMPLIFY_TEST_PRELOAD="$(library asan) $(library ubsan)"
    # A little of what is freed is kept from use: tests measure memory
    AMPLIFY_TEST_AROUND="env ASAN_OPTIONS=quarantine_size_mb=4:thread_local_quarantine_size_kb=64:detect_leaks=1:detect_stack_use_after_return=0:log_path=$reports/asan"
    AMPLIFY_TEST_AROUND+=" UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan"
    AMPLIFY_TEST_AROUND+=" LSAN_OPTIONS=exitcode=0:print_suppressions=0"
}

library() {
    readlink -f "$(gcc -print-file-name="lib$1.so")"
}

run_valgrind() {
    AMPLIFY_TEST_AROUND="valgrind --quiet --trace-children=yes
        --track-origins=yes --leak-check=full --show-leak-kinds=definite
        --errors-for-leak-kinds=definite --num-callers=25
        --suppressions=$temp/pg/valgrind.supp --error-markers=BEGIN,END
        --fullpath-after=/build/tree/ --log-file=$reports/valgrind.%p"
    export PGCTLTIMEOUT=300
}

# The reports with a function of ours.  Its file is src/WING/NAME.c, after the name
# of the folder that check.sh builds in (address) or without (valgrind).
our_reports() {
    local files=("$reports"/*)

    [ -e "${files[0]}" ] || return 0
    awk '
        function finish() {
            if (block ~ /(\/tree\/|\()src\/([a-z]+\/)?[a-z0-9_]+\.[ch]:/ &&
                !(block ~ /definitely lost/ && block ~ palloc)) print block
            block = ""
        }
        # What palloc gives is not lost: its context has it
        BEGIN {
            frame = ": [^\n]*"
            palloc = " at 0x[0-9A-F]+" frame "(\n[^\n]* by 0x[0-9A-F]+" frame ")?/utils/mmgr/"
        }
        # What begins a report: of valgrind; of the sanitizers; of a leak
        / BEGIN$/ || /ERROR: AddressSanitizer/ || /runtime error:/ ||
            /^(Direct|Indirect) leak of/ { finish() }
        FNR == 1 { finish() }
        { block = block $0 "\n" }
        END { finish() }' "${files[@]}"
}

run_tool() {
    local tool=$1 found result=passed

    reports=$temp/$tool
    mkdir -m 1777 "$reports"
    say "$tool, PostgreSQL $version: ${steps[*]}"
    (
        export AMPLIFY_TEST_AROUND='' AMPLIFY_TEST_PRELOAD=''
        AMPLIFY_TEST_LEFT_OUT=$(awk -v tool="$tool" '$1 == tool { print $2 }' \
            <<< "$left_out")
        export AMPLIFY_TEST_LEFT_OUT
        "run_$tool"
        "$top/test/check.sh" "${steps[@]}"
    ) || { result='tests FAILED'; status=1; }
    found=$(our_reports)
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        result+=', with REPORTS'
        status=1
    else
        result+=', no reports'
    fi
    summary+=("$tool, PostgreSQL $version: $result")
}

read_arguments "$@"
need_postgres
for tool in "${tools[@]}"; do
    run_tool "$tool"
done
printf '%s\n' "${summary[@]}"
exit "$status"
