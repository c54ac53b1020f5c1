# The values of columns that IMPORT makes only when asked to are in no message
# and no log, also where they can't be converted.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(), args => [ '--generate', '3,3' ]);
my $node = new_node('sensitive');
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
$session->rows(q{CREATE FOREIGN TABLE odd (app_id text, environment_variables jsonb,
    basic_auth_credentials int) SERVER aws OPTIONS (resource 'apps')});
for my $case (
    [ 'environment_variables', '22P05', '"environmentVariables":{"PASSWORD":"hunter2\u0000"}' ],
    [ 'environment_variables', '22003', '"environmentVariables":{"hunter2":1e999999}' ],
    [ 'basic_auth_credentials', '22P02', '"basicAuthCredentials":"hunter2"' ])
{
    my ($column, $state, $member) = @$case;

    $mock->reset;
    $mock->fault(n => -1, body => qq({"app":{"appId":"d00000000001",$member}}));
    my $result = $session->query("SELECT $column FROM odd WHERE app_id = 'd00000000001'");

    is(Session::state_of($result), $state, $member);
    like(Session::describe($result), qr/"$column" of foreign table "odd"/, '... says which');
    unlike(Session::describe($result), qr/hunter2/, '... and not what');
}
$mock->reset;
unlike(slurp_file($node->logfile), qr/hunter2/, 'nor does the log');
done_testing();
