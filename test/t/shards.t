# An inventory in shards: what doc/operations.md has each of them do runs there, and
# asks for the keys of its own.  The shards are databases behind postgres_fdw, where
# Citus would have its workers.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { SHARDS => 3, APPS => 30, GONE => 6 };

my $page = slurp_file("$FindBin::RealBin/../../doc/operations.md");
my ($table) = $page =~ /^CREATE TABLE found \((.*?), PRIMARY KEY/m;
my ($fill) = $page =~ /run_command_on_colocated_placements\('inventory', 'found', \$\$\n(.*?) \$\$\)/s;
my ($import) = $page =~ /^    (IMPORT FOREIGN SCHEMA .*?) \$\$/m;

ok(defined, 'a part of the page') for $table, $fill, $import;
$fill =~ s/%1\$s/inventory/g;
$fill =~ s/%2\$s/found/g;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', APPS . ',2' ]);
my $node = new_node('shards');
my $near = connect_to($node);
my ($host, $port) = ($node->host, $node->port);
my %columns = (inventory => 'app_id text, env text', found => $table);

$near->rows('CREATE EXTENSION postgres_fdw');
$near->rows("CREATE TABLE $_ ($columns{$_}) PARTITION BY HASH (app_id)")
    for sort keys %columns;
my @shards = map { add_shard($_) } 1 .. SHARDS;
$near->rows(qq{INSERT INTO inventory SELECT 'd' || lpad(n::text, 11, '0'), env
    FROM generate_series(1, @{[APPS + GONE]}) AS n, unnest(ARRAY['dev', 'test', 'nil']) AS env});

for my $turn ('once', 'again')
{
    $mock->reset;
    $_->rows($fill) for @shards;
    is($mock->calls('ListApps'), 0, "$turn: no shard lists the account");
    cmp_ok($mock->calls, '<=', 2 * (APPS + GONE), '... nor asks for keys of another');
    is($near->value('SELECT count(*) FROM found'), 2 * APPS, '... and all is found');
}
is($near->value('SELECT count(*) FILTER (WHERE f.app_id IS NULL) FROM inventory
    LEFT JOIN found AS f USING (app_id, env)'), APPS + 3 * GONE, 'what is gone is seen from afar');

done_testing();

sub add_shard
{
    my ($number) = @_;
    my $name = "shard$number";

    $node->safe_psql('postgres', "CREATE DATABASE $name");
    my $shard = connect_to($node, database => $name);
    $shard->rows('CREATE EXTENSION amplify_fdw');
    add_server($shard, 'amplify', $mock->url);
    $shard->rows($import);
    $shard->rows("CREATE TABLE inventory ($columns{inventory});
        CREATE TABLE found ($columns{found}, PRIMARY KEY (app_id, env))");
    $near->rows("CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host '$host', port '$port', dbname '$name');
        CREATE USER MAPPING FOR CURRENT_USER SERVER $name");
    $near->rows("CREATE FOREIGN TABLE ${_}_$number PARTITION OF $_
            FOR VALUES WITH (MODULUS @{[SHARDS]}, REMAINDER @{[$number - 1]})
            SERVER $name OPTIONS (table_name '$_')")
        for sort keys %columns;
    return $shard;
}
