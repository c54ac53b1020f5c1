#!/bin/sh
# make-certs.sh DIR - makes a test CA and server certificates, good and bad.
#
#   ca.pem                      the CA that tests trust
#   server.pem server.key       good: localhost and 127.0.0.1
#   expired.pem .key            of the CA, ended in 2021
#   wronghost.pem .key          of the CA, for another host
#   selfsigned.pem .key         of nobody
#   otherca.pem .key            of a CA that is not trusted
#
# For tests only: all keys are without a passphrase.
set -eu

[ $# -eq 1 ] || { echo "usage: make-certs.sh DIR" >&2; exit 1; }
mkdir -p "$1"
cd "$1"
umask 077

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here='DNS:localhost,IP:127.0.0.1'
there='DNS:amplify.example.com'

cat > "$work/ca.cnf" <<END
[ca]
default_ca = test
[test]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
END
: > "$work/index"
echo 01 > "$work/serial"

quiet()
{
	"$@" 2> "$work/errors" || { cat "$work/errors" >&2; exit 1; }
}

new_key()
{
	quiet openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

# make_ca CERTIFICATE KEY NAME
make_ca()
{
	new_key "$2"
	quiet openssl req -x509 -new -key "$2" -sha256 -subj "/CN=$3" \
		-days 3650 -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$1"
}

# make_cert NAME SUBJECT-ALT-NAMES CA CA-KEY FIRST-DAY LAST-DAY
make_cert()
{
	new_key "$1.key"
	quiet openssl req -new -key "$1.key" -subj "/CN=$1" -out "$work/$1.csr" \
		-addext "subjectAltName=$2" -addext 'extendedKeyUsage=serverAuth' \
		-addext 'basicConstraints=CA:FALSE'
	quiet openssl ca -batch -notext -config "$work/ca.cnf" -cert "$3" \
		-keyfile "$4" -startdate "$5" -enddate "$6" -in "$work/$1.csr" \
		-out "$1.pem"
}

start=20200101000000Z
end=20491231235959Z
make_ca ca.pem "$work/ca.key" 'amplify_fdw test CA'
make_ca "$work/other.pem" "$work/other.key" 'amplify_fdw other CA'
make_cert server "$here" ca.pem "$work/ca.key" "$start" "$end"
make_cert expired "$here" ca.pem "$work/ca.key" "$start" 20210101000000Z
make_cert wronghost "$there" ca.pem "$work/ca.key" "$start" "$end"
make_cert otherca "$here" "$work/other.pem" "$work/other.key" "$start" "$end"
new_key selfsigned.key
quiet openssl req -x509 -new -key selfsigned.key -sha256 -days 3650 \
	-subj /CN=localhost -addext "subjectAltName=$here" -out selfsigned.pem
