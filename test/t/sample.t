# ANALYZE of an account with more apps than it lists the children of: calls are
# counted, and what the planner learns is compared with what is there.
#
# Parents are drawn at random, one of each twenty that stand together.  So that
# all draws see the same, apps that stand together are of one size here, and
# the sizes differ a lot: 100 apps have most of the rows, and 900 none.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use JSON::PP;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    APPS  => 2000,
    LARGE => 100,        # the first apps, each of which has so many
    ENVIRONMENTS => 100, # of two pages
    BRANCHES     => 10,
    JOBS         => 3,
    SMALL        => 1000,    # those that follow have one of each
    DRAWN        => 100,
    PAGE         => 100,     # apps
};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $arn = 'arn:aws:amplify:us-east-1:111122223333:apps';

sub environments
{
    my ($app, $count) = @_;

    return [ map { {
        environmentName => "env$_",
        backendEnvironmentArn => "$arn/$app/backendenvironments/env$_",
    } } 1 .. $count ];
}

sub branches
{
    my ($app, $count, $jobs) = @_;

    return [ map {
        my $branch = "branch$_";
        {
            branchName => $branch,
            branchArn  => "$arn/$app/branches/$branch",
            jobs => [ map { { summary => {
                jobId  => "$_",
                jobArn => sprintf '%s/%s/branches/%s/jobs/%010d', $arn, $app, $branch, $_,
            } } } 1 .. $jobs ],
        }
    } 1 .. $count ];
}

# An account whose app ids begin so
sub start_account
{
    my ($prefix) = @_;
    my @apps;

    for my $n (1 .. APPS)
    {
        my $app = sprintf '%s%08d', $prefix, $n;
        my $large = $n <= LARGE;
        my $count = $large ? ENVIRONMENTS : $n <= LARGE + SMALL ? 1 : 0;
        push @apps, {
            appId => $app, appArn => "$arn/$app", name => "app $n",
            backendEnvironments => environments($app, $count),
            branches => branches($app, $large ? (BRANCHES, JOBS) : ($count, $count)),
        };
    }
    my $file = write_file("$dir/$prefix.json", encode_json({ apps => \@apps }));
    return Mock->start(dir => $dir, args => [ '--data', $file ]);
}

my $mock = start_account('da');
my $node = new_node('sample', conf => "jit = off\nautovacuum = off\n");
my $session = connect_to($node);
add_server($session, 'aws', $mock->url);

sub is_near
{
    my ($found, $truth, $name) = @_;

    ok($found > 0.8 * $truth && $found < 1.2 * $truth, "$name: about $truth")
        or diag $found;
    return;
}

# What the statistics say of the rows, and of how many apps these have
sub is_known
{
    my ($table, $inherited, $rows, $apps) = @_;
    my $found = $session->rows("SELECT reltuples, abs(n_distinct) *
            CASE WHEN n_distinct < 0 THEN reltuples ELSE 1 END,
            most_common_vals IS NULL
        FROM pg_class AS c JOIN pg_stats ON tablename = relname
            AND schemaname = relnamespace::regnamespace::text
        WHERE c.oid = '$table'::regclass AND attname = 'app_id'
            AND inherited = $inherited")->[0];

    is_near($found->[0], $rows, "$table: rows");
    is_near($found->[1], $apps, "$table: apps that have any");
    is($found->[2], 't', "$table: none is taken for a common one");
    return;
}

sub estimate
{
    my ($query) = @_;
    my $plan = decode_json($session->value("EXPLAIN (FORMAT JSON) $query"));

    return $plan->[0]{Plan}{'Plan Rows'};
}

# ---- one level ----

my $rows = LARGE * ENVIRONMENTS + SMALL;
my $with_rows = LARGE + SMALL;

$session->rows('ANALYZE aws.backend_environments');
my $large_drawn = LARGE * DRAWN / APPS;
is($mock->calls, APPS / PAGE + DRAWN + $large_drawn,
    'a page of apps each, and the Lists of those that are drawn');
is_known('aws.backend_environments', 'false', $rows, $with_rows);
is($session->value("SELECT n_distinct FROM pg_stats
    WHERE schemaname = 'aws' AND attname = 'backend_environment_arn'"), -1,
    'what is unique is known to be so');
is_near($session->value("SELECT abs(n_distinct) FROM pg_stats
    WHERE schemaname = 'aws' AND attname = 'environment_name'"), ENVIRONMENTS,
    'names');
is_near(estimate("SELECT * FROM aws.backend_environments WHERE app_id = 'da00000700'"),
    $rows / $with_rows, 'rows of one app');

$session->rows(q{CREATE TABLE inventory AS
    SELECT 'da' || lpad(n::text, 8, '0') AS app FROM generate_series(1, 2000) AS n});
$session->rows('ANALYZE inventory');
my $join = 'SELECT * FROM inventory JOIN aws.backend_environments ON app_id = app';
is_near(estimate($join), $rows, 'a join with all apps');
$session->rows("DELETE FROM inventory WHERE app NOT BETWEEN 'da00000051' AND 'da00000550'");
$session->rows('ANALYZE inventory');
is_near(estimate($join), 50 * ENVIRONMENTS + 450, 'a join with some');

# ---- two levels ----

$mock->reset;
$session->rows('ANALYZE aws.jobs');
is($mock->calls, APPS / PAGE + DRAWN + DRAWN, 'as many parents of each level');
is_known('aws.jobs', 'false', LARGE * BRANCHES * JOBS + SMALL, $with_rows);

# ---- who wants to know better, or not at all ----

$mock->reset;
$session->rows('SET default_statistics_target = 1000; ANALYZE aws.branches');
is($mock->calls, APPS / PAGE + 10 * DRAWN, 'a higher target is a larger sample');
is_known('aws.branches', 'false', LARGE * BRANCHES + SMALL, $with_rows);
$mock->reset;
$session->rows('SET default_statistics_target = 1; ANALYZE aws.branches');
is($mock->calls, APPS / PAGE + DRAWN, 'a lower one is no smaller one');
is_known('aws.branches', 'false', LARGE * BRANCHES + SMALL, $with_rows);
$session->rows('RESET default_statistics_target');

$session->rows("ALTER FOREIGN TABLE aws.branches OPTIONS (ADD on_error 'warn')");
$mock->fault(op => 'ListBranches', skip => DRAWN / 2, status => 403,
    code => 'AccessDeniedException', n => 1);
is(Session::state_of($session->query('ANALYZE aws.branches')), '42501',
    'one that fails is an error, whatever on_error says');
is_known('aws.branches', 'false', LARGE * BRANCHES + SMALL, $with_rows);
$mock->reset;
$session->rows("ALTER FOREIGN TABLE aws.branches OPTIONS (ADD analyze 'false')");
$session->query('ANALYZE aws.branches');
is($mock->calls, 0, 'who may not be analyzed is not asked');

# ---- partitions ----

my $other = start_account('db');
add_server($session, 'other', $other->url);
$session->rows('CREATE TABLE environments (LIKE aws.backend_environments)
    PARTITION BY RANGE (app_id)');
$session->rows("ALTER TABLE environments ATTACH PARTITION aws.backend_environments
        FOR VALUES FROM ('da') TO ('db');
    ALTER TABLE environments ATTACH PARTITION other.backend_environments
        FOR VALUES FROM ('db') TO ('dc')");
# also where the sample for the partitioned table is a part of that for the partitions
for my $target (100, 1)
{
    $_->reset for $mock, $other;
    $session->rows("SET default_statistics_target = $target; ANALYZE environments");
    is($_->calls, APPS / PAGE + DRAWN + $large_drawn, "target $target: each is listed once")
        for $mock, $other;
    is_known('environments', 'true', 2 * $rows, 2 * $with_rows);
    is_known('other.backend_environments', 'false', $rows, $with_rows);
}
is(handles($session), 0, 'nothing is left in flight');

done_testing();
