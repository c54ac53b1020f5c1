# The kernel has no more descriptors for the backend, although PostgreSQL thinks
# that there are some: that is said as what it is, is not the service's failure,
# and passes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '12,2', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);
my $node = new_node('fd_limit');
my $boss = connect_to($node);

plan skip_all => 'prlimit is not there' if system('prlimit --version > /dev/null 2>&1') != 0;

add_server($boss, 'aws', $mock->url);
add_server($boss, 'tls', $mock->tls_url, ca_bundle => "$certs/ca.pem");
for my $server (qw(aws tls))
{
    $boss->rows("CREATE FOREIGN TABLE ${server}_warn (environment_name text) SERVER $server
        OPTIONS (resource 'backend_environments', on_error 'warn')");
}

# Descriptors may only have numbers below that
sub limit
{
    my ($pid, $n) = @_;

    system_or_bail('prlimit', '--pid', $pid, "--nofile=$n:");
    return;
}

sub open_descriptors { return scalar(my @all = glob "/proc/$_[0]/fd/*"); }

my %seen;
for my $server (qw(aws tls))
{
    my $enough = 0;

    for (my $left = 0; $left < 40 && $enough < 3; $left++)
    {
        my $session = connect_to($node);

        # catalogs, plans and the library: what is ours begins behind that
        $session->rows("EXPLAIN SELECT * FROM $_") for "$server.backend_environments", "${server}_warn";
        my $pid = $session->pid;
        my $had = open_descriptors($pid);
        limit($pid, $had + $left);
        for my $table ("$server.backend_environments", "${server}_warn")
        {
            my $result = $session->query("SELECT environment_name FROM $table");
            my $state = Session::state_of($result);
            my $rows = @{ $result->{rows} };

            $seen{$state}++;
            is($state eq '00000' ? $rows : 0, $state eq '00000' ? 24 : 0,
                "$table, $left left: all rows or none");
            like($state, qr/^(00000|53000)$/, "$table, $left left: SQLSTATE")
                or diag(Session::describe($result));
            is(scalar @{ $result->{notices} }, 0, "$table, $left left: no warning");
        }
        $enough++ if $session->query("SELECT 1")->{rows}[0][0] == 1
            && $seen{'00000'} && open_descriptors($pid) < $had + $left - 8;
        limit($pid, 1000);
        is($session->value("SELECT count(*) FROM $server.backend_environments"), 24,
            "$left left: and then all is well");
        is(handles($session), 0, "$left left: no request is left");
    }
}
diag join ', ', map { "$_: $seen{$_}" } sort keys %seen;
cmp_ok($seen{'53000'} // 0, '>', 0, 'some statements have found none');
cmp_ok($seen{'00000'} // 0, '>', 0, 'some have found enough');
done_testing();
