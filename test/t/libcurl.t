# What options of libcurl are set.  If it does not know one, the error names it,
# nobody is asked, and the session is as good as before once it is known.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => $dir,
    args => [ '--generate', '3,2', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);

system_or_bail($ENV{CC} || 'cc', qw(-O2 -Wall -Wextra -shared -fPIC -o),
    "$dir/curl_shim.so", "$FindBin::RealBin/curl_shim.c", '-ldl');
$ENV{AMPLIFY_CURL_DIR} = $dir;
my $node = do
{
    local $ENV{LD_PRELOAD} = join ' ', grep { defined && length }
        "$dir/curl_shim.so", $ENV{LD_PRELOAD};
    new_node('libcurl');
};
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
add_server($session, 'tls', $mock->tls_url, ca_bundle => "$certs/ca.pem");
my %before;

for my $server (qw(aws tls))
{
    $before{$server} = warm_up($session, $server);
}

my %values;    # of each option, by its number
my %names;     # the same, by name

$values{ $_->[0] }{ $_->[1] } = 1 for map { [split] } split /\n/, slurp_file("$dir/options");
for my $option (sort { $a <=> $b } keys %values)
{
    for my $server (qw(aws tls))
    {
        append_to_file("$dir/refuse", $option);
        $mock->reset;
        my $result = $session->query("SELECT * FROM $server.apps");
        my $calls = $mock->calls;
        unlink "$dir/refuse";

        is(Session::state_of($result) . ", $calls calls", 'HV000, 0 calls',
            "option $option, $server");
        like($result->{error}{D}, qr/^libcurl \d[\d.]* refuses CURLOPT_\w+\.$/,
            '... and its name');
        my ($name) = ($result->{error}{D} // '') =~ /CURLOPT_(\w+)/;
        $names{ $name // '' } = join ' or ', sort keys %{ $values{$option} };
        is(harm($session, $server, $before{$server}), '',
            '... and the session is unharmed');
    }
}

# Without and with TLS; of texts and functions, only that they are set
my %expected = (
    (map { $_ => '-' } qw(
        ACCEPT_ENCODING CAINFO CAPATH CLOSESOCKETFUNCTION CUSTOMREQUEST ERRORBUFFER
        HEADERDATA HEADERFUNCTION HTTPHEADER NOPROXY OPENSOCKETDATA OPENSOCKETFUNCTION
        POSTFIELDS PREREQDATA PREREQFUNCTION PRIVATE PROTOCOLS_STR PROXY PROXYPASSWORD
        PROXYUSERNAME REQUEST_TARGET SHARE URL WRITEDATA WRITEFUNCTION)),
    (map { $_ => 0 } qw(FOLLOWLOCATION FRESH_CONNECT HTTP09_ALLOWED NETRC)),
    (map { $_ => 1 } qw(
        HTTPGET NOSIGNAL PATH_AS_IS PROXYAUTH QUICK_EXIT SSL_VERIFYPEER
        SUPPRESS_CONNECT_HEADERS TCP_KEEPALIVE TCP_NODELAY)),
    CONNECTTIMEOUT_MS => 3100,
    HTTP_VERSION => '2 or 4',    # 1.1, 2 over TLS
    PIPEWAIT => '0 or 1',
    SSL_VERIFYHOST => 2,
    SSLVERSION => 6,             # 1.2 at least
    TCP_KEEPIDLE => 30,
    TCP_KEEPINTVL => 10,
    TIMEOUT_MS => 30000,
);
is_deeply(\%names, \%expected, 'these options are set, to these values');

done_testing();
