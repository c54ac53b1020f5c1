# Descriptors are a budget of the session: however many servers are asked, and
# however much is to be in flight, all rows come, PostgreSQL can still wait, and
# an idle session keeps few.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Http2;
use IO::Socket::INET;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    APPS => 30,
    SERVERS => 100,
    IDLE => 4,      # connections of a host at the end of a transaction
};

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', APPS . ',2' ]);
my $node = new_node('descriptors', conf => "jit = off\nmax_files_per_process = 1000\n");
my $session = connect_to($node);
my $idle = descriptors($session->pid) =~ /socket (\d+)/ ? $1 : 0;

# Servers with a partition each
sub add_many
{
    my ($from, $to) = @_;

    for my $n ($from .. $to)
    {
        add_server($session, "s$n", $mock->url);
        $session->rows("CREATE FOREIGN TABLE part_$n PARTITION OF environments
            FOR VALUES IN ($n) SERVER s$n OPTIONS (resource 'backend_environments')");
    }
    return;
}

sub few_stay
{
    my ($name) = @_;

    poll_until(sub { $mock->connections('open') <= IDLE }, 'connections to close');
    # and two that libcurl wakes itself by
    my $sockets = descriptors($session->pid) =~ /socket (\d+)/ ? $1 : 0;
    cmp_ok($sockets - $idle, '<=', IDLE + 2, "$name: few connections stay");
    is(handles($session), 0, "$name: nothing is in flight");
    return;
}

$session->rows(q{CREATE TABLE environments (account integer, app_id text,
    environment_name text) PARTITION BY LIST (account)});

for my $case ([ 1, 40 ], [ 41, SERVERS ])
{
    my ($from, $to) = @$case;

    add_many($from, $to);
    $mock->reset;
    $mock->say('latency', ms => 20);
    my $result = $session->query('SELECT count(*) FROM environments');
    is(Session::describe($result), '1 rows', "$to servers: no error, no warning");
    is($result->{rows}[0][0], 2 * APPS * $to, "$to servers: all rows");
    cmp_ok($mock->connections('accepted'), '<=', 400, "$to servers: connections are reused");
    is($mock->connections('requests'), (1 + APPS) * $to, "$to servers: nothing is asked twice");
    few_stay("$to servers");
}

# Half of them are where nobody listens
my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "no port: $@";
$session->rows("ALTER FOREIGN TABLE part_$_ OPTIONS (ADD on_error 'warn');
    ALTER SERVER s$_ OPTIONS (SET endpoint_url 'http://127.0.0.1:${\$closed->sockport}')")
    for 1 .. SERVERS / 2;
$mock->reset;
my $result = $session->query('SELECT count(*) FROM environments');
is($result->{rows}[0][0], 2 * APPS * SERVERS / 2, 'half are dead: all rows of the others');
is(scalar(grep { $_->{M} =~ /could not connect/ } @{ $result->{notices} }), SERVERS / 2,
    'half are dead: a warning for each of them');
is(scalar @{ $result->{notices} }, SERVERS / 2, 'half are dead: and no other one');
is($mock->connections('requests'), (1 + APPS) * SERVERS / 2,
    'half are dead: nothing is asked twice');
few_stay('half are dead');

# All of them over HTTP/2
SKIP:
{
    skip 'nghttpx is not there', 3 unless Http2::is_there();
    my $certs = PostgreSQL::Test::Utils::tempdir();
    system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
    my $http2 = Http2->start(mock => $mock, cert => "$certs/server.pem",
        key => "$certs/server.key");

    $session->rows("ALTER SERVER s$_ OPTIONS (SET endpoint_url '${\$http2->url}',
        ADD ca_bundle '$certs/ca.pem')") for 1 .. SERVERS;
    $mock->reset;
    my $all = $session->query('SELECT count(*) FROM environments');
    is(Session::describe($all), '1 rows', 'HTTP/2: no error, no warning');
    is($all->{rows}[0][0], 2 * APPS * SERVERS, 'HTTP/2: all rows');
    is($mock->connections('requests'), (1 + APPS) * SERVERS, 'HTTP/2: nothing is asked twice');
    note 'connections: ', $http2->connections;
    $session->rows('SELECT amplify_fdw_disconnect_all()');
}

# One server, more in flight than can be had
add_server($session, 'wide', $mock->url, max_concurrency => 330);
$session->rows(q{ALTER FOREIGN TABLE wide.backend_environments
    OPTIONS (ADD estimated_rows '100000')});
$session->rows(q{CREATE TABLE keys AS SELECT 'd' || lpad(n::text, 11, '0') AS app,
    'test' AS env FROM generate_series(1, 2000) AS n; ANALYZE keys;
    SET amplify_fdw.read_ahead = 2000});
for my $wanted (330, 1000)
{
    $session->rows("ALTER SERVER wide OPTIONS (SET max_concurrency '$wanted')");
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    $mock->reset;
    $mock->say('latency', ms => 20);
    # it would tell that the apps are gone, and be asked once
    $mock->fault(op => 'ListApps', status => 403, code => 'AccessDeniedException', n => -1);
    $result = $session->query(q{SELECT count(e.app_id) FROM keys AS k
        LEFT JOIN wide.backend_environments AS e
        ON e.app_id = k.app AND e.environment_name = k.env});
    is(Session::state_of($result), '00000', "max_concurrency $wanted: no error");
    is(scalar @{ $result->{notices} }, $wanted == 330 ? 1 : 0,
        "max_concurrency $wanted: what can be had is told once");
    like($result->{notices}[0]{M}, qr/^at most \d+ requests are in flight, not 330 /,
        'in these words') if $wanted == 330;
    is($mock->connections('requests'), 2001, "max_concurrency $wanted: nothing is asked twice");
    cmp_ok($mock->connections('accepted'), '<=', 340,
        "max_concurrency $wanted: connections are reused");
    few_stay("max_concurrency $wanted");
}
$mock->reset;

# What a cursor that rests has in flight is no reason to wait for ever
$session->rows('BEGIN');
$session->rows(q{DECLARE resting CURSOR FOR SELECT * FROM keys AS k
    JOIN wide.backend_environments AS e ON e.app_id = k.app});
$session->rows('FETCH 1 FROM resting');
is($session->value('SELECT count(*) FROM wide.backend_environments'), 2 * APPS,
    'another statement beside a cursor that rests');
is($session->query('MOVE ALL FROM resting')->{error}, undef, 'and that one goes on');
$session->rows('COMMIT');
is(handles($session), 0, 'nothing is in flight');

# ---- two hosts ----

my $other = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', APPS . ',2' ]);
add_server($session, 'one', $mock->url);
add_server($session, 'other', $other->url);
my $count = 'SELECT count(*) FROM %s.backend_environments';

# A statement that has so many requests in flight at once
sub many_at_once
{
    my ($mock_, $server, $most) = @_;

    $mock_->reset;
    $mock_->fault(op => 'ListBackendEnvironments', stall => 'request', n => $most);
    $session->send(sprintf $count, $server);
    $mock_->wait_held($most);
    return;
}

$session->rows('BEGIN');
for my $case ([ $mock, 'one' ], [ $other, 'other' ])
{
    my ($mock_, $server) = @$case;

    many_at_once($mock_, $server, 10);
    $mock_->release;
    is($session->result->{rows}[0][0], 2 * APPS, "$server: all rows");
}
is($_->connections('open'), 10, 'idle connections within a transaction') for $mock, $other;
$session->rows('COMMIT');
# the oldest ones of all go first, so that it may be fewer of a host
for my $mock_ ($mock, $other)
{
    poll_until(sub { $mock_->connections('open') <= IDLE }, 'connections to close');
    cmp_ok($mock_->connections('open'), '<=', IDLE, '... and after it, few of each host');
}
is($other->connections('open'), IDLE, '... which are kept');

# With so few descriptors that one host has them all
$node->append_conf('postgresql.conf', "max_files_per_process = 120\n");
$node->restart;
my $boss = connect_to($node);
$session = connect_to($node);
$session->rows("ALTER SERVER $_ OPTIONS (ADD max_concurrency '100')") for qw(one other);
$result = $session->query(sprintf $count, 'one');
my ($most) = ($result->{notices}[0]{M} // '') =~ /^at most (\d+) requests are in flight/;
cmp_ok($most, '>', 1, 'what can be had is told');
$session->rows('SET client_min_messages = warning; BEGIN');
many_at_once($mock, 'one', $most);
$mock->release;
is($session->result->{rows}[0][0], 2 * APPS, 'all that can be had, of one host: all rows');
is($mock->connections('open'), $most, '... whose connections are kept');
many_at_once($other, 'other', $most);
cmp_ok($mock->connections('open'), '<', $most, '... and make room for another host, which has as many');
$other->release;
is($session->result->{rows}[0][0], 2 * APPS, '... with all rows');
$session->rows('COMMIT');

# Nobody fetches from a cursor that has all of them in flight
$mock->reset;
$mock->fault(op => 'ListBackendEnvironments', stall => 'request', skip => 1, n => $most);
$other->reset;
$session->rows('BEGIN; SET LOCAL cursor_tuple_fraction = 1;
    DECLARE resting CURSOR FOR SELECT app_id FROM one.backend_environments');
$session->rows('FETCH 1 FROM resting');
$mock->wait_held($most);
$session->send(sprintf $count, 'other');
is_waiting($boss, $session->pid);
is($other->calls, 0, 'a statement waits for the descriptors of a cursor that rests');
$mock->release;
is($session->result->{rows}[0][0], 2 * APPS, '... and has them when these calls end');
is($session->query('MOVE ALL FROM resting')->{tag}, 'MOVE ' . (2 * APPS - 1),
    '... which the cursor finds answered');
is($mock->connections('requests'), 1 + APPS, '... and asks nothing twice');
$session->rows('COMMIT');
is(handles($session), 0, 'nothing is in flight');

done_testing();
