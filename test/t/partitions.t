# A partitioned table of hundreds of accounts: it is planned in about the memory that
# tables of this server's would take, no descriptor is needed for each scan of an
# Append, and a LIMIT asks only as many as it needs.
#
# AMPLIFY_TEST_PARTITIONS sets how many there are.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant APPS => 3;

my $partitions = $ENV{AMPLIFY_TEST_PARTITIONS} || 400;
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', APPS . ',2' ]);
my $node = new_node('partitions',
    conf => "jit = off\nmax_files_per_process = 1000\n");
my $session = connect_to($node);

add_server($session, 's1', $mock->url);
$session->rows(q{CREATE TABLE environments (account integer, app_id text,
    environment_name text) PARTITION BY LIST (account);
    CREATE TABLE plain (LIKE environments) PARTITION BY LIST (account)});
$session->rows(q{DO $$
BEGIN
    FOR n IN 1 .. } . $partitions . q{ LOOP
        IF n > 1 THEN
            EXECUTE format('CREATE SERVER s%s FOREIGN DATA WRAPPER amplify_fdw
                OPTIONS (region ''us-east-1'', endpoint_url %L)', n, '} . $mock->url . q{');
            EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER s%s
                OPTIONS (source_server ''s1'')', n);
        END IF;
        EXECUTE format('CREATE FOREIGN TABLE part_%s PARTITION OF environments
            FOR VALUES IN (%s) SERVER s%s
            OPTIONS (resource ''backend_environments'')', n, n, n);
        EXECUTE format('CREATE TABLE plain_%s PARTITION OF plain FOR VALUES IN (%s)', n, n);
    END LOOP;
END $$});

# kB that a new session takes to plan that
sub planning_memory
{
    my ($table, $conditions) = @_;
    my $planner = connect_to($node);

    $planner->rows('EXPLAIN SELECT * FROM s1.apps');
    my $before = resident($planner->pid);
    $planner->rows("EXPLAIN SELECT count(*) FROM $table $conditions");
    my ($most) = slurp_file('/proc/' . $planner->pid . '/status') =~ /^VmHWM:\s+(\d+)/m;
    return $most - $before;
}

for my $conditions (
    q{WHERE app_id = 'd00000000001' AND environment_name = 'dev'},
    q{WHERE app_id IN ('d1', 'd2', 'd3')},
    '')
{
    my ($ours, $plain) = map { planning_memory($_, $conditions) } qw(environments plain);

    cmp_ok($ours, '<=', 2 * $plain, "planning $conditions: memory");
}

sub all_rows
{
    my ($name) = @_;

    $mock->reset;
    my $result = $session->query(
        'SELECT count(*), count(DISTINCT tableoid) FROM environments');
    is(Session::describe($result), '1 rows', "$name: no error, no warning");
    is(join(' ', @{ $result->{rows}[0] || [] }),
        2 * APPS * $partitions . " $partitions", "$name: all rows");
    is($mock->calls, (1 + APPS) * $partitions, "$name: nothing is asked twice");
    is(handles($session), 0, "$name: nothing is in flight");
    return;
}

all_rows("$partitions partitions");

# The scans that wait have no descriptor of their own
$session->rows(q{BEGIN; SET LOCAL cursor_tuple_fraction = 1;
    DECLARE c CURSOR FOR SELECT app_id FROM environments});
$session->rows('FETCH 1 FROM c');
my $open = descriptors($session->pid) =~ /eventpoll\S* (\d+)/ ? $1 : 0;
cmp_ok($open, '<=', 3, 'descriptors to wait by');
is($session->query('MOVE ALL FROM c')->{tag}, 'MOVE ' . (2 * APPS * $partitions - 1),
    'a cursor over all of them');
$session->rows('COMMIT');

# What is sorted first must be read first
for my $case (
    [ 'LIMIT 3',                     3, 2 * (1 + APPS) ],
    [ 'ORDER BY app_id LIMIT 3', 3, $partitions * (1 + APPS) ])
{
    my ($clauses, $rows, $most) = @$case;

    $mock->reset;
    is(scalar @{ $session->rows("SELECT app_id FROM environments $clauses") }, $rows,
        "$clauses: rows");
    cmp_ok($mock->calls, '<=', $most, "$clauses: calls");
}
$mock->reset;
is($session->value('SELECT EXISTS (SELECT 1 FROM environments)'), 't', 'EXISTS');
cmp_ok($mock->calls, '<=', 1 + APPS, 'EXISTS: calls');

# One of them fails
$session->rows(q{DROP USER MAPPING FOR CURRENT_USER SERVER s2;
    CREATE USER MAPPING FOR CURRENT_USER SERVER s2
        OPTIONS (access_key_id 'AKIDOTHER', secret_access_key 'other');
    ALTER FOREIGN TABLE part_2 OPTIONS (ADD on_error 'warn')});
$mock->reset;
my $result = $session->query(
    'SELECT count(*), count(DISTINCT tableoid) FROM environments');
is(join(' ', @{ $result->{rows}[0] || [] }),
    2 * APPS * ($partitions - 1) . ' ' . ($partitions - 1), 'one fails: rows of all others');
is(join(' ', map { $_->{C} } @{ $result->{notices} }), '28000', 'one fails: one warning');
$session->rows(q{DROP USER MAPPING FOR CURRENT_USER SERVER s2;
    CREATE USER MAPPING FOR CURRENT_USER SERVER s2 OPTIONS (source_server 's1')});

# A process with few descriptors, or hardly any
for my $files (100, 64)
{
    $node->append_conf('postgresql.conf', "max_files_per_process = $files\n");
    $node->restart;
    $session = connect_to($node);
    $session->rows('SET client_min_messages = warning');
    all_rows("max_files_per_process $files");
}

done_testing();
