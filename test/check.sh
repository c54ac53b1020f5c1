#!/usr/bin/env bash
# check.sh [STEP...] - runs all tests, or those of the steps named.
#
# On a fresh Debian, as root, it installs what is missing.  It ends with one
# line, "N passed, N failed", and fails if any test has.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

passed=0
failed=0
failed_logs=()

# ---------- the steps; each prints what prove or pg_regress prints ----------

# Building is a test: warnings are errors here.
step_build() {
    make_options=(COPT=-Werror)
    need_build
    echo "Files=1, Tests=1"
}

step_style() {
    prove "$top/test/style.sh"
}

step_layers() {
    prove "$tree/test/layers.sh" :: "$tree"
}

step_scripts() {
    prove "$top/test/scripts.sh"
}

step_docs() {
    prove "$top/test/docs.sh"
}

step_unit() {
    need_packages perl openssl python3-botocore
    prove "$tree"/test/unit/*.t
}

# All of it at the most talkative log level, which must not tell the secret
step_regress() {
    need_cluster
    psql -Xqc "ALTER SYSTEM SET log_min_messages = debug5" \
        -c "SELECT pg_reload_conf()" > /dev/null
    make -s -C "$tree" with_llvm=no installcheck || {
        head -n 500 "$tree/regression.diffs"
        return 1
    }
    # PostgreSQL itself shows DDL that a function runs, as context
    awk -v secret=wJalrXUtnFEMI '
        index($0, secret) && last !~ /SQL statement "CREATE USER MAPPING/ {
            print "# the log has the secret: " substr($0, 1, 60)
            told = 1
        }
        { last = $0 }
        END { print "test secrets_in_log ... " (told ? "FAILED" : "ok") " " NR " lines" }
    ' "$temp/data/log"
}

# What one session can't show
step_tap() {
    need_packages perl libipc-run-perl openssl cron nghttp2-proxy pgbouncer \
        pgpool2
    grep -qx credential_cli <<< "${AMPLIFY_TEST_LEFT_OUT:-}" ||
        need_packages awscli
    "$top/test/run-tap.sh"
}

# What statements cost, as they get larger
step_growth() {
    prove "$top/test/bench/growth.t"
}

# Sessions that are killed, a service that fails, memory that is out
step_torture() {
    need_packages perl libipc-run-perl openssl
    "$tree/test/run-tap.sh" ../torture/{kill,soak,malloc}
}

# As much of that as it takes; most of an hour
step_torture-long() {
    export KILLS=${KILLS:-5000} SOAK_MINUTES=${SOAK_MINUTES:-30} MALLOC_ALL=1
    step_torture
}

# Clients that nobody here wrote
step_clients() {
    prove "$tree"/test/clients/*.t
}

step_differential() {
    prove "$tree"/test/differential/*.t
}

step_fuzz() {
    prove "$tree"/test/fuzz/*.t
}

# What users get; of what is committed
step_package() {
    need_packages perl
    prove "$top/test/package/release.t" "$top/test/package.sh"
}

# ---------- running and counting ----------

run_step() {
    local log=$temp/$1.log status=0

    say "$1"
    set +e
    # In a subshell, a step ends at its first error
    (set -e; "step_$1") 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
    add_result "$1" "$status"
}

add_result() {
    local log=$temp/$1.log of_step

    read -ra of_step <<< "$(count "$log" "$2")"
    passed=$((passed + of_step[0]))
    failed=$((failed + of_step[1]))
    [ "${of_step[1]}" -eq 0 ] || failed_logs+=("$log")
}

# Steps that run beside others, which wait more than they compute, and go first.
# finish_beside shows what these have printed.
start_beside() {
    local step

    beside=("$@")
    beside_pids=()
    for step; do
        (
            renice -n 10 "$BASHPID" > /dev/null
            set +e
            (set -e; "step_$step") > "$temp/$step.log" 2>&1
            echo $? > "$temp/$step.status"
        ) &
        beside_pids+=($!)
    done
}

finish_beside() {
    local step

    wait "${beside_pids[@]}"
    for step in "${beside[@]}"; do
        say "$step"
        cat "$temp/$step.log"
        add_result "$step" "$(cat "$temp/$step.status")"
    done
}

run_all() {
    local package=()

    # that is made of what is committed
    [ ! -e "$top/.git" ] || package=(package)
    start_beside style fuzz
    run_steps layers scripts docs unit regress tap
    finish_beside
    start_beside clients "${package[@]}"
    run_steps growth torture differential
    finish_beside
}

run_steps() {
    local step

    for step; do
        [ "$step" = build ] || run_step "$step"
    done
}

# Once more what failed, where somebody looks who has only the end of a long log
show_failed() {
    local log

    for log in "${failed_logs[@]}"; do
        say "failed: $(basename "$log" .log)"
        grep -E -m 40 'not ok |FAILED|Failed |^#   |^[-+][^-+]' \
            "$log" || tail -n 20 "$log"
    done
}

finish() {
    show_failed
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
}

for step; do
    declare -F "step_$step" > /dev/null || die "no such step: $step"
done

place_build
run_step build
[ "$failed" -eq 0 ] || finish
if [ $# -eq 0 ]; then
    run_all
else
    run_steps "$@"
fi
finish
