#!/bin/sh
# Compare src/aws/sigv4.c with botocore, from any directory.
cd "$(dirname "$0")" || exit 1
make -s sigv4_driver >&2 || exit 1
exec ./sigv4_botocore.py
