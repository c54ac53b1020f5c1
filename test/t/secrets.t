# Keys and tokens are in the catalog, for whom may see them, and nowhere else:
# in no message, no log, no plan, no view, however a statement ends.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    KEY_ID => 'AKIDCANARY',
    SECRET => 'CanarySecret/0123456789+abcdefghijklmnop',
    # as long as AWS's: longer than what is kept of a message
    TOKEN => 'CanaryToken//' . '0123456789+abcdefghijklm/' x 40 . '==',
    WRONG => 'CanaryWrongSecret0123456789abcdefghijklm',
};
# Not even a part of them is told
my @canaries = map { substr $_, 0, 20 } SECRET, TOKEN, WRONG;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '3,60', '--credential',
        join ':', KEY_ID, SECRET, TOKEN ]);
my $node = new_node('secrets', conf => <<'END');
log_min_messages = debug5
log_error_verbosity = verbose
log_connections = on
log_duration = on
debug_print_plan = on
debug_pretty_print = off
END
my $session = connect_to($node, client_min_messages => 'debug5');
my $boss = connect_to($node);

# All that clients are told
my @heard;

sub run
{
    my ($sql, $state) = @_;
    my $result = $session->query($sql);
    my $text = join "\n", Session::describe($result),
        map { join ' ', map { $_ // '' } @$_ } @{ $result->{rows} };

    push @heard, $text;
    is(Session::state_of($result), $state || '00000',
        substr($sql =~ s/\s+/ /gr =~ s/canary\S+/.../gir, 0, 60));
    return $text;
}

# ---- what is set, and what is refused ----

my %mapping = (access_key_id => KEY_ID, secret_access_key => SECRET,
    session_token => TOKEN);
my %options = (max_attempts => 1, throttle_timeout => 0);
add_server($session, 'aws', $mock->url, %options, mapping => \%mapping);
add_server($session, 'wrong', $mock->url, %options,
    mapping => { %mapping, secret_access_key => WRONG });

my ($secret, $token) = (SECRET, TOKEN);
$session->rows('CREATE ROLE other; CREATE ROLE third');
for my $options (
    "secret_access_key '$secret'",
    "session_token '$token'",
    "access_key_id 'A', secret_access_key '$secret', session_token ''",
    "access_key_id 'A', secret_access_key '$secret', sesion_token '$token'",
    "access_key_id 'A', secret_access_key '$secret', region '$token'",
    "access_key_id 'A', secret_access_key '$secret with a blank'",
    "access_key_id 'A B', secret_access_key '$secret'",
    "access_key_id '', secret_access_key '$secret'",
    "access_key_id 'A', secret_access_key '$secret', session_token E'$token\\n'",
    "access_key_id 'A', secret_access_key '$secret', role_arn 'role'",
    "access_key_id 'A', secret_access_key '$secret', role_duration '1'",
    "access_key_id 'A', secret_access_key '$secret', ambient_credentials '?'")
{
    my $result = $session->query(
        "CREATE USER MAPPING FOR other SERVER aws OPTIONS ($options)");

    push @heard, Session::describe($result);
    like(Session::state_of($result), qr/^HV0/, 'refused: '
        . join ' ', $options =~ /(\w+) E?'/g);
}
run("ALTER USER MAPPING FOR CURRENT_USER SERVER aws
    OPTIONS (SET secret_access_key '$secret $secret')", 'HV024');
run("ALTER USER MAPPING FOR CURRENT_USER SERVER aws
    OPTIONS (ADD secret '$secret')", 'HV00D');
run("CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'us-east-1', secret_access_key '$secret')", 'HV00D');
run("ALTER SERVER aws OPTIONS (ADD session_token '$token')", 'HV00D');
run("ALTER FOREIGN TABLE aws.backend_environments
    OPTIONS (ADD secret_access_key '$secret')", 'HV00D');

# ---- statements ----

my $keyed = "SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'";
run($keyed);
run('SELECT count(*) FROM aws.backend_environments');
run("EXPLAIN (VERBOSE, FORMAT $_) $keyed")          for qw(text json xml yaml);
run("EXPLAIN (ANALYZE, VERBOSE, FORMAT $_) $keyed") for qw(text json);
run('SELECT * FROM amplify_fdw_stats()');
run('SELECT * FROM amplify_fdw_connections()');
run('ANALYZE aws.backend_environments');
run("PREPARE p AS $keyed; EXECUTE p");

# ---- failures ----

my @faults = (
    [ '22023', status => 400 ],
    [ '28000', status => 403, code => 'ExpiredTokenException' ],
    [ '42501', status => 403, code => 'AccessDeniedException',
        message => "not with $token" ],
    [ '42501', status => 403, code => 'AccessDeniedException',
        message => "secret is\n$secret" ],
    # no codes of AWS
    [ 'HV00M', status => 400, code => $token ],
    [ 'HV00M', status => 400, code => $secret ],
    [ '22023', status => 400, message => 'x' x 400 . $token ],
    [ '53400', status => 429 ],
    [ '58000', status => 500, message => "x-amz-security-token:$token" ],
    [ '58000', status => 502, body => "<p>$token</p>" ],
    [ '28000', status => 403, code => 'InvalidSignatureException',
        header => "x-amzn-RequestId:$token" ],
    [ 'HV00M', redirect => "http://127.0.0.1/?X-Amz-Security-Token=$token" ],
    [ 'HV00M', body => "\"$token\"" ],
    [ 'HV00M', body => "{\"$token\":\"$secret\"," ],
    [ 'HV00M', cut => 10 ],
    [ 'HV00M', reset => 'body' ],
    [ '54001', nest => 2000 ],
);
for my $fault (@faults)
{
    my ($state, @rule) = @$fault;

    $mock->fault(@rule);
    run($keyed, $state);
    $mock->reset;
}

# The service repeats what it was sent, with the token in it.
my $forged = 'AWS4-HMAC-SHA256 Credential=' . KEY_ID . '/%s/us-east-1/amplify/'
    . 'aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, '
    . 'Signature=' . '0' x 64;
my @now = gmtime;
my $date = sprintf '%04d%02d%02d', $now[5] + 1900, $now[4] + 1, $now[3];
my $time = sprintf '%sT%02d%02d%02dZ', $date, @now[ 2, 1, 0 ];
my $echo = $mock->get('/apps', 'x-amz-date' => $time,
    'x-amz-security-token' => $token,
    Authorization => sprintf $forged, $date);
like($echo->{content}, qr/x-amz-security-token:\Q$token\E/,
    'the service would tell the token');
my $said = run($keyed =~ s/aws/wrong/r, '28000');
like($said, qr/InvalidSignatureException/, 'our message is about that');

# ---- while it runs ----

$mock->fault(stall => 'body');
$session->send($keyed);
$mock->wait_held(1);
push @heard, map { join ' ', map { $_ // '' } @$_ } @{ $boss->rows(
    'SELECT * FROM pg_stat_activity') };
$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
push @heard, Session::describe($session->result);
$mock->reset;

# ---- what others see ----

$session->rows('SET ROLE third');
for my $view (qw(pg_foreign_server pg_user_mappings pg_foreign_table
    information_schema.user_mapping_options
    information_schema.foreign_server_options))
{
    run("SELECT * FROM $view");
}
run('SELECT * FROM pg_user_mapping', '42501');
$session->rows('RESET ROLE');

# ---- none of it tells ----

my $catalog = $boss->value('SELECT array_agg(umoptions::text)::text
    FROM pg_user_mapping');
my $heard = join "\n", @heard;
my $log = slurp_file($node->logfile);
like($log, qr/DEBUG:.*CommitTransaction/s, 'the log is complete');
like($log, qr/ERROR:  HV00D/, '... with the errors of options');
like($log, qr/ERROR:  28000/, '... and those of statements');
for my $canary (@canaries)
{
    my $name = substr $canary, 0, 11;

    cmp_ok(index($catalog, $canary), '>=', 0, "$name: in the catalog");
    is(index($heard, $canary), -1, "$name: in no client's messages");
    is(index($log, $canary), -1, "$name: not in the server's log");
}

done_testing();
