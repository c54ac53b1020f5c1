# What sessions tell each other of the rate that AWS grants, and what nobody can
# make them believe.  The times are in the mock, and in unit/throttle_test.c: here
# are counts, and who waits.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Carp qw(croak);
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    SESSIONS => 16,
    KEYS     => 200,
    ALONE    => qr/LOG:\s+sessions of amplify_fdw (?:do not|cannot) share/,
};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '200,1' ]);
my $other = Mock->start(dir => $dir, args => [ '--generate', '200,1' ]);
my $node = new_node('rate');
my $boss = connect_to($node);
my $preloads = $boss->value("SELECT current_setting('server_version_num')::int < 170000") eq 't';

# So many keys that are there, or that one
sub lookup
{
    my ($server, $keys, $app) = @_;

    return "SELECT count(*) FROM $server.backend_environments WHERE environment_name = 'dev'
        AND app_id " . ($app ? "= '$app'" : "= ANY (ARRAY(
            SELECT 'd' || lpad(n::text, 11, '0') FROM generate_series(1, $keys) AS n))");
}

# Sessions that all know what account theirs is
sub begin_sessions
{
    my ($count, $server) = @_;
    my @sessions = map { connect_to($node) } 1 .. $count;

    is($_->value(lookup($server, 1)), 1, 'a first row') for @sessions;
    return @sessions;
}

# Refuse whoever asks for that app, for an hour
sub refuse
{
    my ($who, $app) = @_;

    $who->fault(status => 429, code => 'TooManyRequestsException', match => $app,
        header => 'Retry-After:3600', n => -1);
    return;
}

# The name of the shared memory is taken by a module that wants less of it
sub take_segment
{
    my $include = `pg_config --includedir-server`;

    chomp $include;
    system($ENV{CC} || 'cc', qw(-O2 -Wall -shared -fPIC), "-I$include", '-o',
        "$dir/segment.so", "$FindBin::RealBin/segment.c") == 0
        or croak 'cannot compile the module';
    $boss->rows("CREATE FUNCTION take_segment() RETURNS boolean
        AS '$dir/segment.so' LANGUAGE C");
    is($boss->value('SELECT take_segment()'), 't', 'no shared memory is to be had');
    return;
}

# What shared memory has left for others
sub free_memory
{
    return $boss->value('SELECT size FROM pg_shmem_allocations WHERE name IS NULL');
}

# ---- each for itself ----

my $free = free_memory();
add_server($boss, 'aws', $mock->url, throttle_timeout => '10min');
take_segment() if !$preloads;
$mock->fault(status => 429, code => 'TooManyRequestsException', n => 2);
my $alone = connect_to($node);
$alone->rows('BEGIN; CREATE TABLE kept AS SELECT 1 AS one');
$alone->rows('DECLARE c CURSOR FOR ' . lookup('aws', 3));
is($alone->value('FETCH c'), 3, 'without shared memory, all works');
is($alone->value(lookup('aws', 3)), 3, 'also again');
$alone->rows('COMMIT');
is($boss->value('SELECT one FROM kept'), 1, 'nothing in the transaction is lost');
is(() = slurp_file($node->logfile) =~ /${\ALONE}/g, 1, 'and the log tells once');
$alone->close;
$preloads ? preload($node) : $node->restart;
$boss = connect_to($node);
cmp_ok(free_memory(), '>', $free - 10_000, 'the rates take no memory that others may want');

# ---- many at once ----

my @sessions = begin_sessions(SESSIONS, 'aws');
$sessions[-3]->rows('SET client_connection_check_interval = 50');
$mock->reset;
$mock->say('latency', ms => 20);
$mock->say('rate', rps => 400, burst => 100);
$_->send(lookup('aws', KEYS)) for @sessions;
$mock->wait_requests(SESSIONS * KEYS / 2);
# one is terminated, one cancelled, and the client of another one goes
my ($victim, $cancelled, $left) = map { pop @sessions } 1 .. 3;
my $left_pid = $left->pid;
$boss->rows('SELECT pg_terminate_backend(' . $victim->pid . ')');
$boss->rows('SELECT pg_cancel_backend(' . $cancelled->pid . ')');
undef $left;
is(join(' ', map { $_->result->{rows}[0][0] // 'none' } @sessions),
    join(' ', (KEYS) x @sessions), 'all have their rows, though three sessions had an end');
is(Session::state_of($victim->wait_for_end(60)), '57P01', '... which was terminated,');
is(Session::state_of($cancelled->result), '57014', '... cancelled,');
poll_until(sub { $boss->value("SELECT count(*) FROM pg_stat_activity
    WHERE pid = $left_pid") == 0 }, 'the backend of a lost client to end');
pass('... and left by its client');
my $refused = 0;
$refused += $_->value('SELECT sum(throttled) FROM amplify_fdw_stats()') for @sessions;
cmp_ok($refused, '>', 0, "AWS has refused calls");
cmp_ok($refused, '<', @sessions * KEYS / 10, "but few ($refused)");
$mock->reset;
$_->close for @sessions;

# ---- what one is told, all know ----

add_server($boss, 'far', $other->url, throttle_timeout => '1s');
my ($told, $knows) = begin_sessions(2, 'far');
my ($elsewhere) = begin_sessions(1, 'aws');
refuse($other, 'd00000000150');
is(Session::state_of($told->query(lookup('far', 1, 'd00000000150'))), '53400',
    'one is told to wait for an hour');
$other->reset;
is(Session::state_of($knows->query(lookup('far', 1, 'd00000000002'))), '53400',
    'another one of that account, which would not wait so long, is told so');
$boss->rows(q{ALTER SERVER far OPTIONS (SET throttle_timeout '2h')});
$knows->send(lookup('far', 1, 'd00000000002'));
is_waiting($boss, $knows->pid);
is($other->calls, 0, 'one that would waits, and neither asks');
$boss->rows('SELECT pg_cancel_backend(' . $knows->pid . ')');
is(Session::state_of($knows->result), '57014', 'and can be cancelled');
is($elsewhere->value(lookup('aws', 20)), 20, 'of the same account elsewhere, all do');

# ---- what nobody believes ----

# The server says that hers is that account, and so is the key; AWS never did.
add_server($boss, 'claims', $mock->url, throttle_timeout => '1s', account_id => '111122223333');
$boss->rows("CREATE ROLE mallory LOGIN; GRANT USAGE ON FOREIGN SERVER claims TO mallory;
    CREATE USER MAPPING FOR mallory SERVER claims
        OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key '${\Amplify::SECRET_ACCESS_KEY}');
    GRANT USAGE ON SCHEMA claims TO mallory;
    GRANT SELECT ON claims.backend_environments TO mallory");
my $mallory = connect_to($node, user => 'mallory');
refuse($mock, 'd00000000150');
is(Session::state_of($mallory->query(lookup('claims', 1, 'd00000000150'))), '53400',
    'who claims an account is told to wait for an hour');
is($elsewhere->value(lookup('aws', 20)), 20, 'but who is of that account is not');
$mock->reset;

# ---- max_rate is a session's own ----

add_server($boss, 'slow', $mock->url, max_rate => '1');
my ($slow) = begin_sessions(1, 'slow');
$mock->reset;
$slow->send(lookup('slow', 8));
$mock->wait_requests(1);
is($elsewhere->value(lookup('aws', 100)), 100, 'max_rate of one');
ok(!defined $slow->try_result, 'makes nobody else wait');
is($slow->result->{rows}[0][0], 8, 'who has it, has all rows in time');
cmp_ok($mock->calls, '==', 108, 'and asks nothing twice');

done_testing();
