#!/usr/bin/python3
"""Compare src/sigv4.c with botocore's signer on random requests.

The requests come from a fixed seed, so every run is the same.  Each is signed
by botocore at a fixed time and by ./sigv4_driver, from what botocore would
send: the path and query of its URL and the headers that it signs.  Canonical
request, string to sign and Authorization header must agree byte for byte.

Left out, because the SDKs themselves disagree there: queries that are not
encoded as a client would encode them (botocore signs them as they are).
"""
import datetime
import random
import subprocess
import sys
from unittest import mock
from urllib.parse import quote, urlsplit

try:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print('1..0 # SKIP botocore is not installed')
    sys.exit(0)

REQUESTS_PER_GROUP = 1000
GROUPS = ('plain', 'path', 'query', 'header', 'payload', 'mixed')
STAGES = ('canonical request', 'string to sign', 'Authorization')
HOSTS = ('amplify.{}.amazonaws.com', 'AMPLIFY.{}.API.AWS', '127.0.0.1:18999',
         'localhost:4566', '[::1]:8080', '[fd00::1]', 'proxy.example:443',
         'proxy.example:80')
REGIONS = ('us-east-1', 'eu-west-1', 'ap-southeast-2', 'us-gov-west-1')
CHARACTERS = ("abzAZ019-._~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\t\n\x01\x7f"
              '\xa0\xe9\xdf\u20ac\u65e5\u672c\U0001f600')

rng = random.Random(20250102)


class RecordingAuth(SigV4Auth):
    """Keeps what SigV4Auth computes on its way."""

    def string_to_sign(self, request, canonical_request):
        self.signed = self.headers_to_sign(request)
        self.canonical = canonical_request
        self.to_sign = super().string_to_sign(request, canonical_request)
        return self.to_sign


def text(low, high):
    return ''.join(rng.choice(CHARACTERS)
                   for _ in range(rng.randint(low, high)))


def encoded(low, high):
    """A random part as our client sends it, now and then of random bytes."""
    if rng.random() < 0.2:
        part = bytes(rng.randrange(256) for _ in range(rng.randint(low, high)))
    else:
        part = text(low, high)
    return quote(part, safe='-_.~')


def random_path():
    odd = ('', '.', '..', '...', '%2E%2E', '%2e', '%2F', '%25', 'a b', "(x)'",
           '\xe9', '@:;,=+$!*')
    path = ''.join('/' + (rng.choice(odd) if rng.random() < 0.3
                          else encoded(1, 20))
                   for _ in range(rng.randint(0, 8)))
    return path + rng.choice(('', '', '/'))


def random_query():
    keys = [encoded(1, 8) for _ in range(4)] + ['nextToken', 'maxResults', 'a']
    pairs = []
    for _ in range(rng.randint(0, 10)):
        value = encoded(0, 2000 if rng.random() < 0.02 else 20)
        # botocore, too, writes '=' after a key without a value
        pairs.append(rng.choice(keys) + ('=' if rng.random() < 0.9 or value
                                         else '') + value)
    return '&'.join(pairs)


def random_headers():
    def blanks():
        return rng.choice(('', '', ' ', '  ', '\t', ' \t '))
    words = ('a', 'b;c', 'd=e', '"f  g"', 'caf\xe9', '1,2')
    return {name: blanks() + ''.join(rng.choice(words) + blanks()
                                     for _ in range(rng.randint(0, 4)))
            for name in rng.sample(('X-Amz-Meta', 'Content-Type', 'Accept',
                                    'X-Amz-Meta-A', 'Zeta', 'x-amz',
                                    'Amz-Sdk-Request'), rng.randint(0, 5))}


def random_request(group):
    every = group == 'mixed'
    region = rng.choice(REGIONS)
    path = '/apps/d1a2b3c4d5/backendenvironments/dev'
    query, headers, method, body = '', {}, 'GET', b''
    if every or group == 'path':
        path = random_path()
    if every or group == 'query':
        query = random_query()
    if every or group == 'header':
        headers = random_headers()
    if every or group == 'payload':
        method = rng.choice(('POST', 'PUT', 'DELETE'))
        body = bytes(rng.randrange(256) for _ in range(rng.choice(
            (0, 1, 55, 56, 63, 64, 65, 300))))
    url = (rng.choice(('https://', 'http://'))
           + rng.choice(HOSTS).format(region) + path
           + ('?' + query if query else ''))
    return region, AWSRequest(method=method, url=url, headers=headers,
                              data=body)


def random_credentials():
    token = None
    if rng.random() < 0.5:
        token = ''.join(rng.choice('AZaz09+/=') for _ in range(
            rng.choice((20, 500, 1500, 4000))))
    return Credentials('AKIA%012d' % rng.randrange(10 ** 12),
                       ''.join(rng.choice('AZaz09+/') for _ in range(
                           rng.choice((0, 1, 40, 60, 61, 128)))), token)


def expected(group):
    """Sign one request with botocore: the driver's input and the response."""
    region, request = random_request(group)
    credentials = random_credentials()
    service = rng.choice(('amplify', 'amplify', 'sts'))
    now = datetime.datetime(2025, 1, 2, 3, 4, 5) + datetime.timedelta(
        seconds=rng.randrange(10 ** 8))
    auth = RecordingAuth(credentials, service, region)
    with mock.patch('botocore.auth.datetime') as patched:
        patched.datetime.utcnow.return_value = now
        auth.add_auth(request)

    sent = urlsplit(request.prepare().url)
    fields = [credentials.access_key, credentials.secret_key,
              request.context['timestamp'], region, service, request.method,
              sent.path, sent.query, request.body or b'']
    for name in sorted(set(auth.signed)):
        fields += [name, auth.signed[name]]
    return fields, [auth.canonical, auth.to_sign,
                    request.headers['Authorization']]


def to_line(fields):
    return ''.join((f if isinstance(f, bytes) else f.encode()).hex() + ','
                   for f in fields)


def run_group(number, group):
    cases = [expected(group) for _ in range(REQUESTS_PER_GROUP)]
    driver = subprocess.run(['./sigv4_driver'], encoding='ascii', check=False,
                            input=''.join(to_line(f) + '\n' for f, _ in cases),
                            stdout=subprocess.PIPE)
    answers = driver.stdout.splitlines()
    failed = driver.returncode != 0 or len(answers) != len(cases)
    for (fields, want), answer in zip(cases, answers):
        got = [bytes.fromhex(f).decode(errors='replace')
               for f in answer.split(',')[:-1]]
        stage = next((i for i in range(3) if got[i] != want[i]), None)
        if stage is not None:
            if not failed:
                print(f'# {STAGES[stage]} of {fields!r}\n'
                      f'# botocore {want[stage]!r}\n#      got {got[stage]!r}')
            failed = True
    print(f'{"not " if failed else ""}ok {number} - {len(answers)} requests, '
          f'{group}', flush=True)
    return not failed


def main():
    print(f'1..{len(GROUPS)}')
    results = [run_group(i + 1, group) for i, group in enumerate(GROUPS)]
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
