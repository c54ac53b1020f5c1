# Stage.pm
#     What kill.t and soak.t have in common: a server, a service that goes wrong
#     now and then and one that does not, and acts of all kinds.
package Stage;

use strict;
use warnings;

use Amplify;
use Carp qw(croak);
use Exporter qw(import);
use FindBin;
use Mock;
use Player;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(set_stage make_faulty crashes);

use constant { APPS => 12, ENVIRONMENTS => 24 };

# Small pages, and a join is worth a lookup for each row.
my $tables = q{
    ALTER FOREIGN TABLE plain.backend_environments
        OPTIONS (ADD page_size '10');
    ALTER FOREIGN TABLE tls.backend_environments
        OPTIONS (ADD page_size '10', ADD estimated_rows '1000000');
    CREATE FOREIGN TABLE warned (app_id text, environment_name text)
        SERVER plain
        OPTIONS (resource 'backend_environments', on_error 'warn');
    CREATE TABLE inventory AS
        SELECT n, 'd' || lpad((n % 15 + 1)::text, 11, '0') AS app,
               (ARRAY['dev', 'test', 'prod'])[n % 3 + 1] AS env
        FROM generate_series(0, 44) n;
    CREATE TABLE big AS
        SELECT n, 'd' || lpad((n % 12 + 1)::text, 11, '0') AS app
        FROM generate_series(0, 11999) n;
    ANALYZE inventory, big;
    CREATE FUNCTION catching() RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        RETURN (SELECT count(*) FROM plain.backend_environments);
    EXCEPTION WHEN others OR query_canceled THEN
        RETURN (SELECT -count(*) FROM calm.backend_environments
                WHERE app_id = 'd00000000001');
    END $$;
    CREATE FUNCTION subtransactions() RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        total bigint := 0;
        one text;
    BEGIN
        FOR one IN SELECT app FROM inventory WHERE n < 12 LOOP
            BEGIN
                total := total + (SELECT count(*) FROM tls.backend_environments
                                  WHERE app_id = one);
            EXCEPTION WHEN others THEN
                total := NULL;
            END;
        END LOOP;
        RETURN total;
    END $$};

my $key = "app_id = 'd00000000003' AND environment_name = 'test'";
my $app = "app_id = 'd00000000004'";
my $columns = 'app_id, environment_name, stack_name, create_time';
my $join = 'SELECT n, stack_name FROM inventory
    LEFT JOIN tls.backend_environments
    ON app_id = app AND environment_name = env';
my $parallel = "SELECT count(*), sum(n) FROM big
    JOIN plain.backend_environments ON app_id = app
    WHERE environment_name = 'dev'";

# As Player.pm has it, but for the rows: how many they are, here.
my @acts = (
    { name => 'keyed', rows => 1, steps => [
            "SELECT $columns FROM plain.backend_environments WHERE $key" ] },
    { name => 'keyed over TLS', rows => 1, steps => [
            "SELECT $columns FROM tls.backend_environments WHERE $key" ] },
    { name => 'list', rows => ENVIRONMENTS, steps => [
            "SELECT $columns FROM plain.backend_environments WHERE $app" ] },
    { name => 'fan-out', rows => APPS * ENVIRONMENTS, steps => [
            "SELECT $columns FROM plain.backend_environments" ] },
    { name => 'fan-out over TLS', rows => 1, steps => [
            'SELECT count(stack_name) FROM tls.backend_environments' ] },
    { name => 'join', rows => 45, steps => [$join] },
    { name => 'append', rows => 2, steps => [
            'SELECT count(*) FROM plain.backend_environments
             UNION ALL SELECT count(*) FROM tls.backend_environments' ] },
    { name => 'merged append', rows => 2 * ENVIRONMENTS, steps => [
            "SELECT $columns FROM plain.backend_environments WHERE $app
             UNION ALL
             SELECT $columns FROM tls.backend_environments WHERE $app" ] },
    { name => 'cursor', rows => APPS * ENVIRONMENTS, steps => [ 'BEGIN',
            "DECLARE c CURSOR FOR SELECT $columns FROM
             plain.backend_environments",
            'FETCH 5 FROM c', 'FETCH 40 FROM c', 'FETCH ALL FROM c',
            'COMMIT' ] },
    { name => 'two cursors', rows => 45 + 20, steps => [ 'BEGIN',
            "DECLARE c CURSOR FOR $join", 'FETCH 10 FROM c',
            "DECLARE d CURSOR FOR SELECT $columns FROM
             plain.backend_environments WHERE $app",
            'FETCH 20 FROM d', 'FETCH ALL FROM c', 'COMMIT' ] },
    { name => 'cursor that is held', rows => ENVIRONMENTS, steps => [ 'BEGIN',
            "DECLARE h CURSOR WITH HOLD FOR SELECT $columns FROM
             tls.backend_environments WHERE $app",
            'FETCH 3 FROM h', 'COMMIT', 'FETCH ALL FROM h', 'CLOSE h' ] },
    { name => 'portal', rows => 7 + 1, steps => [
            [ "SELECT $columns FROM plain.backend_environments WHERE $app",
                7 ],
            "SELECT $columns FROM plain.backend_environments WHERE $key" ] },
    { name => 'prepared', rows => 3, steps => [
            "PREPARE q(text, text) AS SELECT $columns
             FROM plain.backend_environments
             WHERE app_id = \$1 AND environment_name = \$2",
            map({ "EXECUTE q('d0000000000$_', 'dev')" } 1 .. 3),
            'DEALLOCATE q' ] },
    { name => 'on_error', rows => APPS * ENVIRONMENTS, warns => 1, steps => [
            'SELECT * FROM warned' ] },
    { name => 'error caught', rows => 1, or => -ENVIRONMENTS, steps => [
            'SELECT catching()' ] },
    { name => 'subtransactions', rows => 1, or => 'NULL', steps => [
            'SELECT subtransactions()' ] },
    { name => 'savepoint', rows => 9 + 2, steps => [ 'BEGIN',
            "SELECT $columns FROM plain.backend_environments WHERE $key",
            'SAVEPOINT s', "DECLARE c CURSOR FOR SELECT n FROM ($join) x
             ORDER BY n", 'FETCH 9 FROM c', 'ROLLBACK TO s',
            "SELECT $columns FROM tls.backend_environments WHERE $key",
            'COMMIT' ] },
    { name => 'parallel workers', rows => 1, steps => [$parallel] },
    { name => 'temporary table', rows => 1, steps => [ 'BEGIN',
            "CREATE TEMPORARY TABLE t ON COMMIT DROP AS $join",
            'SELECT count(*), count(stack_name) FROM t', 'COMMIT' ] },
    { name => 'DISCARD ALL', rows => 2, steps => [
            "SELECT $columns FROM tls.backend_environments WHERE $key",
            'DISCARD ALL',
            "SELECT $columns FROM tls.backend_environments WHERE $key" ] });

# Returns (server, mock, mock without faults, acts).
sub set_stage
{
    my ($name) = @_;
    my $certs = PostgreSQL::Test::Utils::tempdir();

    system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
    my $mock = Mock->start(dir => $certs, args => [
            '--generate', APPS . ',' . ENVIRONMENTS,
            '--cert', "$certs/server.pem", '--key', "$certs/server.key" ]);
    my $calm = Mock->start(dir => $certs,
        args => [ '--generate', '2,' . ENVIRONMENTS ]);
    my $node = new_node($name, conf => <<'END');
shared_buffers = 16MB
temp_buffers = 100
jit = off
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
parallel_tuple_cost = 0
max_worker_processes = 20
max_parallel_workers = 16
client_connection_check_interval = 20
END
    my $session = connect_to($node);
    add_server($session, 'plain', $mock->url, max_attempts => 2);
    add_server($session, 'tls', $mock->tls_url, max_attempts => 2,
        ca_bundle => "$certs/ca.pem");
    add_server($session, 'calm', $calm->url);
    $session->rows($tables);
    _expect_plan($session, $join, 'AmplifyReadAhead');
    _expect_plan($session, $parallel, 'Workers Planned');
    _rehearse($session);
    return ($node, $mock, $calm, \@acts);
}

sub _expect_plan
{
    my ($session, $query, $node) = @_;
    my $plan = join "\n", map { $_->[0] } @{ $session->rows("EXPLAIN $query") };

    croak "no $node in\n$plan" unless $plan =~ /$node/;
    return;
}

# What each act gives while nothing goes wrong
sub _rehearse
{
    my ($session) = @_;
    my @left = @acts;
    my $player = Player->new(connect => sub { $session },
        act => sub { shift @left },
        over => sub {
            my ($self, $result) = @_;
            my $rows = rows_of(@{ $self->{results} });
            my $count = () = $rows =~ /^./mg;

            croak "$self->{current}{name}: " . Session::describe($result)
                if $result->{error};
            croak "$self->{current}{name}: $count rows\n$rows"
                if $count != $self->{current}{rows};
            $self->{current}{expected} = $rows;
        });

    $_->{expected} = '' for @acts;
    play($player);
    return;
}

# From now on, one request in twenty goes wrong, and each takes its time.
sub make_faulty
{
    my ($mock, $latency) = @_;

    $mock->say('latency', ms => $latency);
    $mock->fault(n => -1, percent => 1, @$_)
        for [ status => 500 ],
        [ status => 429, code => 'TooManyRequestsException' ],
        [ reset => 'body' ], [ cut => 100 ], [ latency => 300 ];
    return;
}

# What the server's log tells of crashes and leaks
sub crashes
{
    my ($node) = @_;

    return join "\n",
        grep { /terminated by signal|PANIC|TRAP:|\bleak|reinitializing/ }
        split /\n/, slurp_file($node->logfile);
}

1;
