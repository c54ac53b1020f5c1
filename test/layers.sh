#!/usr/bin/env bash
# layers.sh [DIR] - checks who calls whom in src/, as a TAP test.
#
# DIR is a tree that is built; without it, one is built.  The rule is the list
# of wings below: a file includes, and calls, those of its own wing and of the
# wings before it.  What the linker sees is held against it, too.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# From the bottom up
wings='http aws model session request executor planner'

# Doors: symbols of others that only some files may use.  Libraries have one
# each.  There is one place that waits, for it must know how to be interrupted.
# Files that are not in the line of errstart can't report an error, so that
# what fails at the other end becomes one in report.c.  Of our own: a request is
# begun and judged by the exchange, for calls and for credentials alike; a table
# is opened, and the user taken who asks, in table.c alone, for scans, reading
# ahead and ANALYZE; and a condition is analysed where that is kept.
doors='
curl_[a-z]+_[a-z_]+: http easy
json_[a-z_]+: response
(EVP|OSSL|HMAC|SHA256|OPENSSL|CRYPTO|ERR)_[A-Za-z_0-9]+: sigv4
(epoll_p?wait|p?poll|p?select|WaitLatch.*|WaitEventSetWait): loop
(u?sleep|nanosleep|pg_usleep):
(secure_)?getenv: lookup
setenv|putenv|unsetenv:
(setlocale|strtok|gmtime|localtime|ctime|asctime|getpwnam|getpwuid|strftime):
amplify_http_submit: exchange
amplify_exchange_(start|judge): call lookup
amplify_statement_(user|connection): table
amplify_connection_pin: statement
amplify_condition_early: key
errstart(_cold)?: resource option connection credential rate spill progress names statement parent apps report failures writes value jsonb analyze describe identifier amplify_fdw
'

# The same by what stands in the source
words='
<curl/: http.c easy.c
<json-c/: response.c
<openssl/: sigv4.c
PG_VERSION_NUM: compat.h
ERRCODE_(FDW_UNABLE_TO_|SYSTEM_ERROR|CONNECTION_|CONFIGURATION_LIMIT): report.c
strcmp\([^)]*(defname|option->name): option.c
'

# Lines "def|use SYMBOL FILE TYPE", one for each global symbol of each object;
# a file is named as wing/file
symbols() {
    local object

    while IFS= read -r object; do
        nm -g "$build/src/$object" | awk -v file="${object%.o}" '
            NF == 3 { print "def", $3, file, $2 }
            NF == 2 { print "use", $2, file, "-" }'
    done < <(cd "$build/src" && find . -name '*.o' -printf '%P\n' | sort)
}

# Lines "FILE CALLEE SYMBOLS"
calls() {
    awk '
        $1 == "def" { home[$2] = $3 }
        $1 == "use" { n++; name[n] = $2; user[n] = $3 }
        END {
            for (i = 1; i <= n; i++)
                if (name[i] in home) {
                    call = user[i] " " home[name[i]]
                    how[call] = how[call] " " name[i]
                }
            for (call in how) print call how[call]
        }' "$symbols"
}

# Lines "FILE FILE MORE" in which the second stands in a wing above the first
upwards() {
    awk -v wings="$wings" '
        function floor(file) {
            sub("/.*", "", file)
            return file in number ? number[file] : 99
        }
        BEGIN { n = split(wings, name, " "); for (i = 1; i <= n; i++) number[name[i]] = i }
        floor($1) < floor($2)'
}

wings_are_all() {
    comm -3 <(tr ' ' '\n' <<< "$wings" | sort) \
        <(find src -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
}

# compat.h is for everybody, and amplify_fdw.c stands above all
includes_go_down() {
    grep -roE '^#include "[a-z]+/[a-z_0-9]+\.h"' src --include='*.[ch]' |
        sed -E 's,^src/([^:]*):#include "([^"]*)",\1 \2,' |
        grep -E " (${wings// /|})/(amplify_|sigv4)" | upwards
}

calls_go_down() {
    calls | upwards
}

# Within a wing as well: tsort says which files are in a loop
no_cycle() {
    calls | awk '{ print $1, $2 }' | { tsort 2>&1 > /dev/null || true; } |
        sed 's/^tsort: //'
}

# The map of src/README.md: "wing/file" of its table, in the order of a row
map() {
    sed -n -E 's,^\| `([a-z]+)/` \|[^|]*\|(.*)\|$,\1 \2,p' src/README.md |
        while read -r wing files; do
            grep -oE '`[a-z0-9_]+`' <<< "$files" | tr -d '`' | sed "s,^,$wing/,"
        done
}

map_is_in_order() {
    comm -3 <(map | sort) \
        <(find src -mindepth 2 -name '*.c' -printf '%P\n' | sed 's/\.c$//' | sort)
    calls | awk '
        NR == FNR { place[$1] = NR; next }
        place[$1] > place[$2] && $1 != $2 && substr($1, 1, index($1, "/")) == substr($2, 1, index($2, "/"))
    ' <(map) -
}

# Symbols used by files whose line in the list of doors lacks them
through_doors() {
    local pattern files

    while IFS= read -r line; do
        pattern=${line%:*}
        files=" ${line##*:} "
        [ -z "$line" ] || awk -v pattern="^($pattern)\$" -v files="$files" '
            { base = $3; sub(".*/", "", base) }
            $1 == "use" && $2 ~ pattern && index(files, " " base " ") == 0 {
                print $3 ".c uses " $2
            }' "$symbols"
    done <<< "$doors"
}

words_in_place() {
    local pattern file

    while IFS= read -r line; do
        pattern=${line%:*}
        [ -n "$line" ] || continue
        for file in src/{*,*/*}.[ch]; do
            [[ " ${line##*:} " == *" ${file##*/} "* ]] ||
                grep -HnE -- "$pattern" "$file" || true
        done
    done <<< "$words"
}

names_tell_the_file() {
    awk '
        $1 == "def" { type[$2] = $4; file[$2] = $3; sub(".*/", "", file[$2]) }
        END {
            for (s in type)
                if (type[s] == "T" && !(("pg_finfo_" s) in type) &&
                    s !~ "^(amplify_)?" file[s] "_" &&
                    s !~ /^(amplify[A-Z]|pg_finfo_|_PG_init$|Pg_magic_func$)/)
                    print file[s] ".c defines " s
        }' "$symbols"
}

# The signer is tested on its own
signer_alone() {
    grep -Hn '#include' src/aws/sigv4.[ch] | grep -v '<\|"sigv4.h"' || true
}

option_names_once() {
    grep -cE 'strcmp\([^)]*(defname|option->name)' src/model/option.c |
        grep -vx 1 | sed 's/$/ comparisons/' || true
}

certificates() {
    grep -HnE 'VERIFY(PEER|HOST)' src/{*,*/*}.c |
        grep -vE 'HOST, 2L|PEER, 1L' || true
}

if [ $# -gt 0 ]; then
    build=$1
else
    need_build >&2
    build=$tree
fi
cd "$build"
need_temp
symbols=$temp/symbols
symbols > "$symbols"
no_findings "the list of wings has all folders" wings_are_all
no_findings "includes go downwards" includes_go_down
no_findings "calls go downwards" calls_go_down
no_findings "no files call each other in a circle" no_cycle
no_findings "the map has all files, each before those that it calls" map_is_in_order
no_findings "what is not ours is used through its door" through_doors
no_findings "words of the source are where they belong" words_in_place
no_findings "names of functions tell their file" names_tell_the_file
no_findings "the signer knows no PostgreSQL" signer_alone
no_findings "options are found by name in one place" option_names_once
no_findings "certificates are verified" certificates
done_testing
