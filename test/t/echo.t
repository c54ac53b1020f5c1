# A service may repeat what it was sent, in whatever way: no secret of it is in
# a message, in amplify_fdw_failures(), or in the log.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Echo;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
    TOKEN => 'IQoEchoToken//+0123456789+abcdefghijklmnopqrstuvwxyz/ABCDEF==',
    PASSWORD => 'a&b"9',
    USER => 'proxyman',
};

my $echo = Echo->start(PostgreSQL::Test::Utils::tempdir() . '/echo');
my $node = new_node('echo', conf => "log_min_messages = debug1\nlog_error_verbosity = verbose\n");
my $session = connect_to($node, client_min_messages => 'debug1');
my %mapping = (access_key_id => 'AKIDECHO',
    secret_access_key => 'EchoSecret/+0123456789abcdefghijklmnopqr',
    session_token => TOKEN);

add_server($session, 'aws', $echo->url, mapping => \%mapping);
add_server($session, 'proxied', 'http://example.test', proxy => $echo->url,
    mapping => { %mapping, proxy_user => USER, proxy_password => PASSWORD });
add_server($session, 'sts', $echo->url, sts_endpoint_url => $echo->url,
    mapping => { %mapping, role_arn => 'arn:aws:iam::111122223333:role/reader' });
$session->rows("ALTER FOREIGN TABLE $_.backend_environments
    OPTIONS (ADD on_error 'warn')") for qw(aws proxied sts);

# What of the head is repeated; what must not be told of it
my %parts = (
    token => qr/^x-amz-security-token: ([^\r]*)/m,
    'header with the token' => qr/^(x-amz-security-token: [^\r]*)/m,
    signature => qr/Signature=(\w+)/,
    'authorization' => qr/^authorization: ([^\r]*)/m,
    'proxy-authorization' => qr/^proxy-authorization: ([^\r]*)/m,
    'user and password' => qr/^proxy-authorization: Basic ([^\r]*)/m,
);

my $heard = '';
my $ncases = 0;

sub try
{
    my ($name, $server, %what) = @_;

    $echo->say(before => '', after => '', place => 'message', %what);
    my $result = $session->query("SELECT * FROM $server.backend_environments
        WHERE app_id = 'd1' AND environment_name = 'dev'");
    my $failed = $session->rows('SELECT coalesce(message, $$$$)
        || coalesce(aws_code, $$$$) || coalesce(request_id, $$$$)
        FROM amplify_fdw_failures()');
    my $text = join ' ', Session::describe($result), map { $_->[0] } @$failed;

    $heard .= "$text\n";
    $ncases++;
    return $text;
}

# Any 9 characters of what was repeated, in that way of writing
sub is_untold
{
    my ($text, $secret, $way, $name) = @_;
    my $write = $Echo::ways{$way};
    my @parts = map { $write->(substr $secret, $_, 9) } 0 .. length($secret) - 9;

    if ($way =~ /base64|hex/ && $way !~ /html/)
    {
        my $written = $write->($secret);
        my $length = $way =~ /hex/ ? 18 : 12;

        @parts = map { substr $written, $_, $length } 0 .. length($written) - $length;
    }
    my @told = grep { index($text, $_) >= 0 } @parts;

    is(scalar @told, 0, "$name is not told")
        or diag(join "\n", grep { index($_, $told[0]) >= 0 } split /\n/, $text);
    return;
}

for my $way (sort keys %Echo::ways)
{
    for my $place (qw(message code request_id))
    {
        my $text = try("$way, $place", 'aws', pattern => $parts{token} . '',
            way => $way, place => $place, before => 'X ', after => ' Y');

        is_untold($text, TOKEN, $way, "the token, $way, in the $place");
        # what is longer than is kept of it may have lost its end
        like($text, qr/X .{0,5}\*\*\*/, '... there is what stands before') if $place ne 'code';
    }
    my $text = try("$way, cut", 'aws', pattern => $parts{token} . '',
        way => $way, before => 'x' x 470 . ' ');
    is_untold($text, TOKEN, $way, "the token, $way, cut");
}

# The signature is another one each time
for my $part (grep { !/proxy|password|^token/ } sort keys %parts)
{
    for my $way (sort keys %Echo::ways)
    {
        my $text = try("$part, $way", 'aws', pattern => $parts{$part} . '', way => $way);

        unlike($text =~ s/(78|782d)616d7a[0-9a-f]*//ir, qr/[0-9a-f]{16}/i, "no signature: $part, $way");
        like($text, qr/\*\*\*/, "... but stars: $part, $way") if $way !~ /^(beginning|json|html_all)$/;
        is_untold($text, TOKEN, 'base64', "the token: $part, $way");
    }
}

# The services that issue credentials are no better.
for my $way (sort keys %Echo::ways)
{
    for my $part ('token', 'authorization')
    {
        my $text = try("STS, $part, $way", 'sts', pattern => $parts{$part} . '', way => $way);

        like($text, qr/AssumeRole of/, "STS, $part, $way");
        is_untold($text, TOKEN, $way, "the token, $way, by STS");
        unlike($text, qr/[0-9a-f]{16}/i, "no signature, $way, by STS");
    }
}

# A short password: as a word, and as the header has it
for my $part (grep { /proxy|password/ } sort keys %parts)
{
    for my $way (sort keys %Echo::ways)
    {
        my $text = try("$part, $way", 'proxied', pattern => $parts{$part} . '', way => $way);

        unlike($text, qr/\Q@{[ $Echo::ways{$way}->('cHJveHltYW46YSZiIjk=') ]}\E/, "$part, $way");
    }
}
for my $way (grep { !/beginning|odd/ } sort keys %Echo::ways)
{
    my $text = try("password, $way", 'proxied', pattern => '^()', way => 'plain',
        before => 'password: ' . $Echo::ways{$way}->(PASSWORD));

    is_untold($text, USER . ':' . PASSWORD, $way, "the proxy's password, $way");
    unlike($text, qr/\Q@{[ $Echo::ways{$way}->(PASSWORD) ]}\E/, "the proxy's password, $way");
}

# but for the statement that has made the mapping
my $log = join "\n", grep { !/CREATE USER MAPPING/ } split /\n/, slurp_file($node->logfile);
like($log, qr/WARNING:  22023/, 'the log has the failures');
is_untold($log, TOKEN, $_, "the token, $_, in the log") for sort keys %Echo::ways;
diag "$ncases echoes";
done_testing();
