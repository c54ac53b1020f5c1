# A session opens connections once and keeps them; one that the server has
# closed meanwhile costs no error.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use IO::Socket::INET;
use Mock;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Utils;
use Test::More;

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '30,2', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);
my $shim = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('reuse', shim => shim('port_shim', $shim));
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
add_server($session, 'tls', $mock->tls_url, ca_bundle => "$certs/ca.pem");
add_server($session, 'hasty', $mock->url, request_timeout => 300);
add_server($session, 'hastytls', $mock->tls_url, request_timeout => 300,
    ca_bundle => "$certs/ca.pem");
add_server($session, 'twice', $mock->tls_url, request_timeout => 1500,
    max_attempts => 2, ca_bundle => "$certs/ca.pem");

sub keyed
{
    my ($server) = @_;

    return $session->value("SELECT environment_name FROM
        $server.backend_environments WHERE app_id = 'd00000000001' AND
        environment_name = 'test'");
}

sub begin_anew
{
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    $session->rows('SELECT amplify_fdw_stats_reset()');
    poll_until(sub { $mock->connections('open') == 0 },
        'connections to close');
    $mock->reset;
    return;
}

# "calls, connections, retries" as the session counts them
sub counted
{
    my ($server) = @_;

    return join ', ', @{ $session->rows("SELECT calls, connections, retries
        FROM amplify_fdw_stats() WHERE server_name = '$server'")->[0] };
}

for my $server (qw(aws tls))
{
    begin_anew();
    keyed($server) for 1 .. 100;
    is($mock->connections('accepted'), 1,
        "$server: one connection for 100 queries");
    is(counted($server), '100, 1, 0', "$server: and so says the session");

    # at the end of a transaction, few stay
    $session->rows('BEGIN');
    $session->rows(
        "SELECT count(*) FROM $server.backend_environments") for 1 .. 5;
    $session->rows('COMMIT');
    cmp_ok($mock->connections('accepted'), '<=', 11,
        "$server: no more than max_concurrency for full scans");
}

begin_anew();
$mock->fault(status => 400, n => 50);
$session->query("SELECT * FROM aws.backend_environments WHERE
    app_id = 'd00000000001'") for 1 .. 50;
keyed('aws');
is($mock->connections('accepted'), 1, 'an error of the service keeps it');

begin_anew();
keyed('aws');
$session->rows('BEGIN');
keyed('aws');
$session->query('SELECT 1 / 0');
$session->rows('ROLLBACK');
keyed('aws');
is($mock->connections('accepted'), 1, 'an aborted transaction keeps it');

# What the server does with a connection after a response
my %end = (
    'closed while idle' => [ closeidle => 1 ],
    'closed as announced' => [ close => 1 ],
    'half closed' => [ halfclose => 1 ],
    'answer without a length' => [ length => 'none' ],
);
for my $name (sort keys %end)
{
    begin_anew();
    $mock->fault(@{ $end{$name} });
    is(keyed('aws') . keyed('aws') . keyed('aws'), 'testtesttest',
        "$name: the next query works");
    is(counted('aws'), '3, 2, 0', "$name: it takes a new connection");
    is($mock->calls, 3, "$name: nothing was asked twice");
}

# Of many that it has closed, none is left when the next request goes out.
sub sockets { return descriptors($session->pid) =~ /socket (\d+)/ ? $1 : 0; }
begin_anew();
keyed('aws');
my $one = sockets();
$session->rows('BEGIN');
$mock->fault(latency => 50, closeidle => 1, op => 'ListBackendEnvironments', n => 10);
is($session->value(q{SELECT count(*) FROM aws.backend_environments WHERE app_id = ANY (ARRAY(
    SELECT 'd' || lpad(n::text, 11, '0') FROM generate_series(1, 10) AS n))}), 20,
    'ten are closed while idle: all rows');
poll_until(sub { $mock->connections('open') == 0 }, 'the connections to be closed');
is(keyed('aws'), 'test', 'ten are closed while idle: the next query works');
is(sockets(), $one, 'ten are closed while idle: none of them is left');
$session->rows('COMMIT');

# What breaks off is asked again on a new connection, and not on another idle one.
begin_anew();
$session->rows('BEGIN');
$mock->fault(stall => 'request', op => 'ListBackendEnvironments', n => 2);
$session->send(q{SELECT count(*) FROM aws.backend_environments
    WHERE app_id IN ('d00000000001', 'd00000000002')});
$mock->wait_held(2);
$mock->release;
is($session->result->{rows}[0][0], 4, 'two connections are kept');
$session->rows('SELECT amplify_fdw_stats_reset()');
$mock->fault(cut => 20);
is(keyed('aws'), 'test', '... and a response is cut on one');
is(counted('aws'), '2, 1, 1', '... after which a new one is made');
$session->rows('COMMIT');

# A server that has given up a kept connection without a word says so when
# it is asked: that is no failed attempt.
begin_anew();
$mock->fault(reset => 'headers', skip => 1);
is(keyed('aws') . keyed('aws'), 'testtest',
    'reset on reuse: the query works');
is(counted('aws'), '2, 2, 0', 'reset on reuse: it takes a new connection');

# What is said on a connection that waits for nothing is not the next
# request's response.
my $leftover = '{"backendEnvironment":{"environmentName":"test",'
    . '"stackName":"poison"}}';
my %unasked = (
    'a second response' => "HTTP/1.1 200 OK\r\nContent-Length: "
        . length($leftover) . "\r\n\r\n$leftover",
    'a farewell' => "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n"
        . "Connection: close\r\n\r\n",
    'half a response' => "HTTP/1.1 404 Not Found\r\n"
        . "x-amzn-ErrorType: NotFoundException\r\n",
    'a byte' => ' ',
);
for my $server (qw(aws tls))
{
    for my $name (sort keys %unasked)
    {
        begin_anew();
        keyed($server);
        $mock->say('speak', text => $unasked{$name});
        is($session->value("SELECT stack_name LIKE '%poison%' FROM
            $server.backend_environments WHERE app_id = 'd00000000001' AND
            environment_name = 'test'"), 'f', "$server: $name is no response");
        is(keyed($server), 'test', "$server: $name, and then");
        is(counted($server), '3, 2, 0',
            "$server: $name: it takes a new connection, without an attempt");
    }
}

# A response about something else: what it came on is not believed any more.
for my $server (qw(aws tls))
{
    begin_anew();
    keyed($server);
    $mock->fault(status => 200, body =>
        '{"backendEnvironment":{"environmentName":"dev","stackName":"poison"}}');
    is(keyed($server) . keyed($server), 'testtest', "$server: the wrong response is none");
    is(counted($server), '4, 2, 1', "$server: it is asked again on a new connection");
    $mock->fault(status => 200, body =>
        '{"backendEnvironment":{"environmentName":"dev","stackName":"poison"}}');
    like(join(' ', map { $_->[0] } @{ $session->rows("EXPLAIN (ANALYZE, TIMING off)
        SELECT environment_name FROM $server.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'test'") }),
        qr/API Calls: 2 .*API Retries: 1 /, "$server: EXPLAIN counts that");
    poll_until(sub { $mock->connections('open') == 1 }, 'the end of the old one');
    is($mock->connections('open'), 1, "$server: the only one that is left");
}

# A time-out does no harm to the connection that another call's next attempt is just
# making: here the call for app 1, which was refused, while that for app 2 runs out of
# time.
begin_anew();
$mock->fault(status => 408, latency => 200, match => 'd00000000001');
$mock->fault(stall => 'request', match => 'd00000000002');
$session->send(q{SELECT * FROM twice.backend_environments WHERE environment_name = 'test'
    AND app_id IN ('d00000000001', 'd00000000002')});
$mock->wait_requests(2);
$mock->say('accept', stall => 1, n => 1);
my $result = $session->result;
like($result->{error}{M} // 'none', qr/failed: no response in time$/,
    'an attempt that waits for the handshake has its own time');
$mock->reset;

# Connections whose other end has gone without a word cost one time-out, and
# not one each.
for my $server (qw(hasty hastytls))
{
    begin_anew();
    # at the end of a transaction, few would stay
    $session->rows('BEGIN');
    $mock->fault(stall => 'request', op => 'ListBackendEnvironments', n => 10);
    $session->send("SELECT count(*) FROM $server.backend_environments");
    $mock->wait_held(10);
    $mock->release;
    is($session->result->{rows}[0][0], 60, "$server: all rows");
    is($mock->connections('open'), 10, "$server: ten connections are kept");
    $mock->say('deafen');
    $session->rows('SELECT amplify_fdw_stats_reset()');
    is(keyed($server) . keyed($server) . keyed($server), 'testtesttest',
        "$server: dead connections do no harm");
    is(counted($server), '4, 1, 1', "$server: one attempt is lost");
    $session->rows('COMMIT');
}

# Connections to two servers may have the same port at this end: what is there to be
# read on one of them says nothing about the other.
my $other = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '30,2' ]);
my $both = q{backend_environments WHERE environment_name = 'test'
    AND app_id IN ('d00000000001', 'd00000000002')};

sub on_two_connections
{
    my ($mock_, $sql) = @_;

    $mock_->reset;
    $mock_->fault(stall => 'request', n => 2);
    $session->send($sql);
    $mock_->wait_held(2);
    $mock_->release;
    is($session->result->{rows}[0][0], 2, 'both rows');
    return;
}

sub two_free_ports
{
    for my $port (20000 .. 30000)
    {
        my @sockets = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp',
            LocalPort => $port + $_) } 0, 1;

        return $port if defined $sockets[0] && defined $sockets[1];
    }
    die 'no free ports';
}

add_server($session, 'other', $other->url);
begin_anew();
append_to_file("$shim/port", two_free_ports());
on_two_connections($mock, "SELECT count(*) FROM aws.$both");
on_two_connections($other, "SELECT count(*) FROM other.$both");
$mock->fault(stall => 'request', match => 'd00000000002');
$session->rows("BEGIN; SET LOCAL cursor_tuple_fraction = 1;
    DECLARE one CURSOR FOR SELECT app_id FROM aws.$both; FETCH 1 FROM one");
$mock->wait_held(1);
# between its look at what has come and its request to the other server
mkfifo("$shim/pause", 0600) or die "mkfifo: $!";
$session->send("SELECT count(*) FROM other.$both");
open my $pause, '>', "$shim/pause" or die "pause: $!";
unlink "$shim/pause";
$mock->release;
$mock->wait_idle;
close $pause;
is($session->result->{rows}[0][0], 2, 'the same port twice: rows of the other server');
is($session->value('FETCH ALL FROM one'), 'd00000000002', 'the same port twice: and of the one');
$session->rows('COMMIT');
is(counted('aws'), '4, 2, 0', 'the same port twice: the connections of one server');
is(counted('other'), '4, 2, 0', 'the same port twice: and of the other one');
unlink "$shim/port";

begin_anew();
keyed('aws');
is($mock->connections('open'), 1, 'a connection is kept');
$session->rows(q{SELECT amplify_fdw_disconnect('aws')});
poll_until(sub { $mock->connections('open') == 0 }, 'its end');
is($mock->connections('open'), 0, 'and closed by amplify_fdw_disconnect()');
is(keyed('aws'), 'test', 'after which there is a new one');
$session->rows(q{ALTER SERVER hasty OPTIONS (SET request_timeout '400')});
$session->rows('SELECT amplify_fdw_disconnect_all()');
poll_until(sub { $mock->connections('open') == 0 }, 'the end of that');
is($mock->connections('open'), 0,
    'amplify_fdw_disconnect_all() closes it also after a change of servers');

done_testing();
