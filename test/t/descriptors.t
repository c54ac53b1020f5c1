# Descriptors are a budget of the session: however many servers are asked, and
# however much is to be in flight, all rows come, PostgreSQL can still wait, and
# an idle session keeps few.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    APPS => 30,
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

for my $case ([ 1, 40 ], [ 41, 100 ])
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
    my $result = $session->query(q{SELECT count(e.app_id) FROM keys AS k
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

done_testing();
