# Servers that are restarted, crash, follow another one or take its place, with
# scans in their middle: no response is wrong, all connections end, and new
# sessions work.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '12,20' ]);
my $node = new_node('outages', streaming => 1,
    conf => "restart_after_crash = on\n");
my $boss = connect_to($node);

add_server($boss, 'aws', $mock->url);
$boss->rows(q{
    ALTER FOREIGN TABLE aws.backend_environments OPTIONS (ADD page_size '4');
    CREATE TABLE inventory AS
        SELECT n, 'd' || lpad(n::text, 11, '0') AS app
        FROM generate_series(1, 12) n;
    ANALYZE inventory});

my $all = 'SELECT environment_name FROM aws.backend_environments';
my $list = "$all WHERE app_id = 'd00000000002'";
my $join = "SELECT n, environment_name FROM inventory
    LEFT JOIN LATERAL (SELECT environment_name FROM aws.backend_environments
        WHERE app_id = app AND environment_name = 'env07' OFFSET 0) e ON true";

sub end_of
{
    my ($session) = @_;
    my $end = $session->wait_for_end(60);

    return 'alive' unless $end;
    # a warning, or the error that is the last word of a session
    return join ' ', map { $_->{C} } @{ $end->{notices} }, $end->{error} || ();
}

sub all_connections_end
{
    my ($what) = @_;

    poll_until(sub { $mock->connections('open') == 0 }, "$what: connections");
    is($mock->connections('open'), 0, "$what: all connections end");
    return;
}

# Sessions in different middles: of a request, of a page, of an Append, and
# of nothing but kept connections
sub begin_waiting
{
    my @sessions = map { connect_to($node) } 1 .. 4;

    $mock->reset;
    $sessions[3]->rows($list);
    $sessions[1]->rows("BEGIN; DECLARE c CURSOR FOR $list; FETCH 3 FROM c");
    $mock->fault(stall => 'body', n => -1);
    $sessions[0]->send($join);
    $sessions[1]->send('FETCH 9 FROM c');
    # the join reads ahead, ten at a time
    $mock->wait_held(11);
    $sessions[2]->send("SELECT count(*) FROM ($all UNION ALL $all) x");
    $mock->wait_held(12);
    return @sessions;
}

# A new session, as soon as the server lets it in
sub connect_again
{
    my ($to) = @_;
    my $session;

    poll_until(sub { $session = eval { connect_to($to) } }, 'the server');
    return $session;
}

sub is_well
{
    my ($session, $what) = @_;

    is(Amplify::ailment($session, 'aws'), '', "$what: a new session works");
    is(scalar @{ $session->rows($all) }, 240, "$what: and gets all rows");
    return;
}

# ---- restarts ----

for my $mode ('fast', 'immediate')
{
    my @sessions = begin_waiting();

    $node->stop($mode);
    is(join(' ', map { end_of($_) } @sessions), join(' ', ('57P01') x 4),
        "$mode shutdown: all sessions end");
    all_connections_end("$mode shutdown");
    $mock->reset;
    $node->start;
    is_well(connect_to($node), "$mode shutdown");
}

# ---- the crash of another backend ----

for my $victim (0 .. 2)
{
    my @sessions = begin_waiting();
    my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');
    my $pid = $sessions[$victim]->pid;

    kill 'KILL', $pid or die "cannot kill $pid: $!";
    my @ends = map { end_of($_) } @sessions;
    is(splice(@ends, $victim, 1), '', "crash $victim: without a word");
    is("@ends", '57P02 57P02 57P02', "crash $victim: the others end, too");
    all_connections_end("crash $victim");
    $mock->reset;
    is_well(connect_again($node), "crash $victim");
    is((split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0],
        (split /\n/, $postmaster)[0], "crash $victim: the postmaster stays");
}

# ---- a standby ----

$boss = connect_to($node);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf',
    "max_standby_streaming_delay = 0\nhot_standby_feedback = off\n");
$standby->start;
my $reader = connect_again($standby);

is($reader->value('SELECT pg_is_in_recovery()'), 't', 'a standby');
my $before = warm_up($reader, 'aws');
is(scalar @{ $reader->rows($all) }, 240, 'standby: all rows');
is(scalar(grep { defined $_->[1] } @{ $reader->rows($join) }), 12,
    'standby: a join');
$reader->rows('SET work_mem = 64');
is($reader->value("SELECT count(*) FROM ($all) a JOIN ($all) b
    USING (environment_name)"), 20 * 12 * 12,
    'standby: more answers than work_mem holds');
$reader->rows('RESET work_mem');
is(Session::state_of($reader->query("CREATE TABLE copy AS $list")), '25006',
    'standby: read-only');
is(Session::state_of($reader->query('ANALYZE aws.backend_environments')),
    '25006', 'standby: no ANALYZE');
is(harm($reader, 'aws', $before), '', 'standby: nothing is left');

# The primary needs a lock that a waiting query of the standby has.
$mock->fault(stall => 'request', n => -1);
$reader->send($join);
$mock->wait_held(10);
$boss->rows('ALTER TABLE inventory ADD COLUMN seen int');
is(Session::state_of($reader->result), '40001',
    'standby: a query in the way of recovery is cancelled');
$mock->reset;
is(harm($reader, 'aws', $before), '', 'recovery: nothing is left');

# ---- promotion ----

$reader->rows("BEGIN; DECLARE c CURSOR FOR $list; FETCH 3 FROM c");
$standby->promote;
is(scalar @{ $reader->rows('FETCH ALL FROM c') }, 17,
    'promotion: a cursor in its middle goes on');
$reader->rows('COMMIT');
is(harm($reader, 'aws', $before), '', 'promotion: nothing is left');
$reader->rows("CREATE TABLE copy AS $list");
is($reader->value('SELECT count(*) FROM copy'), 20,
    'promotion: the session may write');
$reader->rows('ALTER SERVER aws OPTIONS (ADD max_attempts \'1\')');
is_well(connect_to($standby), 'promotion');

done_testing();
