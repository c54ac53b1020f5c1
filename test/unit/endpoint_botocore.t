#!/bin/sh
# Compare src/aws/endpoint.c with botocore, from any directory.
cd "$(dirname "$0")" || exit 1
make -s endpoint_driver >&2 || exit 1
exec ./endpoint_botocore.py
