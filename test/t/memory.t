# When a role's temporary credentials are dropped, their secret key and their
# token are nowhere in the backend's memory any more, and so in no core dump.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Test::More;

my $mock = new_mock();
my $node = new_node('memory');
my $session = connect_to($node);

add_server($session, 'aws', $mock->url, sts_endpoint_url => $mock->url);
set_mapping($session, 'aws',
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY,
    role_arn => ROLE);

# How often it has an issued secret key or token
sub secrets
{
    my ($pid) = @_;

    return scalar in_memory($pid,
        qr{secret/[0-9A-Za-z+/]{8}|token/\d+/0{40}});
}

is(ask($session, 'aws'), GOOD, 'the role is assumed');
cmp_ok(secrets($session->pid), '>', 0, 'its credentials are in memory while they are in use');
# with the ones before, by which requests may have been signed that are under way
for my $n (1 .. 4)
{
    $mock->say('keys', expire => 1);
    is(ask($session, 'aws'), GOOD, "renewed, $n");
}
my %kept = map { $_ => 1 } in_memory($session->pid, qr{secret/[0-9A-Za-z+/]{8}});
cmp_ok(scalar keys %kept, '<=', 2, 'of five, no more than the last two are left');
$session->rows('SELECT amplify_fdw_disconnect_all()');
is(secrets($session->pid), 0, 'and nowhere when they have been dropped');

done_testing();
