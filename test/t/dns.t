# Names: one that hangs harms nobody, no signal of PostgreSQL reaches the
# thread that asks for it, and a name of AWS never leads to this machine or to
# its metadata service.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Dns;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '3,2' ]);
my $dns = Dns->install(PostgreSQL::Test::Utils::tempdir());
my $node = do
{
    local $ENV{LD_PRELOAD} = $dns->preload;
    new_node('dns');
};
my $session = connect_to($node);
my $boss = connect_to($node);

add_server($session, 'good', $mock->url);
add_server($session, 'nowhere', 'http://a.hang.test',
    connect_timeout => '10min', request_timeout => '10min');

sub keyed
{
    my ($server) = @_;

    return "SELECT * FROM $server.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'";
}

# ---- threads ----

my $before = warm_up($session, 'good');
is(threads($session->pid), 1, 'an address needs no thread');

$session->send(keyed('nowhere'));
my $thread = $dns->wait_asked;
my ($blocked) = slurp_file('/proc/' . $session->pid . "/task/$thread/status")
    =~ /^SigBlk:\s+([0-9a-f]+)$/m;
my %signals = (HUP => 1, INT => 2, QUIT => 3, USR1 => 10, USR2 => 12,
    ALRM => 14, TERM => 15, CHLD => 17, URG => 23, IO => 29);
my @open = grep { !(hex($blocked) >> ($signals{$_} - 1) & 1) }
    sort keys %signals;
is("@open", '', 'the thread that asks for a name takes no signal');

for (1 .. 20)
{
    $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    is(Session::state_of($session->result), '57014', 'it can be cancelled');
    last if $_ == 20;
    $session->send(keyed('nowhere'));
    $dns->wait_asked;
}
is(threads($session->pid), 21, 'the threads still wait');
is(ailment($session, 'good'), '', 'and the session works');
poll_until(
    sub {
        $dns->answer;
        threads($session->pid) == 1;
    },
    'the threads to end');
is(harm($session, 'good', $before), '', 'nothing is left of them');

# ---- names of AWS ----

my @regions = qw(us-east-1 us-east-2 us-west-1 us-west-2 eu-west-1 eu-west-2
    eu-west-3 eu-north-1);
for my $region (@regions)
{
    my $name = $region =~ tr/-/_/r;

    $session->rows("CREATE SERVER $name FOREIGN DATA WRAPPER amplify_fdw
        OPTIONS (region '$region', max_attempts '1', connect_timeout '1s')");
    $session->rows("CREATE USER MAPPING FOR CURRENT_USER SERVER $name
        OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret')");
    $session->rows("CREATE SCHEMA $name;
        IMPORT FOREIGN SCHEMA amplify FROM SERVER $name INTO $name");
    my $result = $session->query(keyed($name));
    is(Session::state_of($result), 'HV00N', "$region: refused");
    like($result->{error}{D}, qr/resolves to a local address/,
        "$region: the detail says why");
}
is(harm($session, 'good', $before), '', 'nothing is left of them either');

done_testing();
