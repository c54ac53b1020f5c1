# Ten questions of an engineer on call, and some joins over all levels, as they
# come to mind: each makes hardly more calls than are needed, and takes about as
# many round trips as doc/calls.md says.
#
# The mock holds every request back until all that could be started have come,
# and then answers them together: so round trips are counted, and no clock is.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Account;
use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { APPS => 30, BRANCHES => 6, JOBS => 120, PAGES => 3, FLIGHT => 10 };

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--data',
    write_account("$dir/account", apps => APPS, branches => BRANCHES,
        jobs => JOBS) ]);
my $node = new_node('questions');
my $session = connect_to($node);
my $watcher = connect_to($node);

add_server($session, 'aws', $mock->url, request_timeout => '10min');
$session->rows('SET search_path = aws');

# Is nothing under way between the backend and the mock?
sub is_silent
{
    my $port = sprintf ':%04X', $mock->port;

    for my $line (split /\n/, slurp_file('/proc/net/tcp'))
    {
        my (undef, undef, $local, $remote, undef, $queues) = split ' ', $line;

        return 0 if "$local$remote" =~ /$port(?![0-9A-F])/ && $queues !~ /^0+:0+$/;
    }
    return 1;
}

# Has the backend taken in all that was sent, and waits?
sub is_idle
{
    return is_silent()
        && $watcher->value("SELECT wait_event_type = 'Extension'
            FROM pg_stat_activity WHERE pid = @{[$session->pid]}") eq 't'
        && is_silent();
}

# Run it; the round trips that it took
sub round_trips
{
    my ($sql) = @_;
    my $trips = 0;
    my $result;

    $mock->reset;
    $mock->fault(n => -1, stall => 'request');
    $session->send($sql);
    until ($result = $session->try_result)
    {
        my $held = $mock->say('held') + 0;

        next if $held == 0
            || ($held < FLIGHT && !(is_idle() && $mock->say('held') == $held));
        $trips++;
        $mock->release;
    }
    return ($trips, $result);
}

my $last_day = 'start_time > ' . newest() . " - interval '1 day'";
my $stores = "a.name LIKE '%store%'";

# What is asked, its rows, the least calls, and the levels that follow on one
# another: pages of one List among them
my @questions = (
    [ 'prod backends of the stores', 3, 4, 2, qq{SELECT e.stack_name
        FROM apps a JOIN backend_environments e USING (app_id)
        WHERE $stores AND environment_name = 'prod'} ],
    [ 'backends that have changed', APPS, 1 + APPS, 2, qq{SELECT app_id
        FROM backend_environments WHERE update_time > @{[newest()]} - interval '1 day'} ],
    [ "branches on a store's prod", 1, 3, 3, q{SELECT b.branch_name
        FROM apps a JOIN backend_environments e USING (app_id)
        JOIN branches b USING (app_id, backend_environment_arn)
        WHERE a.name = 'storefront' AND e.environment_name = 'prod'} ],
    [ "a store's jobs of a day", BRANCHES, 2 + BRANCHES * PAGES, 5,
        qq{SELECT job_id FROM apps a JOIN jobs USING (app_id)
        WHERE a.name = 'storefront' AND $last_day} ],
    [ "all stores' jobs of a day", 3 * BRANCHES, 4 + 3 * BRANCHES * PAGES, 5,
        qq{SELECT job_id FROM apps a JOIN jobs USING (app_id)
        WHERE $stores AND $last_day} ],
    [ "everybody's jobs of a day", APPS * BRANCHES, 1 + APPS + APPS * BRANCHES * PAGES, 5,
        qq{SELECT a.name, job_id FROM apps a JOIN jobs USING (app_id) WHERE $last_day} ],
    [ 'steps of failed jobs', JOBS / 10, 1 + PAGES + JOBS / 10, 5,
        q{SELECT s.step_name FROM apps a JOIN jobs j USING (app_id)
        JOIN job_steps s USING (app_id, branch_name, job_id)
        WHERE a.name = 'storefront' AND branch_name = 'main' AND j.status = 'FAILED'} ],
    [ 'artifacts of failed jobs', JOBS / 10, 1 + PAGES + JOBS / 10, 5,
        q{SELECT f.artifact_id FROM apps a JOIN jobs j USING (app_id)
        JOIN artifacts f USING (app_id, branch_name, job_id)
        WHERE a.name = 'storefront' AND branch_name = 'main' AND j.status = 'FAILED'} ],
    [ "the stores' sub domains", 6, 4, 3, qq{SELECT s.dns_record
        FROM apps a JOIN domain_associations d USING (app_id)
        JOIN sub_domains s USING (app_id, domain_name) WHERE $stores} ],
    [ 'the last job of main', 1, 1 + PAGES, 4, q{SELECT j.job_id
        FROM apps a JOIN jobs j USING (app_id)
        WHERE a.name = 'storefront' AND branch_name = 'main'
        ORDER BY start_time DESC LIMIT 1} ],
    [ 'all levels', APPS * BRANCHES, 1 + APPS + APPS * BRANCHES * PAGES, 5,
        qq{SELECT a.name, job_id FROM apps a JOIN branches b USING (app_id)
        JOIN jobs j USING (app_id, branch_name) WHERE $last_day} ],
    [ "branches' last jobs", APPS, 1 + APPS + APPS * PAGES, 5,
        q{SELECT b.app_id, max(j.start_time) FROM branches b
        LEFT JOIN jobs j USING (app_id, branch_name)
        WHERE b.stage = 'PRODUCTION' GROUP BY 1} ],
    [ 'likewise, by LATERAL', APPS, 1 + APPS + APPS * PAGES, 5,
        q{SELECT b.app_id, j.start_time FROM branches b,
        LATERAL (SELECT start_time FROM jobs WHERE app_id = b.app_id
            AND branch_name = b.branch_name ORDER BY start_time DESC LIMIT 1) AS j
        WHERE b.stage = 'PRODUCTION'} ],
    [ 'active jobs', APPS, 1 + APPS + APPS, 3, q{SELECT j.status
        FROM branches b JOIN jobs j ON j.app_id = b.app_id
            AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id
        WHERE b.stage = 'PRODUCTION'} ],
);

for my $question (@questions)
{
    my ($name, $rows, $least, $levels, $sql) = @$question;
    my ($trips, $result) = round_trips($sql);
    my $calls = $mock->calls;

    is(Session::state_of($result), '00000', $name);
    is(scalar @{ $result->{rows} }, $rows, '... rows');
    cmp_ok($calls, '<=', 1.1 * $least, '... calls');
    cmp_ok($trips, '<=', 1.2 * $calls / FLIGHT + $levels, '... round trips');
    note "$name: $calls calls ($least), $trips round trips";
}

done_testing();
