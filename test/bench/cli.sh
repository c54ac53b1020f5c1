#!/usr/bin/env bash
# cli.sh [APPS [PER_APP]] - copies all environments of an account into a table: by
# the AWS CLI and COPY, and by SQL; on the same mock, which takes 20 ms for an
# answer, with 10 calls in flight at most.
#
# Prints a table, CPU time with what the backend took.  It is no test: look at the
# ratios, not at the milliseconds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

apps=${1:-20}
per_app=${2:-5}

# A statement in a session of its own, whose CPU time in ns goes into a file
session() {
    psql -XqAt -c "$1" -o "$temp/backend_ns" \
        -c "SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)"
}

amplify() {
    aws --endpoint-url "$AMPLIFY_MOCK_URL" --output text amplify "$@"
}
export -f amplify

# One program for each app, as many as this at once; each into a file of its own,
# for they would write into one another's lines
by_cli() {
    rm -rf "$temp/pages"
    mkdir "$temp/pages"
    amplify list-apps --query 'apps[].[appId]' |
        xargs -P "$1" -I {} bash -c 'amplify list-backend-environments --app-id "$1" \
            --max-results 50 --query "backendEnvironments[].[
                backendEnvironmentArn, environmentName, stackName, deploymentArtifacts,
                to_string(createTime), to_string(updateTime)]" > "$2/$1"' \
            bash {} "$temp/pages"
    cat "$temp"/pages/* | session "COPY copied FROM STDIN (NULL 'None')"
}

by_sql() {
    session "INSERT INTO copied SELECT backend_environment_arn, environment_name,
        stack_name, deployment_artifacts, create_time, update_time
        FROM backend_environments"
}

# NAME COMMAND...: a line of the table; the rows must be there
measure() {
    local name=$1 begin end rows cpu TIMEFORMAT='%U %S'

    shift
    psql -Xqc 'TRUNCATE copied'
    "$tree/test/mock/mockctl" reset > /dev/null
    "$tree/test/mock/mockctl" latency 20 > /dev/null
    begin=$(date +%s%N)
    { time "$@"; } 2> "$temp/cpu" || die "$name: $(cat "$temp/cpu")"
    end=$(date +%s%N)
    rows=$(psql -XAtc 'SELECT count(*) FROM copied')
    [ "$rows" -eq $((apps * per_app)) ] || die "$name: $rows rows"
    cpu=$(tail -n 1 "$temp/cpu" |
        awk -v ns="$(cat "$temp/backend_ns")" '{ print ($1 + $2) * 1000 + ns / 1e6 }')
    printf '| %-22s | %6d | %6.0f | %5d |\n' "$name" $(((end - begin) / 1000000)) \
        "$cpu" "$("$tree/test/mock/mockctl" total)"
}

PATH=/usr/bin:$PATH             # the distribution's aws
need_packages awscli server "${build_packages[@]}"
need_cluster
start_mock --generate "$apps,$per_app"
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
psql -Xq -f "$tree/test/setup.psql" -c "CREATE TABLE copied (arn text, name text,
    stack_name text, artifacts text, create_time timestamptz, update_time timestamptz)" \
    > /dev/null
printf '%s\n' '| way | ms | CPU ms | calls |' '|---|---|---|---|'
measure 'aws + COPY, one by one' by_cli 1
measure 'aws + COPY, 10 at once' by_cli 10
measure 'SQL, new session' by_sql
