# How long a statement waits, and how often it tries, is what the options of
# the server say.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Dns;
use IO::Socket::INET;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant PATIENCE => 30;    # seconds that a loaded machine may take

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '3,2' ]);
my $dns = Dns->install(PostgreSQL::Test::Utils::tempdir());
my $node = new_node('timeouts', shim => $dns->shim);
my $session = connect_to($node);

sub listen_on_loopback
{
    my ($queue) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => $queue)
        || die "cannot listen: $!";
}

# Accepts, and says nothing
my $mute = listen_on_loopback(64);
# Its queue is full
my $full = listen_on_loopback(1);
my @fillers = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $full->sockport, Blocking => 0)
} 1 .. 5;
# bound, so that nobody else gets the port, and not listening
my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "no port: $@";
my $closed_port = $closed->sockport;

add_server($session, 'good', $mock->url);

my %options = (connect_timeout => 200, request_timeout => 300,
    max_attempts => 2);
my %url = (
    hasty => $mock->url,
    mute => 'http://127.0.0.1:' . $mute->sockport,
    mute_tls => 'https://127.0.0.1:' . $mute->sockport,
    crowded => 'http://127.0.0.1:' . $full->sockport,
    closed => "http://127.0.0.1:$closed_port",
    nowhere => 'http://a.hang.test',
    absent => 'http://absent.test',
    servfail => 'http://servfail.test',
    here => 'http://here.test:' . $mock->port,
);
add_server($session, $_, $url{$_}, %options) for sort keys %url;

# A query, and "SQLSTATE, attempts"; dies if it has taken less than that
sub outcome
{
    my ($server, $least) = @_;
    my $start = time;

    $session->rows('SELECT amplify_fdw_stats_reset()');
    my $result = $session->query("SELECT * FROM $server.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'");
    my $time = time - $start;
    my $calls = $session->value("SELECT calls FROM amplify_fdw_stats()
        WHERE server_name = '$server'");
    note "$server: $time s, ", Session::describe($result);
    die "took $time s, and not $least" if $time < ($least || 0);
    die "took $time s"                 if $time > PATIENCE;
    return Session::state_of($result) . ", $calls";
}

my $before = warm_up($session, 'good');

# ---- request_timeout ----

for my $stall (qw(request headers body))
{
    $mock->fault(stall => $stall, n => -1);
    is(outcome('hasty', 0.6), 'HV00N, 2', "a response that stops: $stall");
    $mock->reset;
}
$mock->fault(drip => 50, n => -1);
is(outcome('hasty', 0.6), 'HV00N, 2', 'a response that comes too slowly');
$mock->reset;
$mock->fault(stall => 'body');
is(outcome('hasty', 0.3), '00000, 2', 'one answer that stops');
$mock->reset;
$mock->fault(latency => 600, n => -1);
is(outcome('good', 0.6), '00000, 1', 'a slow answer that may be slow');
$mock->reset;

# ---- connect_timeout ----

is(outcome('mute', 0.6), 'HV00N, 2', 'a server that never answers');
is(outcome('mute_tls', 0.4), 'HV00N, 2', 'a TLS handshake that stops');
is(outcome('crowded', 0.4), 'HV00N, 2', 'a connection that is never made');
is(outcome('nowhere', 0.4), 'HV00N, 2', 'a name that is never resolved');
poll_until(
    sub {
        $dns->answer;
        threads($session->pid) == 1;
    },
    'the resolver to end');

# ---- without a time-out ----

is(outcome('closed', 0.2), 'HV00N, 2', 'a port where nobody listens (yet)');
is(outcome('absent'), 'HV00N, 2', 'a name that does not exist');
is(outcome('servfail'), 'HV00N, 2', 'a name server that fails');
is(outcome('here'), '00000, 1', 'a name that is resolved');

$mock->reset;

# ---- max_attempts ----

for my $attempts (1, 2, 5)
{
    $session->rows("ALTER SERVER hasty OPTIONS (SET max_attempts '$attempts')");
    $mock->fault(status => 500, n => -1);
    is(outcome('hasty'), "58000, $attempts", "max_attempts $attempts");
    is($mock->calls, $attempts, 'and so says the mock');
    $mock->reset;
    $mock->fault(status => 503, n => $attempts - 1) if $attempts > 1;
    is(outcome('hasty'), "00000, $attempts", 'the last one may succeed');
    $mock->reset;
    $mock->fault(status => 400, code => 'BadRequestException', n => -1);
    is(outcome('hasty'), '22023, 1', 'no attempt after a refusal');
    $mock->reset;
}

# ---- throttling ----

$session->rows('ALTER SERVER hasty OPTIONS (SET max_attempts \'1\',
    ADD throttle_timeout \'300\')');
$mock->fault(status => 429, code => 'TooManyRequestsException', n => 2);
is(outcome('hasty'), '00000, 3', 'throttling is no failed attempt');
$mock->reset;
$mock->fault(status => 429, code => 'TooManyRequestsException', n => -1);
like(outcome('hasty'), qr/^53400, ([2-9]|\d\d)$/, 'but patience ends');
$mock->reset;

# Pauses double up to 5 s: what is left of it counts, not the last pause alone.
$session->rows("ALTER SERVER hasty OPTIONS (SET throttle_timeout '5500')");
$session->rows("SET statement_timeout = '60s'");
$mock->fault(status => 429, code => 'TooManyRequestsException', n => -1);
like(outcome('hasty', 1), qr/^53400, [2-7]$/,
    'patience is for all refusals together');
$session->rows('RESET statement_timeout');
$mock->reset;

add_server($session, 'polite', $mock->url);
$mock->fault(status => 429, header => 'Retry-After:1');
is(outcome('polite', 1), '00000, 2', 'Retry-After is waited for');
$mock->reset;

is(harm($session, 'good', $before), '', 'nothing is left of all that');

done_testing();
