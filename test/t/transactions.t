# What transactions and sessions may do to a scan in its middle: time-outs of
# all kinds, savepoints, cursors that stay open, portals, parallel workers, two
# phases of a commit, DISCARD.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '6,20' ]);
my $node = new_node('transactions', conf => <<'END');
max_prepared_transactions = 2
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
parallel_tuple_cost = 0
END
my $boss = connect_to($node);
my $session = connect_to($node);

add_server($boss, 'aws', $mock->url);
$boss->rows(q{
    ALTER FOREIGN TABLE aws.backend_environments OPTIONS (ADD page_size '4');
    CREATE TABLE inventory AS
        SELECT n, 'd' || lpad(n::text, 11, '0') AS app
        FROM generate_series(1, 6) n;
    CREATE TABLE big AS
        SELECT n, 'd' || lpad((n % 6 + 1)::text, 11, '0') AS app
        FROM generate_series(1, 6000) n;
    ANALYZE inventory, big});

my $list = "SELECT environment_name FROM aws.backend_environments
    WHERE app_id = 'd00000000002'";
my $get = "$list AND environment_name = 'prod'";

# The rows of a statement, or its SQLSTATE
sub outcome
{
    my ($sql) = @_;
    my $result = $session->query($sql);

    return Session::state_of($result) if $result->{error};
    return join ' ', map { join '|', map { $_ // 'NULL' } @$_ }
        @{ $result->{rows} };
}

# A statement, cancelled while its next request waits for a response
sub cancelled
{
    my ($sql) = @_;

    $mock->fault(stall => 'request', n => -1);
    $session->send($sql);
    $mock->wait_held(1);
    $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    my $state = Session::state_of($session->result);
    $mock->reset;
    return $state;
}

sub all_connections_end
{
    my ($what) = @_;

    poll_until(sub { $mock->connections('open') == 0 }, "$what: connections");
    is($mock->connections('open'), 0, "$what: its connections end");
    return;
}

my $before = warm_up($session, 'aws');

# ---- time-outs: those that are for other things, and those that are met ----

$session->rows(q{SET lock_timeout = 100; SET idle_session_timeout = 100;
    SET idle_in_transaction_session_timeout = 100});
$mock->fault(latency => 400);
is(outcome("BEGIN; $get; COMMIT"), 'prod', 'a slow answer is neither a lock');
$mock->fault(latency => 400);
is(outcome($get), 'prod', 'nor an idle session');
$session->rows('SET idle_session_timeout = 0;
    SET idle_in_transaction_session_timeout = 0');
$mock->reset;

$boss->rows('BEGIN; SELECT * FROM inventory WHERE n = 3 FOR UPDATE');
is(outcome("SELECT n FROM inventory JOIN LATERAL (SELECT stack_name
    FROM aws.backend_environments WHERE app_id = app
    AND environment_name = 'prod' OFFSET 0) e ON true FOR UPDATE OF inventory"),
    '55P03', 'lock_timeout in the middle of a join');
$boss->rows('COMMIT');
$session->rows('SET lock_timeout = 0');
is(harm($session, 'aws', $before), '', 'lock_timeout: nothing is left');
$session->close;
$session->wait_for_end(60) or die 'the session does not end';

my %idle = (
    idle_session_timeout => [ '57P05', $get ],
    idle_in_transaction_session_timeout => [ '25P03',
        "BEGIN; DECLARE c CURSOR FOR $list; FETCH 3 FROM c" ]);
if ($node->pg_version >= 17)
{
    $idle{transaction_timeout} = [ '25P04',
        "BEGIN; DECLARE c CURSOR FOR $list; FETCH 3 FROM c" ];
}
for my $timeout (sort keys %idle)
{
    my ($state, $sql) = @{ $idle{$timeout} };
    my $other = connect_to($node);

    $other->rows("SET $timeout = 200");
    $other->rows($sql);
    my $end = $other->wait_for_end(60);
    is($end ? Session::state_of($end) : 'alive', $state, $timeout);
    all_connections_end($timeout);
}
if ($node->pg_version >= 17)
{
    my $other = connect_to($node);

    $other->rows('SET transaction_timeout = 200');
    $mock->fault(stall => 'body', n => -1);
    $other->send("BEGIN; $get");
    $mock->wait_held(1);
    my $end = $other->wait_for_end(60);
    is($end ? Session::state_of($end) : 'alive', '25P04',
        'transaction_timeout of a scan that waits');
    $mock->reset;
    all_connections_end('transaction_timeout');
}

$session = connect_to($node);
$before = warm_up($session, 'aws');

# ---- savepoints and open cursors ----

$mock->reset;
$session->rows('BEGIN; SAVEPOINT a');
$session->rows("DECLARE c CURSOR FOR $list");
is(outcome('FETCH 3 FROM c'), 'dev test prod', 'a cursor in a savepoint');
$session->rows('SAVEPOINT b');
is(outcome('FETCH 2 FROM c'), 'staging qa', 'goes on in a further one');
is(outcome('SELECT 1 / 0'), '22012', 'which fails');
$session->rows('ROLLBACK TO b');
is(outcome('FETCH 2 FROM c'), 'env06 env07', 'and goes on after that');
$session->rows('ROLLBACK TO a');
is(outcome('FETCH 2 FROM c'), '34000', 'it ends with its own savepoint');
$session->rows('ROLLBACK TO a');
is(outcome($get), 'prod', 'the transaction goes on');
$session->rows('COMMIT');
is($mock->calls('ListBackendEnvironments'), 2,
    'no page is asked for again, and none that nobody wants');
is(handles($session), 0, 'no handle is left');

$session->rows("BEGIN; DECLARE c CURSOR FOR $list");
is(outcome('FETCH 4 FROM c'), 'dev test prod staging', 'a cursor');
$session->rows('SAVEPOINT a');
is(cancelled('FETCH 8 FROM c'), '57014', 'cancelled in a savepoint');
$session->rows('ROLLBACK TO a');
is(outcome('FETCH 1 FROM c'), '55000', 'is gone');
$session->rows('ROLLBACK TO a');
is(outcome($get), 'prod', 'and nothing else is');
$session->rows('COMMIT');
is(harm($session, 'aws', $before), '', 'savepoints: nothing is left');

# ---- cursors that outlive their transaction ----

$session->rows("BEGIN; DECLARE h CURSOR WITH HOLD FOR $list");
is(outcome('FETCH 3 FROM h'), 'dev test prod', 'a cursor with hold');
$session->rows('COMMIT');
is(handles($session), 0, 'has no request when its transaction has ended');
$mock->reset;
is(scalar @{ $session->rows('FETCH ALL FROM h') }, 17, 'but all the rows');
is($mock->calls, 0, 'which are not asked for again');
$session->rows('CLOSE h');

$session->rows("BEGIN; DECLARE h CURSOR WITH HOLD FOR $list; FETCH 3 FROM h");
is(cancelled('COMMIT'), '57014', 'COMMIT cancelled while it reads the rest');
is(outcome('FETCH 1 FROM h'), '34000', 'the cursor is gone');
$session->rows("BEGIN; DECLARE h CURSOR WITH HOLD FOR $list; FETCH 3 FROM h");
$mock->fault(status => 400, n => -1);
is(outcome('COMMIT'), '22023', 'COMMIT that fails while it reads the rest');
$mock->reset;
is(outcome('FETCH 1 FROM h'), '34000', 'the cursor is gone');
is(harm($session, 'aws', $before), '', 'with hold: nothing is left');

# ---- portals ----

my $result = $session->open_portal($list, 3);
is(scalar @{ $result->{rows} }, 3, 'a portal');
$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(scalar @{ $session->fetch_portal(6)->{rows} }, 6,
    'does not notice a cancel while it rests');
$session->close_portal;
is(harm($session, 'aws', $before), '', 'portal: nothing is left');
{
    my $other = connect_to($node);

    $session->rows('SELECT amplify_fdw_disconnect_all()');
    $other->open_portal($list, 3);
    $boss->rows('SELECT pg_terminate_backend(' . $other->pid . ')');
    my $end = $other->wait_for_end(60);
    is($end ? Session::state_of($end) : 'alive', '57P01',
        'terminated with a portal in the middle');
    all_connections_end('portal');
}

# ---- parallel workers ----

my $parallel = "SELECT count(*), min(n), max(n) FROM big
    JOIN aws.backend_environments ON app_id = app
    WHERE environment_name = 'prod'";
my $plan = outcome("EXPLAIN (COSTS OFF) $parallel");
like($plan, qr/Workers Planned/, 'a parallel plan');
# it is the leader that asks: a worker would have connections of its own
like($plan, qr/Gather(?:(?!Gather).)*Seq Scan on big/, 'of local tables');
is(outcome($parallel), '6000|1|6000', 'and its rows');
is(cancelled($parallel), '57014', 'cancelled');
is($boss->value("SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'parallel worker'"), 0, 'and no worker is left');
my $in_workers = "SELECT count(*) FROM big WHERE amplify_fdw_version() <> ''";
like(outcome("EXPLAIN (ANALYZE, COSTS OFF) $in_workers"),
    qr/Workers Launched: [1-9]/, 'workers that load the library');
is(outcome($in_workers), 6000, 'and their rows');
is(harm($session, 'aws', $before), '', 'parallel: nothing is left');

# ---- two-phase commit ----

$session->rows("BEGIN; CREATE TABLE found AS $list;
    DECLARE c CURSOR FOR SELECT * FROM aws.backend_environments;
    FETCH 1 FROM c");
is(outcome("PREPARE TRANSACTION 'x'"), '', 'PREPARE TRANSACTION');
is(handles($session), 0, 'leaves no request of an open cursor');
is(outcome($get), 'prod', 'the session goes on');
$boss->rows("COMMIT PREPARED 'x'");
is(outcome('SELECT count(*) FROM found'), 20, 'another one commits');
is(harm($session, 'aws', $before), '', 'two-phase: nothing is left');

# ---- DISCARD and the like ----

$session->rows("BEGIN; DECLARE c CURSOR FOR $list");
is(outcome('FETCH 3 FROM c'), 'dev test prod', 'a cursor');
$session->rows('DISCARD PLANS; SELECT amplify_fdw_disconnect_all();
    SELECT amplify_fdw_stats_reset()');
is(outcome('FETCH 3 FROM c'), 'staging qa env06',
    'goes on when plans and connections are dropped');
is(outcome('DISCARD ALL'), '25001', 'DISCARD ALL is no part of a transaction');
$session->rows('ROLLBACK');
is(handles($session), 0, 'its failure leaves no request');

$session->rows("DECLARE h CURSOR WITH HOLD FOR $list");
$session->rows("PREPARE q AS $get");
is(outcome('EXECUTE q'), 'prod', 'a prepared statement');
$session->rows('DISCARD ALL');
is(outcome('EXECUTE q') . outcome('FETCH h'), '2600034000',
    'DISCARD ALL drops it, and the cursor with hold');
is($session->value('SELECT count(*) FROM amplify_fdw_connections()'), 0,
    'and the connections');
is(harm($session, 'aws', $before), '', 'DISCARD: nothing is left');

done_testing();
