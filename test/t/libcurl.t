# What options of libcurl are set.  If it does not know one, the error names it,
# nobody is asked, and the session is as good as before once it is known.  One that
# was built without a feature works without it.
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

my $node = new_node('libcurl', shim => shim('curl_shim', $dir));
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
add_server($session, 'tls', $mock->tls_url, ca_bundle => "$certs/ca.pem");
my %before;

for my $server (qw(aws tls))
{
    $before{$server} = warm_up($session, $server);
}

# What has been set since this was asked last: values by the number of the option
sub options_set
{
    my %values;

    $values{ $_->[0] }{ $_->[1] } = 1
        for map { [split] } split /\n/, slurp_file("$dir/options");
    unlink "$dir/options";
    return \%values;
}

# On a new handle all are set, and on that of a request before, which may have been
# another server's, those that servers and requests may differ in.
my $all = options_set();
$session->rows("SELECT * FROM $_.apps") for qw(aws tls);
my $each = options_set();

# The name of an option, from the error when it is refused
sub refuse
{
    my ($option, $server, $handle) = @_;

    append_to_file("$dir/refuse", $option);
    $mock->reset;
    my $result = $session->query("SELECT * FROM $server.apps");
    my $calls = $mock->calls;
    unlink "$dir/refuse";

    is(Session::state_of($result) . ", $calls calls", 'HV000, 0 calls',
        "option $option, $server, $handle");
    like($result->{error}{D}, qr/^libcurl \d[\d.]* refuses CURLOPT_\w+\.$/,
        '... and its name');
    my ($name) = ($result->{error}{D} // '') =~ /CURLOPT_(\w+)/;
    is(harm($session, $server, $before{$server}), '',
        '... and the session is unharmed');
    return $name // '';
}

my %names;         # values of all, by name
my %each_names;    # the same of those of each request

for my $server (qw(aws tls))
{
    for my $option (sort { $a <=> $b } keys %$all)
    {
        $session->rows('SELECT amplify_fdw_disconnect_all()');
        $names{ refuse($option, $server, 'a new handle') } =
            join ' or ', sort keys %{ $all->{$option} };
    }
    for my $option (sort { $a <=> $b } keys %$each)
    {
        $each_names{ refuse($option, $server, 'a used handle') } =
            join ' or ', sort keys %{ $each->{$option} };
    }
}

# Without and with TLS; of texts and functions, only that they are set
my %expected_each = (
    (map { $_ => '-' } qw(
        CAINFO CAPATH CUSTOMREQUEST ERRORBUFFER HEADERDATA HTTPHEADER OPENSOCKETDATA
        POSTFIELDS PREREQDATA PRIVATE PROXY PROXYPASSWORD PROXYUSERNAME REQUEST_TARGET URL
        WRITEDATA)),
    CONNECTTIMEOUT_MS => 3100,
    FRESH_CONNECT => 0,
    HTTPGET => 1,
    HTTP_VERSION => '2 or 4',    # 1.1, 2 over TLS
    PIPEWAIT => '0 or 1',
    TIMEOUT_MS => 30000,
);
my %expected = (
    %expected_each,
    (map { $_ => '-' } qw(
        ACCEPT_ENCODING CLOSESOCKETFUNCTION HEADERFUNCTION NOPROXY OPENSOCKETFUNCTION
        PREREQFUNCTION PROTOCOLS_STR SHARE WRITEFUNCTION)),
    (map { $_ => 0 } qw(FOLLOWLOCATION HTTP09_ALLOWED NETRC)),
    (map { $_ => 1 } qw(
        NOSIGNAL PATH_AS_IS PROXYAUTH QUICK_EXIT SSL_VERIFYPEER SUPPRESS_CONNECT_HEADERS
        TCP_KEEPALIVE TCP_NODELAY)),
    BUFFERSIZE => 4096,
    SSL_VERIFYHOST => 2,
    SSLVERSION => 6,             # 1.2 at least
    TCP_KEEPIDLE => 30,
    TCP_KEEPINTVL => 10,
);
is_deeply(\%names, \%expected, 'these options are set, to these values');
is_deeply(\%each_names, \%expected_each, '... and these for each request');

# ---- without a feature ----

for my $feature (
    [ 'HTTP/2', 1 << 16 ],
    [ 'gzip', 1 << 3 ],
    [ 'a resolver that does not block', 1 << 7 ],
    [ 'any of these', 1 << 16 | 1 << 3 | 1 << 7 ])
{
    my ($name, $bits) = @$feature;

    append_to_file("$dir/lacks", $bits);
    my $without = connect_to($node);

    $mock->reset;
    for my $server (qw(aws tls))
    {
        is($without->value("SELECT count(*) FROM $server.backend_environments"), 6,
            "without $name, $server: all rows");
        is(harm($without, $server, warm_up($without, $server)), '', '... and no harm');
    }
    cmp_ok($mock->connections('accepted'), '>', 1, '... over connections of HTTP/1.1');
    unlink "$dir/lacks";
}

done_testing();
