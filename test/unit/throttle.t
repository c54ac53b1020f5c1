#!/bin/sh
# Build and run the C tests of src/request/throttle.c, from any directory.
cd "$(dirname "$0")" || exit 1
make -s throttle_test >&2 || exit 1
exec ./throttle_test
