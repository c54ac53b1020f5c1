# Profiles in the shared files mean what they mean to the AWS CLI, and what
# needs a person or a program is refused by the profile's name.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Test::More;

my $mock = new_mock('--credential', 'AKIDEXAMPLE:' . Amplify::SECRET_ACCESS_KEY,
    '--credential', 'AKIDTOKEN:' . Amplify::SECRET_ACCESS_KEY . ':tok/en+=');
my $home = new_place();
my $url = $mock->url;
my $node = new_node('credential_profile');
my ($id, $secret) = (Amplify::ACCESS_KEY_ID, Amplify::SECRET_ACCESS_KEY);

my $session = connect_to($node);
add_server($session, 'aws', $url, sts_endpoint_url => $url);
my $web_token = write_file("$home/web-token", 'web-identity-token');

my $keys = "aws_access_key_id = $id\naws_secret_access_key = $secret\n";
my $role = 'role_arn = ' . ROLE . "\n";

# What a profile of these files gives
sub gives
{
    my ($what, $answer, $key, $calls, %param) = @_;

    $mock->reset;
    $mock->say('keys', %{ $param{keys} }) if $param{keys};
    for my $file ('config', 'credentials')
    {
        unlink "$home/.aws/$file";
        write_file("$home/.aws/$file", $param{$file}) if defined $param{$file};
    }
    set_mapping($session, 'aws', profile => $param{profile} // 'p');
    like(ask($session, 'aws'), $answer, "$what: answer");
    my $used = used_key($mock);
    is(defined $used ? substr($used, 0, length($key // '')) : undef, $key,
        "$what: key");
    is(calls_of($mock), $calls, "$what: calls") if defined $calls;
    return;
}

sub refuses
{
    my ($what, $reason, %param) = @_;

    gives($what, qr/^28000: could not get AWS credentials .*from a profile \| $reason/,
        undef, '', %param);
    return;
}

my $good = qr/^\Q${\GOOD}\E$/;
my $get = 'GetBackendEnvironment 1';
my $assume = "$get, STS.AssumeRole 1";

restart_with($node, HOME => $home, AWS_EC2_METADATA_SERVICE_ENDPOINT => $url,
    AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/container/x",
    AWS_ACCESS_KEY_ID => 'AKIDTOKEN', AWS_SECRET_ACCESS_KEY => $secret,
    AWS_SESSION_TOKEN => 'tok/en+=');
$session = connect_to($node);

# ---- how the files are written ----

gives('keys in credentials', $good, $id, $get, credentials => "[p]\n$keys");
gives('keys in config', $good, $id, $get, config => "[profile p]\n$keys");
gives('default in config', $good, $id, $get, profile => 'default',
    config => "[default]\n$keys");
gives('[profile default]', $good, $id, $get, profile => 'default',
    config => "[profile default]\n$keys");
gives('a tab after "profile"', $good, $id, $get,
    config => "[profile\tp]\n$keys");
gives('credentials win', $good, $id, $get, credentials => "[p]\n$keys",
    config => "[profile p]\naws_access_key_id = AKIDNONE\naws_secret_access_key = x\n");
refuses('keys of two files', 'Profile "p" has aws_access_key_id, but no aws_secret_access_key in the same file',
    credentials => "[p]\naws_access_key_id = $id\n",
    config => "[profile p]\naws_secret_access_key = $secret\n");
gives('blanks, comments, colons, CRLF', $good, $id, $get,
    credentials => "# c\r\n; [p]\r\n[ q ]\r\n$keys\r\n[p]\r\n"
    . "  \r\nAWS_Access_Key_ID:$id  \r\n#aws_access_key_id = x\r\n"
    . "aws_secret_access_key   =   $secret\r\n");
gives('a quoted name with a blank', $good, $id, $get, profile => 'my profile',
    config => "[profile \"my profile\"]\n$keys");
gives('settings of services', $good, $id, $get,
    config => "[profile p]\ns3 =\n  aws_access_key_id = no\n$keys");
gives('many settings', $good, $id, $get,
    config => "[profile p]\n" . join('', map { "x$_ = y\n" } 1 .. 100) . $keys);
gives('no end of line at the end', $good, $id, $get,
    credentials => "[p]\n$keys" =~ s/\n$//r);
gives('an empty token', $good, $id, $get,
    credentials => "[p]\n${keys}aws_session_token =\n");
refuses('a name without its bracket', 'Line 1 of file ".*/credentials" stands before the first section\.',
    credentials => "[p\n[p]\n$keys");
refuses('a line that is no setting', 'Line 4 of file ".*/config" is neither a section nor a setting\.',
    config => "[profile p]\n${keys}export\n");
refuses('a setting without a name', 'Line 2 of file ".*/config" is a setting without a name\.',
    config => "[profile p]\n= x\n$keys");
refuses('a setting that stands twice', 'Line 4 of file ".*/config" repeats a section or a setting\.',
    config => "[profile p]\n${keys}aws_access_key_id = x\n");
refuses('settings of a setting', 'Line 2 of file ".*/config" begins settings of its own, one of which has no "="\.',
    config => "[profile p]\ns3 =\n  x\n$keys");
refuses('an empty key', 'Profile "p" has an empty aws_access_key_id or',
    config => "[profile p]\naws_access_key_id =\naws_secret_access_key = x\n");
refuses('an empty role', 'Profile "p" has an empty role_arn',
    config => "[profile p]\nrole_arn =\n$keys");
gives('keys with a token', $good, 'AKIDTOKEN', $get,
    credentials => "[p]\naws_access_key_id = AKIDTOKEN\n"
    . "aws_secret_access_key = $secret\naws_session_token = tok/en+=\n");
refuses('a name that config wants with "profile"', 'Profile "p" does not exist',
    config => "[p]\n$keys");
refuses('a name that only begins so', 'Profile "p" does not exist',
    credentials => "[pp]\n$keys", config => "[profile  pq]\n$keys");
refuses("\"profile$_\" is not \"profile\"", 'Profile "p" does not exist',
    config => "[profile$_]\n$keys") for qw(p -p s/p);
refuses('no files', 'Profile "p" does not exist');
refuses('no keys', 'Profile "p" has no credentials', config => "[profile p]\nx = y\n");
refuses('no secret', 'Profile "p" has aws_access_key_id, but no aws_secret',
    credentials => "[p]\naws_access_key_id = $id\n");
refuses('a NUL', 'File ".*" could not be read as text',
    credentials => "[p]\n$keys\0");
refuses('too large', '".*" is not a file of at most 1048576 bytes',
    credentials => '#' x 1_048_577);
symlink "$home/loop", "$home/loop" or die "loop: $!";
write_file("$home/.aws/credentials", '');
unlink "$home/.aws/config";
symlink "$home/loop", "$home/.aws/config" or die "config: $!";
set_mapping($session, 'aws', profile => 'p');
like(ask($session, 'aws'), qr/File ".*config" could not be opened: Too many/,
    'a file that cannot be opened');
refuses('a key with a tab in it', 'The keys hold characters',
    credentials => "[p]\naws_access_key_id = A\tB\naws_secret_access_key = x\n");

# ---- roles ----

gives('source_profile', $good, 'ASIAROLE', $assume,
    config => "[profile p]\n${role}source_profile = q\n",
    credentials => "[q]\n$keys");
is((sts_forms($mock))[0]{key}, $id, 'STS was asked with the keys of the source');
gives('a role before keys of the same profile', $good, 'ASIAROLE', $assume,
    config => "[profile p]\n${role}source_profile = p\n$keys");
gives('what a role may say', $good, 'ASIAROLE', $assume,
    keys => { external_id => 'a/b:c' },
    config => "[profile p]\n${role}source_profile = q\nexternal_id = a/b:c\n"
    . "role_session_name = me\@here\nduration_seconds = 1800\n[profile q]\n$keys");
is_deeply((sts_forms($mock))[0],
    {   key => $id, Action => 'AssumeRole', Version => '2011-06-15',
        RoleArn => ROLE, RoleSessionName => 'me@here',
        DurationSeconds => '1800', ExternalId => 'a/b:c' },
    'all of it was sent');
gives('a chain of roles', $good, 'ASIAROLE', "$get, STS.AssumeRole 2",
    config => "[profile p]\n${role}source_profile = q\n"
    . "[profile q]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = r\n"
    . "[profile r]\n$keys");
my @forms = sts_forms($mock);
is($forms[0]{RoleArn}, 'arn:aws:iam::1:role/first', 'the innermost first');
like($forms[1]{key}, qr/^ASIAROLE/, '... and the next with its keys');
gives('credential_source Environment', $good, 'ASIAROLE', $assume,
    config => "[profile p]\n${role}credential_source = Environment\n");
is((sts_forms($mock))[0]{key}, 'AKIDTOKEN', '... asks with those of the environment');
gives('credential_source EcsContainer', $good, 'ASIAROLE',
    "Container.credentials 1, $assume",
    config => "[profile p]\n${role}credential_source = EcsContainer\n");
gives('credential_source Ec2InstanceMetadata', $good, 'ASIAROLE',
    'GetBackendEnvironment 1, IMDS.credentials 1, IMDS.role 1, IMDS.token 1, STS.AssumeRole 1',
    config => "[profile p]\n${role}credential_source = Ec2InstanceMetadata\n");
gives('web identity', $good, 'ASIAWEB',
    "$get, STS.AssumeRoleWithWebIdentity 1",
    config => "[profile p]\n${role}web_identity_token_file = $web_token\n"
    . "role_session_name = web\n");
is((sts_forms($mock))[0]{RoleSessionName}, 'web', '... with its session name');
gives('a role by a web identity', $good, 'ASIAROLE',
    "$get, STS.AssumeRole 1, STS.AssumeRoleWithWebIdentity 1",
    config => "[profile p]\n${role}source_profile = w\n"
    . "[profile w]\nrole_arn = arn:aws:iam::1:role/web\n"
    . "web_identity_token_file = $web_token\n");

# ---- what is refused ----

refuses('source and service', 'Profile "p" must have either',
    config => "[profile p]\n${role}source_profile = q\ncredential_source = Environment\n");
refuses('neither', 'Profile "p" must have either',
    config => "[profile p]\n$role");
refuses('unknown service', 'Profile "p" has an unknown credential_source',
    config => "[profile p]\n${role}credential_source = Elsewhere\n");
refuses('source that is not there', 'Profile "p" has source_profile "x", which does not exist',
    config => "[profile p]\n${role}source_profile = x\n");
refuses('bytes that are no text', 'File ".*/config" is not in UTF-8\.',
    config => "[profile p]\n${role}source_profile = \xe4\xf6\xfc\n");
refuses('a long name', 'Profile "p" has source_profile "x{2000}", which',
    config => "[profile p]\n${role}source_profile = " . 'x' x 2000 . "\n");
refuses('source without keys', 'Profile "q" has no credentials',
    config => "[profile p]\n${role}source_profile = q\n[profile q]\nregion = x\n");
refuses('a loop of one', 'Profile "p" has source_profile "p", which leads back',
    config => "[profile p]\n${role}source_profile = p\n");
refuses('a loop of three', 'Profile "r" has source_profile "p", which leads back',
    config => join '', map { "[profile $_->[0]]\n${role}source_profile = $_->[1]\n" }
        [ 'p', 'q' ], [ 'q', 'r' ], [ 'r', 'p' ]);
refuses('a loop that keys would end', 'Profile "q" has source_profile "p", which leads back',
    config => "[profile p]\n${role}source_profile = q\n$keys"
    . "[profile q]\n${role}source_profile = p\n");
refuses('MFA', 'Profile "p" needs the code of an MFA device',
    config => "[profile p]\n${role}source_profile = q\nmfa_serial = x\n[profile q]\n$keys");
refuses('MFA of a source', 'Profile "q" needs the code of an MFA device',
    config => "[profile p]\n${role}source_profile = q\n"
    . "[profile q]\n${role}source_profile = r\nmfa_serial = x\n[profile r]\n$keys");
refuses('SSO', 'Profile "p" needs a person to sign in \(IAM Identity Center\): .*"aws configure export-credentials"',
    config => "[profile p]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n");
refuses('SSO before keys', 'Profile "p" needs a person',
    config => "[profile p]\nsso_account_id = 1\nsso_role_name = r\n$keys");
refuses('login', 'Profile "p" needs a person to sign in \(aws login\)',
    config => "[profile p]\nlogin_session = s\n");
refuses('a program', 'Profile "p" runs a program \(credential_process\), .*: line 2 of file ".*/config"\.',
    config => "[profile p]\ncredential_process = /bin/touch $home/ran\n");
ok(!-e "$home/ran", '... which was not run');
refuses('a program before keys', 'Profile "p" runs a program',
    config => "[profile p]\ncredential_process = /bin/false\n$keys");
gives('keys before a program', $good, $id, $get, credentials => "[p]\n$keys",
    config => "[profile p]\ncredential_process = /bin/false\n");
refuses('a token file without a role', 'Profile "p" has web_identity_token_file, but no role_arn',
    config => "[profile p]\nweb_identity_token_file = $web_token\n");
gives('STS refuses', qr/^28000: .*AssumeRole of "arn.*AccessDenied, HTTP status 403/,
    undef, 'STS.AssumeRole 1', keys => { external_id => 'wanted' },
    config => "[profile p]\n${role}source_profile = q\n[profile q]\n$keys");

# ---- files that change under a session ----

# Others than it has: they are read when AWS does not take the old ones any more,
# because they have expired or were deleted.
gives('before a change', $good, $id, $get, credentials => "[p]\n$keys");
my $others = "aws_access_key_id = AKIDTOKEN\naws_secret_access_key = $secret\n"
    . "aws_session_token = tok/en+=\n";

sub expires
{
    my ($what, $text, $answer, $key, $calls, $code) = @_;

    unlink "$home/.aws/credentials";
    write_file("$home/.aws/credentials", $text) if defined $text;
    $mock->reset;
    is(ask($session, 'aws'), GOOD, "$what: the old keys, while they are good");
    $mock->reset;
    $mock->fault(status => 403, code => $code || 'ExpiredTokenException',
        skip => 2, op => 'ListBackendEnvironments');
    like(answer_of($session->query("SELECT count(*) FROM
        aws.backend_environments")), $answer, "$what: answer");
    is(used_key($mock), $key, "$what: key");
    is(calls_of($mock), $calls, "$what: calls") if defined $calls;
    return;
}

expires('other keys', "[p]\n$others", qr/^00000: 40$/, 'AKIDTOKEN',
    'ListApps 1, ListBackendEnvironments 21');
expires('no keys in the file', "[p]\nregion = x\n",
    qr/^28000: .*Profile "p" has no credentials/, 'AKIDTOKEN');
write_file("$home/.aws/credentials", "[p]\n$keys");
is(ask($session, 'aws'), GOOD, 'keys are back: the session goes on');
is(used_key($mock), $id, 'keys are back: with those');
expires('other keys than the deleted ones', "[p]\n$others", qr/^00000: 40$/,
    'AKIDTOKEN', 'ListApps 1, ListBackendEnvironments 21',
    'UnrecognizedClientException');
write_file("$home/.aws/credentials", "[p]\n$keys");
$mock->fault(status => 403, code => 'UnrecognizedClientException');
is(ask($session, 'aws'), GOOD, 'deleted and back');
expires('no file', undef, qr/^28000: .*[Pp]rofile "p"/, $id);
like(ask(connect_to($node), 'aws'), qr/^28000: /, 'no file: a new session');
write_file("$home/.aws/credentials", "[p]\n$others");
is(ask(connect_to($node), 'aws'), GOOD, 'a file again: a new session');
is(used_key($mock), 'AKIDTOKEN', 'a file again: key');
is(ask($session, 'aws'), GOOD, 'a file again: the old session');
is(handles($session), 0, 'no handle is left');

# ---- where the files are ----

restart_with($node, HOME => $home, AWS_CONFIG_FILE => '~/other',
    AWS_EC2_METADATA_DISABLED => 'true');
$session = connect_to($node);
write_file("$home/other", "[profile p]\n$keys");
gives('a file below the home directory', $good, $id, $get);
refuses('a source that has nothing',
    'Profile "p" has credential_source Environment, which has no credentials',
    config => '', credentials => "[p]\n${role}credential_source = Environment\n");
restart_with($node, AWS_CONFIG_FILE => "$home/other",
    AWS_EC2_METADATA_DISABLED => 'true');
$session = connect_to($node);
gives('no home, but a file', $good, $id, $get);
restart_with($node, AWS_EC2_METADATA_DISABLED => 'true');
$session = connect_to($node);
refuses('no home', 'Profile "p" does not exist', credentials => "[p]\n$keys");

done_testing();
