# Credentials are looked up anew before they expire, once for all calls that
# need it, and whenever AWS says that they are stale; and so is the time.  What
# is kept of them goes when the session, the mapping or the user changes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use POSIX qw(strftime);
use Test::More;

my $mock = new_mock();
my $url = $mock->url;
my $node = new_node('credential_refresh');
my $other = connect_to($node);
my %keys = (
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY);
my $session;

add_server($other, 'aws', $url, sts_endpoint_url => $url, max_attempts => 2);

# A new session with a role in the mapping, that has asked once
sub start_over
{
    my (@settings) = @_;

    $mock->say('clock', seconds => 0);
    $mock->reset;
    $mock->say('keys', @settings) if @settings;
    set_mapping($other, 'aws', %keys, role_arn => ROLE);
    $session = connect_to($node);
    is(ask($session, 'aws'), GOOD, 'first');
    return;
}

# How often a role was assumed and the API asked
sub counts
{
    return $mock->calls('STS.AssumeRole') . ' '
        . ($mock->calls('GetBackendEnvironment')
            + $mock->calls('ListBackendEnvironments') + $mock->calls('ListApps'));
}

sub refused
{
    return scalar grep { / 403 / } split /\n/, $mock->say('log');
}

# Ten Gets, all in flight at once, as the responses take longer than to ask
sub ask_ten
{
    $mock->say('latency', ms => 100);
    return $session->query(
        "SELECT app_id FROM aws.backend_environments
         WHERE environment_name = 'dev' AND app_id = ANY (ARRAY(
             SELECT 'd' || lpad(i::text, 11, '0') FROM generate_series(1, 10) i))");
}

# ---- expired, says AWS ----

start_over();
$mock->say('keys', expire => 1);
is(ask($session, 'aws'), GOOD, 'expired: answer');
is(counts(), '2 3', 'expired: one refresh, one retry');

start_over();
$mock->say('keys', expire => 1);
is(scalar @{ ask_ten()->{rows} }, 10, 'ten expired at once: rows');
is(counts(), '2 21', 'ten expired at once: one refresh, each one retry');

start_over(uses => 12);
is($session->value('SELECT count(*) FROM aws.backend_environments'), 40,
    'keys that are good for 12 requests: rows of a long scan');
is(refused() > 0, 1, 'keys that are good for 12 requests: some were refused');
cmp_ok($mock->calls('STS.AssumeRole'), '<=', 4,
    'keys that are good for 12 requests: no refresh without need');

start_over();
$mock->say('keys', expire => 1, lifetime => 3600, uses => 0);
like(ask($session, 'aws'),
    qr/^28000: GetBackendEnvironment .*the credentials have expired/,
    'new ones are refused, too');
is(counts(), '2 3', 'new ones are refused, too: tried no more');

start_over();
for my $time (2 .. 4)
{
    $mock->say('keys', expire => 1);
    is(ask($session, 'aws'), GOOD, "expired, time $time: answer");
    is(counts(), "$time " . (2 * $time - 1), "expired, time $time: calls");
}

# The second refusal comes when the first one has led to new keys already.
start_over();
$mock->fault(match => 'd0000000000' . ($_ + 1), status => 403,
    code => 'ExpiredTokenException', latency => 500 * $_) for 0, 1;
is(scalar @{ ask_ten()->{rows} }, 10, 'two expired, one late: rows');
is(counts(), '2 13', 'two expired, one late: one refresh, each one retry');

# Keys of the mapping itself cannot be renewed.
start_over();
set_mapping($other, 'aws', %keys);
$mock->reset;
$mock->fault(n => -1, status => 403, code => 'ExpiredTokenException');
like(ask($session, 'aws'), qr/^28000: .*the credentials have expired/,
    'keys of the mapping: answer');
is(counts(), '0 1', 'keys of the mapping: not tried again');

# ---- before they expire ----

# The service's clock goes on by nearly an hour; the first request tells us.
start_over();
$mock->say('clock', seconds => 3400);
is(ask($session, 'aws'), GOOD, 'due: answer');
is(counts(), '2 3', 'due: the time is learnt, then the keys are renewed');
is(ask($session, 'aws'), GOOD, 'due: again');
is(counts(), '2 4', 'due: they are kept again');

start_over();
$mock->fault(op => 'STS.AssumeRole', n => -1, status => 500);
$mock->say('clock', seconds => 3400);
is(ask($session, 'aws'), GOOD, 'STS is down: the old keys serve');
is(counts(), '3 3', 'STS is down: two attempts');
is(ask($session, 'aws'), GOOD, 'STS is still down: the old keys serve');
is(counts(), '3 4', 'STS is still down: no attempt so soon');
$mock->say('clock', seconds => 3800);
like(ask($session, 'aws'),
    qr/^28000: could not get AWS credentials .*HTTP status 500/,
    'STS is down and the keys have expired');
$mock->reset;
is(ask($session, 'aws'), GOOD, 'STS is back');

# ---- the time ----

start_over();
set_mapping($other, 'aws', %keys);
# also in the first hour of today
my $early = 1800 - time % 86400;
$early -= 900 if abs $early < 300;
for my $seconds (3600, $early, -86400, 0)
{
    $mock->reset;
    $mock->say('clock', seconds => $seconds);
    is(ask($session, 'aws'), GOOD, "clock $seconds: answer");
    is(counts(), '0 2', "clock $seconds: one retry");
    is(ask($session, 'aws'), GOOD, "clock $seconds: again");
    is(counts(), '0 3', "clock $seconds: then it is known");
}
$mock->reset;
$mock->say('clock', seconds => 7200);
is(scalar @{ ask_ten()->{rows} }, 10, 'clock of ten at once: rows');
is(counts(), '0 20', 'clock of ten at once: each one retry');
$mock->say('clock', seconds => 0);
is(ask($session, 'aws'), GOOD, 'clock is right again');

$mock->reset;
$mock->say('clock', seconds => 100);
is(ask($session, 'aws'), GOOD, 'a little off: answer');
is(counts(), '0 1', 'a little off is not noticed');

# A refusal whose date is two hours ahead, and what becomes of it
my $ahead = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 7200));
my $far = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 2 * 86400));

$mock->say('clock', seconds => 0);
is(ask($session, 'aws'), GOOD, 'clock is right');
for my $case (
    [ 'no time in a response out of a cache', '0 1', $ahead, 'Age: 7200' ],
    [ 'no time before 2000', '0 1', 'Wed, 24 Nov 1999 00:00:00 GMT' ],
    [ 'no time in words', '0 1', 'yesterday' ],
    [ 'no time in nothing', '0 1', '' ],
    [ 'no time of another year', '0 1', 'Fri, 31 Dec 9999 23:59:59 GMT' ],
    [ 'no time of the day after tomorrow', '0 1', $far ],
    [ 'a time', '0 2', $ahead ])
{
    my ($what, $counts, $date, @more) = @$case;

    $mock->reset;
    $mock->fault(n => 1, header => "Date: $date",
        (map { (header => $_) } @more), status => 403,
        code => 'RequestTimeTooSkewed');
    like(ask($session, 'aws'), qr/^28000: .*does not accept the signature/,
        "$what: answer");
    is(counts(), $counts, "$what: calls");
}
is(ask($session, 'aws'), GOOD, 'and it is corrected');

# STS, too, and by its clock the new keys have not expired
start_over();
$mock->say('clock', seconds => -7200);
set_mapping($other, 'aws', %keys, role_arn => ROLE, role_session_name => 'x1');
$mock->reset;
is(ask(connect_to($node), 'aws'), GOOD, "STS's clock: answer");
is(counts(), '2 1', "STS's clock: one retry there, none at the API");
$mock->say('clock', seconds => 0);

# ---- what is forgotten ----

start_over();
$session->rows('SET work_mem = 1000; RESET ALL');
is(ask($session, 'aws'), GOOD, 'RESET ALL: answer');
is($mock->calls('STS.AssumeRole'), 1, 'RESET ALL keeps them');
$session->rows('DISCARD PLANS');
is($session->value('SELECT count(*) FROM amplify_fdw_connections()'), 1,
    'DISCARD PLANS keeps them');
$session->rows('DISCARD ALL');
is($session->value('SELECT count(*) FROM amplify_fdw_connections()'), 0,
    'DISCARD ALL leaves no connection');
is(ask($session, 'aws'), GOOD, 'DISCARD ALL: answer');
is($mock->calls('STS.AssumeRole'), 2, 'DISCARD ALL drops them');
for my $sql (
    "ALTER SERVER aws OPTIONS (ADD connect_timeout '3000')",
    'ALTER SERVER aws OPTIONS (DROP connect_timeout)',
    "ALTER USER MAPPING FOR CURRENT_USER SERVER aws OPTIONS (ADD role_session_name 'xy')")
{
    my $before = $mock->calls('STS.AssumeRole');

    $other->rows($sql);
    is(ask($session, 'aws'), GOOD, 'after ' . substr($sql, 0, 30));
    is($mock->calls('STS.AssumeRole'), $before + 1, '... they are new');
}
$other->rows('DROP USER MAPPING FOR CURRENT_USER SERVER aws');
like(ask($session, 'aws'), qr/^28000: .*There is no user mapping/,
    'after DROP USER MAPPING');

start_over();
$other->rows('CREATE ROLE somebody; GRANT USAGE ON SCHEMA aws TO somebody;
    GRANT SELECT ON aws.backend_environments TO somebody');
$session->rows('SET ROLE somebody');
like(ask($session, 'aws'), qr/^42501: AWS credentials are required/,
    'SET ROLE: another user has none of them');
$session->rows('RESET ROLE');
is(ask($session, 'aws'), GOOD, 'RESET ROLE');

# ---- interrupted while they are looked up ----

start_over();
my $before = descriptors($session->pid);
for my $how ('pg_cancel_backend', 'statement_timeout')
{
    for my $stall ('request', 'headers', 'body')
    {
        set_mapping($other, 'aws', %keys, role_arn => ROLE);
        $mock->reset;
        $mock->fault(op => 'STS.AssumeRole', stall => $stall);
        $session->rows("SET statement_timeout = '1s'")
            if $how eq 'statement_timeout';
        $session->send(
            "SELECT environment_name FROM aws.backend_environments
             WHERE app_id = 'd00000000001' AND environment_name = 'dev'");
        $mock->wait_held(1);
        $other->rows('SELECT pg_cancel_backend(' . $session->pid . ')')
            if $how eq 'pg_cancel_backend';
        is(Session::state_of($session->result), '57014',
            "$how, stall of the $stall");
        $mock->say('wait', held => 0);
        $session->rows('SET statement_timeout = 0');
        is(handles($session), 0, '... no handle is left');
        is(ask($session, 'aws'), GOOD, '... the next statement works');
    }
}
is(descriptors($session->pid), $before, 'no descriptor is left');

# A failure within a block that catches it
$mock->reset;
set_mapping($other, 'aws', %keys, role_arn => ROLE);
$mock->fault(op => 'STS.AssumeRole', n => 20, status => 403, code => 'AccessDenied');
$session->rows(q{DO $$ BEGIN
    FOR i IN 1..20 LOOP
        BEGIN
            PERFORM * FROM aws.backend_environments WHERE app_id = 'd00000000001';
            RAISE 'it should have failed';
        EXCEPTION WHEN invalid_authorization_specification THEN
            NULL;
        END;
    END LOOP;
END $$});
is(ask($session, 'aws'), GOOD, 'after 20 failures in subtransactions');
is(handles($session), 0, 'after 20 failures: no handle is left');
is(descriptors($session->pid), $before, 'after 20 failures: nothing is left');

# ---- of an instance, whose keys may be good for longer than it says ----

my $calm = new_mock('--credential', join(':', @keys{qw(access_key_id secret_access_key)}),
    '--credential', 'ASIACALM:calmsecret:calmtoken');

restart_with($node, HOME => new_place(), AWS_EC2_METADATA_SERVICE_ENDPOINT => $calm->url);
$other = connect_to($node);
add_server($other, 'calm', $calm->url, max_attempts => 2,
    mapping => { ambient_credentials => 'true' });
$calm->fault(op => 'IMDS.credentials', n => 1, body => sprintf(
    '{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIACALM","SecretAccessKey":"calmsecret",'
    . '"Token":"calmtoken","Expiration":"%s"}', strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3600))));
$session = connect_to($node);
is(ask($session, 'calm'), GOOD, 'instance: first');
$calm->fault(op => 'IMDS.token', n => -1, status => 500);
$calm->say('clock', seconds => 7200);
is(ask($session, 'calm'), GOOD, 'instance, its service is down: keys that have expired serve');
like(used_key($calm), qr/ASIACALM/, 'instance: these');

done_testing();
