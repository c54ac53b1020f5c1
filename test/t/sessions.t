# Several sessions at once, and sessions that lose the server or the client.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant SESSIONS => 8;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '20,5' ]);
my $node = new_node('sessions');
my $boss = connect_to($node);

add_server($boss, 'aws', $mock->url, request_timeout => '10min');

# ---- at once ----

my @sessions = map { connect_to($node) } 1 .. SESSIONS;
my %answers;

for my $round (1 .. 10)
{
    $_->send('SELECT count(*), count(DISTINCT backend_environment_arn)
        FROM aws.backend_environments') for @sessions;
    for my $session (@sessions)
    {
        my $result = $session->result;

        $answers{ Session::state_of($result) . ": @{ $result->{rows}[0] }" }++;
    }
}
is(join('; ', map { "$_ x $answers{$_}" } sort keys %answers),
    '00000: 100 100 x ' . 10 * SESSIONS,
    SESSIONS . ' sessions at once get the same rows');
is($mock->calls, 21 * 10 * SESSIONS, 'each asks for its own');

# Some fail and some are cancelled, and the others don't notice.
$mock->reset;
$mock->fault(status => 403, code => 'AccessDeniedException', match => 'd00000000007', n => -1);
$mock->fault(stall => 'body', match => 'd00000000008', n => -1);
my @kinds = map { $_ % 3 } 0 .. $#sessions;
my @apps = qw(d00000000001 d00000000007 d00000000008);
for my $i (0 .. $#sessions)
{
    $sessions[$i]->send("SELECT * FROM aws.backend_environments
        WHERE app_id = '$apps[$kinds[$i]]'");
}
$mock->wait_held(scalar grep { $_ == 2 } @kinds);
for my $i (grep { $kinds[$_] == 2 } 0 .. $#sessions)
{
    $boss->rows('SELECT pg_cancel_backend(' . $sessions[$i]->pid . ')');
}
my @states = map { Session::state_of($_->result) } @sessions;
is("@states", join(' ', map { (qw(00000 42501 57014))[$_] } @kinds),
    'each has its own end');
$mock->reset;
is(join('', map { ailment($_, 'aws') } @sessions), '', 'and all work');
$_->close for @sessions;

# ---- the client goes ----

my $waiting = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001'";

sub begin_waiting
{
    my ($session) = @_;

    $mock->reset;
    $mock->fault(stall => 'body', n => -1);
    $session->send($waiting);
    $mock->wait_held(1);
    return;
}

{
    my $session = connect_to($node);
    my $pid = $session->pid;

    $session->rows('SET client_connection_check_interval = 50');
    begin_waiting($session);
    undef $session;
    poll_until(
        sub {
            $boss->value("SELECT count(*) FROM pg_stat_activity
                WHERE pid = $pid") == 0;
        },
        'the backend of a lost client to end');
    pass('a backend whose client is gone does not wait on');
}

# ---- settings are there from the start if each session loads the library ----

my $limit = 'ALTER ROLE CURRENT_USER SET amplify_fdw.max_calls = 7';

sub settings
{
    my ($user) = @_;
    my $new = connect_to($node);

    $new->rows("SET SESSION AUTHORIZATION $user") if $user;
    return join ' ', map { Session::state_of($new->query($_)) } 'SHOW amplify_fdw.max_calls', $limit;
}

$boss->rows('CREATE ROLE dashboard LOGIN');
is(settings('dashboard'), '42704 42501', 'there is no setting before the library is loaded');
preload($node, 'session_preload_libraries');
poll_until(sub { connect_to($node)->value('SHOW session_preload_libraries') ne '' }, 'the setting');
is(settings('dashboard'), '00000 00000', 'session_preload_libraries loads it');
is(connect_to($node, user => 'dashboard')->value('SHOW amplify_fdw.max_calls'), 7, '... and the setting is in force');

# ---- the postmaster dies ----

my @last = map { connect_to($node) } 1 .. 3;
begin_waiting($last[0]);
$last[1]->send($waiting);
$mock->wait_held(2);
# waiting in an Append, where the event loop is PostgreSQL's
$last[2]->send('SELECT count(*) FROM (SELECT * FROM aws.backend_environments
    UNION ALL SELECT * FROM aws.backend_environments) x');
$mock->wait_held(3);
is_waiting($boss, $_->pid) for @last[ 0, 1 ];

# Long before a request's own time is over
my $start = time;
$node->kill9;
my @ended = map { $_->wait_for_end($start + 15 - time) } @last;
is(scalar(grep { defined } @ended), 3,
    'waiting backends end with the postmaster');
$boss->wait_for_end(60);

done_testing();
