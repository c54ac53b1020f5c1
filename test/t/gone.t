# A statement that asks for many apps finds out beside its lookups which are
# there, and asks no more for those that are not.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { SMALL => 20, LARGE => 250, GONE => 6330 };

my $dir = PostgreSQL::Test::Utils::tempdir();
my %mock = (
    small => Mock->start(dir => $dir, args => [ '--generate', SMALL . ',5' ]),
    large => Mock->start(dir => $dir, args => [ '--generate', LARGE . ',2' ]));
my $node = new_node('gone');
my $session = connect_to($node);

for my $name (sort keys %mock)
{
    add_server($session, $name, $mock{$name}->url, max_attempts => 1);
    $session->rows("ALTER FOREIGN TABLE $name.$_ OPTIONS (ADD estimated_rows '100000')")
        for qw(apps backend_environments branches jobs job_steps);
}
$session->rows($_) for split /;\n/, q{
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET enable_memoize = off;
    SET enable_sort = off;
    CREATE FUNCTION id(int) RETURNS text LANGUAGE sql IMMUTABLE
        RETURN 'd' || lpad($1::text, 11, '0');
    CREATE TABLE inventory AS
        SELECT id(n) AS app, 'dev' AS env FROM generate_series(1, 6350) AS n
        ORDER BY md5(n::text);
    CREATE TABLE known AS
        SELECT id(n) AS app, 'dev' AS env FROM generate_series(1, 250) AS n
        ORDER BY md5(n::text);
    ANALYZE inventory, known};

# What a query makes of calls, and of these ListApps; its first value
sub calls
{
    my ($server, $sql, @fault) = @_;
    my $mock = $mock{$server};

    $mock->reset;
    $mock->fault(n => -1, @fault) if @fault;
    my $result = $session->query($sql);
    is(Session::state_of($result), '00000', "$server: " . $sql =~ s/\s+/ /gr);
    is(scalar @{ $result->{notices} }, 0, '... without a word');
    return ($mock->calls, $mock->calls('ListApps'), $result->{rows}[0][0]);
}

sub bound
{
    my ($pages, $known) = @_;

    return 100 + 11 * $pages + $known;
}

sub looked_up
{
    my ($server, $table, $from) = @_;

    return "SELECT count(e.app_id) FROM $from LEFT JOIN $server.$table AS e ON e.app_id = app"
        . ($table eq 'backend_environments' ? ' AND environment_name = env' : '');
}

# ---- gone apps ----

my ($calls, $pages, $value);

for my $ahead (200, 0)
{
    $session->rows("SET amplify_fdw.read_ahead = $ahead");
    for my $table (qw(backend_environments branches))
    {
        ($calls, $pages, $value) = calls('small', looked_up('small', $table, 'inventory'));
        is($value, SMALL * ($table eq 'branches' ? 2 : 1), '... all rows');
        cmp_ok($calls, '<=', bound(1, SMALL), '... few calls');
        is($pages, 1, '... of them ListApps');
    }
}
$session->rows('RESET amplify_fdw.read_ahead');
($calls, $pages, $value) = calls('large', looked_up('large', 'branches', 'inventory'));
is($value, LARGE * 2, '... all rows');
cmp_ok($calls, '<=', bound(3, LARGE), '... few calls');
is($pages, 3, '... of them ListApps');
($calls, $pages, $value) = calls('small', q{SELECT count(*) FROM small.backend_environments
    WHERE app_id = ANY (ARRAY(SELECT app FROM inventory)) AND environment_name = 'dev'});
is($value, SMALL, '... all rows');
cmp_ok($calls, '<=', bound(1, SMALL), '... few calls');
$session->rows(q{ALTER SERVER small OPTIONS (ADD max_concurrency '50')});
($calls, $pages, $value) = calls('small', looked_up('small', 'backend_environments', 'inventory'));
cmp_ok($calls, '<=', 100 + 51 + SMALL, '... few calls, also when more are in flight');
$session->rows(q{ALTER SERVER small OPTIONS (DROP max_concurrency)});

# ---- several keys of an app ----

# the second ones when all apps have been asked for the first
my $twice = q{(SELECT app, env FROM (SELECT app, env, 1 AS turn FROM %1$s
    UNION ALL SELECT app, 'test', 2 FROM %1$s) AS k ORDER BY turn, md5(app) OFFSET 0) AS k};
for my $ahead (200, 0)
{
    $session->rows("SET amplify_fdw.read_ahead = $ahead");
    ($calls, $pages, $value) = calls('small', looked_up('small', 'backend_environments',
        sprintf $twice, 'inventory'));
    is($value, SMALL * 2, '... all rows');
    cmp_ok($calls, '<=', bound(1, SMALL * 2), '... few calls, also for the second keys');
}
# what an app has, whose first key was there, is not doubted
$mock{large}->fault(n => -1, op => 'ListApps', body => '{"apps":[]}');
my $both = $session->rows(looked_up('large', 'backend_environments', sprintf $twice, 'known')
    =~ s/count\(e.app_id\)/count(*) FILTER (WHERE environment_name = 'dev'), count(*) FILTER (WHERE environment_name = 'test')/r)->[0];
cmp_ok($both->[0], '>=', 100, 'apps were found before ListApps said that there are none');
is($both->[1], $both->[0], '... and both of their keys are');
# a page costs ten lookups, also where all are second ones
($calls, $pages) = calls('large', looked_up('large', 'backend_environments',
    sprintf $twice, q{(SELECT 'dgone' || n AS app, 'dev' AS env FROM generate_series(1, 100) AS n) AS g}));
is($pages, 3, '... all of ListApps');
cmp_ok($calls, '>=', bound(2, 0), '... one page after the other');
cmp_ok($calls, '<=', bound(3, 0), '... and then no call more');
$session->rows('RESET amplify_fdw.read_ahead');

# ---- many things of an app that is gone, or that has none of them ----

for my $app (9999, 1)
{
    for my $ahead (200, 0)
    {
        $session->rows("SET amplify_fdw.read_ahead = $ahead");
        ($calls, $pages, $value) = calls('small', qq{SELECT count(s.step_name)
            FROM (SELECT id($app) AS app, n FROM generate_series(1, 1000) AS n OFFSET 0) AS k LEFT JOIN small.job_steps AS s
            ON s.app_id = k.app AND s.branch_name = 'none' AND s.job_id = k.n::text});
        is($value, 0, '... no rows');
        cmp_ok($calls, '<=', $app == 1 ? 1001 : bound(1, 0) + 10,
            '... few calls, but for those in flight when the first one was answered');
        is($pages, 1, '... once');
    }
}
($calls, $pages) = calls('small', qq{SELECT count(j.status)
    FROM generate_series(1, 500) AS n LEFT JOIN small.jobs AS j
    ON j.app_id = id(9999) AND j.branch_name = 'b' || n});
cmp_ok($calls, '<=', bound(1, 0) + 10, '... of lists, too');
$session->rows('RESET amplify_fdw.read_ahead');

# ---- apps that are there ----

($calls, $pages) = calls('large', looked_up('large', 'branches',
    '(SELECT * FROM known LIMIT 100) AS k'));
is($calls, 100, '... a call for each of a hundred apps');
($calls, $pages) = calls('large', looked_up('large', 'branches', 'known'));
cmp_ok($calls, '<=', LARGE + 3, '... a call for each, and ListApps');
($calls, $pages) = calls('large', 'SELECT count(*) FROM large.branches');
is($calls, LARGE + 3, '... whose parents are listed anyway');

# ---- shared with others ----

($calls, $pages, $value) = calls('small', 'WITH a AS MATERIALIZED (SELECT app_id FROM small.apps) '
    . looked_up('small', 'branches', 'inventory') . ' WHERE (SELECT count(*) FROM a) > 0');
is($value, SMALL * 2, '... all rows');
is($calls, SMALL + 1, '... and the first apps that are gone cost nothing, either');
($calls, $pages, $value) = calls('small', looked_up('small', 'branches', 'inventory')
    =~ s/count\(e.app_id\)/count(e.app_id) + (SELECT 0 * count(*) FROM small.apps AS s WHERE s.name = max(e.app_id))/r);
is($pages, 1, '... ListApps is asked once');

# ---- bounds and failures ----

my $lookups = GONE + SMALL;
my $join = looked_up('small', 'backend_environments', 'inventory');

for my $fault ([ status => 403, code => 'AccessDeniedException' ],
    [ status => 500 ], [ body => '{"apps":7}' ], [ body => '{"apps":[{"name":"x"}]}' ],
    [ token => 'same' ], [ reset => 'headers' ])
{
    # a connection that is lost is tried again
    ($calls, $pages, $value) = calls('small', $join, op => 'ListApps', @$fault);
    is($value, SMALL, '... all rows');
    cmp_ok($calls, '>=', $lookups, '... by a call for each app');
    cmp_ok($pages, '<=', 8, '... and ListApps is soon given up');
}
# nor is it among what was left out
$session->rows("ALTER FOREIGN TABLE small.backend_environments OPTIONS (ADD on_error 'warn')");
($calls, $pages, $value) = calls('small', $join, op => 'ListApps', status => 403,
    code => 'AccessDeniedException');
is($value, SMALL, '... all rows');
is($session->value('SELECT count(*) FROM amplify_fdw_failures()'), 0, '... and nothing was left out');
$session->rows('ALTER FOREIGN TABLE small.backend_environments OPTIONS (DROP on_error)');
($calls, $pages, $value) = calls('small', $join, op => 'ListApps', stall => 'request');
is($value, SMALL, '... all rows');
is($calls, $lookups + 1, '... although ListApps does not respond');
$session->rows("SET amplify_fdw.max_calls = 120");
$mock{large}->reset;
is(Session::state_of($session->query(looked_up('large', 'branches',
    '(SELECT * FROM known LIMIT 120) AS k'))), '00000',
    'ListApps takes none of max_calls');
$session->rows('RESET amplify_fdw.max_calls');
$mock{small}->reset;
my $plan = join "\n", map { $_->[0] } @{ $session->rows(
    "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $join") };
$calls = $mock{small}->calls;
like($plan, qr/API Calls: $calls\n/, 'EXPLAIN ANALYZE counts ListApps');

# ---- where statistics tell that more apps are named than there are ----

$session->rows("ALTER FOREIGN TABLE small.branches OPTIONS (DROP estimated_rows)");
$session->rows('ANALYZE small.branches');
($calls, $pages, $value) = calls('small', looked_up('small', 'branches',
    "(SELECT * FROM known WHERE app <= id(@{[2 * SMALL]})) AS k"));
is($value, SMALL * 2, '... all rows');
is($pages, 1, '... ListApps is asked at once');

# ---- ends ----

$mock{small}->reset;
$mock{small}->fault(op => 'ListApps', stall => 'body');
$session->send($join);
$mock{small}->wait_held(1);
connect_to($node)->rows("SELECT pg_cancel_backend(@{[$session->pid]})");
is(Session::state_of($session->result), '57014', 'cancelled while ListApps is waited for');
is(handles($session), 0, '... and nothing is left');

done_testing();
