# When a role's temporary credentials are dropped, their secret key and their
# token are nowhere in the backend's memory any more, and so in no core dump.
use strict;
use warnings;
no warnings 'portable';    # addresses have 64 bits

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

# How often the memory of a backend that can be written to has an issued secret
# key or token
sub secrets
{
    my ($pid) = @_;
    my $found = 0;

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or die "mem: $!";
    while (my $line = <$maps>)
    {
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw.. / or next;
        my $size = hex($to) - hex($from);

        next if $size > 200 << 20;    # shared memory has none
        sysseek $memory, hex $from, 0 or next;
        defined sysread $memory, my $region, $size or next;
        $found++ while $region =~ m{secret/[0-9A-Za-z+/]{8}|token/\d+/0{40}}g;
    }
    return $found;
}

is(ask($session, 'aws'), GOOD, 'the role is assumed');
cmp_ok(secrets($session->pid), '>', 0, 'its credentials are in memory while they are in use');
$session->rows('SELECT amplify_fdw_disconnect_all()');
is(secrets($session->pid), 0, 'and nowhere when they have been dropped');

done_testing();
