# Threats that no other test is about: preloading, settings, what the extension
# brings into the catalogs, and secrets in the data that AWS sends.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant CANARY => 'CanaryInTheAnswer';

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '2,2' ]);

# ---- loaded by the postmaster, which must not start libcurl or OpenSSL ----

my $node = new_node('threats', conf => "log_min_messages = debug5\n");
preload($node);
my $session = connect_to($node);

add_server($session, 'aws', $mock->url, max_attempts => 1);
is(Amplify::good_query($session, 'aws'), Amplify::GOOD_ANSWER, 'works when it is preloaded');
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');
$postmaster =~ s/\n.*//s;
unlike(descriptors($postmaster), qr/timerfd/, 'the postmaster has no engine');
is(threads($postmaster), 1, 'and no threads');

# ---- settings ----

my $result = $session->query('SET amplify_fdw.endpoint = 1');
is(Session::state_of($result), '42602', 'unknown settings are refused')
    or diag Session::describe($result);

# ---- catalogs ----

is($session->value(q{SELECT count(*) FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
    WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND prosecdef}),
    0, 'no function runs as its owner');
$session->query('CREATE ROLE owner LOGIN');
$session->query('CREATE DATABASE owned OWNER owner');
$result = connect_to($node, user => 'owner', database => 'owned')
    ->query('CREATE EXTENSION amplify_fdw');
is(Session::state_of($result), '42501',
    'the owner of a database cannot create the extension')
    or diag Session::describe($result);
is($session->value(q{SELECT fdwacl IS NULL FROM pg_foreign_data_wrapper
    WHERE fdwname = 'amplify_fdw'}), 't', 'nobody else may make servers unless he is let');

# ---- data are secret, too: no error shows a piece of a response ----

for my $body ('not JSON ' . CANARY, '{"backendEnvironment": {"environmentName": "' . CANARY . '"',
    '{"' . CANARY . '": 1}', '["' . CANARY . '"]',
    '{"backendEnvironment": {"environmentName": "dev", "createTime": "' . CANARY . '"}}',
    '{"backendEnvironment": {"environmentName": "dev", "stackName": {"a": "' . CANARY . '"}}}')
{
    $mock->say('reset');
    $mock->say('fault', status => 200, body => $body);
    $result = $session->query("SELECT * FROM aws.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'");
    isnt(Session::state_of($result), '00000', 'an error: ' . substr $body, 0, 40);
    unlike(Session::describe($result), qr/${\ CANARY}/, 'which does not show the response');
}
unlike(slurp_file($node->logfile), qr/${\ CANARY}/, 'nor does the log');

done_testing();
