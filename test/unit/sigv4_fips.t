#!/bin/sh
# Where OpenSSL may only use a FIPS provider that is not there, signing fails
# cleanly; it neither crashes nor signs by something else.
cd "$(dirname "$0")" || exit 1
make -s sigv4_driver >&2 || exit 1
conf=$(mktemp)
trap 'rm -f "$conf"' EXIT
cat > "$conf" << 'END'
openssl_conf = init
[init]
alg_section = algorithms
[algorithms]
default_properties = fips=yes
END

# AKID, key, timestamp, us-east-1, amplify, GET, /apps, no query, no payload,
# host: h
request=414b4944,6b6579,3230323530313032543033303430355a,75732d656173742d31,616d706c696679,474554,2f61707073,,,686f7374,68,

echo 1..2
if printf '%s\n' "$request" | ./sigv4_driver | grep -q ,; then
    echo 'ok 1 - the request is signed'
else
    echo 'not ok 1 - the request is signed'
fi
printf '%s\n' "$request" |
    OPENSSL_CONF=$conf ./sigv4_driver > /dev/null 2>&1
if [ $? -eq 1 ]; then
    echo 'ok 2 - without an allowed provider, signing fails'
else
    echo 'not ok 2 - without an allowed provider, signing fails'
fi
