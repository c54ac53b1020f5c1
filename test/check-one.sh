#!/usr/bin/env bash
# check-one.sh NAME... - runs single tests; `make check-one T="get cancel"`.
#
# A name is that of a regression test (sql/NAME.sql), a TAP test (t/NAME.t, or
# torture/NAME) or a file below test/ that prints TAP (unit/sigv4).  The build is
# kept from one run to the next, below /var/tmp, and only what has changed is
# compiled, so a second run takes seconds.  CHECK_ONE_BUILD names another folder
# for it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -gt 0 ] || die 'usage: make check-one T="NAME ..."'
AMPLIFY_TEST_BUILD=${CHECK_ONE_BUILD:-/var/tmp/amplify_fdw-check-one.$(id -u)}
mkdir -p "$AMPLIFY_TEST_BUILD"
[ -O "$AMPLIFY_TEST_BUILD" ] || die "$AMPLIFY_TEST_BUILD belongs to somebody else"
chmod 755 "$AMPLIFY_TEST_BUILD"
place_build
# with what has been deleted gone, and the objects of what is there kept
[ ! -e "$tree" ] || (cd "$tree" && find src sql expected test -type f \
    ! -name '*.o' ! -name 'amplify-mock' -printf '%p\n' | while IFS= read -r file; do
        [ -e "$top/$file" ] || rm -f "$file"
    done)

regress=()
tap=()
other=()
for name; do
    if [ -e "$top/sql/$name.sql" ]; then
        regress+=("$name")
    elif [ -e "$top/test/t/$name.t" ]; then
        tap+=("$name")
    elif [[ $name = torture/* ]] && [ -e "$top/test/$name.t" ]; then
        tap+=("../$name")
    elif [ -e "$top/test/$name.t" ]; then
        other+=("$tree/test/$name.t")
    else
        die "no such test: $name"
    fi
done
build

status=0
if [ ${#regress[@]} -gt 0 ]; then
    need_cluster
    make -s -C "$tree" with_llvm=no installcheck REGRESS="${regress[*]}" || {
        status=1
        cat "$tree/regression.diffs"
    }
fi
[ ${#tap[@]} -eq 0 ] || "$top/test/run-tap.sh" "${tap[@]}" || status=1
[ ${#other[@]} -eq 0 ] || prove "${other[@]}" || status=1
exit "$status"
