# Options that change while a session reads them: it takes all of them as they
# were before, or all as they are now, and never the old endpoint with new keys.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my @mocks = map {
    Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
        args => [ '--generate', '1,2', '--credential', "AKID$_:secret$_" ])
} qw(OLD NEW);
my $node = new_node('changed');
my $boss = connect_to($node);
my $session = connect_to($node);

add_server($boss, 'aws', $mocks[0]->url,
    mapping => { access_key_id => 'AKIDOLD', secret_access_key => 'secretOLD' });
$boss->rows('BEGIN');
$boss->rows("ALTER SERVER aws OPTIONS (SET endpoint_url '" . $mocks[1]->url . "')");
$boss->rows("ALTER USER MAPPING FOR CURRENT_USER SERVER aws
    OPTIONS (SET access_key_id 'AKIDNEW', SET secret_access_key 'secretNEW')");
# Whoever has read the server's options waits here before he reads the keys
$boss->rows('LOCK TABLE pg_user_mapping IN ACCESS EXCLUSIVE MODE');
$session->send('SELECT environment_name FROM aws.backend_environments
    WHERE app_id = \'d00000000001\' ORDER BY 1');
poll_until(
    sub {
        $boss->value('SELECT count(*) FROM pg_locks WHERE NOT granted
            AND pid = ' . $session->pid) == 1;
    },
    'the session to wait for the mapping');
$boss->rows('COMMIT');
my $result = $session->result;
is(Session::state_of($result) . ": @{ [ map { @$_ } @{ $result->{rows} } ] }",
    '00000: dev test', 'a change between two looks');
is(join(', ', map { $_->calls } @mocks), '0, 1', 'the new server was asked');
is($session->value('SELECT count(*) FROM aws.backend_environments
        WHERE app_id = \'d00000000001\''), 2, 'and is from then on');
is(join(', ', map { $_->calls } @mocks), '0, 2', 'by all calls');

done_testing();
