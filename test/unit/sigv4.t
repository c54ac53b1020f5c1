#!/bin/sh
# Build and run the C tests of src/aws/sigv4.c, from any directory.
cd "$(dirname "$0")" || exit 1
make -s sigv4_test >&2 || exit 1
exec ./sigv4_test
