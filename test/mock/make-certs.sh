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
# More of that CA, each for what its name says: future (valid from 2040 on),
# client (not a server's), cn and cn_address (of these hosts by their common
# names alone), cn_other (by its common name, while the alternative ones are
# others), letters (a common name of 63 emoji), address (127.0.0.1 only),
# dns_address (127.0.0.1 as if it were a DNS name), wild (*.test.localhost) and
# too_wild (*.localhost).
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

# make_cert NAME SUBJECT-ALT-NAMES CA CA-KEY FIRST-DAY LAST-DAY [COMMON-NAME [USAGE]]
# Without alternative names if these are "".
make_cert()
{
	new_key "$1.key"
	quiet openssl req -new -utf8 -key "$1.key" -subj "/CN=${7:-$1}" \
		-out "$work/$1.csr" ${2:+-addext "subjectAltName=$2"} \
		-addext "extendedKeyUsage=${8:-serverAuth}" \
		-addext 'basicConstraints=CA:FALSE'
	quiet openssl ca -batch -utf8 -notext -config "$work/ca.cnf" -cert "$3" \
		-keyfile "$4" -startdate "$5" -enddate "$6" -in "$work/$1.csr" \
		-out "$1.pem"
}

# more NAME SUBJECT-ALT-NAMES [COMMON-NAME [USAGE]]
more()
{
	make_cert "$1" "$2" ca.pem "$work/ca.key" "$start" "$end" "${3:-}" "${4:-}"
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
make_cert future "$here" ca.pem "$work/ca.key" 20400101000000Z "$end"
more client "$here" '' clientAuth
more cn '' localhost
more cn_address '' 127.0.0.1
more cn_other "$there" localhost
more letters '' "x$(printf '\360\237\230\200%.0s' $(seq 63))"
more address IP:127.0.0.1
more dns_address DNS:127.0.0.1
more wild 'DNS:*.test.localhost'
more too_wild 'DNS:*.localhost'
