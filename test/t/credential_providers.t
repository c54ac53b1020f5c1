# Every provider of credentials gives the ones it has, in the AWS CLI's order,
# and says clearly why it gives none.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = new_mock();
my $home = new_place();
my $url = $mock->url;
my $node = new_node('credential_providers');

my @environment_keys = (
    AWS_ACCESS_KEY_ID     => Amplify::ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY => Amplify::SECRET_ACCESS_KEY);
my $web_token = write_file("$home/web-token", "web-identity-token\n");
my @web_identity = (
    AWS_ROLE_ARN => ROLE, AWS_WEB_IDENTITY_TOKEN_FILE => $web_token);
my @container = (AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/container/one");
my @instance = (AWS_EC2_METADATA_SERVICE_ENDPOINT => $url);
my @no_instance = (AWS_EC2_METADATA_DISABLED => 'true');

my $session = connect_to($node);
add_server($session, 'aws', $url, sts_endpoint_url => $url,
    mapping => { ambient_credentials => 'true' });

# What an environment gives: the response, the key's beginning, the calls.
sub gives
{
    my ($what, $environment, $answer, $key, $calls, @keys) = @_;

    $mock->reset;
    $mock->say('keys', @keys) if @keys;
    restart_with($node, HOME => $home, @$environment);
    $session = connect_to($node);
    like(ask($session, 'aws'), $answer, "$what: answer");
    my $used = used_key($mock);
    is(defined $used ? substr($used, 0, length($key // '')) : undef, $key,
        "$what: key");
    is(calls_of($mock), $calls, "$what: calls");
    return;
}

my $good = qr/^\Q${\GOOD}\E$/;

# ---- each one alone ----

gives('environment', [ @environment_keys, @no_instance ],
    $good, 'AKIDEXAMPLE', 'GetBackendEnvironment 1');
gives('web identity', [ @web_identity, @no_instance ],
    $good, 'ASIAWEB',
    'GetBackendEnvironment 1, STS.AssumeRoleWithWebIdentity 1');
gives('container', [ @container, @no_instance ],
    $good, 'ASIACONTAINER',
    'Container.credentials 1, GetBackendEnvironment 1');
gives('instance', [@instance],
    $good, 'ASIAINSTANCE',
    'GetBackendEnvironment 1, IMDS.credentials 1, IMDS.role 1, IMDS.token 1');
gives('nothing', [@no_instance],
    qr/^28000: no AWS credentials .*neither in its environment, files/,
    undef, '');

# ---- the order ----

gives('environment first',
    [ @environment_keys, @web_identity, @container, @instance ],
    $good, 'AKIDEXAMPLE', 'GetBackendEnvironment 1');
gives('web identity before the container',
    [ @web_identity, @container, @instance ], $good, 'ASIAWEB',
    'GetBackendEnvironment 1, STS.AssumeRoleWithWebIdentity 1');
gives('container before the instance', [ @container, @instance ],
    $good, 'ASIACONTAINER',
    'Container.credentials 1, GetBackendEnvironment 1');

# ---- the environment ----

gives('secret missing', [ AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE', @no_instance ],
    qr/^28000: .*from the environment \| .*AWS_SECRET_ACCESS_KEY is not/,
    undef, '');
gives('empty is unset',
    [ AWS_ACCESS_KEY_ID => '', AWS_SECRET_ACCESS_KEY => 'x', @instance ],
    $good, 'ASIAINSTANCE',
    'GetBackendEnvironment 1, IMDS.credentials 1, IMDS.role 1, IMDS.token 1');
gives('a key with a line break',
    [ @environment_keys, AWS_ACCESS_KEY_ID => "AKID\r\nx-evil: 1",
        @no_instance ],
    qr/^28000: .*characters that no key/, undef, '');
for my $case ([ AWS_ACCESS_KEY_ID => 128 ], [ AWS_SECRET_ACCESS_KEY => 256 ],
    [ AWS_SESSION_TOKEN => 16384 ])
{
    my ($variable, $longest) = @$case;

    gives("$variable is longer than $longest bytes",
        [ @environment_keys, $variable => 'a' x ($longest + 1), @no_instance ],
        qr/^28000: .*longer than any key/, undef, '');
}
gives('expired',
    [ @environment_keys, AWS_CREDENTIAL_EXPIRATION => '2020-01-01T00:00:00Z',
        @no_instance ],
    qr/^28000: .*expired already/, undef, '');
gives('expiration is no time',
    [ @environment_keys, AWS_CREDENTIAL_EXPIRATION => 'soon', @no_instance ],
    qr/^28000: .*not a time/, undef, '');

# What cannot be renewed is not asked for again.
restart_with($node, HOME => $home, @environment_keys, @no_instance);
$session = connect_to($node);
$mock->reset;
$mock->fault(status => 403, code => 'ExpiredTokenException', n => -1);
like(ask($session, 'aws'), qr/^28000: .*the credentials have expired/,
    'expired, says AWS: answer');
is(calls_of($mock), 'GetBackendEnvironment 1', 'expired, says AWS: calls');

# ---- web identity ----

gives('token refused', [ @web_identity, @no_instance ],
    qr/^28000: .*from a web identity \| AssumeRoleWithWebIdentity of .*InvalidIdentityToken, HTTP status 400/,
    undef, 'STS.AssumeRoleWithWebIdentity 1', web_token => 'other');
gives('no role',
    [ AWS_WEB_IDENTITY_TOKEN_FILE => $web_token, @no_instance ],
    qr/^28000: .*AWS_ROLE_ARN is not/, undef, '');
gives('no token file',
    [ @web_identity, AWS_WEB_IDENTITY_TOKEN_FILE => "$home/none", @no_instance ],
    qr/^28000: .*no token file/, undef, '');
gives('token file is a directory',
    [ @web_identity, AWS_WEB_IDENTITY_TOKEN_FILE => $home, @no_instance ],
    qr/^28000: .*is not a file of at most/, undef, '');
gives('token file with two lines',
    [ @web_identity, @no_instance, AWS_WEB_IDENTITY_TOKEN_FILE =>
            write_file("$home/two-lines", "web-identity\n-token\n") ],
    qr/^28000: .*holds no token/, undef, '');
gives('session name of the environment',
    [ @web_identity, AWS_ROLE_SESSION_NAME => 'pod-7', @no_instance ],
    $good, 'ASIAWEB',
    'GetBackendEnvironment 1, STS.AssumeRoleWithWebIdentity 1');
is((sts_forms($mock))[0]{RoleSessionName}, 'pod-7', 'session name was sent');
is((sts_forms($mock))[0]{key}, '-', 'a web identity signs nothing');

# ---- container ----

my $auth_file = write_file("$home/auth", 'Basic abc');
my @auth_file = (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $auth_file);
my $container_calls = 'Container.credentials 1, GetBackendEnvironment 1';

gives('container token',
    [ @container, AWS_CONTAINER_AUTHORIZATION_TOKEN => 'tok en', @no_instance ],
    $good, 'ASIACONTAINER', $container_calls, container_token => 'tok en');
gives('container token file first',
    [ @container, @auth_file, AWS_CONTAINER_AUTHORIZATION_TOKEN => 'no',
        @no_instance ],
    $good, 'ASIACONTAINER', $container_calls, container_token => 'Basic abc');
write_file($auth_file, 'Basic def');
$mock->say('keys', container_token => 'Basic def', expire => 1);
is(ask($session, 'aws'), GOOD, 'the token file is read anew');
write_file($auth_file, "Basic\r\nx-evil: 1");
gives('container token with a line break', [ @container, @auth_file, @no_instance ],
    qr/^28000: .*characters that cannot be sent/, undef, '');
gives('no container token file',
    [ @container, @no_instance,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => "$home/none" ],
    qr/^28000: .*There is no token file/, undef, '');
gives('container at localhost',
    [ AWS_CONTAINER_CREDENTIALS_FULL_URI =>
            $url =~ s/127\.0\.0\.1/localhost/r . '/container/one',
        @no_instance ],
    $good, 'ASIACONTAINER', $container_calls);
gives('container refuses', [ @container, @no_instance ],
    qr/^28000: .*from the container's role \| .*HTTP status 401/,
    undef, 'Container.credentials 1', container_token => 'other');
for my $host ('http://example.com', 'http://127.0.0.1.example.com',
    'http://169.254.169.254', 'http://10.0.0.1', 'http://[fd00:ec2::254]',
    'http://localhost.example.com')
{
    gives("container at $host",
        [ AWS_CONTAINER_CREDENTIALS_FULL_URI => "$host/x", @no_instance ],
        qr/^28000: .*another host than this machine/, undef, '');
}
# libcurl would read 2130706433 as an address, which is not as written
for my $uri ('ftp://127.0.0.1/x', 'http://user@127.0.0.1/', 'x', 'http://2130706433/x',
    "http://127.0.0.1/a\r\nb")
{
    gives('container URI ' . ($uri =~ s/\s+/ /gr),
        [ AWS_CONTAINER_CREDENTIALS_FULL_URI => $uri, @no_instance ],
        qr/^28000: .*not an http or https URL/, undef, '');
}
gives('container path that is none',
    [ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '@evil/x', @no_instance ],
    qr/^28000: .*not a path/, undef, '');

# ---- instance ----

gives('no role attached', [@instance],
    qr/^28000: .*from the instance's role \| Asking .* for the role failed: .*HTTP status 404/,
    undef, 'IMDS.role 1, IMDS.token 1', role => '');
gives('a role name that is none', [@instance],
    qr/^28000: .*names no role/, undef, 'IMDS.role 1, IMDS.token 1',
    role => 'a b');
gives('endpoint that is none',
    [ AWS_EC2_METADATA_SERVICE_ENDPOINT => 'gopher://x' ],
    qr/^28000: .*AWS_EC2_METADATA_SERVICE_ENDPOINT is not/, undef, '');

# A service that has only its first version, or is broken, gives nothing, and
# nothing but the token is asked of it.
for my $case (
    [ 'version 1 only', qr/HTTP status 404/, status => 404 ],
    [ 'token forbidden', qr/HTTP status 403/, status => 403 ],
    [ 'a web page for a token', qr/holds no token/, body => '<html> no' ],
    [ 'redirects', qr/HTTP status 302/, redirect => "$url/apps" ],
    [ 'huge', qr/IMDS|failed/, body => 'x' x 200_000 ])
{
    my ($what, $detail, @fault) = @$case;

    restart_with($node, HOME => $home, @instance);
    $session = connect_to($node);
    $mock->reset;
    if ($what eq 'huge')
    {
        @fault = (bodyfile => write_file("$home/huge", 'x' x 200_000));
    }
    $mock->fault(op => 'IMDS.token', n => -1, @fault);
    like(ask($session, 'aws'), qr/^28000: .*$detail/, "metadata $what: answer");
    is(calls_of($mock), 'IMDS.token 1', "metadata $what: calls");
}
for my $case (
    [ 'keys are not JSON', qr/no credentials/, body => '{' ],
    [ 'no success', qr/it says "Failed"/, body => '{"Code":"Failed"}' ],
    [ 'secret missing', qr/secret access key is missing/,
        body => '{"Code":"Success","AccessKeyId":"A"}' ],
    [ 'key is a number', qr/"AccessKeyId" of the response is not a text/,
        body => '{"AccessKeyId":1}' ],
    [ 'header in a key', qr/characters that no key/,
        body => '{"AccessKeyId":"A\r\nB","SecretAccessKey":"s"}' ],
    [ 'expiration is nonsense', qr/"Expiration" of the response is not a time/,
        body => '{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"x"}' ])
{
    my ($what, $detail, @fault) = @$case;

    $mock->reset;
    $mock->fault(op => 'IMDS.credentials', @fault);
    like(ask($session, 'aws'), qr/^28000: .*$detail/, "instance: $what");
}
$mock->reset;
is(ask($session, 'aws'), GOOD, 'instance: all is well again');

done_testing();
