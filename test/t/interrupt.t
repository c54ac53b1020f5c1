# A large response is parsed in pieces, and a cancel is heeded between two of
# them, wherever it is parsed; so is a jsonb that is made of it.  A page of a
# List is parsed once in a statement.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant MB => 8;
use constant PIECE => 65536;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '1,2' ]);
my $node = new_node('interrupt', shim => shim('json_shim', $dir));
my $session = connect_to($node);
my $app = q{app_id = 'd00000000001'};
my %asked = (
    Get => "SELECT 1 FROM aws.backend_environments WHERE $app AND environment_name = 'dev'",
    List => "SELECT 1 FROM aws.backend_environments WHERE $app",
    names => "SELECT 1 FROM aws.backend_environments WHERE $app AND environment_name IN ('dev', 'test')",
    parents => 'SELECT 1 FROM aws.backend_environments',
    sorted => "SELECT environment_name FROM aws.backend_environments WHERE $app ORDER BY 1",
);

add_server($session, 'aws', $mock->url);
my $before = warm_up($session, 'aws');

sub pieces { return -s "$dir/pieces" // 0; }

for my $name (sort keys %asked)
{
    my $pieces = int(MB * 1e6 / PIECE);

    $mock->reset;
    $mock->fault(repeat => MB, n => -1);
    unlink "$dir/pieces";
    is(Session::state_of($session->query($asked{$name})), '00000', "$name: without a cancel");
    cmp_ok(pieces(), '>=', $pieces, "$name: it is parsed in pieces");

    unlink "$dir/pieces";
    append_to_file("$dir/cancel", '');
    my $result = $session->query($asked{$name});
    unlink "$dir/cancel";
    is(Session::state_of($result), '57014', "$name: cancelled");
    is(pieces(), 1, "$name: no further piece was parsed");
    $mock->reset;
    is(harm($session, 'aws', $before), '', "$name: the session is unharmed");
}

# ---- a jsonb is made part by part ----

my $tags = "SELECT jsonb_array_length(tags) FROM aws.apps WHERE $app";

sub numbers { return -s "$dir/numbers" // 0; }

append_to_file("$dir/body", '{"app":{"appId":"d00000000001","tags":[' . join(',', (0.5) x 1000) . ']}}');
$mock->fault(bodyfile => "$dir/body", n => -1);
is($session->value($tags), 1000, 'a jsonb');
is(numbers(), 1000, '... of its parts');
unlink "$dir/numbers";
append_to_file("$dir/cancel-numbers", '');
is(Session::state_of($session->query($tags)), '57014', 'a jsonb: cancelled');
unlink "$dir/cancel-numbers";
is(numbers(), 1, '... after the first of them');
$mock->reset;
is(harm($session, 'aws', $before), '', 'a jsonb: the session is unharmed');

# ---- a role in pieces: what is broken off in the middle is begun anew ----

write_file("$dir/keys", sprintf '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{'
    . '"AccessKeyId":"%s","SecretAccessKey":"%s"}}},"x":"%s"}',
    Amplify::ACCESS_KEY_ID, Amplify::SECRET_ACCESS_KEY, 'x' x (100_000));
add_server($session, 'role', $mock->url, sts_endpoint_url => $mock->url,
    mapping => { access_key_id => Amplify::ACCESS_KEY_ID, role_arn => ROLE,
        secret_access_key => Amplify::SECRET_ACCESS_KEY });
$session->rows(q{SET statement_timeout = '60s'});
for my $cancelled (1, 0)
{
    $mock->reset;
    $mock->fault(op => 'STS.AssumeRole', bodyfile => "$dir/keys");
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    append_to_file("$dir/cancel", '') if $cancelled;
    is(Session::state_of($session->query('SELECT app_id FROM role.apps')),
        $cancelled ? '57014' : '00000', 'a role in pieces: ' . ($cancelled ? 'cancelled' : 'read'));
    unlink "$dir/cancel";
    is($session->value('SELECT app_id FROM role.apps'), 'd00000000001', '... and then rows');
    is($mock->calls('STS.AssumeRole'), $cancelled ? 2 : 1, '... by as many requests');
}
is(harm($session, 'aws', $before), '', '... and the session is unharmed');
$session->rows('RESET statement_timeout');

# ---- names in any order: a page once, and then no more than their items ----

my $many = Mock->start(dir => $dir, args => [ '--generate', '1,600' ]);

add_server($session, 'many', $many->url);
$session->rows($_) for split /;\n/, q{
    SET work_mem = '64kB'; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET enable_sort = off; SET amplify_fdw.read_ahead = 10;
    ALTER FOREIGN TABLE many.backend_environments OPTIONS (ADD estimated_rows '100000');
    CREATE TABLE keys AS SELECT app_id AS app, environment_name AS env
        FROM many.backend_environments ORDER BY md5(environment_name);
    ANALYZE keys};
for my $ahead (10, 0)
{
    $many->reset;
    append_to_file("$dir/text", '');
    $session->rows("SET amplify_fdw.read_ahead = $ahead; SELECT amplify_fdw_stats_reset()");
    is($session->value('SELECT count(e.app_id) FROM keys LEFT JOIN many.backend_environments
        AS e ON e.app_id = app AND environment_name = env'), 600, 'names in any order');
    cmp_ok($many->calls, '<', 50, '... found on pages');
    my $bytes = $session->value(q{SELECT bytes FROM amplify_fdw_stats()
        WHERE server_name = 'many'});
    cmp_ok(-s "$dir/text", '<', $bytes * 2.5, '... that are parsed once');
    note((-s "$dir/text") . " bytes of $bytes");
    unlink "$dir/text";
}

done_testing();
