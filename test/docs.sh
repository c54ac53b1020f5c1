#!/usr/bin/env bash
# docs.sh [--write] - checks that the documentation tells what the code has, as
# a TAP test.
#
# What stands between the lines "<!-- NAME -->" and "<!-- end -->" is made by the
# function make_NAME here, out of what the extension says of itself.  --write
# puts it into the documents of this repository.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

documents=("$top"/README.md "$top"/doc/*.md)

# Rows of a table in Markdown, from a query that gives its cells.
rows() {
    psql -XqAt -F ' | ' -c "$1" | sed -e 's/^/| /' -e 's/$/ |/'
}

make_options() {
    echo '| option | where | default | meaning |'
    echo '|---|---|---|---|'
    rows "SELECT option,
              location || CASE WHEN superuser THEN ', superuser' ELSE '' END,
              coalesce(default_value, ''), meaning
          FROM amplify_fdw_options()"
}

make_settings() {
    echo '| setting | default | meaning |'
    echo '|---|---|---|'
    # LOAD would take the library of the machine, if it has one
    rows "DO \$\$ BEGIN PERFORM amplify_fdw_version(); END \$\$;
          SELECT name, boot_val, short_desc || ' ' || extra_desc
          FROM pg_settings WHERE name LIKE 'amplify_fdw.%' ORDER BY name"
}

make_resources() {
    echo '| table | keys | one of them | many |'
    echo '|---|---|---|---|'
    rows "SELECT resource,
              (SELECT string_agg(field, ', ' ORDER BY n)
               FROM amplify_fdw_fields() WITH ORDINALITY AS f (of_resource,
                   field, type, member, is_key, sensitive, meaning, n)
               WHERE of_resource = resource AND is_key AND
                   field NOT IN ('region', 'account_id') AND field NOT LIKE '%\_arn'),
              coalesce(get_operation, ''), list_operation
          FROM amplify_fdw_resources()"
}

# Columns of one resource
columns_of() {
    echo '| column | type | from | | meaning |'
    echo '|---|---|---|---|---|'
    rows "SELECT field, type,
              coalesce(member, CASE field WHEN 'region' THEN 'the server'
                  WHEN 'account_id' THEN 'the server, or the ARN' ELSE 'the request' END),
              CASE WHEN is_key THEN 'key' WHEN sensitive THEN 'sensitive'
                  ELSE '' END, meaning
          FROM amplify_fdw_fields() WHERE resource = '$1'"
}

make_columns() {
    local resource

    for resource in $(psql -XqAtc "SELECT resource FROM amplify_fdw_resources()"); do
        printf '## %s\n\n' "$resource"
        psql -XqAtc "SELECT meaning || E'\n' FROM amplify_fdw_resources()
            WHERE resource = '$resource'"
        columns_of "$resource"
        echo
    done
}

# A policy of IAM for what IMPORT makes
make_policy() {
    cat <<'END'
```json
{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
END
    psql -XqAtc "SELECT string_agg(format('                \"amplify:%s\"', o),
                     E',\n' ORDER BY o)
                 FROM (SELECT get_operation FROM amplify_fdw_resources()
                       WHERE NOT sensitive
                       UNION SELECT list_operation FROM amplify_fdw_resources()
                       WHERE NOT sensitive) AS u (o)
                 WHERE o IS NOT NULL"
    cat <<'END'
            ],
            "Resource": "*"
        }
    ]
}
```
END
}

# A document with these parts made anew
made_anew() {
    local line name=

    while IFS= read -r line; do
        case $line in
            '<!-- end -->') name= ;;
        esac
        [ -n "$name" ] || printf '%s\n' "$line"
        case $line in
            '<!-- end -->') ;;
            '<!-- '*' -->')
                name=${line#<!-- }
                name=${name% -->}
                printf '\n%s\n\n' "$("make_$name")" ;;
        esac
    done < "$1"
}

differences() {
    diff -u "$1" <(made_anew "$1") || true
}

# SQLSTATEs that the code raises and errors.md says nothing of, in its table or
# below
unexplained_states() {
    local name state header

    header=$(pg --includedir-server)/utils/errcodes.h
    grep -ohE '\bERRCODE_[A-Z0-9_]+' "$top"/src/{*,*/*}.c | sort -u |
        while read -r name; do
            state=$(sed -n "s/^#define $name MAKE_SQLSTATE(\(.*\))/\1/p" "$header" |
                tr -d "', ")
            grep -q "^| [0-9A-Z, ]*$state" "$top/doc/errors.md" ||
                printf 'table of errors.md: %s, %s\n' "$state" "$name"
            grep -q "^\*\*[0-9A-Z, ]*$state" "$top/doc/errors.md" ||
                printf 'errors.md: %s, %s\n' "$state" "$name"
        done
}

# What can be typed at the demo's prompt: the README's SQL but for its setup,
# pages as they are, and servers of one's own
typed() {
    awk -v RS='```' '/^sql\n/ && !/CREATE EXTENSION/ { print substr($0, 4) }' \
        "$top/README.md"
    blocks_of report
    printf '%s\n' 'CREATE DATABASE regions;' '\c regions'
    blocks_of regions
    cat <<'END'
\c postgres
CREATE SERVER mine FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'ap-southeast-2');
CREATE USER MAPPING FOR CURRENT_USER SERVER mine
    OPTIONS (access_key_id 'AKIDEXAMPLE',
             secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE SCHEMA mine;
IMPORT FOREIGN SCHEMA amplify FROM SERVER mine INTO mine;
SELECT 1 / (count(*) FILTER (WHERE app_arn LIKE 'arn:aws:amplify:ap-southeast-2:%') > 0)::int FROM mine.apps;
ALTER USER MAPPING FOR CURRENT_USER SERVER mine
    OPTIONS (ADD role_arn 'arn:aws:iam::111122223333:role/reader');
SELECT 1 / (count(*) = 2)::int FROM mine.apps;
END
}

# The blocks of SQL of a page of doc/
blocks_of() {
    awk -v RS='```' '/^sql\n/ { print substr($0, 5) }' "$top/doc/$1.md"
}

# What a page shows of them, each ending in a null byte
shown_by() {
    awk -v RS='```' '/^sql\n/ { sql = NR }
        /^text\n/ && NR == sql + 2 && between == "\n\n" { printf "%s%c", substr($0, 6), 0 }
        { between = $0 }' "$top/doc/$1.md"
}

# Headings of a page, as a link names them
anchors_of() {
    sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'
}

# Links of a page that lead nowhere here
broken_links() {
    local target file

    sed -e 's/](/\n&/g' "$1" | sed -n -e '/^](https:/d' -e 's/^](\([^)]*\)).*/\1/p' |
        while IFS= read -r target; do
            file=${target%%#*}
            file=${file:+${1%/*}/$file}
            file=${file:-$1}
            if [ ! -e "$file" ]; then
                echo "no such file: $target"
            elif [[ $target == *#* ]] &&
                ! anchors_of "$file" | grep -xe "${target#*#}" > /dev/null; then
                echo "no such heading: $target"
            fi
        done
}

# Files that a page names and that are not there when all is built.  A name
# without a folder may be that of a file in any.
missing_files() {
    local name place=src\|test\|sql\|doc\|expected

    grep -oP "(?<![\w/.*-])($place)/[\w/.-]*\w|\`\K[\w/.-]+\.(c|h|sh|pm|t|sql|psql|md)(?=\`)" "$1" |
        sort -u | while IFS= read -r name; do
            name=${name#./}
            [ -e "$tree/$name" ] || [ -n "$(find "$tree" -path "*/$name")" ] ||
                echo "no such file: $name"
        done || true
}

what_is_not_there() {
    broken_links "$1"
    missing_files "$1"
}

# Functions that the map of the source names, and no file defines, or not the
# one that it names with them
unknown_functions() {
    local name file

    sed -e 's/`[a-zA-Z_]*()`/\n&/g' "$top/src/README.md" |
        sed -E -n 's,^`(\w+)\(\)`(( \(| of )(\w+/\w+\.c))?.*,\1 \4,p' | sort -u |
        while read -r name file; do
            grep -qrE --include='*.c' "^$name\(" "$top/src/$file" ||
                echo "$name()${file:+ in $file}"
        done
}

# Where CONTRIBUTING.md has gdb stop, of what is ours
unknown_breakpoints() {
    local name

    grep -oP '(`break |in `)\Kamplify\w+' "$top/CONTRIBUTING.md" | while read -r name; do
        grep -qrE --include='*.c' "^$name\(" "$top/src" || echo "$name()"
    done
}

readme_is_long() {
    awk 'END { if (NR > 250) print NR " lines, of 250 at most" }' "$top/README.md"
}

demo_refuses() {
    local page shown said

    typed | "$top/test/demo.sh" --keep > "$temp/demo" 2>&1 ||
        tail -n 5 "$temp/demo"
    said=$(sed '1,/^== a psql prompt/d' "$temp/demo")
    grep -E 'ERROR|FATAL|error:' <<< "$said" || true
    for page in report regions; do
        while IFS= read -r -d '' shown; do
            [[ $said == *"$shown"* ]] || printf '%s.md is not printed:\n%s' "$page" "$shown"
        done < <(shown_by "$page")
    done
}

need_cluster
psql -Xqc 'CREATE EXTENSION amplify_fdw'
if [ "${1:-}" = --write ]; then
    for document in "${documents[@]}"; do
        made_anew "$document" > "$temp/document"
        cat "$temp/document" > "$document"
    done
    exit
fi
for document in "${documents[@]}"; do
    no_findings "${document##*/} has the code's tables" differences "$document"
done
no_findings "the README is short" readme_is_long
no_findings "each SQLSTATE is explained" unexplained_states
for page in "${documents[@]}" "$top"/{CONTRIBUTING,{src,test,test/mock}/README}.md; do
    no_findings "what ${page#"$top"/} names is there" what_is_not_there "$page"
done
no_findings "the functions that src/README.md names are there" unknown_functions
no_findings "gdb can stop where CONTRIBUTING.md says" unknown_breakpoints
no_findings "the README and pages can be typed at the demo's prompt" demo_refuses
done_testing
