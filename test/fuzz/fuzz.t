#!/usr/bin/env bash
# A short run of each fuzzer, and always the same: it is bounded by the number
# of inputs, about a minute's worth in all, and its random numbers begin with
# the same seed.  So what fails here fails for everybody, and because of the
# change that is being tested; to find what nobody has met yet, `make run` may
# take its hours.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# Debian has the run time of the sanitizers and of libFuzzer in a package of
# its own; whether it is clang's is seen when something is linked with it.
probes+=(
    [clang]='clang --version'
    [libclang-rt-dev]='echo "int LLVMFuzzerTestOneInput(void) { return 0; }" |
        clang -x c -fsanitize=fuzzer,address -o /dev/null -'
)

# What is fuzzed: the folder, the target of make, the number of inputs
fuzzers='
fuzz run 2500000
unit fuzz 400000
'

skip() {
    printf '1..0 # SKIP %s\n' "$1"
    exit 0
}

# The last lines have what was found: the stack, and the input
run_fuzzer() {
    local log

    if ! log=$(make -s -C "$tree/test/$1" "$2" \
            FUZZ_LIMIT="-runs=$3 -seed=1" 2>&1) ||
        ! grep -q "^Done $3 runs" <<< "$log"; then
        tail -n 60 <<< "$log"
    fi
}

need_packages "${build_packages[@]}" server >&2
(need_packages clang libclang-rt-dev) >&2 || skip 'clang cannot be had'
need_build >&2
while read -r folder target runs; do
    [ -z "$folder" ] ||
        no_findings "make -C test/$folder $target: $runs inputs" \
            run_fuzzer "$folder" "$target" "$runs"
done <<< "$fuzzers"
done_testing
