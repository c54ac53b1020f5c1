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

# The result of a query that another session's changes overtake: the query has
# to wait for that catalog, and they are committed then.
sub overtaken
{
    my ($query, $catalog, @changes) = @_;

    $boss->rows('BEGIN');
    $boss->rows($_) for @changes;
    $boss->rows("LOCK TABLE $catalog IN ACCESS EXCLUSIVE MODE");
    $session->send($query);
    poll_until(
        sub {
            $boss->value('SELECT count(*) FROM pg_locks WHERE NOT granted
                AND pid = ' . $session->pid) == 1;
        },
        "the session to wait for $catalog");
    $boss->rows('COMMIT');
    my $result = $session->result;
    return join ' ', Session::state_of($result), map { @$_ } @{ $result->{rows} };
}

# ---- between the server's options and the keys ----

my $query = "SELECT environment_name FROM aws.backend_environments
    WHERE app_id = 'd00000000001' ORDER BY 1";
is(overtaken($query, 'pg_user_mapping',
        "ALTER SERVER aws OPTIONS (SET endpoint_url '" . $mocks[1]->url . "')",
        "ALTER USER MAPPING FOR CURRENT_USER SERVER aws
            OPTIONS (SET access_key_id 'AKIDNEW', SET secret_access_key 'secretNEW')"),
    '00000 dev test', 'a change between two looks');
is(join(', ', map { $_->calls } @mocks), '0, 1', 'the new server was asked');
is(scalar @{ $session->rows($query) }, 2, 'and is from then on');
is(join(', ', map { $_->calls } @mocks), '0, 2', 'by all calls');

# ---- while the session shows what it keeps ----

$boss->rows('CREATE ROLE owner');
$boss->rows('GRANT USAGE ON SCHEMA aws TO owner');
$boss->rows('GRANT SELECT ON aws.apps TO owner');
$boss->rows("CREATE USER MAPPING FOR owner SERVER aws
    OPTIONS (access_key_id 'AKIDNEW', secret_access_key 'secretNEW')");
$boss->rows('CREATE VIEW shown AS SELECT * FROM aws.apps');
$boss->rows('ALTER VIEW shown OWNER TO owner');
is($session->value('SELECT count(*) FROM shown'), 1, 'as the owner of a view');
$boss->rows('ALTER ROLE owner NOINHERIT');    # so that its name is read anew
is(overtaken('SELECT server_name, user_name FROM amplify_fdw_connections()',
        'pg_authid', "ALTER SERVER aws OPTIONS (ADD max_attempts '1')"),
    '00000 aws owner', 'a change amid a list of connections');
is($session->value('SELECT count(*) FROM amplify_fdw_connections()'), 0,
    'drops them all the same');

done_testing();
