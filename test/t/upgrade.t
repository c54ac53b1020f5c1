# Every version that was ever released can be updated to the next one, which is
# made up here, with all that hangs on it, while it is in use; and so can its
# dump be restored, and its cluster be taken over by pg_upgrade.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant NEW_FUNCTION => "\nCREATE FUNCTION amplify_fdw_news(integer)
RETURNS integer AS 'SELECT 1 + \$1' LANGUAGE sql IMMUTABLE;\n";

use constant REGIONS => q{SELECT * FROM amplify_fdw_create_regions('aws',
    ARRAY['us-east-1'], ARRAY['111122223333'], 'everywhere',
    ARRAY['apps', 'backend_environments'])};

my $folder = PostgreSQL::Test::Utils::tempdir;
my $settings = slurp_file($ENV{TEMP_CONFIG});
my $installed = "$ENV{AMPLIFY_TEST_BUILD}/inst";

# A next version can only be where the server looks, and others don't.
plan skip_all => 'this server has one folder of extensions'
    unless $settings =~ s/\Q$installed/$folder/g;

my ($this, $next) = add_next_version();
my $mock = Mock->start(dir => $folder, args => [ '--generate', '1,2' ]);
my $node = new_node('upgrade', conf => $settings);
my $fresh = connect_to($node);
my $members = members($fresh);

is($fresh->value(q{SELECT extversion FROM pg_extension
    WHERE extname = 'amplify_fdw'}), $next, "the next version is $next");
like($members, qr/function amplify_fdw_news\(integer\)/, 'which has news');

# Those with a script of their own, rather than only one that updates to them
my @versions = map { /amplify_fdw--([^-]+)\.sql$/ ? $1 : () }
    glob extension_folder() . '/amplify_fdw--*.sql';
is(scalar(grep { $_ eq $this } @versions), 1, "$this is one of @versions");
for my $version (grep { $_ ne $next } @versions)
{
    update_from($version);
    restore_from($version);
}
upgrade_cluster();

done_testing();

sub update_from
{
    my ($version) = @_;
    my $database = 'from_' . $version =~ tr/./_/r;

    $node->safe_psql('postgres', "CREATE DATABASE $database");
    my $session = connect_to($node, database => $database);
    make_all($session, $version);
    is(uses($session), '', "$version works with the library of the next version");
    like($session->value('SELECT string_agg(o::text, $$ $$) FROM amplify_fdw_options() o'),
        qr/\(proxy,server,t,f,,?none,.*\(max_attempts,server,f,f,3,/, 'so do functions that have changed since');
    my $made = made($session);

    my $other = connect_to($node, database => $database);
    $other->rows('ALTER EXTENSION amplify_fdw UPDATE');
    is(uses($_), '', 'and after the update, in a session from before or after')
        for $session, $other;
    is(members($other), $members, "an updated $version is as a fresh $next");
    is(made($other), $made, "what was made under $version is what it was");
    $other->rows('REFRESH MATERIALIZED VIEW copies');
    is($other->value('SELECT count(*) FROM copies'), 2, 'a copy can be made anew');
    is(join(' ', map { "@$_" } $other->rows(REGIONS)), '',
        'and nothing is missing in regions made before');
    return;
}

# What was made under a version, of a server with that one, dumped and restored
# where there is the next one
sub restore_from
{
    my ($version) = @_;
    my ($old, $new) = map { $_ . $version =~ tr/./_/r } 'old_', 'new_';
    my $dump = "$folder/$old";

    $node->safe_psql('postgres', "CREATE DATABASE $_") for $old, $new;
    my $session = connect_to($node, database => $old);
    make_all($session, $version);
    my $made = made($session);

    $node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr($old) ],
        "what was made under $version is dumped");
    $node->command_ok(
        [ 'pg_restore', '--exit-on-error', '-d', $node->connstr($new), $dump ],
        '... and restored');
    my $restored = connect_to($node, database => $new);
    is(members($restored), $members, "... with a fresh $next");
    is(made($restored), $made, '... as it was');
    is(uses($restored), '', '... and works');
    return;
}

# pg_upgrade takes over a cluster of the same version of PostgreSQL as well, by the
# same steps.
sub upgrade_cluster
{
    my ($old, $new) = (new_node('old', conf => $settings), PostgreSQL::Test::Cluster->new('new'));
    my %param = (database => 'mine');
    my $query = 'EXPLAIN SELECT * FROM aws.backend_environments';
    my $reader = q{SELECT concat_ws(' ', has_table_privilege('reader', 'aws.apps', 'SELECT'), s.setconfig)
        FROM pg_db_role_setting s WHERE s.setrole = 'reader'::regrole};

    $old->safe_psql('postgres', 'CREATE ROLE reader; CREATE DATABASE mine');
    my $session = connect_to($old, %param);
    make_all($session, $this);
    $session->rows(q{ALTER FOREIGN TABLE aws.apps OPTIONS (ADD estimated_rows '77');
        GRANT SELECT ON aws.apps TO reader;
        ALTER ROLE reader SET amplify_fdw.max_calls = 7;
        ANALYZE aws.backend_environments});
    my ($members, $made, $plan, $apps) = (members($session), made($session),
        map { $session->value($_) } $query, 'EXPLAIN SELECT * FROM aws.apps');
    like($plan, qr/ rows=2 /, 'ANALYZE has counted rows');
    $session->close;
    $old->stop;

    $new->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
    $new->append_conf('postgresql.conf', "log_statement = none\n$settings");
    chomp(my $bin = `pg_config --bindir`);
    chdir $folder or die "$folder: $!";    # it writes there
    command_ok([ 'pg_upgrade', '--link', '--no-sync', '-b', $bin, '-B', $bin, '-d', $old->data_dir,
        '-D', $new->data_dir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
        "pg_upgrade takes a cluster with $this over");
    $new->start;
    my $upgraded = connect_to($new, %param);
    is(members($upgraded), $members, '... with the same version');
    is(made($upgraded), $made, '... and all that was made');
    is($upgraded->value('EXPLAIN SELECT * FROM aws.apps'), $apps, '... with estimated_rows');
    is($upgraded->value($reader), 't {amplify_fdw.max_calls=7}', '... and what a role may and has set');
    if ($old->pg_version >= 18)
    {
        is($upgraded->value($query), $plan, '... and what ANALYZE has counted');
    }
    else
    {
        isnt($upgraded->value($query), $plan, '... but not what ANALYZE has counted');
    }
    $mock->reset;
    system_or_bail('vacuumdb', '-q', '--all', '--analyze-in-stages', '-h', $new->host, '-p', $new->port);
    is($mock->calls, 0, 'vacuumdb makes no call');
    is(uses($upgraded), '', 'all of it works');
    $upgraded->rows('ANALYZE aws.backend_environments');
    is($upgraded->value($query), $plan, 'ANALYZE counts anew');
    $upgraded->rows('ALTER EXTENSION amplify_fdw UPDATE');
    is(uses($upgraded), '', 'the extension can be updated');
    $upgraded->close;
    $new->stop;
    return;
}

# The extension in a version, and all that hangs on it
sub make_all
{
    my ($session, $version) = @_;

    $session->rows("CREATE EXTENSION amplify_fdw VERSION '$version'");
    add_server($session, 'aws', $mock->url);
    $session->rows('CREATE VIEW names AS
        SELECT environment_name FROM aws.backend_environments;
        CREATE MATERIALIZED VIEW copies AS SELECT * FROM names');
    add_regions($session);
    return;
}

# Tables over a region, in a schema of their own, all of them asking the mock
sub add_regions
{
    my ($session) = @_;

    $session->rows('CREATE SCHEMA everywhere');
    $session->rows(REGIONS);
    $session->rows(sprintf q{ALTER SERVER aws_111122223333_us_east_1
        OPTIONS (ADD endpoint_url '%s')}, $mock->url);
    return;
}

# All that a user has made, with its options, which pg_dump sorts
sub made
{
    my ($session) = @_;

    return $session->value(q{
        SELECT string_agg(concat_ws(' ', c.oid::regclass, c.relkind, c.relowner,
                pg_get_expr(c.relpartbound, c.oid), s.srvname,
                ARRAY(SELECT unnest(s.srvoptions) ORDER BY 1),
                ARRAY(SELECT unnest(t.ftoptions) ORDER BY 1)), E'\n' ORDER BY c.oid::regclass::text)
        FROM pg_class c
        LEFT JOIN pg_foreign_table t ON t.ftrelid = c.oid
        LEFT JOIN pg_foreign_server s ON s.oid = t.ftserver
        WHERE c.relnamespace IN ('public'::regnamespace, 'aws'::regnamespace,
            'everywhere'::regnamespace)});
}

# What is wrong with a server, its tables, a view, a copy and regions; '' if
# nothing is.
sub uses
{
    my ($session) = @_;
    my $ailment = ailment($session, 'aws');
    my $names = $session->value('SELECT count(*) FROM names');
    my $copies = $session->value('SELECT count(*) FROM copies');
    my $regions = $session->value(
        'SELECT count(*) FROM everywhere.backend_environments');

    return $ailment if $ailment;
    return "$names $copies $regions" eq '2 2 2' ? ''
        : "$names rows of a view, $copies of a copy, $regions of a region";
}

# All that belongs to the extension, and what is to be known of it
sub members
{
    my ($session) = @_;

    return $session->value(q{
        SELECT string_agg(concat_ws(E'\n',
                pg_describe_object(d.classid, d.objid, 0),
                obj_description(d.objid, d.classid::regclass::name),
                CASE WHEN p.oid IS NOT NULL THEN pg_get_functiondef(p.oid) END,
                p.proacl, w.fdwhandler::regproc, w.fdwvalidator::regproc,
                w.fdwoptions, w.fdwacl),
            E'\n' ORDER BY pg_describe_object(d.classid, d.objid, 0))
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid
        LEFT JOIN pg_proc p ON p.oid = d.objid
            AND d.classid = 'pg_proc'::regclass
        LEFT JOIN pg_foreign_data_wrapper w ON w.oid = d.objid
            AND d.classid = 'pg_foreign_data_wrapper'::regclass
        WHERE d.refclassid = 'pg_extension'::regclass
          AND x.extname = 'amplify_fdw' AND d.deptype = 'e'});
}

# ---- the next version ----

sub extension_folder
{
    chomp(my $sharedir = `pg_config --sharedir`);
    return "$folder$sharedir/extension";
}

# Copies the installation and adds a version to it; returns the number of this
# one and of the next.
sub add_next_version
{
    system_or_bail('cp', '-r', "$installed/.", $folder);
    my $extension = extension_folder() . '/amplify_fdw';
    my $control = slurp_file("$extension.control");
    my ($major, $minor) =
        $control =~ /^default_version = '(\d+)\.(\d+)'$/m
        or die "no default_version in:\n$control";
    my ($now, $then) = ("$major.$minor", $major . '.' . ($minor + 1));

    append_to_file("$extension--$now--$then.sql", NEW_FUNCTION);
    append_to_file("$extension--$then.sql",
        slurp_file("$extension--$now.sql") . NEW_FUNCTION);
    append_to_file("$extension.control", "default_version = '$then'\n");
    # pg_upgrade looks for "$libdir/..." in the server's own folder only
    append_to_file("$extension.control", "module_pathname = 'amplify_fdw'\n")
        if $settings =~ /^dynamic_library_path/m;
    return ($now, $then);
}
