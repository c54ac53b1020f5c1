#!/usr/bin/env bash
# layers.sh [DIR] - checks who calls whom in src/, as a TAP test.
#
# DIR is a tree that is built; without it, one is built.  What the linker sees
# is what counts: most checks read the symbols of the objects, and the others
# the lines of the source.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The layers, from the bottom up: each file and the files that it uses.  Those
# stand above it in this list, so calls go downwards and there is no cycle.
# The list is exact: what is not used any more goes out of it.
layers='
sigv4:
resource_data:
resource: resource_data
xml:
time:
json:
response: sigv4 xml time json
endpoint:
throttle:
transfer:
memory:
loop:
socket: loop
easy: transfer loop socket
http: memory loop socket easy
option_data:
option: resource resource_data option_data
keyset: resource
report: response
sign: sigv4 time
connection: sigv4 endpoint http option
spill:
progress: loop
lookup: sigv4 time response loop http option report sign
sts: sigv4 xml time endpoint option report sign lookup
metadata: sigv4 response endpoint option report sign lookup
profile: lookup sts metadata
credential: report sign lookup sts metadata profile
call: resource throttle loop http report sign connection credential
statement: throttle loop http connection spill progress call
stream: resource response report statement
fetch: resource response keyset report statement stream
value: resource response option report
key: resource value
plan: resource option key
scan: loop http option keyset statement fetch value plan
explain: scan
describe: resource resource_data option_data
analyze: option keyset statement fetch value
readahead: option keyset statement fetch scan explain
join: key plan readahead
unique: resource option value plan
stat: http connection
amplify_fdw: resource resource_data option connection progress statement plan scan explain analyze join unique
'

# Doors: symbols of others that only some files may use.  Libraries have one
# each.  There is one place that waits, for it must know how to be interrupted.
# Files that are not in the line of errstart can't report an error, so that
# what fails at the other end becomes one in error.c.
doors='
curl_[a-z]+_[a-z_]+: http easy
json_[a-z_]+: response
(EVP|OSSL|HMAC|SHA256|OPENSSL|CRYPTO|ERR)_[A-Za-z_0-9]+: sigv4
(epoll_p?wait|p?poll|p?select|WaitLatch.*|WaitEventSetWait): loop
(u?sleep|nanosleep|pg_usleep):
(secure_)?getenv: lookup
setenv|putenv|unsetenv:
(setlocale|strtok|gmtime|localtime|ctime|asctime|getpwnam|getpwuid|strftime):
errstart(_cold)?: resource option report connection spill progress statement value analyze amplify_fdw
'

# The same by what stands in the source
words='
<curl/: http.c request.c
<json-c/: response.c
<openssl/: sigv4.c
PG_VERSION_NUM: amplify_base.h
ERRCODE_(FDW_UNABLE_TO_|SYSTEM_ERROR|CONNECTION_|CONFIGURATION_LIMIT): report.c
strcmp\([^)]*(defname|option->name): option.c
'

# Lines "def|use SYMBOL FILE", one for each global symbol of each object
symbols() {
    local object

    for object in "$build"/src/{*,*/*}.o; do
        nm -g "$object" | awk -v file="$(basename "$object" .o)" '
            NF == 3 { print "def", $3, file, $2 }
            NF == 2 { print "use", $2, file }'
    done
}

# Lines "FILE CALLEE SYMBOLS" as things are
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

calls_as_listed() {
    calls | awk -v layers="$layers" '
        BEGIN {
            n = split(layers, line, "\n")
            for (i = 1; i <= n; i++) {
                m = split(line[i], word, "[: ]+")
                for (j = 2; j <= m; j++)
                    if (word[j] != "") listed[word[1] " " word[j]] = 1
            }
        }
        {
            call = $1 " " $2
            seen[call] = 1
            if (!(call in listed)) {
                sub(call " ", "")
                split(call, file, " ")
                print file[1] ".c uses " file[2] ".c, unlisted: " $0
            }
        }
        END {
            for (call in listed)
                if (!(call in seen)) print "listed, but not used: " call
        }'
}

listed_files() {
    comm -3 <(sed -n 's/:.*//p' <<< "$layers" | sort) \
        <(awk '$1 == "def" { print $3 }' "$symbols" | sort -u) |
        sed -e 's/^\t/not listed: /' -e t -e 's/^/not there: /'
}

list_goes_down() {
    awk -F '[: ]+' '
        NF > 0 {
            for (i = 2; i <= NF; i++)
                if ($i != "" && !($i in lower))
                    print $1 " is not above " $i
            lower[$1] = 1
        }' <<< "$layers"
}

# Symbols used by files whose line in the list of doors lacks them
through_doors() {
    local pattern files

    while IFS= read -r line; do
        pattern=${line%:*}
        files=" ${line##*:} "
        [ -z "$line" ] || awk -v pattern="^($pattern)\$" -v files="$files" '
            $1 == "use" && $2 ~ pattern && index(files, " " $3 " ") == 0 {
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
        $1 == "def" { finfo[$2] = 1; type[$2] = $4; file[$2] = $3 }
        END {
            for (s in type)
                if (type[s] == "T" && !(("pg_finfo_" s) in finfo) &&
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
    grep -HnE 'VERIFY(PEER|HOST)' src/{*,*/*}.c | grep -vE 'HOST, 2L|PEER, 1L' ||
        true
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
no_findings "the list of layers has all files" listed_files
no_findings "the list of layers goes downwards" list_goes_down
no_findings "calls are as listed" calls_as_listed
no_findings "what is not ours is used through its door" through_doors
no_findings "words of the source are where they belong" words_in_place
no_findings "names of functions tell their file" names_tell_the_file
no_findings "the signer knows no PostgreSQL" signer_alone
no_findings "options are found by name in one place" option_names_once
no_findings "certificates are verified" certificates
done_testing
