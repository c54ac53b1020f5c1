# Whatever the server is lent or issued stays with it: keys of files and of the
# environment, tokens of a web identity, of a container and of an instance, and
# the keys of roles are in no message, no log, no plan and no view, also when a
# service sends back what it was sent, and after DISCARD ALL in no memory.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Digest::SHA qw(hmac_sha256);
use Identity;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    ENVIRONMENT => 'CanaryEnvironment/0123456789+abcdef',
    FILE => 'CanaryFile/0123456789+abcdefghijklmnop',
    WEB => 'CanaryWeb.0123456789.abcdefghijklmnop',
    CONTAINER => 'CanaryContainer 0123456789abcdef',
    EXTERNAL => 'CanaryExternal/0123456789',
};

my $mock = new_mock(
    '--credential', 'AKIDENV:' . ENVIRONMENT, '--credential', 'AKIDFILE:' . FILE);
my $home = new_place();
my $url = $mock->url;
my $node = new_node('credential_secrets', conf => <<'END');
log_min_messages = debug5
log_error_verbosity = verbose
END
my $session = connect_to($node);
my @heard;

add_server($session, 'aws', $url, sts_endpoint_url => $url, max_attempts => 1);
write_file("$home/.aws/credentials",
    "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = ${\FILE}\n");
write_file("$home/web", WEB);
write_file("$home/auth", CONTAINER);

# What the mock has issued: beginnings that are the same in all
my @issued = ('secret/', 'token/', 'instance-token-');
my @canaries = map { substr $_, 0, 14 } ENVIRONMENT, FILE, WEB, CONTAINER, EXTERNAL;

my @off = (AWS_EC2_METADATA_DISABLED => 'true');
my %sources = (
    environment => [ @off, AWS_ACCESS_KEY_ID => 'AKIDENV',
        AWS_SECRET_ACCESS_KEY => ENVIRONMENT ],
    files => [@off],
    profile => [@off],
    'web identity' => [ @off, AWS_ROLE_ARN => ROLE,
        AWS_WEB_IDENTITY_TOKEN_FILE => "$home/web" ],
    container => [ @off, AWS_SHARED_CREDENTIALS_FILE => "$home/none",
        AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/container/x",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => "$home/auth" ],
    instance => [ AWS_SHARED_CREDENTIALS_FILE => "$home/none",
        AWS_EC2_METADATA_SERVICE_ENDPOINT => $url ]);

# What must be gone, less what the backend has from its environment and what is
# in the catalog
my $forgotten = join '|', 'secret/[0-9a-f]{8}', 'token/\d+/0{40}',
    'instance-token-\d',
    (map { quotemeta substr $_, 0, 14 } FILE, WEB, CONTAINER),
    map { quotemeta signing_key($_) } FILE, ENVIRONMENT;

# What the API's requests of today are signed with; good for as much as a secret
sub signing_key
{
    my ($key) = @_;

    $key = "AWS4$key";
    $key = hmac_sha256($_, $key) for strftime('%Y%m%d', gmtime), 'us-east-1',
        'amplify', 'aws4_request';
    return $key;
}

my $operations = 'STS.AssumeRole STS.AssumeRoleWithWebIdentity'
    . ' Container.credentials IMDS.token IMDS.role IMDS.credentials';

sub hear
{
    my ($what, $state) = @_;
    my $result = $session->query(
        "SELECT environment_name FROM aws.backend_environments
         WHERE app_id = 'd00000000001' AND environment_name = 'dev'");

    push @heard, Session::describe($result);
    is(Session::state_of($result), $state, $what)
        or diag(Session::describe($result));
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    return;
}

# For people: a key is bytes
sub seen
{
    return join ' ', map { s/[^ -~]/./gr } @_;
}

# All that a statement and its session show of themselves
sub look_around
{
    my ($what) = @_;
    my $asked = "SELECT environment_name FROM aws.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'";

    for my $sql ("EXPLAIN (ANALYZE, VERBOSE, SETTINGS) $asked", $asked,
        'SELECT * FROM amplify_fdw_connections()',
        'SELECT * FROM amplify_fdw_stats()',
        'SELECT * FROM pg_stat_activity',
        'SELECT * FROM pg_prepared_statements',
        'SELECT name, ident FROM pg_backend_memory_contexts')
    {
        my $result = $session->query($sql);

        push @heard, Session::describe($result),
            map { join ' ', map { $_ // '' } @$_ } @{ $result->{rows} };
        is(Session::state_of($result), '00000', "$what: " . substr $sql, 0, 40);
    }
    $session->rows('DISCARD ALL');
    is(seen(in_memory($session->pid, qr/$forgotten/)), '',
        "$what: forgotten after DISCARD ALL");
    return;
}

for my $source (sort keys %sources)
{
    restart_with($node, HOME => $home, @{ $sources{$source} });
    $session = connect_to($node, client_min_messages => 'debug5');
    for my $role (0, 1)
    {
        my $with = $source . ($role ? ' and a role' : '');
        my @settings = (web_token => WEB, container_token => CONTAINER,
            external_id => EXTERNAL);

        set_mapping($session, 'aws',
            $source eq 'profile' ? (profile => 'default') :
                (ambient_credentials => 'true'),
            $role ? (role_arn => ROLE, external_id => EXTERNAL) : ());
        $mock->reset;
        $mock->say('keys', @settings);
        hear("$with: good", '00000');
        look_around($with);

        # Each service that was asked fails, with what it knows in its words.
        my @asked = grep { index($operations, $_) >= 0 }
            map { (split ' ')[0] } split /\n/, $mock->say('calls');
        for my $operation (@asked)
        {
            my $words = join ' ', ENVIRONMENT, FILE;

            for my $fault (
                [ status => 403, code => 'AccessDenied', message => $words ],
                [ status => 400, code => 'x', message => ('y' x 490) . $words ],
                [ status => 403, type => 'text/xml', body => '<Error><Code>AccessDenied'
                    . '</Code><Message>' . ('y' x 6000) . "$words</Message></Error>" ],
                [ status => 403, code => 'x', header => "x-amzn-ErrorType: $words" ],
                [ body => '{' ], [ body => "<SecretAccessKey>$words" ],
                [ cut => 3 ])
            {
                # the other one's secret is none of what was sent
                my %rule = @$fault;
                my $own = $source eq 'environment' ? ENVIRONMENT : FILE;
                my $sends_keys = $operation eq 'STS.AssumeRole'
                    && $source =~ /env|files|profile/;

                for my $part (grep { defined } @rule{qw(message body header)})
                {
                    $part =~ s/\Q$words\E/$sends_keys ? $own : 'nothing'/e
                        if $rule{status};
                }
                $mock->reset;
                $mock->say('keys', @settings);
                $mock->fault(op => $operation, n => -1, %rule);
                hear("$with: $operation fails", '28000');
            }
        }
        $session->rows('DISCARD ALL');
        is(seen(in_memory($session->pid, qr/$forgotten/)), '',
            "$with: all failures forgotten");
    }
}

# Longer responses than one allocation has room for, two at a time, and one after
# the other: what was freed is not used again from its start.
restart_with($node, HOME => $home, @off);
$session = connect_to($node);
$session->rows("ALTER SERVER aws OPTIONS (SET max_attempts '3')");
add_server($session, 'other', $url, sts_endpoint_url => $url, max_attempts => 3);
my $padding = 'x' x 3000;

for my $case (
    [ 'long responses', n => 2, body => '<AccessKeyId>AKIDFILE</AccessKeyId><SecretAccessKey>'
        . FILE . "</SecretAccessKey><a>$padding</a>" ],
    [ 'errors, and another attempt', n => 2, status => 500,
        body => "{\"a\":\"$padding\",\"message\":\"${\FILE}\"}" ],
    [ 'errors, and the end', n => -1, status => 403,
        body => "{\"a\":\"$padding\",\"message\":\"${\FILE}\"}" ],
    [ 'errors in XML, and the end', n => -1, status => 403, type => 'text/xml',
        body => "<Error><Code>AccessDenied</Code><Message>$padding${\FILE}</Message></Error>" ],
    [ 'errors in headers, and the end', n => -1, status => 403,
        header => "x-amzn-ErrorType: ${\FILE}" ])
{
    my ($what, @rule) = @$case;

    set_mapping($session, $_, profile => 'default', role_arn => ROLE . "-$_")
        for 'aws', 'other';
    $mock->reset;
    $mock->fault(op => 'STS.AssumeRole', @rule);
    my $result = $session->query('SELECT count(*) FROM (' . join(' UNION ALL ',
        map { "SELECT environment_name FROM $_.backend_environments
            WHERE app_id = 'd00000000001' AND environment_name = 'dev'" } 'aws', 'other') . ') x');
    push @heard, Session::describe($result);
    is(Session::state_of($result), $what =~ /end/ ? '28000' : '00000', $what);
    $session->rows($what =~ /end/ ? 'SELECT amplify_fdw_disconnect_all()' : 'DISCARD ALL');
    is(seen(in_memory($session->pid, qr/$forgotten/)), '', "$what: forgotten");
}

my $heard = join "\n", @heard;
# PostgreSQL itself logs the environment that it is started in, at debug3.
my $log = slurp_file($node->logfile) =~ s/^(?:.*DEBUG:.*)?\tAWS_\w+=.*$//gmr;
like($log, qr/ERROR:  28000/, 'the log has the errors');
like($log, qr/DEBUG:.*CommitTransaction/s, '... and all else');
for my $canary (@canaries, @issued)
{
    is(index($heard, $canary), -1, "$canary: in no client's messages");
    # what the test itself has said to the server is not logged
    is(index($log, $canary), -1, "$canary: not in the server's log");
}

done_testing();
