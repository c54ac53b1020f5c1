# HTTP/2: all requests go over one connection, and one that has become a black
# hole, as firewalls make them, costs one time-out and no row.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Http2;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'nghttpx is not there' unless Http2::is_there();

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '30,2' ]);
my $http2 = Http2->start(mock => $mock, cert => "$certs/server.pem",
    key => "$certs/server.key");
my $node = new_node('http2');
my $session = connect_to($node);

my @trust = (ca_bundle => "$certs/ca.pem");
add_server($session, 'aws', $http2->url, @trust);
add_server($session, 'hasty', $http2->url, @trust, request_timeout => 1000);
$session->rows("ALTER FOREIGN TABLE $_.backend_environments OPTIONS
    (ADD estimated_rows '1000')") for qw(aws hasty);

my $all = 'SELECT environment_name FROM %s.backend_environments';
my $keyed = "$all WHERE app_id = 'd00000000001' AND environment_name = 'test'";

# Begins without connections
sub begin_anew
{
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    $session->rows('SELECT amplify_fdw_stats_reset()');
    $mock->reset;
    return;
}

# "calls, connections, retries" as the session counts them
sub counted
{
    my ($server) = @_;

    return join ', ', @{ $session->rows("SELECT calls, connections, retries
        FROM amplify_fdw_stats() WHERE server_name = '$server'")->[0] };
}

sub rows_of { return scalar @{ $session->rows(sprintf $_[0], $_[1]) }; }

# ---- one connection ----

begin_anew();
$mock->fault(stall => 'headers', op => 'ListBackendEnvironments', n => 10);
$session->send(sprintf $all, 'aws');
$mock->wait_held(10);
$mock->release;
is(scalar @{ $session->result->{rows} }, 60, 'ten requests at a time: all rows');
is(counted('aws'), '31, 1, 0', '... over one connection');
rows_of($keyed, 'aws') for 1 .. 20;
is(counted('aws'), '51, 1, 0', '... which is kept');

# ---- a black hole ----

for my $case ([ 'idle', $keyed, 1 ], [ 'idle, many requests', $all, 60 ])
{
    my ($name, $sql, $rows) = @$case;

    begin_anew();
    is(rows_of($keyed, 'hasty'), 1, "$name: a connection");
    $http2->deafen;
    $session->rows('SELECT amplify_fdw_stats_reset()');
    is(rows_of($sql, 'hasty'), $rows, "$name: all rows");
    my ($calls, $connections, $retries) = split /, /, counted('hasty');
    is("$connections, $retries", '1, 1', "$name: one attempt is lost, on a new connection");
    is(rows_of($sql, 'hasty'), $rows, "$name: and then none");
    is((split /, /, counted('hasty'))[2], 1, "$name: no other one is lost");
}

# In the middle of ten requests: each of them has to be asked again.
begin_anew();
$mock->fault(stall => 'headers', op => 'ListBackendEnvironments', n => 10);
$session->send(sprintf $all, 'hasty');
$mock->wait_held(10);
$http2->deafen;
my $result = $session->result;
is(Session::state_of($result) . ': ' . @{ $result->{rows} }, '00000: 60',
    'with ten requests under way: all rows');
my ($calls, $connections, $retries) = split /, /, counted('hasty');
cmp_ok($retries, '<=', 10, '... each is asked again at most');
cmp_ok($connections, '<=', 11, '... on connections of their own');
$mock->release;
is(handles($session), 0, 'no request is left');

# ---- what comes on the wrong stream ----

begin_anew();
$mock->fault(status => 200,
    body => '{"backendEnvironment":{"environmentName":"dev","stackName":"s"}}', skip => 1);
rows_of($keyed, 'aws');
is(rows_of($keyed, 'aws'), 1, 'a response about something else: the right one');
is(counted('aws'), '3, 2, 1', '... is asked for on a new connection');

done_testing();
