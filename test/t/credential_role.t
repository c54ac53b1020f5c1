# A mapping's role is assumed with what it names as the source, and STS may
# answer as it likes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Test::More;

my $mock = new_mock();
my $url = $mock->url;
my $node = new_node('credential_role');
my $session = connect_to($node);

add_server($session, 'aws', $url, sts_endpoint_url => $url,
    max_attempts => 2);

my %keys = (
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY);
my $get = 'GetBackendEnvironment 1';

sub with_role
{
    my (%more) = @_;

    $mock->reset;
    set_mapping($session, 'aws', %keys, role_arn => ROLE, %more);
    return;
}

# ---- what is sent ----

with_role();
is(ask($session, 'aws'), GOOD, 'role: answer');
is(calls_of($mock), "$get, STS.AssumeRole 1", 'role: calls');
like(used_key($mock), qr/^ASIAROLE/, "role: the API is asked with the role's key");
is_deeply((sts_forms($mock))[0],
    {   key => 'AKIDEXAMPLE', Action => 'AssumeRole', Version => '2011-06-15',
        RoleArn => ROLE, RoleSessionName => 'amplify_fdw' },
    'role: what STS is sent');
is(ask($session, 'aws'), GOOD, 'role: again');
is($mock->calls('STS.AssumeRole'), 1, 'role: the keys are kept');

with_role(external_id => 'x:y/z,=', role_session_name => 'a.b@c',
    role_duration => '1h');
$mock->say('keys', external_id => 'x:y/z,=');
is(ask($session, 'aws'), GOOD, 'all options: answer');
is_deeply((sts_forms($mock))[0],
    {   key => 'AKIDEXAMPLE', Action => 'AssumeRole', Version => '2011-06-15',
        RoleArn => ROLE, RoleSessionName => 'a.b@c', DurationSeconds => '3600',
        ExternalId => 'x:y/z,=' },
    'all options: what STS is sent');

# ---- what is answered ----

with_role();
$mock->say('keys', xml => 1);
is(ask($session, 'aws'), GOOD, 'XML: answer');

with_role();
$mock->say('keys', xml => 1, external_id => 'wanted');
like(ask($session, 'aws'),
    qr/^28000: could not get AWS credentials for server "aws" from the role in the user mapping \| AssumeRole of ".*" failed: AccessDenied, HTTP status 403: User: /,
    'XML: refusal');

with_role();
$mock->say('keys', external_id => 'wanted');
like(ask($session, 'aws'), qr/^28000: .*AccessDenied, HTTP status 403/,
    'JSON: refusal');
is(calls_of($mock), 'STS.AssumeRole 1', 'a refusal is not tried again');

for my $case (
    [ 'fails once', qr/^\Q${\GOOD}\E$/, 2, n => 1, status => 500 ],
    [ 'fails', qr/^28000: .*HTTP status 503/, 2, n => -1, status => 503 ],
    [ 'throttles once', qr/^\Q${\GOOD}\E$/, 2,
        n => 1, status => 400, code => 'Throttling' ],
    [ 'is cut off', qr/^28000: .*failed/, 2, n => -1, cut => 10 ],
    [ 'resets', qr/^28000: .*failed/, 2, n => -1, reset => 'headers' ],
    [ 'redirects', qr/^28000: .*HTTP status 302/, 1,
        n => -1, redirect => "$url/apps" ],
    [ 'answers nonsense', qr/^28000: .*no credentials/, 1, body => '[]' ],
    [ 'answers another thing', qr/^28000: .*no credentials/, 1,
        body => '{"GetCallerIdentityResponse":{}}' ],
    [ 'answers XML without keys', qr/^28000: .*access key ID is missing/, 1,
        body => '<a/>' ],
    [ 'answers XML with elements in a key', qr/^28000: .*access key ID is missing/,
        1, body => '<AccessKeyId><b/></AccessKeyId><SecretAccessKey>s</SecretAccessKey>' ],
    [ 'answers keys with a line break', qr/^28000: .*characters that no key/, 1,
        body => "<AccessKeyId>A\r\nB: c</AccessKeyId><SecretAccessKey>s</SecretAccessKey>" ],
    [ 'answers keys that have expired', qr/^28000: .*expired already/, 1,
        body => '<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>'
        . '<Expiration>2020-01-01T00:00:00Z</Expiration>' ],
    [ 'answers an empty token', qr/^\Q${\GOOD}\E$/, 1,
        body => '<AccessKeyId>AKIDEXAMPLE</AccessKeyId><SecretAccessKey>'
        . Amplify::SECRET_ACCESS_KEY . '</SecretAccessKey><SessionToken></SessionToken>' ],
    [ 'answers an hour that is none', qr/^28000: .*not a time/, 1,
        body => '<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>'
        . '<Expiration>2099-01-01T25:00:00Z</Expiration>' ],
    [ 'refuses in XML with entities', qr/^28000: .*b&c <d> "e" 'f' &g;/, 1,
        status => 403, type => 'text/xml',
        body => '<Error><Code>AccessDenied</Code><Message>b&amp;c &lt;d&gt; '
        . '&quot;e&quot; &apos;f&apos; &g;</Message></Error>' ],
    [ 'sends a bomb', qr/^28000: .*failed/, 1, gzip => 1, repeat => 50 ])
{
    my ($what, $answer, $calls, @fault) = @$case;

    with_role();
    $mock->fault(op => 'STS.AssumeRole', @fault);
    like(ask($session, 'aws'), $answer, "STS $what: answer");
    is($mock->calls('STS.AssumeRole'), $calls, "STS $what: calls");
    is(handles($session), 0, "STS $what: no handle is left");
}

# ---- who is told of it, and for how long ----

my $known = q{SELECT user_name = current_user, valid, failed_at IS NOT NULL, aws_code, message
    FROM amplify_fdw_connections()};

sub known
{
    my ($role) = @_;

    $session->rows("SET ROLE $role") if $role;
    my @rows = map { join ' ', map { $_ // 'NULL' } @$_ } @{ $session->rows($known) };
    $session->rows('RESET ROLE');
    return join "\n", @rows;
}

with_role();
$session->rows($_) for 'CREATE ROLE owner', 'CREATE ROLE reader', 'GRANT USAGE ON SCHEMA aws TO owner',
    'GRANT SELECT ON aws.backend_environments TO owner',
    'CREATE VIEW environments AS SELECT * FROM aws.backend_environments',
    'ALTER VIEW environments OWNER TO owner', 'GRANT SELECT ON environments TO reader',
    q{ALTER FOREIGN TABLE aws.backend_environments OPTIONS (ADD on_error 'warn')},
    'CREATE USER MAPPING FOR owner SERVER aws OPTIONS ('
    . join(', ', map { "$_ '$keys{$_}'" } sort keys %keys) . ", role_arn '${\ROLE}')";

# Asks by the view of "owner" as that user; what is told of the statement
sub ask_view
{
    my ($role) = @_;

    $session->rows("SET ROLE $role");
    my $answer = answer_of($session->query(
        "SELECT environment_name FROM environments
         WHERE app_id = 'd00000000001' AND environment_name = 'dev'"));
    my $failures = $session->rows('SELECT operation, keys, sqlstate, message, aws_code, http_status
        FROM amplify_fdw_failures()');
    $session->rows('RESET ROLE');
    return ($answer, map { join ' ', map { $_ // 'NULL' } @$_ } @$failures);
}

my $message = 'AssumeRole of "' . ROLE . '" failed: AccessDenied, HTTP status 403';

$mock->fault(op => 'STS.AssumeRole', status => 403, code => 'AccessDenied', n => -1);
is_deeply([ ask_view('reader') ],
    [ '00000: ', 'GetBackendEnvironment NULL 28000 could not get AWS credentials AccessDenied 403' ],
    'a role that is denied is left out, with the code of AWS');
is(known('reader'), 'f t t AccessDenied NULL', 'denied: who reads by a view is told the code');
like(known('owner'), qr/^t t t AccessDenied \Q$message\E\b/, 'denied: the user of the mapping is told why');
like(known(), qr/^f t t AccessDenied \Q$message\E\b/, 'denied: so is a superuser');

# and after it works again
$mock->reset;
is((ask_view('reader'))[0], GOOD, 'granted again: answer');
is(known('owner'), 't t f NULL NULL', 'granted again: nothing is wrong');
is(known(), 'f t f NULL NULL', 'granted again: for nobody');

# what is no response has no code
$session->rows('SELECT amplify_fdw_disconnect_all()');
$mock->fault(op => 'STS.AssumeRole', reset => 'headers', n => -1);
is((ask_view('owner'))[0], '00000: ', 'STS is broken: nothing');
like(known('owner'), qr/^t t t NULL AssumeRole of /, 'STS is broken: no code, but why');
$mock->reset;
$session->rows('DISCARD ALL');
is(known(), '', 'after DISCARD ALL, nothing is known');
$session->rows('ALTER FOREIGN TABLE aws.backend_environments OPTIONS (DROP on_error)');

# ---- bad keys of the source ----

with_role(secret_access_key => 'wrong');
like(ask($session, 'aws'), qr/^28000: .*(InvalidSignature|SignatureDoesNotMatch)/,
    'a wrong secret: answer');
is(calls_of($mock), 'STS.AssumeRole 1', 'a wrong secret: calls');

# ---- a role needs a source ----

$mock->reset;
set_mapping($session, 'aws', role_arn => ROLE);
like(ask($session, 'aws'), qr/^28000: no AWS credentials/, 'a role alone');
is($mock->calls, 0, 'a role alone: no calls');

# ---- values of the options ----

for my $case (
    [ role_arn => '', 'x', 'arn:', 'arn:aws:iam::1:role/ x', "arn:aws:iam::1:role/\n" ],
    [ external_id => 'a', 'b c', '%0d', 'x' x 1225 ],
    [ role_session_name => 'a', 'a:b', 'a/b', 'x' x 65, 'a b', "\xc3\xa4bc" ],
    [ role_duration => '899', '43201', '13h', 'x', '-900' ])
{
    my ($option, @values) = @$case;

    for my $value (@values)
    {
        my $result = $session->query(
            'ALTER USER MAPPING FOR CURRENT_USER SERVER aws OPTIONS ('
            . ($option eq 'role_arn' ? 'SET' : 'ADD') . " $option '$value')");

        is(Session::state_of($result), 'HV024',
            "$option refuses '" . ($value =~ s/\s+/ /gr) . "'");
        unlike(Session::describe($result), qr/\Q$value\E/,
            'external_id is not shown')
            if $option eq 'external_id' && length $value > 1;
    }
}
for my $option ('external_id', 'role_session_name', 'role_duration')
{
    my $result = $session->query(
        "ALTER USER MAPPING FOR CURRENT_USER SERVER aws
         OPTIONS (DROP role_arn, ADD $option '1000')");

    is(Session::state_of($result), 'HV002', "$option needs role_arn");
}

done_testing();
