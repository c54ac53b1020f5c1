#!/usr/bin/env bash
# Runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
make -s with_llvm=no >/dev/null
make -s -C test/mock
prove -q test/unit/*.t
