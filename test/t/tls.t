# A server proves who it is, or it is told nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use IO::Socket::INET;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $certs = PostgreSQL::Test::Utils::tempdir();
my $dir = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $node = new_node('tls');
my $session = connect_to($node);

sub mock_with
{
    my ($cert) = @_;

    return Mock->start(dir => $dir, args => [ '--generate', '3,2', '--cert',
        "$certs/$cert.pem", '--key', "$certs/$cert.key" ]);
}

sub ask
{
    my ($server) = @_;

    $session->rows('SELECT amplify_fdw_stats_reset()');
    return $session->query("SELECT environment_name FROM
        $server.backend_environments WHERE app_id = 'd00000000001' AND
        environment_name = 'dev'");
}

# "calls, retries"
sub counted
{
    my ($server) = @_;

    return join ', ', @{ $session->rows("SELECT calls, retries FROM
        amplify_fdw_stats() WHERE server_name = '$server'")->[0] };
}

# Three claims: refused, for that reason, and at once.
sub is_refused
{
    my ($server, $reason, $name, $result) = @_;

    $result ||= ask($server);
    is(Session::state_of($result), 'HV00N', "$name: refused");
    like($result->{error}{D} || '', $reason, "$name: the detail says why");
    is(counted($server), '1, 0', "$name: not tried again");
    note Session::describe($result);
    return;
}

# ---- the mock ----

my $good = mock_with('server');
my %ca = (ca_bundle => "$certs/ca.pem");

add_server($session, 'good', $good->tls_url, %ca);
my $before = warm_up($session, 'good');
is($good->connections('accepted'), 1, 'a good certificate is accepted');
add_server($session, 'by_address',
    $good->tls_url =~ s/localhost/127.0.0.1/r, %ca);
is(Session::state_of(ask('by_address')), '00000',
    'one for an address, too');

my $calls = $good->calls;
add_server($session, 'unknown_ca', $good->tls_url);
is_refused('unknown_ca', qr/unable to get local issuer certificate/,
    'a CA that is not the system\'s');
add_server($session, 'no_bundle', $good->tls_url,
    ca_bundle => "$certs/no-such.pem");
is_refused('no_bundle', qr/no-such\.pem/, 'a bundle that is not there');
is($good->calls, $calls, 'they were asked nothing');

# ---- other certificates ----

# A certificate, a host that it is asked by, and why it is refused; without that, it
# is taken.  libcurl believes a common name where no other name is.
my $no_name = qr/no alternative certificate subject name matches/;
my @certificates = (
    [ 'expired',     'localhost', qr/certificate has expired/ ],
    [ 'future',      'localhost', qr/certificate is not yet valid/ ],
    [ 'selfsigned',  'localhost', qr/self-signed certificate/ ],
    [ 'otherca',     'localhost', qr/unable to get local issuer certificate/ ],
    [ 'client',      'localhost', qr/certificate purpose/ ],
    [ 'wronghost',   'localhost', $no_name ],
    [ 'server',      'LocalHost' ],
    [ 'server',      'aws.localhost', $no_name ],
    [ 'address',     '127.0.0.1' ],
    [ 'address',     'localhost', $no_name ],
    [ 'dns_address', '127.0.0.1', $no_name ],
    [ 'cn',          'localhost' ],
    [ 'cn',          '127.0.0.1', qr/subject name 'localhost' does not match/ ],
    [ 'cn_address',  '127.0.0.1' ],
    [ 'cn_other',    'localhost', $no_name ],
    [ 'wild',        'aws.test.localhost' ],
    [ 'wild',        'test.localhost', $no_name ],
    [ 'wild',        'us.aws.test.localhost', $no_name ],
    [ 'too_wild',    'aws.localhost', $no_name ],
    # libcurl's words are cut within a letter, which is left out then
    [ 'letters',     'localhost', qr{subject name 'x(?:\xf0\x9f\x98\x80){40,60}[^\x80-\xff]*$} ],
);
for my $case (@certificates)
{
    my ($cert, $host, $reason) = @$case;
    my $mock = mock_with($cert);
    my $server = "${cert}_" . lc($host =~ s/\W/_/gr);

    add_server($session, $server, $mock->tls_url =~ s/localhost/$host/r, %ca);
    if ($reason)
    {
        is_refused($server, $reason, "$cert for $host");
        is($mock->calls, 0, '... asked nothing');
    }
    else
    {
        is(Session::state_of(ask($server)), '00000', "$cert for $host: accepted");
        is($mock->calls, 1, '... and asked');
    }
}

# ---- other servers ----

# A server of the old protocol only.  It tells its port when it is ready.
my $pid = open my $old, '-|', qw(openssl s_server -www -tls1_1 -cipher
    DEFAULT@SECLEVEL=0 -accept 127.0.0.1:0 -cert), "$certs/server.pem",
    '-key', "$certs/server.key"
    or die "openssl: $!";
my $port;
while (!$port && defined(my $line = <$old>))
{
    ($port) = $line =~ /^ACCEPT.*:(\d+)/;
}
die 'openssl does not listen' if !$port;
add_server($session, 'old_protocol', "https://localhost:$port", %ca);
is_refused('old_protocol', qr/unsupported protocol|protocol version/,
    'TLS 1.1');
kill TERM => $pid;
close $old;

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8)
    or die "cannot listen: $!";
add_server($session, 'no_tls', 'https://localhost:' . $listener->sockport,
    %ca);
$session->rows('SELECT amplify_fdw_stats_reset()');
$session->send("SELECT * FROM no_tls.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'");
my $connection = $listener->accept;
sysread $connection, my $hello, 1000;
syswrite $connection, "HTTP/1.1 400 Bad Request\r\n\r\n";
is_refused('no_tls', qr/wrong version number/, 'a server without TLS',
    $session->result);
is(substr($hello, 0, 1), "\x16", 'it was told no more than hello');

is(harm($session, 'good', $before), '', 'nothing is left of all that');

done_testing();
