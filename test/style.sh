#!/usr/bin/env bash
# style.sh - checks the style of the source, as a TAP test.
#
# What is measured is what a reader meets: no long function, no comment beyond
# column 79, no stray white space, no note to oneself; and what reads
# the code for faults (clang-tidy, cppcheck, gcc's analyzer) has nothing to say.
# A finding that is none is silenced where it stands, with the reason.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

max_function=100                # lines
max_column=79

cd "$top"
shopt -s globstar nullglob
extension=(src/**/*.c)
programs=(test/**/*.c)
c_files=(src/**/*.[ch] test/**/*.[ch])
scripts=(test/**/*.{sh,pl,pm,t,py,mjs,psql} test/with-mock test/mock/mockctl
    .ci/run)
# not README.md and the like: they show what psql prints, with its blanks
texts=("${c_files[@]}" "${scripts[@]}" Makefile test/**/Makefile sql/*.sql)

long_functions() {
    ctags-universal -x --kinds-C=f --_xformat='%F:%n %N %e' "${c_files[@]}" |
        awk -v max="$max_function" '{
            split($1, at, ":")
            if ($3 - at[2] + 1 > max)
                print $1 ": " $2 "() has " $3 - at[2] + 1 " lines"
        }'
}

# Functions that other files call, without a comment above them.  Those of
# sigv4.c, which stands alone, are explained in its header.
uncommented() {
    local file

    for file in "${extension[@]}"; do
        awk -v file="$file" '
            /^(amplify|Amplify)[A-Za-z0-9_]*\(/ && result !~ /^(static|PG_)/ && result != "" && before !~ /\*\/$/ {
                sub(/\(.*/, "")
                print file ": " $0 "()"
            }
            { before = result; result = $0 }' "$file"
    done
}

# Lines of comments, with tabs as wide as an editor shows them
long_comments() {
    local file

    for file in "${c_files[@]}"; do
        expand -t 4 "$file" | awk -v max="$max_column" -v file="$file" '
            /\/\*/ { comment = 1 }
            comment && length > max { print file ":" NR ": " $0 }
            /\*\// { comment = 0 }'
    done
}

# White space at the end, or spaces where pgindent has a tab
white_space() {
    grep -nE '[[:blank:]]+$' "${texts[@]}" || true
    grep -nE $'^\t* {4}' "${c_files[@]}" || true
}

notes_to_oneself() {
    grep -nwE 'TO''DO|FIX''ME|XX''X' "${texts[@]}" || true
}

# each_file COMMAND FILE... runs a piece of shell, which finds a file in $1 and
# the compiler's flags in $flags, for as many files at once as there are
# processors.  With assertions, so that what they say is known.
each_file() {
    local command=$1

    shift
    flags="-std=gnu11 -D_GNU_SOURCE -DUSE_ASSERT_CHECKING -Isrc -Isrc/aws \
        -I$(pg --includedir-server) \
        $(pkg-config --cflags libcurl libcrypto json-c)" \
        xargs -P "$(nproc)" -n 1 sh -c "$command" sh < <(printf '%s\n' "$@")
}

tidy() {
    each_file 'clang-tidy --quiet "$1" -- $flags 2>&1 || true' "$@" |
        sed -n -e '/^\/usr\//d' -e "s,^$top/,," -e '/\(error\|warning\): /p'
}

# Inlining lets it see more.  Gcc 12 does not follow a loop that fills an array,
# so what is not initialized is left to clang-tidy.
gcc_analyzer() {
    each_file 'gcc $flags -O2 -fanalyzer \
        -Wno-analyzer-use-of-uninitialized-value -c -o /dev/null "$1" 2>&1 ||
        true' "$@" | grep -E 'error: |\[-Wanalyzer-' || true
}

# It does not see that a function which reports an error never returns, and a
# later one (2.11) says of each long function that it has not tried all branches
check_cpp() {
    cppcheck --quiet --std=c11 --inline-suppr -j "$(nproc)" \
        --enable=warning,performance,portability \
        --suppress=nullPointerRedundantCheck \
        --suppress=normalCheckLevelMaxBranches \
        --include=test/cppcheck.h -Isrc \
        --template='{file}:{line}: {message} [{id}]' "$@" 2>&1
}

# Those that do not see a mistake that is planted
blind() {
    local tool

    cp .clang-tidy "$temp"
    echo 'int planted(void) { int *p = 0; return *p; }' > "$temp/planted.c"
    for tool in tidy gcc_analyzer check_cpp; do
        "$tool" "$temp/planted.c" | grep planted > /dev/null || echo "$tool"
    done
}

# Files that cppcheck reads in vain: it stops without a word at what it takes
# for another version.  A mistake is planted at the end of each.
not_checked() {
    local file

    for file in "${extension[@]}"; do
        mkdir -p "$temp/${file%/*}"
        (cat "$file" && echo 'int planted(void) { int *p = 0; return *p; }') \
            > "$temp/$file"
    done
    check_cpp "$temp/src" | sed -n 's,.*/\(src/[^:]*\):.*\[nullPointer\]$,\1,p' |
        sort -u | comm -3 - <(printf '%s\n' "${extension[@]}" | sort)
}

# What the makefile writes for pgindent and clangd
make_here() {
    make -s -C "$temp" -f "$top/Makefile" with_llvm=no "$1" 2>&1
}

types_missing() {
    make_here typedefs.list
    ctags-universal -x --kinds-C=t --_xformat='%N' src/**/*.[ch] | sort -u |
        comm -23 - "$temp/typedefs.list"
}

commands_differ() {
    make_here compile_commands.json
    perl -MJSON::PP -0ne 'print "$_->{file}\n" for @{ decode_json $_ }' \
        "$temp/compile_commands.json" |
        diff <(printf "$top/%s\n" "${extension[@]}" | sort) <(sed 's,//,/,' | sort) || true
    clang-tidy --quiet -p "$temp" src/amplify_fdw.c 2>&1 | grep 'error: ' || true
}

need_packages "${build_packages[@]}" server universal-ctags clang-tidy \
    cppcheck perl >&2
need_temp
no_findings "no function has more than $max_function lines" long_functions
no_findings "what other files call is explained" uncommented
no_findings "comments end by column $max_column" long_comments
no_findings "white space is where it belongs" white_space
no_findings "nothing is left for later" notes_to_oneself
no_findings "typedefs.list has all types" types_missing
no_findings "compile_commands.json has all files, and is understood" commands_differ
no_findings "clang-tidy finds nothing" tidy "${extension[@]}" "${programs[@]}"
no_findings "gcc's analyzer finds nothing" gcc_analyzer "${extension[@]}" \
    "${programs[@]}"
no_findings "cppcheck finds nothing" check_cpp src test
no_findings "cppcheck reads all files to their end" not_checked
no_findings "a mistake that is planted is found by all three" blind
done_testing
