# A libcurl that does not know an option: the error names it, nobody is asked,
# and the session is as good as before once it is known.
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

my %seen;
my @options = grep { !$seen{$_}++ } split /\n/, slurp_file("$dir/options");
cmp_ok(scalar @options, '>', 30, scalar(@options) . ' options are set');

for my $option (sort { $a <=> $b } @options)
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
        is(harm($session, $server, $before{$server}), '',
            '... and the session is unharmed');
    }
}

done_testing();
