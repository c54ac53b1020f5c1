# Who signs: each user has keys of their own, and the mock's log tells whose
# were used.  Beside each foreign table stands a twin of postgres_fdw, which
# leads back into this server and notes who logs in there: whatever it does
# under another role, through a view or in a cursor, is right.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

# All but carol have a mapping.
my @signers = qw(boss alice bob owner);
my @credentials = map { ('--credential', key_of($_) . ":secret-of-$_") }
    @signers, 'successor';
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '4,6', @credentials ]);
my $node = new_node('identity');
my $boss = connect_to($node);
my $session = connect_to($node);
my $other = connect_to($node);

sub key_of { return 'AKID' . uc $_[0]; }

# ---- the two servers, with the same tables, views and functions ----

my $has_twin = $boss->value(q{SELECT count(*) FROM pg_available_extensions
    WHERE name = 'postgres_fdw'});
my @sides = ('aws', $has_twin ? 'twin' : ());

sub create_roles
{
    $boss->rows("CREATE ROLE $_ LOGIN; GRANT CREATE ON DATABASE postgres TO $_")
        for qw(alice bob owner carol);
    $boss->rows(q{
        CREATE TABLE inventory AS
            SELECT 'd' || lpad(n::text, 11, '0') AS app, e AS env, 0 AS seen
            FROM generate_series(1, 4) n, unnest(ARRAY['dev', 'prod']) e;
        ANALYZE inventory;
        GRANT SELECT, UPDATE ON inventory TO PUBLIC});
    return;
}

sub create_aws
{
    add_server($boss, 'aws', $mock->url,
        mapping => { access_key_id => key_of('boss'),
                     secret_access_key => 'secret-of-boss' });
    $boss->rows("ALTER FOREIGN TABLE aws.backend_environments
        OPTIONS (ADD page_size '2');
        ALTER FOREIGN TABLE aws.backend_environments RENAME TO environments;
        CREATE FOREIGN TABLE aws.owned (environment_name text) SERVER aws
            OPTIONS (resource 'backend_environments')");
    create_mapping($_) for grep { $_ ne 'boss' } @signers;
    return;
}

sub create_mapping
{
    my ($user, $key) = @_;
    my $id = key_of($key // $user);
    my $secret = 'secret-of-' . ($key // $user);

    $user = 'CURRENT_USER' if $user eq 'boss';
    $boss->rows("CREATE USER MAPPING FOR $user SERVER aws
        OPTIONS (access_key_id '$id', secret_access_key '$secret')");
    return;
}

# A sequence moves even if the transaction comes to nothing.
sub create_twin
{
    my $me = $boss->value('SELECT current_user');

    $boss->rows(q{
        CREATE EXTENSION postgres_fdw;
        CREATE SCHEMA remote;
        CREATE TABLE remote.data AS
            SELECT app_id, environment_name FROM aws.environments;
        CREATE FUNCTION remote.note() RETURNS bool SECURITY DEFINER
            LANGUAGE sql VOLATILE AS
            $$SELECT nextval('remote.' || session_user) > 0$$;
        CREATE VIEW remote.environments AS SELECT * FROM remote.data
            WHERE (SELECT remote.note());
        CREATE SCHEMA twin;
        GRANT USAGE ON SCHEMA remote TO PUBLIC;
        GRANT SELECT ON remote.environments TO PUBLIC});
    $boss->rows(sprintf q{
        CREATE SERVER twin FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host '%s', port '%s', dbname 'postgres');
        CREATE FOREIGN TABLE twin.environments (app_id text,
            environment_name text) SERVER twin
            OPTIONS (schema_name 'remote');
        CREATE FOREIGN TABLE twin.owned (environment_name text) SERVER twin
            OPTIONS (schema_name 'remote', table_name 'environments')},
        $node->host, $node->port);
    for my $user ($me, qw(alice bob owner))
    {
        $boss->rows(qq{CREATE SEQUENCE remote."$user";
            CREATE USER MAPPING FOR "$user" SERVER twin
                OPTIONS (user '$user', password_required 'false')});
    }
    return;
}

# What is asked, of S
my %query = (
    scan => "SELECT environment_name FROM S.environments
        WHERE app_id = 'd00000000001'",
    join => 'SELECT environment_name FROM inventory JOIN S.environments
        ON app_id = app AND environment_name = env',
);

my $objects = q{
    GRANT USAGE ON SCHEMA S TO PUBLIC;
    GRANT CREATE ON SCHEMA S TO owner, bob;
    GRANT SELECT ON S.environments TO PUBLIC;
    ALTER FOREIGN TABLE S.owned OWNER TO owner;
    SET ROLE owner;
    CREATE VIEW S.tables AS SELECT * FROM S.environments;
    CREATE VIEW S.invoked WITH (security_invoker) AS
        SELECT * FROM S.environments;
    CREATE VIEW S.invoked_tables WITH (security_invoker) AS
        SELECT * FROM S.tables;
    GRANT SELECT ON S.tables, S.invoked, S.invoked_tables TO PUBLIC;
    SET ROLE bob;
    CREATE VIEW S.bobs AS SELECT * FROM S.environments;
    CREATE VIEW S.bobs_of_invoked AS SELECT * FROM S.invoked;
    CREATE VIEW S.bobs_of_tables AS SELECT * FROM S.tables;
    GRANT SELECT ON S.bobs, S.bobs_of_invoked, S.bobs_of_tables TO PUBLIC;
    CREATE FUNCTION S.drain(c refcursor) RETURNS SETOF text
        SECURITY DEFINER LANGUAGE plpgsql AS
        $$DECLARE r text; BEGIN
            LOOP
                FETCH c INTO r; EXIT WHEN NOT FOUND; RETURN NEXT r;
            END LOOP;
        END$$;
    RESET ROLE};

my $functions = q{
    SET ROLE bob;
    CREATE FUNCTION S.open_KIND() RETURNS refcursor
        SECURITY DEFINER LANGUAGE plpgsql AS
        $$DECLARE c refcursor := 'c'; BEGIN
            OPEN c FOR ASK; RETURN c;
        END$$;
    CREATE FUNCTION S.definer_KIND() RETURNS SETOF text
        SECURITY DEFINER LANGUAGE sql AS $$ASK$$;
    CREATE FUNCTION S.definer_pl_KIND() RETURNS SETOF text
        SECURITY DEFINER LANGUAGE plpgsql AS
        $$BEGIN RETURN QUERY ASK; END$$;
    CREATE FUNCTION S.invoker_KIND() RETURNS SETOF text
        STABLE LANGUAGE sql AS $$ASK$$;
    CREATE VIEW S.bobs_of_invoker_KIND AS SELECT * FROM S.invoker_KIND() r;
    GRANT SELECT ON S.bobs_of_invoker_KIND TO PUBLIC;
    RESET ROLE;
    CREATE FUNCTION S.as_bob_KIND() RETURNS SETOF text
        LANGUAGE sql SET role = 'bob' AS $$ASK$$;};

# What asks by itself: triggers, rules, policies
my $actors = q{
    SET ROLE owner;
    CREATE TABLE S.log_KIND (n int);
    CREATE TABLE S.ruled_KIND (n int);
    CREATE TABLE S.guarded_KIND AS SELECT generate_series(1, 3) AS n;
    CREATE FUNCTION S.asks_KIND() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN PERFORM count(*) FROM (ASK) q; RETURN NULL; END$$;
    CREATE FUNCTION S.asks_definer_KIND() RETURNS trigger
        SECURITY DEFINER LANGUAGE plpgsql AS
        $$BEGIN PERFORM count(*) FROM (ASK) q; RETURN NULL; END$$;
    CREATE TRIGGER a AFTER INSERT ON S.log_KIND FOR EACH ROW
        WHEN (new.n = 1) EXECUTE FUNCTION S.asks_KIND();
    CREATE TRIGGER b AFTER INSERT ON S.log_KIND FOR EACH ROW
        WHEN (new.n = 2) EXECUTE FUNCTION S.asks_definer_KIND();
    CREATE CONSTRAINT TRIGGER c AFTER INSERT ON S.log_KIND
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (new.n = 3) EXECUTE FUNCTION S.asks_definer_KIND();
    CREATE RULE r AS ON INSERT TO S.ruled_KIND DO INSTEAD
        INSERT INTO S.log_KIND SELECT 0 FROM (ASK) q;
    ALTER TABLE S.guarded_KIND ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON S.guarded_KIND USING (n < (SELECT count(*) FROM (ASK) q));
    CREATE MATERIALIZED VIEW S.kept_KIND AS ASK WITH NO DATA;
    GRANT SELECT, INSERT ON S.log_KIND, S.ruled_KIND, S.guarded_KIND TO PUBLIC;
    SET ROLE bob;
    CREATE VIEW S.bobs_of_guarded_KIND AS SELECT * FROM S.guarded_KIND;
    GRANT SELECT ON S.bobs_of_guarded_KIND TO PUBLIC;
    RESET ROLE};

# S, KIND and ASK of a text
sub fill_in
{
    my ($sql, $side, $kind) = @_;

    $sql =~ s/\bASK\b/$query{$kind}/g;
    $sql =~ s/KIND\b/$kind/g;
    $sql =~ s/\bS\b/$side/g;
    return $sql;
}

create_roles();
create_aws();
create_twin() if $has_twin;
for my $side (@sides)
{
    $boss->rows(fill_in($objects, $side, 'scan'));
    $boss->rows(fill_in($functions . $actors, $side, $_)) for sort keys %query;
}

# ---- what is seen ----

my %all_rows = (scan => 6, join => 8);

sub forget_signers
{
    $mock->reset;
    $boss->rows(q{SELECT setval(seqrelid, 1, false) FROM pg_sequence});
    return;
}

# Whose keys were used since then, in alphabetical order
sub signers
{
    my ($side) = @_;
    my %seen;

    if ($side eq 'aws')
    {
        my %user = map { key_of($_) => $_ } @signers, 'successor';

        $seen{ $user{$_} // $_ } = 1
            for map { (split ' ')[4] } split /\n/, $mock->say('log');
    }
    else
    {
        my $me = $boss->value('SELECT current_user');

        for my $row (@{ $boss->rows(q{SELECT sequencename FROM pg_sequences
            WHERE last_value IS NOT NULL}) })
        {
            $seen{ $row->[0] eq $me ? 'boss' : $row->[0] } = 1;
        }
    }
    return join ' ', sort keys %seen;
}

# Run statements up to the first that fails; "ROWS rows of SIGNERS", or "fails"
# and who has signed all the same.
sub outcome
{
    my ($side, $kind, @statements) = @_;
    my $rows = 0;
    my $failed;

    forget_signers();
    for my $sql (@statements)
    {
        my $result = $session->query(fill_in($sql, $side, $kind));

        $failed = $result->{error};
        last if $failed;
        $rows += @{ $result->{rows} } if $sql =~ /^(?:ASK|SELECT|FETCH|EXEC)/;
    }
    note "$side: " . Session::describe({ rows => [], notices => [],
        error => $failed }) if $failed;
    $session->query('ROLLBACK');
    $session->rows('RESET SESSION AUTHORIZATION; RESET ROLE; CLOSE ALL; DEALLOCATE ALL;
        RESET plan_cache_mode');
    return join ' ', $failed ? 'fails' : "$rows rows", 'of',
        signers($side) || 'nobody';
}

# ---- one session ----

my $fetch = 'FETCH ALL FROM c';
my $declare = 'DECLARE c CURSOR FOR ASK';
my $hold = 'DECLARE c CURSOR WITH HOLD FOR ASK';

sub view_case
{
    my ($view, $user) = @_;

    return [ "SET ROLE $user",
        "SELECT environment_name FROM inventory JOIN S.$view
        ON app_id = app AND environment_name = env" ];
}

# what, the statements, who signs ('': it fails), [rows, if not all].  There is
# one more row if a statement returns one of its own.
my @cases = (
    [ 'a user', [ 'SET ROLE alice', 'ASK' ], 'alice' ],
    [ 'a superuser', ['ASK'], 'boss' ],
    [ 'a user without a mapping', [ 'SET ROLE carol', 'ASK' ], '' ],

    [ 'a cursor of a user without a mapping, read by a definer',
        [ 'SET ROLE carol', 'BEGIN', $declare, q{SELECT * FROM S.drain('c')} ],
        '' ],
    [ 'a cursor, read by a definer',
        [ 'SET ROLE alice', 'BEGIN', $declare, q{SELECT * FROM S.drain('c')} ],
        'alice' ],
    [ 'a cursor of a definer, read by a user without a mapping',
        [ 'SET ROLE carol', 'BEGIN', 'DO $$BEGIN PERFORM S.open_KIND(); END$$',
            $fetch ], 'bob' ],
    [ 'a cursor of a definer, read by a user with a mapping',
        [ 'SET ROLE alice', 'BEGIN', 'DO $$BEGIN PERFORM S.open_KIND(); END$$',
            'FETCH 1 FROM c', $fetch ], 'bob' ],

    [ 'SET LOCAL ROLE, a cursor, RESET ROLE',
        [ 'BEGIN', 'SET LOCAL ROLE carol', $declare, 'RESET ROLE', $fetch ],
        '' ],
    [ 'the same, with a mapping',
        [ 'BEGIN', 'SET LOCAL ROLE alice', $declare, 'RESET ROLE', $fetch ],
        'alice' ],
    [ 'a superuser\'s cursor, read by a user without a mapping',
        [ 'BEGIN', $declare, 'SET LOCAL ROLE carol', $fetch ], 'boss' ],
    [ 'a cursor that goes on under another role',
        [ 'BEGIN', 'SET LOCAL ROLE alice', $declare, 'FETCH 1 FROM c',
            'SET LOCAL ROLE bob', 'FETCH 1 FROM c', 'RESET ROLE', $fetch ],
        'alice' ],
    [ 'a cursor WITH HOLD',
        [ 'BEGIN', 'SET LOCAL ROLE carol', $hold, 'RESET ROLE', 'COMMIT',
            $fetch ], '' ],
    [ 'the same, with a mapping',
        [ 'BEGIN', 'SET LOCAL ROLE alice', $hold, 'RESET ROLE', 'COMMIT',
            $fetch ], 'alice' ],
    [ 'a cursor WITH HOLD, and COMMIT under another role',
        [ 'BEGIN', $hold, 'SET LOCAL ROLE carol', 'COMMIT', $fetch ], 'boss' ],
    [ 'a cursor that is read backwards, from its start again',
        [ 'BEGIN', 'SET LOCAL ROLE alice',
            'DECLARE c SCROLL CURSOR FOR ASK', 'MOVE 3 FROM c',
            'SET LOCAL ROLE bob', 'MOVE ABSOLUTE 0 FROM c', $fetch ],
        'alice' ],
    [ 'a savepoint that takes a role back',
        [ 'SET ROLE alice', 'BEGIN', 'SAVEPOINT s', 'SET LOCAL ROLE bob',
            'ROLLBACK TO s', 'ASK' ], 'alice' ],
    [ 'a role that is set in the statement',
        [ 'SET ROLE alice', q{SELECT 1 FROM (SELECT
            set_config('role', 'bob', false) OFFSET 0) r, (ASK) q} ],
        'alice' ],

    [ 'an owner\'s view', view_case('tables', 'carol'), 'owner', 8 ],
    [ 'an owner\'s view, of a user with a mapping',
        view_case('tables', 'alice'), 'owner', 8 ],
    [ 'a view of its invoker', view_case('invoked', 'alice'), 'alice', 8 ],
    [ 'a view of its invoker, without a mapping',
        view_case('invoked', 'carol'), '' ],
    [ 'a view of its invoker on an owner\'s',
        view_case('invoked_tables', 'alice'), 'owner', 8 ],
    [ 'an owner\'s view on one of its invoker',
        view_case('bobs_of_invoked', 'alice'), 'alice', 8 ],
    [ 'a view on another owner\'s',
        view_case('bobs_of_tables', 'alice'), 'owner', 8 ],
    [ 'an owner\'s view in a cursor',
        [ 'BEGIN', 'SET LOCAL ROLE carol', 'DECLARE c CURSOR FOR '
            . view_case('tables', '')->[1], 'SET LOCAL ROLE alice', $fetch ],
        'owner', 8 ],
    [ 'an owner\'s view and a table',
        [ 'SET ROLE alice', q{SELECT 1 FROM S.tables v JOIN S.environments t
            ON t.app_id = v.app_id AND t.environment_name = v.environment_name
            WHERE v.app_id = 'd00000000002'} ], 'alice owner', 6 ],
    [ 'the same without a mapping',
        [ 'SET ROLE carol', q{SELECT 1 FROM S.environments t CROSS JOIN
            (SELECT 1 FROM S.tables v WHERE v.app_id = 'd00000000002'
             OFFSET 0) v WHERE t.app_id = 'd00000000001'} ], '' ],
    [ 'the views of two owners and a table, one after the other',
        [ 'SET ROLE alice', q{SELECT 1 FROM (SELECT * FROM S.tables UNION ALL
            SELECT * FROM S.bobs UNION ALL SELECT * FROM S.environments) u
            WHERE app_id = 'd00000000002'} ], 'alice bob owner', 18 ],
    [ 'the views of two owners, looked up by one join',
        [ 'SET ROLE alice', q{SELECT 1 FROM inventory
            JOIN S.tables v ON v.app_id = app AND v.environment_name = env
            JOIN S.bobs b ON b.app_id = app AND b.environment_name = env} ],
        'bob owner', 8 ],

    [ 'a function of a definer',
        [ 'SET ROLE carol', 'SELECT * FROM S.definer_KIND()' ], 'bob' ],
    [ 'a function of a definer, in the target list',
        [ 'SET ROLE alice', 'SELECT S.definer_KIND()' ], 'bob' ],
    [ 'a PL/pgSQL function of a definer',
        [ 'SET ROLE carol', 'SELECT * FROM S.definer_pl_KIND()' ], 'bob' ],
    [ 'a function of its invoker',
        [ 'SET ROLE alice', 'SELECT * FROM S.invoker_KIND()' ], 'alice' ],
    [ 'a function of its invoker, without a mapping',
        [ 'SET ROLE carol', 'SELECT * FROM S.invoker_KIND()' ], '' ],
    [ 'a function of a definer beside the user\'s own table',
        [ 'SET ROLE alice', q{SELECT 1 FROM S.environments,
            (SELECT 1 FROM S.definer_KIND() LIMIT 1) f
            WHERE app_id = 'd00000000003'} ], 'alice bob', 6 ],
    [ 'a function in a cursor, read by another',
        [ 'BEGIN', 'SET LOCAL ROLE carol',
            'DECLARE c CURSOR FOR SELECT * FROM S.definer_KIND()',
            'SET LOCAL ROLE alice', $fetch ], 'bob' ],

    [ 'a statement prepared under another role',
        [ 'SET ROLE bob', 'PREPARE q AS ASK', 'SET ROLE alice',
            'EXECUTE q' ], 'alice' ],
    [ 'the same without a mapping',
        [ 'SET ROLE bob', 'PREPARE q AS ASK', 'SET ROLE carol',
            'EXECUTE q' ], '' ],
    [ 'a generic plan for one role after the other',
        [ 'SET plan_cache_mode = force_generic_plan', 'SET ROLE bob',
            'PREPARE q AS ASK', 'DO $$BEGIN EXECUTE $q$ASK$q$; END$$',
            'SET ROLE alice', 'EXECUTE q' ], 'alice bob' ],
    [ 'a statement prepared under another session\'s user',
        [ 'PREPARE q AS ASK', 'SET SESSION AUTHORIZATION alice', 'EXECUTE q' ],
        'alice' ],
    [ 'the same, of a user without a mapping',
        [ 'PREPARE q AS ASK', 'EXPLAIN EXECUTE q',
            'SET SESSION AUTHORIZATION carol', 'EXECUTE q' ], '' ],
    [ 'a cursor of another session\'s user',
        [ 'BEGIN', 'SET LOCAL SESSION AUTHORIZATION carol', $declare,
            'SET LOCAL SESSION AUTHORIZATION DEFAULT', $fetch ], '' ],
    [ 'DISCARD ALL, and another role',
        [ 'SET ROLE alice', 'PREPARE q AS ASK', 'EXECUTE q', 'DISCARD ALL',
            'SET ROLE carol', 'ASK' ], 'fails of alice' ],
    [ 'a function with a role of its own',
        [ 'SET ROLE alice', 'SELECT * FROM S.as_bob_KIND()' ], 'bob' ],
    [ 'a loop in which the role changes',
        [ 'BEGIN', 'SET LOCAL ROLE alice', q{DO $$DECLARE r record; BEGIN
            FOR r IN ASK LOOP SET LOCAL ROLE bob; END LOOP; END$$} ],
        'alice', 0 ],
    [ 'EXPLAIN ANALYZE', [ 'SET ROLE alice', 'EXPLAIN ANALYZE ASK' ],
        'alice', 0 ],
    [ 'UPDATE from an owner\'s view',
        [ 'BEGIN', 'SET LOCAL ROLE alice', q{UPDATE inventory SET seen = 1
            FROM S.tables WHERE app_id = app AND environment_name = env} ],
        'owner', 0 ],
    [ 'a trigger',
        [ 'SET ROLE alice', 'INSERT INTO S.log_KIND VALUES (1)' ], 'alice', 0 ],
    [ 'a trigger, without a mapping',
        [ 'SET ROLE carol', 'INSERT INTO S.log_KIND VALUES (1)' ], '' ],
    [ 'a trigger of a definer',
        [ 'SET ROLE carol', 'INSERT INTO S.log_KIND VALUES (2)' ], 'owner', 0 ],
    [ 'a deferred trigger of a definer',
        [ 'BEGIN', 'SET LOCAL ROLE alice', 'INSERT INTO S.log_KIND VALUES (3)',
            'SET LOCAL ROLE carol', 'COMMIT' ], 'owner', 0 ],
    [ 'a rule',
        [ 'SET ROLE carol', 'INSERT INTO S.ruled_KIND VALUES (1)' ], 'owner', 0 ],
    [ 'a policy', [ 'SET ROLE alice', 'SELECT * FROM S.guarded_KIND' ], 'alice', 3 ],
    [ 'a policy, without a mapping',
        [ 'SET ROLE carol', 'SELECT * FROM S.guarded_KIND' ], '' ],
    [ 'a policy below an owner\'s view',
        [ 'SET ROLE carol', 'SELECT * FROM S.bobs_of_guarded_KIND' ], 'bob', 3 ],
    [ 'a policy, in a plan made for another',
        [ 'SET plan_cache_mode = force_generic_plan', 'SET ROLE alice',
            'PREPARE q AS SELECT * FROM S.guarded_KIND', 'EXECUTE q',
            'SET ROLE bob', 'EXECUTE q' ], 'alice bob', 6 ],
    [ 'ANALYZE of an owner\'s table', ['ANALYZE S.owned'], 'owner', 0 ],
    [ 'a materialized view', ['REFRESH MATERIALIZED VIEW S.kept_KIND'], 'owner', 0 ],
    [ 'a prepared statement on an owner\'s view',
        [ 'SET ROLE bob', 'PREPARE q AS ' . view_case('tables', '')->[1],
            'SET ROLE carol', 'EXECUTE q' ], 'owner', 8 ],
);

for my $kind (sort keys %query)
{
    my $plan = join "\n", map { $_->[0] }
        @{ $session->rows(fill_in('EXPLAIN ASK', 'aws', $kind)) };

    is($plan =~ /AmplifyReadAhead/ ? 'join' : 'scan', $kind, "plan of a $kind");
    for my $case (@cases)
    {
        my ($what, $statements, $who, $rows) = @$case;
        my $expected = $who eq '' ? 'fails of nobody'
            : $who =~ /^fails/ ? $who
            : join ' ', $rows // $all_rows{$kind}, 'rows of', $who;

        for my $side (@sides)
        {
            is(outcome($side, $kind, @$statements), $expected,
                "$side, $kind: $what");
        }
    }
}

# ---- EvalPlanQual: another session changes the row meanwhile ----

# As outcome(), but the last statement meets a row of which another session is
# about to commit a new version.
sub outcome_of_conflict
{
    my ($side, @statements) = @_;
    my $last = fill_in(pop @statements, $side, 'scan');

    forget_signers();
    $session->rows(fill_in($_, $side, 'scan')) for @statements;
    $other->rows(q{BEGIN; UPDATE inventory SET seen = seen + 1
        WHERE app = 'd00000000001' AND env = 'dev'});
    $session->send($last);
    poll_until(
        sub {
            $boss->value('SELECT count(*) FROM pg_locks
                WHERE NOT granted AND pid = ' . $session->pid) > 0;
        },
        'the session to wait for the row');
    # what was asked before, and what EvalPlanQual asks
    my $before = signers($side);
    forget_signers();
    $other->rows('COMMIT');
    my $result = $session->result;
    my $rows = $result->{error} ? Session::state_of($result)
        : ($result->{tag} =~ /(\d+)$/)[0] . ' rows';
    my $outcome = "$rows of " . (signers($side) || 'nobody')
        . ', before of ' . ($before || 'nobody');
    $session->query('ROLLBACK');
    $session->rows('RESET ROLE');
    return $outcome;
}

my $dev = q{app = 'd00000000001' AND env = 'dev'};

# EvalPlanQual runs a subquery again, and keeps the rows of a joined table.
sub counted
{
    my ($table) = @_;

    return "(SELECT count(*) FROM S.$table e
        WHERE e.app_id = app AND (seen < 0 OR e.environment_name = env))";
}

for my $conflict (
    [ 'UPDATE with a subquery', 'alice of alice, before of alice',
        'SET ROLE alice', 'BEGIN',
        "UPDATE inventory SET seen = 1 WHERE $dev AND "
            . counted('environments') . ' > 0' ],
    [ 'UPDATE with a subquery on an owner\'s view',
        'owner of owner, before of owner', 'SET ROLE carol', 'BEGIN',
        "UPDATE inventory SET seen = 1 WHERE $dev AND "
            . counted('tables') . ' > 0' ],
    [ 'FOR UPDATE with a subquery', 'alice of alice, before of alice',
        'SET ROLE alice', 'BEGIN',
        "SELECT 1 FROM inventory WHERE $dev AND "
            . counted('environments') . ' > 0 FOR UPDATE' ],
    [ 'UPDATE FROM', 'alice of nobody, before of alice',
        'SET ROLE alice', 'BEGIN',
        "UPDATE inventory SET seen = 1 FROM S.environments
         WHERE app_id = app AND environment_name = env AND $dev" ],
    [ 'FOR UPDATE of a join', 'alice of nobody, before of alice',
        'SET ROLE alice', 'BEGIN',
        "SELECT 1 FROM inventory JOIN S.environments
         ON app_id = app AND environment_name = env
         WHERE $dev FOR UPDATE OF inventory" ])
{
    my ($what, $expected, @statements) = @$conflict;

    $expected =~ s/^\w+/1 rows/;
    is(outcome_of_conflict($_, @statements), $expected, "$_: $what") for @sides;
}

# postgres_fdw takes the user of the moment here.
is(outcome_of_conflict('aws', 'BEGIN', 'SET LOCAL ROLE alice',
    "DECLARE c CURSOR FOR SELECT 1 FROM inventory WHERE $dev AND "
        . counted('environments') . ' > 0 FOR UPDATE',
    'SET LOCAL ROLE bob', $fetch),
    '1 rows of alice, before of alice',
    'a cursor FOR UPDATE, read by another');

# ---- mappings that are changed meanwhile ----

# Statements that must work: who has signed, or the SQLSTATE of the failure
sub signers_of
{
    my (@statements) = @_;

    forget_signers();
    for my $sql (@statements)
    {
        my $result = $session->query(fill_in($sql, 'aws', 'scan'));

        return Session::state_of($result) if $result->{error};
    }
    return signers('aws') || 'nobody';
}

sub open_cursor
{
    my ($user, @more) = @_;

    $session->query('ROLLBACK');
    $session->rows('RESET ROLE');
    return signers_of("BEGIN; SET LOCAL ROLE $user", $declare, @more);
}

my $me = $boss->value('SELECT current_user');

is(open_cursor('alice'), 'nobody', 'a cursor that is opened asks nothing');
$boss->rows('DROP USER MAPPING FOR alice SERVER aws');
is(signers_of($fetch), '42501', 'nor then, without a mapping');
create_mapping('alice');
is(open_cursor($me), 'nobody', 'a superuser\'s cursor');
$boss->rows('DROP USER MAPPING FOR CURRENT_USER SERVER aws');
is(signers_of($fetch), '28000', 'nor that one');
create_mapping('boss');
is(open_cursor('alice'), 'nobody', 'a cursor of a user with one mapping');
$boss->rows('DROP USER MAPPING FOR alice SERVER aws');
create_mapping('alice', 'successor');
is(signers_of($fetch), 'successor', 'signs by the one that is there then');

# The changes come from this session and from another one.
for my $by ($session, $boss)
{
    my $whose = $by == $session ? 'here' : 'elsewhere';

    $boss->rows('DROP USER MAPPING FOR alice SERVER aws');
    create_mapping('alice');
    is(open_cursor('alice', 'FETCH 1 FROM c'), 'alice', 'a cursor in use');
    $session->rows('RESET ROLE');
    $by->rows(sprintf q{ALTER USER MAPPING FOR alice SERVER aws
        OPTIONS (SET access_key_id '%s', SET secret_access_key '%s')},
        key_of('successor'), 'secret-of-successor');
    $session->rows('SET LOCAL ROLE alice');
    is(signers_of('ASK'), 'successor', "mapping changed $whose: what is new");
    is(signers_of('FETCH 3 FROM c'), 'alice', 'the cursor goes on');
    is(signers_of('SELECT 1 FROM inventory JOIN S.environments
        ON app_id = app AND environment_name = env'), 'successor',
        'a join');
    is(signers_of($fetch), 'alice', 'and it goes on to its end');
    is(signers_of('COMMIT', 'SET ROLE alice', 'ASK'), 'successor',
        'and nothing after it');
}

# The same key id, and a secret that is wrong and right again
for my $by ($session, $boss)
{
    my $whose = $by == $session ? 'here' : 'elsewhere';

    is(open_cursor('bob', 'FETCH 1 FROM c'), 'bob', 'a cursor in use');
    $session->rows('RESET ROLE');
    $by->rows(q{ALTER USER MAPPING FOR bob SERVER aws
        OPTIONS (SET secret_access_key 'another')});
    $session->rows('SAVEPOINT s; SET LOCAL ROLE bob');
    is(signers_of('ASK'), '28000', "secret changed $whose: what is new");
    $session->rows('ROLLBACK TO s');
    is(signers_of('FETCH 3 FROM c'), 'bob', 'the cursor goes on');
    $by->rows(q{ALTER USER MAPPING FOR bob SERVER aws
        OPTIONS (SET secret_access_key 'secret-of-bob')});
    $session->rows('SET LOCAL ROLE bob');
    is(signers_of('ASK'), 'bob', 'and when it is right again');
    $session->rows('COMMIT');
}

$boss->rows('DROP USER MAPPING FOR alice SERVER aws');
create_mapping('alice');
is(open_cursor('alice', 'FETCH 1 FROM c'), 'alice', 'a cursor in use');
$boss->rows('DROP USER MAPPING FOR alice SERVER aws');
is(signers_of($fetch), 'alice', 'goes on without a mapping');
is(signers_of('ASK'), '42501', 'and nothing else does');
$session->query('ROLLBACK');

is(handles($session), 0, 'no request is left');

# ---- what a failure tells of the identity: only to its own user ----

my $refusal = 'User: arn:aws:sts::111122223333:assumed-role/prod/i-0abc is not'
    . ' authorized to read apps/d00000000001/backendenvironments/hidden';

# What the client of that user reads, all of it
sub told
{
    my ($user, $sql) = @_;

    $session->query('ROLLBACK');
    $session->rows("RESET ROLE; SET ROLE $user; SET client_min_messages = log");
    return Session::describe($session->query(fill_in($sql, 'aws', 'scan')));
}

sub refuse
{
    my ($op, $code) = @_;

    $mock->reset;
    $mock->fault(op => $op, status => 403, code => $code, message => $refusal,
        n => -1);
    return;
}

create_mapping('alice');
$boss->rows(qq{
    CREATE VIEW aws.boss AS SELECT * FROM aws.environments;
    GRANT SELECT ON aws.boss TO PUBLIC;
    CREATE FUNCTION aws.boss_of_definer() RETURNS SETOF text SECURITY DEFINER
        LANGUAGE sql AS \$\$SELECT environment_name FROM aws.environments\$\$});

my $of_table = 'ASK';
my $of_view = 'SELECT * FROM S.tables';
my @tellings = (
    [ 'alice', $of_table, 1, 'one\'s own' ],
    [ 'alice', $of_view, 0, 'a view\'s owner\'s' ],
    [ 'carol', 'SELECT * FROM S.boss', 0, 'a superuser\'s' ],
    [ 'carol', 'SELECT * FROM S.boss_of_definer()', 0, 'a definer\'s' ],
    [ 'alice', 'SELECT * FROM S.definer_scan()', 0, 'another definer\'s' ],
    [ $me, $of_view, 1, 'another\'s, to a superuser' ],
);

sub check_told
{
    my ($what, $public) = @_;

    for my $telling (@tellings)
    {
        my ($user, $sql, $tells, $whose) = @$telling;
        my $text = told($user, $sql);

        is($text =~ /arn:aws|hidden/ ? 1 : 0, $tells, "$what: $whose")
            or note $text;
        # the one for a role's credentials has none
        is($text =~ /Key of the request: \(app_id/ ? 1 : 0,
            $tells && $text !~ /AssumeRole/ ? 1 : 0, "$what: $whose: its key")
            or note $text;
        like($text, $public, "$what: $whose: what all are told");
    }
    return;
}

refuse('ListBackendEnvironments', 'AccessDeniedException');
check_told('a refused call', qr/DETAIL: AccessDeniedException, HTTP status 403/);
like(slurp_file($node->logfile), qr/DETAIL:.*\Q$refusal\E/,
    'the server\'s log has it');

# a warning, in place of the error
$boss->rows(q{ALTER FOREIGN TABLE aws.environments
    OPTIONS (ADD on_error 'warn')});
check_told('a warning', qr/WARNING: 42501.*\nDETAIL: AccessDeniedException/);
$boss->rows('ALTER FOREIGN TABLE aws.environments OPTIONS (DROP on_error)');

# a mapping for PUBLIC, whose options nobody is shown
$boss->rows(sprintf q{DROP USER MAPPING FOR alice SERVER aws;
    CREATE USER MAPPING FOR PUBLIC SERVER aws
    OPTIONS (access_key_id '%s', secret_access_key 'secret-of-successor')},
    key_of('successor'));
unlike(told('alice', $of_table), qr/arn:aws/, 'PUBLIC\'s mapping');
$boss->rows('DROP USER MAPPING FOR PUBLIC SERVER aws');
create_mapping('alice');

# a role that can't be assumed
$boss->rows(sprintf q{ALTER SERVER aws OPTIONS (ADD sts_endpoint_url '%s')},
    $mock->url);
$boss->rows("ALTER USER MAPPING FOR $_ SERVER aws OPTIONS
    (ADD role_arn 'arn:aws:iam::111122223333:role/hidden')")
    for $me, qw(alice bob owner);
refuse('STS.AssumeRole', 'AccessDenied');
check_told('a role', qr/ERROR: 28000: could not get AWS credentials/);

done_testing();
