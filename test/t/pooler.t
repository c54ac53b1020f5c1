# A pooler between clients and the server: what doc/operations.md says of it.
#
# Of each user and pool of pgbouncer there is one session of the server, which their clients
# take turns with.  Each user's mapping has a role of its own, so that the mock's
# log tells whose credentials were used.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Pooler;
use Test::More;

plan skip_all => 'pgbouncer is not installed' unless Pooler->is_there('pgbouncer');

use constant {
    TRANSACTIONS => 'transactions',
    SESSIONS     => 'sessions',
    FAILING      => "SELECT count(*) FROM aws.branches WHERE app_id = 'd00000000002'",
    GET          => "SELECT environment_name FROM aws.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'",
};

my @users = qw(alice bob);
my $mock = new_mock(map { ('--credential', "AKID\U$_\E:secret-of-$_") } @users);
# or a session whose client has gone waits for AWS to the end
my $node = new_node('pooler', conf => "client_connection_check_interval = 50\n");
my $boss = connect_to($node);
my $pooler = Pooler->pgbouncer(
    node  => $node,
    users => [ @users, 'app' ],
    pools => {
        TRANSACTIONS, 'pool_mode=transaction',
        SESSIONS,     'pool_mode=session',
        'shared'   => 'pool_mode=transaction user=alice',
        'everyone' => 'pool_mode=transaction user=app',
    });
my %user_of;

set_up();

# ---- whose credentials, and for how long ----

for my $pool (TRANSACTIONS, SESSIONS)
{
    $mock->reset;
    is(join(' ', map { asker(client($pool, $_)) } qw(alice bob alice bob)),
        'alice bob alice bob', "$pool: each asks with credentials of their own");
    is($mock->calls('STS.AssumeRole'), $pool eq TRANSACTIONS ? 2 : 4,
        "$pool: these are there for the next client, or not");
}
is(asker(client('shared', 'bob')), 'alice', 'who shares the pool of a user shares the mapping');

# One session of the server, of a user who can become several
my @clients = map { client('everyone', 'bob') } 1 .. 3;
$mock->reset;
is(join(' ', map { asker($clients[$_ % 3], (@users, 'carol')[$_ % 3]) } 0 .. 5),
    'alice bob 42501 alice bob 42501', 'SET LOCAL ROLE: each as that role, and none as the one before');
is($mock->calls('STS.AssumeRole'), 2, '... with the credentials that it has got before');
$clients[0]->rows('PREPARE get AS ' . GET);
is(join(' ', map { asker($clients[$_ % 2], (@users, 'carol')[$_ % 3], 'EXECUTE get') } 0 .. 11),
    join(' ', ('alice bob 42501') x 4), 'a prepared statement asks as who executes it');

$boss->rows("ALTER USER MAPPING FOR alice SERVER aws OPTIONS (ADD role_session_name 'later')");
$mock->reset;
is(asker(client(TRANSACTIONS, 'alice')), 'alice', 'a mapping that is altered');
is($mock->calls('STS.AssumeRole'), 1, '... is so for sessions that are pooled');

# ---- what a client leaves to the next one of the pool ----

leaves('SET', 'SET amplify_fdw.max_calls = 77',
    'SHOW amplify_fdw.max_calls', '77', '0');
leaves('SET LOCAL', 'BEGIN; SET LOCAL amplify_fdw.max_calls = 77; ' . GET . '; COMMIT',
    'SHOW amplify_fdw.max_calls', '0', '0');
leaves('a cursor WITH HOLD', 'BEGIN; DECLARE held CURSOR WITH HOLD FOR ' . GET . '; COMMIT',
    'FETCH ALL FROM held', 'dev', '34000');
leaves('a cursor', 'BEGIN; DECLARE c CURSOR FOR ' . GET . '; FETCH c; COMMIT',
    'FETCH ALL FROM c', '34000', '34000');
leaves('a prepared statement', 'PREPARE prepared AS ' . GET,
    'EXECUTE prepared', 'dev', '26000');
leaves('amplify_fdw_failures()', FAILING,
    'SELECT aws_code FROM amplify_fdw_failures()', 'AccessDeniedException', '55000');
leaves('amplify_fdw_connections()', GET,
    'SELECT server_name, user_name, valid FROM amplify_fdw_connections()', 'aws alice t', '');
leaves('amplify_fdw_stats()', 'SELECT amplify_fdw_stats_reset(); ' . GET,
    'SELECT server_name, calls FROM amplify_fdw_stats()', 'aws 1', '');

is(answer(client(TRANSACTIONS, 'alice'), 'BEGIN; ' . FAILING
        . '; SELECT aws_code FROM amplify_fdw_failures(); COMMIT'),
    'AccessDeniedException', 'amplify_fdw_failures() in the transaction of the query');

client(TRANSACTIONS, 'alice')->rows(GET);
$mock->reset;
is(answer(client(TRANSACTIONS, 'alice'), 'SELECT amplify_fdw_disconnect_all()'), 't',
    'who disconnects');
is(asker(client(TRANSACTIONS, 'alice')), 'alice', '... does so for the next client');
is($mock->calls('STS.AssumeRole'), 1, '... which looks the credentials up anew');

# ---- ends ----

for my $pool (TRANSACTIONS, SESSIONS)
{
    my $client = client($pool, 'alice');

    begin_waiting($client);
    $client->cancel;
    is(Session::state_of($client->result), '57014', "$pool: a cancel reaches the call");
    $mock->wait_idle;
    $mock->reset;
    is(asker($client), 'alice', '... and the client goes on');

    begin_waiting($client);
    undef $client;
    $mock->wait_idle;
    $mock->reset;
    is(asker(client($pool, 'alice')), 'alice', "$pool: a call is dropped when the client goes");
}

# ---- pgpool-II has a cache of its own ----

SKIP:
{
    skip 'pgpool is not installed', 5 unless Pooler->is_there('pgpool');
    my @cache = (memory_cache_enabled => 'on', memqcache_total_size => '1MB',
        memqcache_cache_block_size => '512kB');

    $pooler = Pooler->pgpool(node => $node, @cache);
    is(calls_of_two(), 1, 'with memory_cache_enabled, the second query makes no call');
    is(calls_of_two(), 0, '... nor does any later one');
    $pooler = Pooler->pgpool(node => $node, @cache,
        cache_unsafe_memqcache_table_list => 'aws.backend_environments');
    is(calls_of_two(), 2, '... unless the table is in cache_unsafe_memqcache_table_list');
    $pooler = Pooler->pgpool(node => $node);
    is(calls_of_two(), 2, 'without that cache, each makes its call');
    is($mock->calls('STS.AssumeRole'), 2, '... with credentials that it has to look up');
}

done_testing();

sub set_up
{
    $boss->rows('CREATE ROLE carol; CREATE ROLE app LOGIN');
    add_server($boss, 'aws', $mock->url, sts_endpoint_url => $mock->url, request_timeout => '10min');
    $boss->rows('GRANT USAGE ON SCHEMA aws TO PUBLIC;
        GRANT SELECT ON ALL TABLES IN SCHEMA aws TO PUBLIC;
        ALTER FOREIGN TABLE aws.branches OPTIONS (ADD on_error $$warn$$)' =~ s/\$\$/'/gr);
    for my $user (@users)
    {
        $boss->rows("CREATE ROLE $user LOGIN;
            CREATE USER MAPPING FOR $user SERVER aws
                OPTIONS (access_key_id 'AKID\U$user\E', secret_access_key 'secret-of-$user',
                         role_arn 'arn:aws:iam::111122223333:role/$user')");
        connect_to($node, user => $user)->rows(GET);
        $user_of{ used_key($mock) } = $user;
    }
    $boss->rows("GRANT alice, bob, carol TO app");
    return;
}

sub client
{
    my ($pool, $user) = @_;

    return Session->new($pooler, database => $pool, user => $user);
}

# ... by two queries of two clients
sub calls_of_two
{
    $mock->reset;
    client('postgres', 'alice')->rows(GET) for 1, 2;
    return $mock->calls('GetBackendEnvironment');
}

# The values of the last row, or the SQLSTATE
sub answer
{
    my ($client, $sql) = @_;
    my $result = $client->query($sql);

    return $result->{error} ? Session::state_of($result) : "@{ $result->{rows}[-1] // [] }";
}

# Whose credentials a client has asked with, as a role if one is given; or the
# SQLSTATE
sub asker
{
    my ($client, $role, $sql) = @_;
    my $answer;

    $client->rows("BEGIN; SET LOCAL ROLE $role") if $role;
    $answer = answer($client, $sql || GET);
    $client->rows('ROLLBACK') if $role;
    return $answer eq 'dev' ? $user_of{ used_key($mock) } : $answer;
}

# What the next client of the same user finds, by mode
sub leaves
{
    my ($what, $does, $asks, %found) = (@_[ 0 .. 2 ], TRANSACTIONS, $_[3], SESSIONS, $_[4]);

    for my $pool (TRANSACTIONS, SESSIONS)
    {
        client($pool, 'alice')->rows('DISCARD ALL');
        $mock->reset;
        $mock->fault(status => 403, code => 'AccessDeniedException', match => 'd00000000002', n => -1);
        client($pool, 'alice')->rows($does);
        is(answer(client($pool, 'alice'), $asks), $found{$pool}, "$pool: $what");
    }
    return;
}

sub begin_waiting
{
    my ($client) = @_;

    $mock->fault(stall => 'body', n => -1);
    $client->send(GET);
    $mock->wait_held(1);
    return;
}
