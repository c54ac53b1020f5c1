# What a statement holds does not grow while it goes on: not with the pages of a
# list, nor with rows, rescans, failures or attempts.  leak.t looks at what is
# left afterwards.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    PALLOCED => 48 * 1024,    # bytes
    KEPT     => 120,          # of them, for each key that is remembered,
    FAILED   => 240,          # or has failed,
    GONE     => 1,            # or is known to be gone without a call
    AHEAD    => 64 * 1024,    # rows that are read ahead: work_mem
    RESIDENT => 768,          # kB
};

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '40,2000' ]);
my $node = new_node('growth', conf => "jit = off\n");
my $session = connect_to($node);

sub palloced
{
    return $session->value(
        'SELECT sum(used_bytes) FROM pg_backend_memory_contexts');
}

add_server($session, 'aws', $mock->url, max_attempts => 10,
    max_response_size => '4MB');
add_server($session, 'lenient', $mock->url, max_attempts => 1);
$session->rows("ALTER FOREIGN TABLE $_.backend_environments
    OPTIONS (ADD estimated_rows '100000', ADD page_size '10')") for qw(aws lenient);
$session->rows(q{ALTER FOREIGN TABLE lenient.backend_environments
    OPTIONS (ADD on_error 'warn')});
$session->rows(q{CREATE TABLE keys AS
    SELECT 'd' || lpad((1 + n % 40)::text, 11, '0') AS app,
        (ARRAY['dev', 'test', 'prod', 'staging'])[1 + n / 40 % 4] AS env,
        'env' || lpad((6 + n / 40)::text, 2, '0') AS other, n
    FROM generate_series(0, 9999) AS n});
$session->rows("ANALYZE keys; SET work_mem = '64kB'; SET amplify_fdw.read_ahead = 20");

my $same = q{FROM keys AS k JOIN aws.backend_environments AS e
    ON e.app_id = k.app AND e.environment_name = k.env};
my $other = $same =~ s/k\.env/k.other/r;
# An error whose body is large, and so is what it is parsed into
my $error = write_file("$dir/error", '{"code":"BadRequestException","message":"no",'
        . '"more":[' . join(',', map { "{\"number\":$_}" } 1 .. 4000) . ']}');

# One cursor, moved so far, and then so much farther.  What it has been told of a
# key is kept, in a file if it is large, so that it need not ask again: each of
# so many new calls may leave that.
sub grows_not
{
    my ($name, $sql, $first, $more, %param) = @_;
    my @fault = @{ $param{fault} || [] };
    my $large = $param{large};    # kB that may be in use
    my $resident = $large || $param{resident} || RESIDENT;

    subtest $name => sub {
        $session->rows('SELECT amplify_fdw_disconnect_all(); BEGIN;
            SET LOCAL client_min_messages = error');
        $mock->reset;
        $mock->fault(n => -1, @fault) if @fault;
        $session->rows("DECLARE c NO SCROLL CURSOR FOR $sql");
        palloced();
        is($session->query("MOVE $first IN c")->{tag}, "MOVE $first", 'some');
        my ($calls, $palloced, $anonymous) =
            ($mock->calls, palloced(), anonymous($session->pid));
        is($session->query("MOVE $more IN c")->{tag}, "MOVE $more", 'and more');
        $palloced = palloced() - $palloced;
        $anonymous = anonymous($session->pid) - $anonymous;
        $calls = $mock->calls - $calls;
        my $kept = $param{keys} ? AHEAD + $more * $param{keys} : 0;
        cmp_ok($palloced, '<', ($large ? $large * 1024 : PALLOCED) + $kept,
            'bytes of memory contexts');
        cmp_ok($anonymous, '<', $resident + $kept / 1024,
            'kB of the process');
        note "$palloced bytes, $anonymous kB for $calls calls more";
        $session->rows('COMMIT');
        is(handles($session), 0, 'no handle is left');
    };
    return;
}

grows_not('pages of one list', q{SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001'}, 300, 1600);
grows_not('pages of many lists', 'SELECT * FROM aws.backend_environments',
    10_000, 60_000);
grows_not('rows of a join that reads ahead', "SELECT * $same", 1000, 8000);
grows_not('rescans of a join',
    'SELECT * FROM keys AS k, LATERAL (SELECT * FROM aws.backend_environments AS e
        WHERE e.app_id = k.app AND e.environment_name = k.env OFFSET 0) AS e',
    1000, 8000);
grows_not('keys of a join that reads ahead', "SELECT * $other", 1000, 2000,
    keys => KEPT);
grows_not('keys that are gone, each of an app of its own',
    'SELECT * ' . $same =~ s/JOIN/LEFT JOIN/r =~ s/k\.app/'x' || k.n/r,
    2000, 8000, keys => GONE);
# as many as are under way have two of them, and malloc some more
grows_not('keys with bodies of 1 MB', "SELECT * $other", 100, 100, keys => KEPT,
    large => 48 * 1024,
    fault => [ repeat => 1, op => 'GetBackendEnvironment' ]);
grows_not('rows that are read out of the file',
    "SELECT * $same AND k.app < 'd00000000005'", 50, 150, large => 48 * 1024,
    fault => [ repeat => 1, op => 'GetBackendEnvironment' ]);
grows_not('second attempts', 'SELECT * FROM aws.backend_environments',
    10_000, 60_000, fault => [ status => 500, every => 10 ]);
# malloc keeps what many errors at a time have needed
grows_not('keys that fail',
    'SELECT * ' . $other =~ s/JOIN aws/LEFT JOIN lenient/r, 400, 1000,
    keys => FAILED, resident => 4096, fault => [ bodyfile => $error, status => 400,
        op => 'GetBackendEnvironment' ]);

# A list that nothing of the statement reads again is not kept: nothing is
# written to a file.  One that something may read again is.
sub temporary_blocks
{
    my ($sql) = @_;
    my $plan = $session->value("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) $sql");
    my ($blocks) = $plan =~ /"Temp Written Blocks": (\d+)/;
    return $blocks;
}

$session->rows('SET enable_nestloop = off; SET enable_mergejoin = off;
    SET enable_sort = off; SET work_mem = \'1MB\';
    CREATE TABLE few AS SELECT DISTINCT app FROM keys; ANALYZE few');
my $joined = 'SELECT count(*) FROM few JOIN aws.backend_environments AS e ON app = app_id';
for (
    [ 'in a hash join', $joined, 0 ],
    [ 'in a subquery', 'SELECT count(*) FROM few JOIN (SELECT app_id, count(*)
        FROM aws.backend_environments GROUP BY 1) AS e ON app = app_id', 0 ],
    [ 'beside a subquery', 'SELECT count(*), (SELECT max(app) FROM few)
        FROM aws.backend_environments', 0 ],
    [ 'in a subquery that is run once', 'SELECT (SELECT count(*)
        FROM aws.backend_environments) FROM few', 0 ],
    [ 'beside another of the server', "$joined JOIN aws.apps AS a USING (app_id)", 1 ],
    [ 'in a subquery that is run for each row',
        q{SELECT (SELECT count(*) FROM aws.backend_environments
            WHERE environment_name || app_id = few.app) FROM few LIMIT 2}, 1 ],
    )
{
    my ($name, $sql, $kept) = @$_;
    my $blocks = temporary_blocks($sql);
    cmp_ok($blocks, $kept ? '>' : '==', 0, "a full list $name");
}

# ANALYZE sees all rows, and holds those of its sample.
$session = connect_to($node);
add_server($session, 'sampled', $mock->url);
$session->rows('SET default_statistics_target = 20; ANALYZE sampled.apps');
my $resident = resident($session->pid);
$session->rows('ANALYZE sampled.backend_environments');
cmp_ok(most_resident($session->pid) - $resident, '<', 6144, 'kB at the most for ANALYZE');

done_testing();
