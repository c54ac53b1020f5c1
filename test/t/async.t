# An Append waits for all of its scans together, by one descriptor and one timer
# that is behind it.  What one scan takes in while it is asked before that wait may
# change what the timer, which another scan has set, has to be set to.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    KEY   => 1,     # of the lock that rows are held up with
    PAUSE => 50,    # seconds that the service asks for
};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $first = Mock->start(dir => $dir, args => [ '--generate', '1,2' ]);
my $second = Mock->start(dir => $dir, args => [ '--generate', '1,60' ]);
my $node = new_node('async');
my $boss = connect_to($node);
my $session = connect_to($node, statement_timeout => '2min');

# Neither a time-out of libcurl's nor what it does about a new connection is to
# stand in for that timer.
my %patient = (connect_timeout => '10min', request_timeout => '10min');
add_server($boss, 'one', $first->url, %patient);
add_server($boss, 'two', $second->url, %patient);
$boss->rows(q{CREATE FUNCTION held_up() RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN PERFORM pg_advisory_xact_lock(} . KEY . q{); RETURN false; END$$});

my $statement = q{
    SELECT app_id FROM one.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'
    UNION ALL
    SELECT app_id FROM two.backend_environments
    WHERE app_id = 'd00000000001' AND held_up()};

sub wait_for
{
    my ($event) = @_;

    poll_until(
        sub { ($boss->value('SELECT wait_event FROM pg_stat_activity WHERE pid = '
                . $session->pid) // '') eq $event; }, $event);
    return;
}

# Seconds until the timer of the backend ends a wait; 0: never
sub timer
{
    my $pid = $session->pid;

    for my $info (map { slurp_file($_) } glob "/proc/$pid/fdinfo/*")
    {
        return $1 + $2 / 1e9 if $info =~ /^it_value: \((\d+), (\d+)\)/m;
    }
    return 0;
}

is(scalar(grep { $_->[0] =~ /Async Foreign Scan/ }
            @{ $boss->rows("EXPLAIN (COSTS OFF) $statement") }), 2,
    'an Append of two scans that it waits for');

$session->rows("SELECT FROM $_.apps") for qw(one two);
$_->reset for $first, $second;

# The first scan has set the timer when the second one, which comes after it, finds
# its first page, none of whose rows is wanted.  While that is found out, the call
# of the first is refused.  The second takes that in as it asks for its next page,
# and has to wait as well.
$first->fault(stall => 'request', n => 1, status => 429, code => 'TooManyRequestsException',
    header => 'Retry-After:' . PAUSE);
$second->fault(stall => 'request', n => -1);
$boss->rows('SELECT pg_advisory_lock(' . KEY . ')');
$session->send($statement);
$_->wait_held(1) for $first, $second;
wait_for('AppendReady');
$second->release;
wait_for('advisory');
$first->release;
$first->wait_idle;
$boss->rows('SELECT pg_advisory_unlock(' . KEY . ')');
$second->wait_requests(2);
wait_for('AppendReady');
my $timer = timer();
ok($timer > 0 && $timer <= PAUSE, 'the wait ends when the refused call may be made again')
    or diag("timer: $timer s");

$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(Session::state_of($session->result), '57014', '... and can be cancelled');
is_deeply([ $first->calls, $second->calls ], [ 1, 2 ], '... with nothing asked twice');
is(handles($session), 0, '... and nothing in flight');

done_testing();
