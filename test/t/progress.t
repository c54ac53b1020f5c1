# What a statement that waits shows of itself: the name of its wait and a line
# in pg_stat_activity, and messages for the one who runs it.
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

# The numbers of the line, once it is there
sub line
{
    my ($statement) = @_;
    my $line;

    poll_until(
        sub { ($line) = shown('query') =~ m{^/\* (.*) \*/ \Q$statement\E$}s; },
        'the line to be shown');
    return $line;
}

my $numbers = '%d calls done, %d in flight, %d rows, %d calls throttled';

sub expected { return sprintf "amplify_fdw: $numbers", @_; }

# ---- the line ----

my $keyed = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'";

$mock->fault(stall => 'body', n => 1);
$session->send($keyed);
$mock->wait_held(1);
my @before = map { shown($_) } qw(query_id query_start state);
is(line($keyed), expected(0, 1, 0, 0), 'a long wait shows how far it is');
is(join(' ', map { shown($_) } qw(query_id query_start state)), "@before",
    '... and all else stays as it is');
like($before[0], qr/^-?\d+$/, '... with an identifier');
$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(Session::state_of($session->result), '57014', 'it can be cancelled then');
is(shown('query'), $keyed, '... and shows nothing any more');
$mock->reset;

my $list = 'SELECT app_id FROM aws.backend_environments';

$mock->fault(stall => 'body', match => 'd00000000019', n => 1);
$session->send($list);
is(line($list), expected(20, 1, 38, 0), 'the numbers are those of the statement');
$mock->release;
is(Session::state_of($session->result), '00000', '... which goes on');
is(shown('query'), $list, '... and shows nothing at its end');

# Below an Append, it is the executor that waits
my $append = "SELECT * FROM aws.backend_environments WHERE app_id = 'd00000000003'
    UNION ALL
    SELECT * FROM too.backend_environments WHERE app_id = 'd00000000004'";

$other->fault(stall => 'body', n => 1);
$session->send($append);
is(line($append), expected(1, 1, 2, 0), 'an Append shows the sum');
$other->release;
is(@{ $session->result->{rows} }, 4, '... and goes on');
is(shown('query'), $append, '... and shows nothing at its end');

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

# ---- messages ----

$mock->fault(stall => 'body', n => 1);
$session->rows('SET amplify_fdw.progress = on');
$session->send($keyed);
line($keyed);
$mock->release;
my $result = $session->result;
is(scalar @{ $result->{rows} }, 1, 'a fetch with messages works');
is_deeply([ map { "$_->{S}: $_->{M}" } @{ $result->{notices} } ]->[0],
    'INFO: ' . expected(0, 1, 0, 0), '... and tells the same');

# ---- nothing to show it in ----

$boss->rows("ALTER SYSTEM SET track_activities = off");
$boss->rows('SELECT pg_reload_conf()');
$session->close;
$session = connect_to($node);
is($session->value('SHOW track_activities'), 'off', 'nobody tracks activities');
$session->rows('SET amplify_fdw.progress = on');
$mock->fault(stall => 'body', n => 1);
$session->send($keyed);
$mock->wait_held(1);
$session->wait_for_message;
$mock->release;
is(@{ $session->result->{rows} }, 1, '... and the fetch works as well');
is(ailment($session, 'aws'), '', '... and the session after it');

done_testing();
