# Nothing is left of statements that end in the middle, however many there are:
# no request, no descriptor, no thread, no memory.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    TIMES  => 1000,
    GROWTH => 4096,    # kB; of a thousand
};

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '3,120' ]);
my $node = new_node('leak');
my $session = connect_to($node);
my $boss = connect_to($node);

add_server($session, 'aws', $mock->url, max_attempts => 1);
$session->rows(q{CREATE FUNCTION fail_caught(query text, times int)
    RETURNS int LANGUAGE plpgsql AS $$
    DECLARE failed int := 0;
    BEGIN
        FOR i IN 1 .. times LOOP
            BEGIN
                EXECUTE query;
            EXCEPTION WHEN others THEN
                failed := failed + 1;
            END;
        END LOOP;
        RETURN failed;
    END $$});

my $keyed = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000002' AND environment_name = 'test'";
my $listed = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000002'";
my $all = 'SELECT * FROM aws.backend_environments';

# One claim: so many times of that leave the session as it was.  The first
# tenth may fill caches.
sub leaves_nothing
{
    my ($name, $times, $code, $limit) = @_;
    my $before = warm_up($session, 'aws');

    $code->(int($times / 10));
    my $resident = resident($session->pid);
    $code->($times - int($times / 10));
    my $growth = resident($session->pid) - $resident;
    $mock->reset;
    my $harm = harm($session, 'aws', $before);
    $harm .= "grew by $growth kB" if $growth > ($limit || GROWTH);
    $harm .= 'has threads' if threads($session->pid) != 1;
    is($harm, '', "$name: nothing left");
    note "$growth kB more";
    return;
}

sub expect
{
    my ($state, $result) = @_;

    die "not $state: " . Session::describe($result)
        if Session::state_of($result) ne $state;
    return;
}

leaves_nothing('failed statements', TIMES, sub {
    my ($times) = @_;

    $mock->fault(status => 400, n => -1);
    expect('22023', $session->query($keyed)) for 1 .. $times;
});

leaves_nothing('failed scans of many requests', TIMES / 10, sub {
    my ($times) = @_;

    $mock->fault(status => 400, n => -1, op => 'ListBackendEnvironments');
    expect('22023', $session->query($all)) for 1 .. $times;
});

leaves_nothing('errors caught by plpgsql', TIMES, sub {
    my ($times) = @_;

    $mock->fault(cut => 20, n => -1);
    is($session->value(
        qq{SELECT fail_caught(\$q\$$keyed\$q\$, $times)}),
        $times, 'all fail');
    $mock->reset;
});

leaves_nothing('scans that an error elsewhere ends', TIMES, sub {
    my ($times) = @_;

    is($session->value(
        qq{SELECT fail_caught(\$q\$SELECT 1 / (length(environment_name) - 4)
            FROM ($listed) x\$q\$, $times)}),
        $times, 'all fail');
});

leaves_nothing('savepoints that are rolled back', TIMES, sub {
    my ($times) = @_;

    $mock->fault(status => 400, n => -1, op => 'GetBackendEnvironment');
    $session->rows('BEGIN');
    for (1 .. $times)
    {
        $session->rows('SAVEPOINT s');
        expect('22023', $session->query($keyed));
        $session->rows('ROLLBACK TO s; RELEASE s');
    }
    $session->rows('COMMIT');
});

leaves_nothing('cancelled statements', TIMES / 2, sub {
    my ($times) = @_;

    $mock->fault(stall => 'body', n => -1);
    for (1 .. $times)
    {
        $session->send($keyed);
        $mock->wait_held(1);
        $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
        expect('57014', $session->result);
        # the mock must see the end of that before the next one is counted
        $mock->wait_idle;
    }
});

# At any moment, not only while it waits
leaves_nothing('statements whose time is over', TIMES / 2, sub {
    my ($times) = @_;

    $mock->fault(stall => 'body', n => -1, op => 'ListBackendEnvironments');
    for my $i (1 .. $times)
    {
        # the error ends the setting, too: ROLLBACK has all the time it needs
        $session->rows('BEGIN');
        $session->rows('SET LOCAL statement_timeout = ' . (1 + $i % 5));
        expect('57014', $session->query($all));
        $session->rows('ROLLBACK');
    }
});

leaves_nothing('answers that find no room in a file', TIMES / 10, sub {
    my ($times) = @_;

    $session->rows("SET work_mem = '64kB'; SET temp_file_limit = 0");
    expect('53400', $session->query("SELECT count(*)
        FROM generate_series(1, 2) AS n,
            LATERAL ($all OFFSET n - n) AS e")) for 1 .. $times;
    $session->rows('RESET work_mem; RESET temp_file_limit');
}, 500);

leaves_nothing('portals closed in the middle of a page', TIMES, sub {
    my ($times) = @_;

    for (1 .. $times)
    {
        my $result = $session->open_portal($listed, 1);

        die 'no more rows' if !$result->{suspended};
        expect('00000', $session->close_portal);
    }
});

leaves_nothing('cursors closed while more is on its way', TIMES / 2, sub {
    my ($times) = @_;

    $session->rows('BEGIN');
    for (1 .. $times)
    {
        $session->rows("DECLARE c CURSOR FOR $all");
        $session->rows('FETCH 60 FROM c');
        $session->rows('CLOSE c');
    }
    $session->rows('COMMIT');
});

leaves_nothing('cursors left open at an abort', TIMES / 2, sub {
    my ($times) = @_;

    for (1 .. $times)
    {
        $session->rows("BEGIN; DECLARE c CURSOR FOR $all");
        $session->rows('FETCH 1 FROM c');
        expect('22012', $session->query('SELECT 1 / 0'));
        expect('25P02', $session->query('FETCH 1 FROM c'));
        $session->rows('ROLLBACK');
    }
});

leaves_nothing('cursors that outlive their transaction', TIMES / 10, sub {
    my ($times) = @_;

    for (1 .. $times)
    {
        $session->rows("DECLARE h CURSOR WITH HOLD FOR $listed");
        $session->rows('FETCH 1 FROM h');
        $session->rows('CLOSE h');
    }
});

# Large answers are not kept, though malloc may keep the room for the last one:
# read, and parsed.
leaves_nothing('answers of 8 MB', 60, sub {
    my ($times) = @_;

    $mock->fault(repeat => 8, n => -1, op => 'GetBackendEnvironment');
    $session->rows($keyed) for 1 .. $times;
    $mock->reset;
}, 4 * 8192);

# Sessions take theirs with them
for (1 .. 20)
{
    my $other = connect_to($node);

    warm_up($other, 'aws');
    $other->close;
    $other->wait_for_end(60) or die 'a session does not end';
}
poll_until(sub { $mock->connections('open') == 1 }, 'connections to close');
is($mock->connections('open'), 1, 'sessions that end close their connections');

done_testing();
