#!/bin/sh
# Build and run the C tests of src/limit.c, from any directory.
cd "$(dirname "$0")" || exit 1
make -s limit_test >&2 || exit 1
exec ./limit_test
