# Requests by way of a proxy: with a password, with a role, and when it refuses.
# What a proxy says is never what Amplify says.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Mock;
use PostgreSQL::Test::Utils;
use Proxy;
use Test::More;

use constant PASSWORD => 'canary: p@ss/word';

my $dir = PostgreSQL::Test::Utils::tempdir();
my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => $dir,
    args => [ '--generate', '3,2', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);
my $decoy = new_mock();
my $node = new_node('proxy');

# None of these has any effect.
write_file("$dir/.netrc", "machine 127.0.0.1 login a password b\n");
restart_with($node, HOME => $dir, NO_PROXY => '*', no_proxy => '*',
    map { $_ => $decoy->url, lc $_ => $decoy->url }
    qw(HTTP_PROXY HTTPS_PROXY ALL_PROXY));

my $session = connect_to($node);
my %keys = (access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY);
my %password = (proxy_user => 'me', proxy_password => PASSWORD);
my %endpoints = (http => $mock->url, https => $mock->tls_url);
my $servers = 0;

# A server behind that proxy, and what a Get gives: the state, rows, calls
sub through
{
    my ($proxy, $scheme, %mapping) = @_;
    my $name = "s$servers";

    $servers++;
    add_server($session, $name, $endpoints{$scheme}, proxy => $proxy->url,
        ca_bundle => "$certs/ca.pem", sts_endpoint_url => $endpoints{$scheme},
        mapping => { %keys, %mapping });
    $mock->reset;
    my $result = $session->query("SELECT environment_name FROM
        $name.backend_environments WHERE app_id = 'd00000000001' AND
        environment_name = 'dev'");
    return ($result, Session::state_of($result) . ': '
        . join(' ', map { @$_ } @{ $result->{rows} }) . ', '
        . $mock->calls . ' calls');
}

my $good = Proxy->start(dir => $dir);
my $strict = Proxy->start(dir => $dir, user => 'me', password => PASSWORD);

for my $scheme (qw(http https))
{
    my $first = $scheme eq 'http' ? 'GET http://127.0.0.1:\d+/apps/'
        : 'CONNECT localhost:\d+';

    is((through($good, $scheme))[1], '00000: dev, 1 calls', "$scheme: keys");
    like(($good->heard)[-1], qr{^$first.* HTTP/1.1 -$},
        "$scheme: what the proxy hears");
    is((through($good, $scheme, role_arn => ROLE))[1], '00000: dev, 2 calls',
        "$scheme: a role");
    is((through($strict, $scheme, %password))[1], '00000: dev, 1 calls',
        "$scheme: a password");
    is((through($strict, $scheme, %password, role_arn => ROLE))[1],
        '00000: dev, 2 calls', "$scheme: a password, and a role");
}
cmp_ok(scalar($good->heard), '>=', 4, 'NO_PROXY has no effect');

# ---- refusals ----

for my $mapping ({}, { %password, proxy_password => 'canary: wrong' })
{
    my ($result, $text) = through($strict, 'https', %$mapping);

    is($text, 'HV00N: , 0 calls', 'a wrong password or none');
    like($result->{error}{M}, qr/the proxy refuses the connection/, '... of the proxy');
    unlike(Session::describe($result), qr/canary/, '... and no secret');
    unlike($result->{error}{D}, qr/Attempts/, '... once');
}
is((through($strict, 'http'))[1], 'HV00N: , 0 calls', 'http: no password');

for my $status ('407 X', '403 Forbidden', '404 Not Found', '302 Found',
    '500 X', '502 X', '503 X')
{
    my $proxy = Proxy->start(dir => $dir, refuse => $status);
    my ($result, $text) = through($proxy, 'https');

    is($text, 'HV00N: , 0 calls', "CONNECT: $status");
    is(scalar($proxy->heard), 1, '... is not tried again');
    ($result, $text) = through($proxy, 'https', role_arn => ROLE);
    like($text, qr/^28000/, '... with a role');
    is(scalar($proxy->heard), 2, '... is not tried again either');
}

# ---- what a proxy says is not the response ----

my $liar = Proxy->start(dir => $dir,
    header => "x-amzn-ErrorType: NotFoundException\r\nAge: 5\r\n"
        . "Date: Fri, 31 Dec 2038 23:59:59 GMT\r\n");

is((through($liar, 'https'))[1], '00000: dev, 1 calls',
    'headers of the proxy: a row stays a row');
my $name = 's' . ($servers - 1);
$session->rows('SELECT amplify_fdw_disconnect_all()');
$mock->fault(status => 503, n => -1);
is(Session::state_of($session->query("SELECT * FROM $name.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'")), '58000',
    '... and a failure a failure');

# libcurl 7.88 does not take it, later ones may
my $hasty = Proxy->start(dir => $dir, say => "HTTP/1.1 103 Early Hints\r\n"
    . "x-amzn-ErrorType: NotFoundException\r\n\r\n");
like((through($hasty, 'https'))[1],
    qr/^(00000: dev, 1|HV00N: , 0) calls$/, 'an interim response of the proxy');
my $proxy = Proxy->start(dir => $dir,
    header => join '', map { "x-$_: " . 'x' x 1000 . "\r\n" } 1 .. 1000);
like((through($proxy, 'https'))[1], qr/^HV00[MN]: , 0 calls/,
    '1 MB of headers of the proxy');

is($decoy->connections('accepted'), 0, 'no proxy of the environment was used');
unlike(slurp_file($node->logfile), qr/canary/, 'no secret in the log');
done_testing();
