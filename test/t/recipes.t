# The recipes work: all blocks of doc/recipes.md run, in their order, and print
# what the page shows.  Between them, Amplify changes and fails.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use IPC::Run;
use Mock;
use Page;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $folder = PostgreSQL::Test::Utils::tempdir;
my $mock = Mock->start(
    dir  => $folder,
    args => [ '--data', "$top/test/mock/demo.json" ]);
my @blocks = page_blocks("$top/doc/recipes.md");

# Debian has pg_cron for its own servers; others do without.
chomp(my $pkglibdir = `pg_config --pkglibdir`);
my $has_cron = -e "$pkglibdir/pg_cron.so";
my ($settings) = map { $_->{code} } grep { $_->{mark} eq 'ini' } @blocks;
@blocks = grep {
    $_->{mark} ne 'ini' && ($has_cron || $_->{mark} ne 'sql cron')
} @blocks;

my $node = new_node('primary',
    streaming => 1, conf => $has_cron ? $settings : '');
my $standby;
$node->safe_psql('postgres', 'CREATE DATABASE inventory');
my $session = connect_to($node, database => 'inventory');

# Where the blocks of a mark run
my %databases = (
    'sql'          => 'inventory',
    'sql cron'     => 'postgres',
    'sql later'    => 'inventory',
    'sql standby'  => 'inventory',
    'sql far'      => 'near',
    'sql restored' => 'restored');

use constant {
    STACKS => q{SELECT string_agg(coalesce(stack_name, '-'), ' '
        ORDER BY app_id, environment_name) FROM environments},
    HISTORY => 'SELECT count(*) FROM environment_history',
};

recipe('Recipes', 'sql');
drift();
copy();
changes();
history();
cache();
elsewhere();
standby();
dump_and_restore();
recipe('Upgrade', 'sql');
is(scalar(@blocks), 0, 'no block is left');

done_testing();

# ---- the sections of the page ----

sub drift
{
    $mock->reset;
    recipe('A drift report', 'sql');
    is($mock->say('calls'), "ListApps 1\nListBackendEnvironments 4\n",
        'the report asks once for each app');

    # Half of a response is no response.
    refuse('d2b3c4d5e6');
    is(state_of('SELECT * FROM drift'), '42501',
        'if one call fails, there is no report');
    $session->rows("ALTER FOREIGN TABLE amplify.backend_environments
        OPTIONS (ADD on_error 'warn')");
    is($session->value(q{SELECT string_agg(environment_name, ' ' ORDER BY 1)
        FROM drift WHERE state = 'gone'}),
        'prod test', q{nor a true one with on_error 'warn'});
    $session->rows('ALTER FOREIGN TABLE amplify.backend_environments
        OPTIONS (DROP on_error)');
    $mock->reset;
    return;
}

sub copy
{
    recipe('A copy that pg_cron refreshes', 'sql');
    my $before = $session->value(STACKS);

    refuse('d2b3c4d5e6');
    is(state_of('REFRESH MATERIALIZED VIEW CONCURRENTLY environments'),
        '42501', 'if one call fails, there is no refresh');
    is($session->value(STACKS), $before, 'and the copy is what it was');
    $mock->reset;
    $session->rows('CREATE ROLE reader;
        GRANT SELECT ON environments TO reader; SET ROLE reader');
    is($session->value(STACKS), $before, 'who has no mapping can read it');
    is($mock->calls, 0, 'without a call');
    $session->rows('RESET ROLE');
    cron_refresh($before) if $has_cron;
    return;
}

# pg_cron itself runs the job: not when the clock strikes, which nobody waits
# for, but once at the start of the server.
sub cron_refresh
{
    my ($before) = @_;
    my $name = 'refresh environments';

    is(recipe_at_start('A copy that pg_cron refreshes', $name),
        "*/15 * * * *|REFRESH MATERIALIZED VIEW CONCURRENTLY environments|inventory\n",
        'the job is registered');
    put('d3c4d5e6f7', 'new', stackName => 'amplify-docs-new-1');
    restart();
    is(run_of($name, 1), 'succeeded', 'pg_cron runs it');
    is($session->value(STACKS),
        $before =~ s/(?= amplify-mobile)/ amplify-docs-new-1/r,
        'and the copy has what is new');
    recipe('A copy that pg_cron refreshes', 'sql cron');

    refuse('d2b3c4d5e6');
    remove('d3c4d5e6f7', 'new');
    restart();
    is(run_of($name, 2), 'failed', 'pg_cron tells of a failure');
    unlike(run_of($name, 2, 'return_message'), qr/wJalr/, 'and no secret');
    like($session->value(STACKS), qr/amplify-docs-new-1/,
        'and the copy is as it was');
    $mock->reset;
    connect_to($node)->rows("SELECT cron.unschedule('$name')");
    return;
}

sub changes
{
    $mock->reset;
    recipe('What changed last night', 'sql');
    is($mock->say('calls'),
        "ListApps 1\nListBackendEnvironments 1\nListBranches 1\nListJobs 1\n",
        'the name of an app makes calls of that app only');
    return;
}

sub history
{
    recipe('A history', 'sql');
    look('and a second look sees no change', 0);

    put('d3c4d5e6f7', 'new', createTime => 1700000000,
        updateTime => 1700000000);
    put('d1a2b3c4d5', 'staging', updateTime => 1700000100);
    remove('d4d5e6f7g8', 'prod');
    my $before = all_of('environment_state');
    refuse('d2b3c4d5e6');
    is(state_of('CALL look_at_environments()'), '42501',
        'if one call fails, so does the look');
    is(all_of('environment_state'), $before, 'and it has not happened');
    is($session->value(HISTORY), 6, 'nor told of');
    $mock->reset;
    recipe('A history', 'sql later');
    look('a last look sees no change', 0);
    is($session->value('SELECT count(*) FROM (
            TABLE environment_state EXCEPT
            SELECT app_id, environment_name, stack_name,
                deployment_artifacts, create_time, update_time
            FROM amplify.backend_environments) x'),
        0, 'the state is what Amplify has');
    cron_look() if $has_cron;
    return;
}

sub cron_look
{
    my $name = 'look at environments';

    is(recipe_at_start('A history', $name),
        "7 * * * *|CALL look_at_environments()|inventory\n",
        'the other job is registered');
    put('d3c4d5e6f7', 'new', updateTime => 1700000200);
    my $before = $session->value(HISTORY);
    restart();
    is(run_of($name, 1), 'succeeded', 'pg_cron runs it');
    is($session->value(HISTORY), $before + 1, 'and it sees a change');
    connect_to($node)->rows("SELECT cron.unschedule('$name')");
    return;
}

# Looks, and tests by how many rows the history has grown.
sub look
{
    my ($name, $changes) = @_;
    my $before = $session->value(HISTORY);

    $session->rows('CALL look_at_environments()');
    is($session->value(HISTORY) - $before, $changes, $name);
    return;
}

sub cache
{
    $mock->reset;
    recipe('A cache of keys', 'sql');
    isnt($mock->calls, 0, 'the cache has to be filled');
    $mock->reset;
    $session->rows("CALL refresh_cache('5 min')");
    is($mock->calls, 0, 'and then answers');
    refuse('d2b3c4d5e6');
    is(state_of("CALL refresh_cache('0 min')"), '42501', 'if one call fails, nothing is kept');
    is($session->value('SELECT count(*) FROM environment_cache WHERE found'), 3,
        'and all is as it was');
    $mock->reset;
    recipe('The calls of a job', 'sql');
    return;
}

# Another database stands for the server that has the inventory.
sub elsewhere
{
    my ($near, $host, $port) = ('near', $node->host, $node->port);

    $node->safe_psql('postgres', "CREATE DATABASE $near");
    $node->safe_psql($near, "CREATE EXTENSION postgres_fdw;
        CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host '$host', port '$port', dbname 'inventory');
        CREATE USER MAPPING FOR CURRENT_USER SERVER far;
        CREATE SCHEMA far;
        IMPORT FOREIGN SCHEMA amplify LIMIT TO (backend_environments) FROM SERVER far INTO far;
        CREATE TABLE inventory AS
            SELECT 'd1a2b3c4d5' AS app_id, unnest(ARRAY['prod', 'staging', 'none']) AS environment_name");
    $mock->reset;
    recipe('The inventory on another server', 'sql far');
    is($mock->say('calls'), "ListBackendEnvironments 1\n", 'one list an app');
    return;
}

sub standby
{
    $node->backup('base');
    $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'base', has_streaming => 1);
    $standby->start;
    $mock->reset;
    recipe('On a standby', 'sql standby');
    is($mock->calls, 5, 'the standby makes its calls itself');

    my $other = connect_to($standby, database => 'inventory');
    my $keyed = 'SELECT count(*) FROM inventory
        JOIN amplify.backend_environments USING (app_id, environment_name)';
    is($other->value($keyed), 3, 'reading ahead works there');
    is(state_of('CALL look_at_environments()', $other), '25006',
        'what writes is refused');
    set_secret('wrong');
    is(state_of($keyed, $other), '28000',
        'a change of the mapping is in force in its sessions');
    set_secret(Amplify::SECRET_ACCESS_KEY);
    is($other->value($keyed), 3, 'and so is the next one');

    $standby->promote;
    is(state_of('CALL look_at_environments()', $other), '00000',
        'all works once it is promoted');
    $other->close;
    $standby->stop;
    return;
}

# Sets it on the primary, and waits for the standby.
sub set_secret
{
    my ($secret) = @_;

    $session->rows("ALTER USER MAPPING FOR CURRENT_USER SERVER amplify
        OPTIONS (SET secret_access_key '$secret')");
    $node->wait_for_catchup($standby);
    return;
}

sub dump_and_restore
{
    my $secret = Amplify::SECRET_ACCESS_KEY;

    $session->rows('ANALYZE amplify.branches');
    $mock->reset;
    recipe('Dump and restore', 'sh');
    is($mock->calls, 0, 'pg_dump makes no call');
    my $dump = run_shell('pg_restore -f - inventory.dump');
    unlike($dump, qr/\Q$secret/, 'this dump has no secret');
    like($dump, qr/^CREATE USER MAPPING FOR \S+ SERVER amplify;$/m,
        'but the mapping without it');
    like(run_shell('pg_dump inventory'), qr/\Q$secret/,
        q{a superuser's dump has the secret});
    is($mock->calls, 0, 'and needs no call, either');
    run_shell('pg_dump --include-foreign-data=amplify inventory');
    isnt($mock->calls, 0, 'that of foreign data does');
    like(
        run_shell('pg_dump --data-only --include-foreign-data=amplify \
            -t amplify.apps inventory | psql -X inventory'),
        qr/ERROR: .*cannot insert into foreign table "apps"/,
        'which cannot be restored');

    $mock->reset;
    recipe('Dump and restore', 'sh');
    is($mock->calls, 0, 'this restore makes no call');
    my $restored = connect_to($node, database => 'restored');
    is(state_of('SELECT * FROM drift', $restored), '28000',
        'and brings no credentials');
    my $count = q{SELECT reltuples FROM pg_class WHERE oid = 'amplify.branches'::regclass};
    isnt($session->value($count), -1, 'what ANALYZE has counted');
    is($restored->value($count), -1, '... is not brought, either');
    recipe('Dump and restore', 'sql restored');
    $session->rows('REFRESH MATERIALIZED VIEW environments');
    for my $table (qw(drift environment_history environments))
    {
        is(all_of($table, $restored), all_of($table), "$table is the same");
    }
    return;
}

# ---- blocks ----

# Runs the next block, which must be of that section and mark, and compares
# what it prints.  Statements in $also run in the same transaction; returns
# what they print.
sub recipe
{
    my ($heading, $mark, $also) = @_;
    my $block = shift @blocks;
    my ($name) = $block->{code} =~ /^(.*)$/m;
    my ($printed, $more);

    is("$block->{heading}: $block->{mark}", "$heading: $mark", "next: $name");
    if ($mark eq 'sh')
    {
        $printed = run_shell($block->{code});
    }
    else
    {
        ($printed, $more) = run_psql($mark, $block->{code}, $also);
    }
    unlike($printed, qr/ERROR|FATAL|error:/, "runs: $name");
    is($printed, $block->{output}, "prints: $name")
        if defined $block->{output};
    return $more;
}

# A block that makes a job of pg_cron; returns the job as it is registered.
# On a quarter of an hour, it would run in the middle of another test.
sub recipe_at_start
{
    my ($heading, $job) = @_;

    return recipe($heading, 'sql cron', qq{\\pset format unaligned
        \\pset tuples_only
        SELECT schedule, command, database FROM cron.job
         WHERE jobname = '$job';
        \\o /dev/null
        SELECT cron.schedule_in_database(jobname, '\@reboot', command, database)
          FROM cron.job WHERE jobname = '$job';\n});
}

sub run_psql
{
    my ($mark, $code, $also) = @_;
    my $server = $mark eq 'sql standby' ? $standby : $node;
    my $url = $mock->url;
    my $output;

    $code =~ s/(region 'us-east-1')/$1, endpoint_url '$url'/;
    $code = "BEGIN;\n$code\\echo ====\n${also}COMMIT;\n" if defined $also;
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-d', $server->connstr($databases{$mark}) ],
        '<', \"SET timezone = 'UTC';\n$code", '>&', \$output)
        or die "psql: $output";

    # psql ends a table with an empty line, which a page need not show
    return map { s/\n\n\z/\n/r } split /^====\n/m, $output;
}

sub run_shell
{
    my ($code) = @_;
    my $output;

    local $ENV{PGHOST} = $node->host;
    local $ENV{PGPORT} = $node->port;
    IPC::Run::run([ 'sh', '-euc', "cd '$folder'\n$code" ], '>&', \$output)
        or die "sh: $output";
    return $output;
}

# ---- what the tests look at, and what they change ----

sub state_of
{
    my ($sql, $where) = @_;

    return Session::state_of(($where || $session)->query($sql));
}

sub all_of
{
    my ($table, $where) = @_;

    return ($where || $session)->value(
        "SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM $table t");
}

sub refuse
{
    my ($app) = @_;

    $mock->fault(status => 403, code => 'AccessDeniedException', match => $app, n => -1);
    return;
}

sub put
{
    my ($app, $name, @members) = @_;

    $mock->say('data', op => 'put', app => $app, env => $name, @members);
    return;
}

sub remove
{
    my ($app, $name) = @_;

    $mock->say('data', op => 'delete', app => $app, env => $name);
    return;
}

sub restart
{
    $session->close;
    $node->restart;
    $session = connect_to($node, database => 'inventory');
    return;
}

# How the nth run of a job of pg_cron has ended, when it has
sub run_of
{
    my ($job, $n, $column) = @_;
    my $cron = connect_to($node);
    my $run = "FROM cron.job_run_details JOIN cron.job USING (jobid)
        WHERE jobname = '$job' AND end_time IS NOT NULL";

    poll_until(sub { $cron->value("SELECT count(*) $run") >= $n },
        "run $n of $job");
    $column //= 'status';
    return $cron->value("SELECT $column $run ORDER BY runid DESC LIMIT 1");
}
