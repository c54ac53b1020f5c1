#!/bin/sh
# Build and run the C tests of src/request/budget.c, from any directory.
cd "$(dirname "$0")" || exit 1
make -s budget_test >&2 || exit 1
exec ./budget_test
