# A request that can't be signed is an error of ours, also for tables that only
# warn of a server's failures; nothing is sent, and the session recovers.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = new_mock();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('signing', shim => shim('signing_shim', $dir));
my $session = connect_to($node);
my %role = (mapping => {
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY, role_arn => ROLE });

add_server($session, 'aws', $mock->url);
add_server($session, 'lenient', $mock->url);
add_server($session, 'with_role', $mock->url, sts_endpoint_url => $mock->url,
    %role);
$session->rows("ALTER FOREIGN TABLE lenient.backend_environments
    OPTIONS (ADD on_error 'warn')");

# a role's credentials lack the same, and are as little the service's to give
for my $schema (qw(aws lenient with_role))
{
    $session = connect_to($node);
    $mock->reset;
    write_file("$dir/no-hmac", '');
    like(ask($session, $schema), qr/^HV001: .*could not sign the request/,
        "$schema: answer");
    is($mock->calls, 0, "$schema: nothing is sent");
    is(handles($session), 0, "$schema: no handle is left");
    unlink "$dir/no-hmac" or die "no-hmac: $!";
    is(ask($session, $schema), GOOD, "$schema: all is well again");
}

done_testing();
