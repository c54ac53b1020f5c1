# What a statement that waits tells of itself: the name of its wait, and
# messages for the one who runs it.  pg_stat_activity shows the client's text.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '20,2' ]);
my $other = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '20,2' ]);
my $node = new_node('progress', conf => "compute_query_id = on\n");
my $boss = connect_to($node);
my $session = connect_to($node);

add_server($boss, 'aws', $mock->url, request_timeout => '10min');
add_server($boss, 'too', $other->url, request_timeout => '10min');
add_server($boss, 'sts', $mock->url, request_timeout => '10min',
    sts_endpoint_url => $mock->url,
    mapping => { access_key_id => Amplify::ACCESS_KEY_ID,
        secret_access_key => Amplify::SECRET_ACCESS_KEY,
        role_arn => 'arn:aws:iam::123456789012:role/reader' });

# A column of the session in pg_stat_activity
sub shown
{
    my ($column) = @_;

    return $boss->value("SELECT coalesce(${column}::text, '')
        FROM pg_stat_activity WHERE pid = " . $session->pid);
}

my $numbers = '%d calls done, %d in flight, %d rows, %d calls throttled';

sub expected { return sprintf "INFO: amplify_fdw: $numbers", @_; }

my $keyed = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'";

# ---- messages ----

# What is told while one response does not come, by a statement that returns so
# many rows
sub told_is
{
    my ($statement, $stalled, $told, $rows, $what) = @_;

    $session->send($statement);
    $session->wait_for_message;
    my @seen = map { shown($_) } qw(query state);
    is("@seen", "$statement active", "$what: it shows its own text");
    $stalled->release;
    my $result = $session->result;
    is(scalar @{ $result->{rows} }, $rows, '... and goes on');
    is_deeply([ map { "$_->{S}: $_->{M}" } @{ $result->{notices} } ]->[0],
        expected(@$told), '... and tells how far it is');
    $_->reset for $mock, $other;
    return;
}

$session->rows('SET amplify_fdw.progress = on');
$mock->fault(stall => 'body', n => 1);
told_is($keyed, $mock, [ 0, 1, 0, 0 ], 1, 'a long wait');

$mock->fault(stall => 'body', match => 'd00000000019', n => 1);
told_is('SELECT app_id FROM aws.backend_environments', $mock,
    [ 20, 1, 38, 0 ], 40, 'the sum of a statement');

# Below an Append, it is the executor that waits
$other->fault(stall => 'body', n => 1);
told_is("SELECT * FROM aws.backend_environments WHERE app_id = 'd00000000003'
    UNION ALL
    SELECT * FROM too.backend_environments WHERE app_id = 'd00000000004'",
    $other, [ 1, 1, 2, 0 ], 4, 'an Append');

$session->rows('SET amplify_fdw.progress = off');
$mock->fault(stall => 'body', n => 1);
$session->send($keyed);
$mock->wait_held(1);
$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(Session::state_of($session->result), '57014', 'a wait can be cancelled');
$mock->reset;

# ---- the name of the wait ----

my $named = $boss->value('SHOW server_version_num') >= 170000;

sub wait_event_is
{
    my ($name, $what) = @_;

    $name = 'Extension' if !$named;
    poll_until(sub { shown('wait_event') eq $name }, "$name, of $what");
    pass("$what is a wait for $name");
    $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    is(Session::state_of($session->result), '57014', '... that can be cancelled');
    $_->reset for $mock, $other;
    return;
}

$mock->fault(stall => 'request', n => 1);
$session->send($keyed);
wait_event_is('AmplifyAnswer', 'a request in flight');

# The session will spare that server for so long
$other->fault(status => 429, code => 'TooManyRequestsException',
    header => 'Retry-After:50', n => -1);
$session->send($keyed =~ s/aws\./too./r);
$other->wait_requests(1);
wait_event_is('AmplifyPause', 'a service that asks for patience');

$mock->fault(op => 'STS.AssumeRole', stall => 'request', n => 1);
$session->send($keyed =~ s/aws\./sts./r);
wait_event_is('AmplifyCredentials', 'a role to be assumed');

done_testing();
