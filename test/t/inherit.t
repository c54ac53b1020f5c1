# Programs that a session starts (COPY ... PROGRAM) get none of the descriptors
# that requests use, nor of those that libcurl has for itself.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Dns;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '12,2', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);
my $dns = Dns->install(PostgreSQL::Test::Utils::tempdir());
my $node = new_node('inherit', shim => $dns->shim);
my $session = connect_to($node);

add_server($session, 'aws', $mock->url);
add_server($session, 'tls', $mock->tls_url, ca_bundle => "$certs/ca.pem");
add_server($session, 'nowhere', 'http://a.hang.test', connect_timeout => 60000);

# Descriptors that survive an exec(), beyond those of the standard streams
sub inheritable
{
    my ($pid) = @_;
    my @found;

    for my $file (glob "/proc/$pid/fdinfo/*")
    {
        my ($number) = $file =~ /(\d+)$/;
        my $info = eval { slurp_file($file) } // next;    # closed meanwhile

        push @found, $number . ' ' . (readlink("/proc/$pid/fd/$number") // '?')
            if $number > 2 && $info =~ /^flags:\s*(\d+)/m && !(oct($1) & 02000000);
    }
    # files are PostgreSQL's own, which opens them so from version 16 on
    return grep { !m,/base/|/global/|/pg_, } @found;
}

my %before = map { $_ => 1 } inheritable($session->pid);

# What is new, while the session waits or afterwards
sub none_is_new
{
    my ($name) = @_;

    is(join(', ', grep { !$before{$_} } inheritable($session->pid)), '', $name);
    return;
}

for my $server (qw(aws tls))
{
    $session->rows("SELECT count(*) FROM $server.backend_environments");
    none_is_new("$server: after a query");
    $mock->fault(stall => 'body', n => -1);
    $session->send("SELECT count(*) FROM (SELECT * FROM $server.backend_environments
        UNION ALL SELECT * FROM $server.backend_environments) AS x");
    $mock->wait_held(1);
    none_is_new("$server: in the middle of requests");
    $mock->reset;
    $mock->release;
    $session->result;
}

$session->send('SELECT count(*) FROM nowhere.backend_environments');
$dns->wait_asked;
none_is_new('while a name is resolved');
connect_to($node)->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(Session::state_of($session->result), '57014', 'which is given up');
$dns->answer;

done_testing();
