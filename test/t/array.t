# Keys are compared with each other, and rows with the keys of an array, by sorting
# and searching, and not each with all of them: comparisons are counted, and no
# clock is.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { APPS => 2000, EACH => 200 };    # comparisons of a row

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', APPS . ',1' ]);
my $include = `pg_config --includedir-server`;

chomp $include;
my $shim = shim('compare_shim', $dir, qw(-O1 -fno-builtin), "-I$include");
my $node = new_node('array', shim => $shim);
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
$session->rows($_) for split /;\n/, qq{
    CREATE FUNCTION comparisons() RETURNS bigint AS '$shim' LANGUAGE C;
    CREATE TABLE ids AS SELECT 'd' || lpad(n::text, 11, '0') AS id
        FROM generate_series(1, @{[APPS]}) AS n;
    CREATE FOREIGN TABLE short (id varchar(12) OPTIONS (field 'app_id'), name text)
        SERVER aws OPTIONS (resource 'apps');
    SET plan_cache_mode = force_generic_plan;
    SET jit = off};

sub compared
{
    my ($sql) = @_;
    my $before = $session->value('SELECT comparisons()');
    my $value = $session->value($sql);

    return ($value, $session->value('SELECT comparisons()') - $before);
}

my $ids = $session->value('SELECT array_agg(id ORDER BY md5(id)) FROM ids');
my %asked = (
    'a parameter' => [ 'text[]', 'FROM aws.apps WHERE app_id = ANY ($1)' ],
    'a parameter of another type' => [ 'varchar[]', 'FROM short WHERE id = ANY ($1)' ],
    'two of them' => [ 'text[]', "FROM aws.apps WHERE app_id = ANY (\$1) AND app_id = ANY (\$1) AND region <> 'x'" ],
    'a subquery' => [ 'text[]', 'FROM aws.apps WHERE $1 IS NOT NULL AND app_id = ANY (ARRAY(SELECT id FROM ids))' ],
    'a List each' => [ 'text[]', 'FROM aws.backend_environments WHERE app_id = ANY ($1)' ],
);

for my $name (sort keys %asked)
{
    my ($type, $from) = @{ $asked{$name} };

    $session->rows("PREPARE q ($type) AS SELECT count(*) $from");
    my ($rows, $comparisons) = compared("EXECUTE q ('$ids')");
    $session->rows('DEALLOCATE q');
    is($rows, APPS, "$name: all rows");
    cmp_ok($comparisons, '>', APPS, '... that are compared,');
    cmp_ok($comparisons, '<', EACH * APPS, '... each with a few keys');
    note "$name: $comparisons";
}

# ---- keys that several conditions say ----

my $others = $session->value(q{SELECT array_agg(replace(id, 'd0', 'd9') ORDER BY md5(id)) FROM ids});
my $few = $session->value(q{SELECT array_agg(id) FROM ids WHERE id <= 'd00000000060'});
my $arns = q{ARRAY(SELECT format('arn:aws:amplify:us-east-1:111122223333:apps/%s/backendenvironments/dev', id)
    FROM unnest($2) AS id)};

for my $case (
    [ 'disjoint', 'app_id = ANY ($1) AND app_id = ANY ($2)', $others, 0 ],
    [ 'partly the same', "app_id = ANY (\$1) AND app_id = ANY (\$2) AND environment_name = 'nil'",
        $others =~ s/[}]/,/r . $few =~ s/[{]//r, 60 ],
    [ 'in ARNs', "app_id = ANY (\$1) AND backend_environment_arn = ANY ($arns)", $others, 0 ])
{
    my ($name, $condition, $second, $calls) = @$case;

    $session->rows("PREPARE q (text[], text[]) AS SELECT count(*) FROM aws.backend_environments
        WHERE $condition");
    $mock->reset;
    my ($rows, $comparisons) = compared("EXECUTE q ('$ids', '$second')");
    $session->rows('DEALLOCATE q');
    is("$rows rows, " . $mock->calls . ' calls', "0 rows, $calls calls", "keys that are $name");
    cmp_ok($comparisons, '<', EACH * APPS, '... each compared with a few');
    note "$name: $comparisons";
}

# ---- what comes out is what PostgreSQL would make of it ----

$session->rows($_) for split /;\n/, q{
    CREATE FUNCTION seen(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
        BEGIN RAISE NOTICE 'seen: %', value; RETURN true; END $$;
    CREATE VIEW barrier WITH (security_barrier) AS
        SELECT * FROM aws.apps WHERE app_id = ANY (ARRAY(SELECT id FROM ids WHERE id < 'd00000000003'));
    CREATE FOREIGN TABLE c (app_id text COLLATE "C") SERVER aws OPTIONS (resource 'apps');
    CREATE TABLE posix AS SELECT id COLLATE "POSIX" AS id FROM ids;
    CREATE TABLE sets AS SELECT n, ARRAY(SELECT id FROM ids ORDER BY id LIMIT n)
        || ARRAY[NULL, 'x'] AS keys FROM generate_series(0, 3) AS n;
    ANALYZE sets};
my ($one, $two) = map { sprintf 'd%011d', $_ } 1, 2;
my $of = "SELECT string_agg(app_id, ' ' ORDER BY app_id) FROM aws.apps WHERE ";

for my $pushdown ('on', 'off')
{
    $session->rows("SET amplify_fdw.pushdown = $pushdown");
    for my $case (
        [ 'two keys', $of . 'app_id = ANY ($1)', "'{$two,$one,$two,x,NULL}'", "$one $two" ],
        [ 'none', $of . 'app_id = ANY ($1)', "'{}'", undef ],
        [ 'NULL', $of . 'app_id = ANY ($1)', 'NULL', undef ],
        [ 'a NULL', $of . 'app_id = ANY ($1)', "'{NULL}'", undef ],
        [ 'beside a subquery of each row', $of . "app_id = ANY (\$1)
            AND (SELECT count(*) FROM sets WHERE n < length(name)) > 0", "'{$two,$one}'", "$one $two" ],
        [ 'two arrays', $of . 'app_id = ANY ($1) AND name = ANY ($1)', "'{$two,$one}'", undef ],
        [ 'no key', $of . "name = ANY (\$1) AND app_id < 'd00000000009'", "'{app1,app2}'", "$one $two" ],
        [ 'not one of them', $of . "NOT app_id = ANY (\$1) AND app_id < 'd00000000003'", "'{$two}'", $one ],
        [ 'an array of another table', q{SELECT string_agg(n || ' ' || (SELECT count(*) FROM aws.apps
            WHERE app_id = ANY (keys))::text, ' ' ORDER BY n) FROM sets WHERE $1 IS NULL}, 'NULL', '0 0 1 1 2 2 3 3' ],
        [ 'likewise, by a join', q{SELECT string_agg(n || ' ' || right(app_id, 1), ' ' ORDER BY n, app_id)
            FROM sets JOIN aws.apps ON app_id = ANY (keys) WHERE $1 IS NULL}, 'NULL', '1 1 2 1 2 2 3 1 3 2 3 3' ])
    {
        my ($name, $sql, $keys, $expected) = @$case;

        $session->rows("PREPARE q (text[]) AS $sql");
        is($session->value("EXECUTE q ($keys)"), $expected, "$name, pushdown $pushdown");
        $session->rows('DEALLOCATE q');
    }
    is(Session::state_of($session->query('SELECT count(*) FROM c
        WHERE app_id = ANY (ARRAY(SELECT id FROM posix))')), '42P22',
        "collations that contradict each other, pushdown $pushdown");
    my $result = $session->query('SELECT count(*) FROM barrier WHERE seen(app_id)');
    is($result->{rows}[0][0], 2, "a barrier, pushdown $pushdown");
    is(scalar @{ $result->{notices} }, 2, '... and nothing is seen of what it hides');
}

done_testing();
