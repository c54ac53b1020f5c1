# Names: one that hangs harms nobody, no signal of PostgreSQL reaches the
# thread that asks for it, those of AWS are asked for as region, partition and
# options want it, and never lead to this machine or to its metadata service.
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
my $node = new_node('dns', shim => $dns->shim);
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

# The addresses at which AWS never is are those in dns_shim.c.  Each row: what
# the server says beside its region, and the name that is asked for, of the API
# and of STS.
my @names = (
    (map { [ $_, '', "%s.$_.amazonaws.com" ] } qw(us-east-1 us-east-2 us-west-1
        us-west-2 eu-west-1 eu-west-2 eu-west-3 eu-north-1
        sa-east-1 me-south-1 af-south-1)),
    [ 'ca-central-1', "use_fips 'true'", '%s-fips.ca-central-1.amazonaws.com' ],
    [ 'ap-south-1', "use_dualstack 'true'", '%s.ap-south-1.api.aws' ],
    [ 'ca-west-1', "use_fips 'true', use_dualstack 'true'",
        '%s-fips.ca-west-1.api.aws' ],
    [ 'eu-south-2', "use_fips 'false', use_dualstack 'false'",
        '%s.eu-south-2.amazonaws.com' ],
    [ 'cn-north-1', '', '%s.cn-north-1.amazonaws.com.cn' ],
    [ 'cn-northwest-1', "use_dualstack 'true'",
        '%s.cn-northwest-1.api.amazonwebservices.com.cn' ],
    [ 'us-gov-west-1', '', '%s.us-gov-west-1.amazonaws.com' ],
    [ 'us-gov-east-1', "use_dualstack 'true'", '%s.us-gov-east-1.api.aws' ],
    [ 'eusc-de-east-1', '', '%s.eusc-de-east-1.amazonaws.eu' ],
    [ 'us-iso-east-1', '', '%s.us-iso-east-1.c2s.ic.gov' ],
    [ 'us-isob-east-1', '', '%s.us-isob-east-1.sc2s.sgov.gov' ],
    [ 'eu-isoe-west-1', '', '%s.eu-isoe-west-1.cloud.adc-e.uk' ],
    [ 'us-isof-south-1', '', '%s.us-isof-south-1.csp.hci.ic.gov' ],
);
my %services = (
    amplify => [ 'HV00N', '' ],
    sts     => [ '28000', ", role_arn 'arn:aws:iam::111122223333:role/reader'" ]);

$dns->names;
for my $case (@names)
{
    my ($region, $options, $host) = @$case;

    for my $service (sort keys %services)
    {
        my ($state, $role) = @{ $services{$service} };
        my $name = "${service}_$region" =~ tr/-/_/r;
        my $what = "$service, $region" . ($options && " $options");

        $session->rows("CREATE SERVER $name FOREIGN DATA WRAPPER amplify_fdw
            OPTIONS (region '$region', max_attempts '1', connect_timeout '1s'"
            . ($options && ", $options") . ')');
        $session->rows("CREATE USER MAPPING FOR CURRENT_USER SERVER $name
            OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'secret'
            $role)");
        $session->rows("CREATE SCHEMA $name;
            IMPORT FOREIGN SCHEMA amplify FROM SERVER $name INTO $name");
        my $result = $session->query(keyed($name));
        is(Session::state_of($result), $state, "$what: refused");
        like($result->{error}{D}, qr/resolves to a local address/,
            "$what: the detail says why");
        is($dns->names, sprintf($host, $service), "$what: the name");
    }
}
is(harm($session, 'good', $before), '', 'nothing is left of them either');

done_testing();
