# However many calls a statement makes: a server that fails is asked again a
# hundred times and no more, and one that does not respond is given up.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant APPS => 1000;
use constant PAGES => APPS / 100;
use constant RETRIES => 100;    # what 500 tokens pay for

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', APPS . ',2' ]);
my $node = new_node('retries');
my $session = connect_to($node);

add_server($session, 'aws', $mock->url, max_attempts => 3);
add_server($session, 'hasty', $mock->url, max_attempts => 3,
    request_timeout => 300);
add_server($session, 'strict', $mock->url, max_attempts => 3);
for my $server (qw(aws hasty))
{
    $session->rows("ALTER FOREIGN TABLE $server.backend_environments
        OPTIONS (ADD on_error 'warn', ADD estimated_rows '1000000')");
}
$session->rows(q{CREATE TABLE inventory AS
    SELECT 'd' || lpad(n::text, 11, '0') AS app
    FROM generate_series(1, } . APPS . q{) n;
    ANALYZE inventory;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off});

# What is asked; %s is the server
my %asked = (
    Lists => 'SELECT * FROM %s.backend_environments',
    Gets => q{SELECT * FROM %s.backend_environments WHERE app_id = ANY
        (SELECT app FROM inventory) AND environment_name = 'dev'},
    keys => q{SELECT * FROM %s.backend_environments WHERE environment_name = 'dev'
        AND app_id = ANY (ARRAY(SELECT app FROM inventory))},
    join => q{SELECT environment_name FROM inventory
        LEFT JOIN %s.backend_environments
        ON app_id = app AND environment_name = 'dev'},
);

# A statement that goes on without what failed: its result, calls of the
# environments, and those of them that EXPLAIN would count as retries
sub ask
{
    my ($server, $sql, @fault) = @_;

    $session->rows('SELECT amplify_fdw_stats_reset()');
    $mock->reset;
    $mock->fault(@fault);
    my $result = $session->query(sprintf $sql, $server);
    my $calls = $mock->calls('GetBackendEnvironment')
        + $mock->calls('ListBackendEnvironments');
    my $retries = $session->value("SELECT retries FROM amplify_fdw_stats()
        WHERE server_name = '$server'");
    $mock->reset;
    return ($result, $calls, $retries);
}

sub warnings_of
{
    my ($result, $pattern) = @_;

    return scalar grep { "$_->{M} $_->{D}" =~ $pattern } @{ $result->{notices} };
}

my @environments = (match => 'backendenvironments', n => -1);

# ---- a server that fails always ----

# What ListApps brings earns some tokens.
for my $name (sort keys %asked)
{
    my ($result, $calls, $retries) = ask('aws', $asked{$name},
        status => 500, @environments);

    is(Session::state_of($result), '00000', "$name: the statement goes on");
    cmp_ok($calls, '<=', APPS + RETRIES + PAGES / 5,
        "$name: a hundred retries for all calls together");
    is($calls - $retries, APPS, "$name: each is asked once in any case");
    is(warnings_of($result, qr/the service failed.*HTTP status 500/), APPS,
        "$name: what is missing is said");
    cmp_ok(warnings_of($result, qr/The statement has no retries left for this server\./),
        '>=', APPS - RETRIES, "$name: and why it was not asked again");
}

# ---- ... or often, or throttles: that is no reason to stop ----

$session->rows(q{ALTER SERVER aws OPTIONS (SET max_attempts '20')});
my ($result, $calls, $retries) = ask('aws', $asked{Lists}, status => 503,
    match => 'backendenvironments', every => 3, n => -1);
is(scalar @{ $result->{rows} }, APPS * 2, 'a third fails: all rows');
cmp_ok($retries, '>', 2 * RETRIES,
    '... with more retries than there would be in a row');

$session->rows(q{ALTER SERVER aws OPTIONS (ADD max_concurrency '200')});
$session->rows('SELECT amplify_fdw_stats_reset()');
# many are on their way before the first one is refused
$mock->fault(match => 'backendenvironments', n => RETRIES + 1, stall => 'request',
    status => 429, code => 'TooManyRequestsException');
$session->send(sprintf $asked{Lists}, 'aws');
$mock->wait_held(RETRIES + 1);
$mock->release;
$result = $session->result;
is(scalar @{ $result->{rows} }, APPS * 2, 'throttled: all rows');
cmp_ok($session->value(q{SELECT throttled FROM amplify_fdw_stats()
    WHERE server_name = 'aws'}), '>', RETRIES, '... and no bound');
$mock->reset;

# ---- an error stays the first one ----

($result, $calls) = ask('strict', $asked{join}, status => 500, @environments);
is(Session::state_of($result), '58000', 'on_error error: its own failure');
cmp_ok($calls, '<=', RETRIES + 250, '... after a window of calls at most');

# ---- a server that does not respond ----

# Ten calls are in flight, of three attempts each; when the third of them has
# failed for good, those that took the place of the first two may be under way.
for my $name (sort keys %asked)
{
    my ($result, $calls) = ask('hasty', $asked{$name}, stall => 'request',
        @environments);

    is(Session::state_of($result), '00000', "$name: the statement goes on");
    cmp_ok($calls, '<=', 36, "$name: a silent server is given up");
    # others than the one that gives it up may have been waited for before
    cmp_ok(warnings_of($result, qr/no response in time/), '<=', 3,
        "$name: which three warnings say at most");
    is(warnings_of($result, qr/no response in time, as to the calls before/), 1,
        "$name: one of them finally");
    note 'calls: ', $calls;
}
$session->rows("ALTER SERVER hasty OPTIONS (SET max_attempts '20')");
($result, $calls) = ask('hasty', $asked{Lists}, stall => 'request', every => 2,
    match => 'backendenvironments', n => 60);
is(scalar @{ $result->{rows} }, APPS * 2,
    'responses between: all rows, with as many time-outs as may be');

# A statement of its own has a budget of its own.
is(scalar @{ $session->query(sprintf $asked{Lists}, 'hasty')->{rows} },
    APPS * 2, 'the next statement asks again');
is(handles($session), 0, 'no request is left');

done_testing();
