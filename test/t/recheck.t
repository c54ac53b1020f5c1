# A join with FOR UPDATE that has waited for another session looks at the
# changed row again.  What comes out is what a local table would give; the new
# key is not looked up, which is PostgreSQL's rule for every foreign table.
# And a cursor that nobody asks for longer than request_timeout goes on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '20,5' ]);
my $node = new_node('recheck');
my $writer = connect_to($node);
my $reader = connect_to($node);

add_server($writer, 'aws', $mock->url, request_timeout => '300ms',
    max_attempts => 1);
$writer->rows($_) for split /;\n/, q{
    ALTER FOREIGN TABLE aws.backend_environments
        OPTIONS (ADD estimated_rows '1000000');
    CREATE TABLE copy AS SELECT * FROM aws.backend_environments;
    CREATE TABLE inventory AS
        SELECT n AS id, 'd' || lpad(n::text, 11, '0') AS app, 'dev' AS env, 0 AS seen
        FROM generate_series(1, 6) n;
    ANALYZE inventory};
$reader->rows("SET enable_hashjoin = off");
$reader->rows("SET enable_mergejoin = off");

use constant JOIN => "SELECT i.id, i.env, i.seen, e.environment_name
    FROM inventory i %s JOIN %s e ON e.app_id = i.app AND e.environment_name = i.env
    ORDER BY i.id FOR UPDATE OF i";

like(join("\n", map { $_->[0] } @{ $reader->rows('EXPLAIN '
    . sprintf JOIN, 'LEFT', 'aws.backend_environments') }),
    qr/AmplifyReadAhead/, 'the join reads ahead');

# A gate, and what stands below it
use constant GATED => "SELECT i.id, i.env, i.seen, x.environment_name
    FROM inventory i LEFT JOIN LATERAL (SELECT e.environment_name FROM %s e
        WHERE e.app_id = i.app AND e.environment_name = i.env LIMIT 1) x ON i.seen = %d
    ORDER BY i.id FOR UPDATE OF i";

like(join("\n", map { $_->[0] } @{ $reader->rows('EXPLAIN '
    . sprintf GATED, 'aws.backend_environments', 1) }),
    qr/AmplifyGate/, 'a join has a gate');

# What the join gives after the writer's change has been committed meanwhile
sub after_change
{
    my ($change, $query) = @_;

    $writer->rows('BEGIN');
    $writer->rows("UPDATE inventory SET $change WHERE id = 2");
    $reader->send($query);
    poll_until(
        sub {
            $writer->value("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0;
        },
        'the reader to wait');
    $writer->rows('COMMIT');
    my $result = $reader->result;
    $writer->rows("UPDATE inventory SET env = 'dev', seen = 0");

    return Session::state_of($result) . "\n"
        . join "\n", map { join ' ', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
}

for my $join ('LEFT', 'INNER')
{
    for my $change ("seen = 1", "env = 'test'", "env = 'nil'", "env = NULL")
    {
        my $expected = after_change($change, sprintf JOIN, $join, 'copy');

        # the new key's row was not read: the join has no partner for it
        $expected =~ s/^2 test 0 test$/2 test 0 NULL/m if $join eq 'LEFT';
        $expected =~ s/^2 test 0 test\n//m if $join eq 'INNER';
        is(after_change($change, sprintf(JOIN, $join, 'aws.backend_environments')),
            $expected, "$join JOIN, SET $change");
    }
}
for my $open (0, 1)
{
    for my $change ("seen = 0", "seen = 1", "seen = 1, env = 'nil'", "seen = 7")
    {
        is(after_change($change, sprintf(GATED, 'aws.backend_environments', $open)),
            after_change($change, sprintf(GATED, 'copy', $open)),
            "a gate for $open, SET $change");
    }
}

# ---- a cursor that rests ----

$reader->rows('BEGIN');
$reader->rows('DECLARE c CURSOR FOR SELECT i.id, e.stack_name IS NULL
    FROM inventory i JOIN aws.backend_environments e
    ON e.app_id = i.app AND e.environment_name = i.env');
$mock->say('reset');
$mock->say('fault', skip => 2, n => 1, stall => 'request');
is(scalar @{ $reader->rows('FETCH 2 FROM c') }, 2, 'two rows');
is($mock->calls, 3, 'the third is asked for ahead');
$reader->rows('SELECT pg_sleep(0.5)');
is(scalar @{ $reader->rows('FETCH ALL FROM c') }, 4,
    'a call that timed out while nobody waited is made again');
$reader->rows('COMMIT');
is(handles($reader), 0, 'no handle is left');

done_testing();
