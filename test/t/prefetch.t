# What a row that is read ahead needs besides its first call is asked ahead as
# well: the later pages of a List, and the Lists below its items.  And that is
# seen in the calls' time only: neither in their number, nor in rows, errors or
# what is left behind.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Account;
use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { APPS => 4, BRANCHES => 5, JOBS => 120, PAGES => 3, FLIGHT => 10 };

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--data',
    write_account("$dir/account", apps => APPS, branches => BRANCHES,
        jobs => JOBS) ]);
my $node = new_node('prefetch');
my $session = connect_to($node);

add_server($session, 'aws', $mock->url, max_attempts => 1,
    request_timeout => '10min');
$session->rows($_) for split /;\n/, q{
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET enable_memoize = off;
    ALTER FOREIGN TABLE aws.branches OPTIONS (ADD estimated_rows '100000');
    ALTER FOREIGN TABLE aws.backend_environments OPTIONS (ADD estimated_rows '100000');
    CREATE TABLE names AS SELECT app_id AS app, branch_name AS branch
        FROM aws.branches;
    CREATE TABLE ids AS SELECT DISTINCT app FROM names;
    ANALYZE names, ids};

use constant {
    LISTS => APPS * BRANCHES,
    BY_BRANCH => 'FROM names JOIN aws.jobs ON app_id = app AND branch_name = branch',
    BY_APP => 'FROM ids JOIN aws.jobs ON app_id = app',
};

sub begin
{
    my (@fault) = @_;

    $mock->reset;
    $mock->fault(@fault) if @fault;
    return;
}

sub later_pages
{
    return scalar grep { /ListJobs.*nextToken/ } split /\n/, $mock->say('log');
}

# The first calls of a kind are held back: as many as may be in flight come
# only if they are asked ahead.
sub goes_on
{
    my ($name, $sql, $calls, %fault) = @_;
    my $held = $fault{n} || FLIGHT;

    begin(stall => 'request', n => $held, %fault);
    $session->send($sql);
    $mock->wait_held($held);
    pass("$name: as many at a time as may be");
    $mock->release;
    is($session->result->{rows}[0][0], LISTS * JOBS, '... all rows');
    is($mock->calls, $calls, '... and no further calls');
    return;
}

my $by_branch = 'SELECT count(*) ' . BY_BRANCH;
my $by_app = 'SELECT count(*) ' . BY_APP;

like(join("\n", map { $_->[0] } @{ $session->rows("EXPLAIN $_") }),
    qr/AmplifyReadAhead/, 'it reads ahead')
    for $by_branch, $by_app;
goes_on('pages of a List', $by_branch, LISTS * PAGES,
    op => 'ListJobs', match => 'nextToken');
goes_on('keys that repeat',
    'SELECT count(*) / 3 FROM (SELECT names.* FROM names, generate_series(1, 3)) AS n
     JOIN aws.jobs ON app_id = app AND branch_name = branch',
    LISTS * PAGES, op => 'ListJobs', match => 'nextToken');
goes_on('Lists below items', $by_app, APPS + LISTS * PAGES, op => 'ListJobs');
goes_on('later pages below items', $by_app, APPS + LISTS * PAGES,
    op => 'ListJobs', match => 'nextToken');
$session->rows(q{ALTER FOREIGN TABLE aws.jobs OPTIONS (ADD page_size '2')});
goes_on('Lists below later pages', $by_app,
    APPS * int((BRANCHES + 1) / 2) + LISTS * JOBS / 2,
    op => 'ListJobs', match => '/branches/release%2F4/', n => APPS);
$session->rows(q{ALTER FOREIGN TABLE aws.jobs OPTIONS (DROP page_size)});

# ---- keys that repeat, later on: as many ahead as at first ----

my $many = Mock->start(dir => $dir, args => [ '--generate', '60,2' ]);

add_server($session, 'many', $many->url, request_timeout => '10min');
$session->rows($_) for split /;\n/, q{
    SET amplify_fdw.read_ahead = 10;
    ALTER FOREIGN TABLE many.backend_environments OPTIONS (ADD estimated_rows '100000');
    CREATE TABLE keys AS SELECT app_id AS app FROM many.apps, generate_series(1, 10) ORDER BY 1;
    ANALYZE keys};
$many->reset;
$many->fault(op => 'GetBackendEnvironment', stall => 'request', skip => 40, n => FLIGHT / 2);
$session->send(q{SELECT count(app_id) FROM keys LEFT JOIN many.backend_environments
    ON app_id = app AND environment_name = 'dev'});
$many->wait_held(FLIGHT / 2);
pass('later on: many at a time');
$many->release;
is($session->result->{rows}[0][0], 600, '... all rows');
is($many->calls, 60, '... by a call a key');
$session->rows('RESET amplify_fdw.read_ahead');

# ---- what is not asked ----

sub asks
{
    my ($name, $calls, $later, $sql) = @_;

    begin();
    my $result = $session->query($sql);
    is(Session::state_of($result), '00000', $name);
    is($mock->calls, $calls, '... calls');
    is(later_pages(), $later, '... of them, later pages');
    return;
}

asks('EXISTS asks no later page', LISTS, 0, q{SELECT count(*) FROM names
    WHERE EXISTS (SELECT FROM aws.jobs WHERE app_id = app AND branch_name = branch)});
asks('nor does NOT EXISTS', LISTS, 0, q{SELECT count(*) FROM names
    WHERE NOT EXISTS (SELECT FROM aws.jobs WHERE app_id = app AND branch_name = branch)});
asks('nor a subquery with LIMIT', LISTS, 0, q{SELECT count(*) FROM names,
    LATERAL (SELECT FROM aws.jobs WHERE app_id = app AND branch_name = branch
        LIMIT 5) AS j});
# the join below finds nothing to look the jobs up for
asks('nor what is behind a join', 2 * APPS, 0, q{SELECT j.status FROM ids
    LEFT JOIN (aws.branches b JOIN aws.jobs j ON j.app_id = b.app_id)
    ON b.app_id = app AND b.branch_name = 'nil'});
asks('nor LIMIT', 1, 0, 'SELECT 1 ' . BY_BRANCH . ' LIMIT 1');
begin();
$session->rows('BEGIN');
$session->rows('DECLARE c CURSOR FOR SELECT 1 ' . BY_BRANCH);
$session->rows('FETCH 1 FROM c');
is($mock->calls, 1, 'nor a cursor');
$session->rows('COMMIT');
$session->rows('SET amplify_fdw.read_ahead = 0');
asks('without reading ahead, as many', LISTS * PAGES, LISTS * (PAGES - 1),
    $by_branch);
$session->rows('RESET amplify_fdw.read_ahead');

# ---- bounds ----

sub sqlstate
{
    return Session::state_of($session->query($_[0]));
}

$session->rows('SET amplify_fdw.max_calls = ' . LISTS * PAGES);
is(sqlstate($by_branch), '00000', 'as many calls as are needed are enough');
$session->rows('SET amplify_fdw.max_calls = ' . (LISTS * PAGES - 1));
begin();
is(sqlstate($by_branch), '54000', '... and one less is not');
is($mock->calls, LISTS * PAGES - 1, '... nor are more made');
for my $query ([ 'a LIMIT', "SELECT 1 " . BY_BRANCH . ' LIMIT ' . JOBS * 7 ],
    [ 'a LIMIT at an end', "SELECT 1 " . BY_BRANCH . ' LIMIT ' . JOBS * LISTS ],
    [ 'a LIMIT and several levels', "SELECT 1 " . BY_APP . ' LIMIT ' . JOBS * 7 ],
    [ 'a join below', q{SELECT e.update_time FROM
        (SELECT CASE n % 2 WHEN 0 THEN app ELSE 'dgone' || n END AS app
            FROM ids, generate_series(1, 4) AS n) AS n
        LEFT JOIN (aws.branches b JOIN aws.backend_environments e
            ON e.app_id = b.app_id AND environment_name = 'prod'
            JOIN aws.jobs j ON j.app_id = b.app_id AND j.branch_name = 'main')
        ON b.app_id = app AND b.branch_name = 'nil'} ],
    [ 'EXISTS', 'SELECT FROM names WHERE NOT EXISTS (SELECT FROM aws.jobs
        WHERE app_id = app AND branch_name = branch AND job_id = $$50$$)' ])
{
    my ($name, $sql) = @$query;

    $session->rows('SET amplify_fdw.max_calls = 0; SET amplify_fdw.read_ahead = 0');
    begin();
    $session->rows($sql);
    my $calls = $mock->calls;
    $session->rows("SET amplify_fdw.max_calls = $calls; RESET amplify_fdw.read_ahead");
    is(sqlstate($sql), '00000', "$name needs $calls, and they are enough");
}
$session->rows('RESET amplify_fdw.max_calls');
$session->rows(q{SET work_mem = '64kB'});
is($session->value($by_branch), LISTS * JOBS, 'in the file, all rows');
$session->rows('RESET work_mem');

# ---- failures ----

begin(op => 'ListJobs', match => 'nextToken', status => 403,
    code => 'AccessDeniedException', n => -1);
is(sqlstate($by_branch), '42501', 'a page that is denied is an error');
# all is asked ahead while the first one is waited for; but for what comes after
# that one, and after the one that fails
begin(match => '/' . app_id(1) . '/branches/main/', stall => 'request');
$mock->fault(match => '/' . app_id(APPS) . '/branches/release%2F4/', skip => 1,
    status => 500);
$session->send($by_branch);
$mock->wait_requests(LISTS * PAGES - 3);
$mock->release;
is($session->result->{rows}[0][0], LISTS * JOBS,
    'one that failed ahead has another chance');
is($mock->calls, LISTS * PAGES + 1, '... which is one call more');
begin(op => 'ListJobs', token => 'same', n => -1);
is(sqlstate($by_branch), '54000', 'a List without an end is an error');
cmp_ok($mock->calls, '<=', LISTS * 6, '... and soon');
begin(op => 'ListJobs', skip => LISTS, body => '{"jobSummaries":7}', n => 1);
isnt(sqlstate($by_branch), '00000', 'a page of another shape is an error');

# ---- ends ----

for my $sql ($by_branch, $by_app)
{
    begin(op => 'ListJobs', match => 'nextToken', stall => 'body', n => FLIGHT);
    $session->send($sql);
    $mock->wait_held(FLIGHT);
    connect_to($node)->rows("SELECT pg_cancel_backend(@{[$session->pid]})");
    is(Session::state_of($session->result), '57014', 'cancelled');
    is(handles($session), 0, '... and nothing is left');
    $mock->release;
}

done_testing();
