# A statement that is cancelled while its keys are evaluated ends with the
# value that it is at, however many there are.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Carp qw(croak);
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '3,3' ]);
my $node = new_node('keys');
my $include = `pg_config --includedir-server`;

chomp $include;
system($ENV{CC} || 'cc', qw(-O2 -Wall -shared -fPIC), "-I$include", '-o',
    "$dir/keys.so", "$FindBin::RealBin/keys.c") == 0
    or croak 'cannot compile the module';

my $session = connect_to($node);
add_server($session, 'aws', $mock->url);
# not volatile, or they would not be keys; and in no plan before it is run
$session->rows("CREATE FUNCTION $_ STABLE AS '$dir/keys.so' LANGUAGE C")
    for 'cancelled(anyelement) RETURNS anyelement', 'told(text) RETURNS text';
$session->rows('SET plan_cache_mode = force_generic_plan');

sub asked
{
    my ($condition, @keys) = @_;

    $mock->reset;
    $session->rows("PREPARE q (text[], text, text) AS SELECT count(*)
        FROM aws.backend_environments WHERE $condition");
    my $result = $session->query(
        q{EXECUTE q ('{d00000000001,d00000000002,nil}', 'd00000000003', 'dev')});
    $session->rows('DEALLOCATE q');
    return join ', ', Session::state_of($result),
        @{ $result->{notices} } . ' more keys',
        $mock->calls . ' calls';
}

# told() is called once for the key, and for the recheck of each row
is(asked('app_id = ANY (told(($1::text[])[1]) || $1) AND environment_name = $3'),
    '00000, 3 more keys, 3 calls', 'no cancel');
is(asked('app_id = ANY (cancelled($1)) AND environment_name = told($3)'),
    '57014, 0 more keys, 0 calls', 'in an array');
is(asked('app_id = cancelled($2) AND environment_name = told($3)'),
    '57014, 0 more keys, 0 calls', 'in one value');
is(asked('app_id = cancelled($2) OR app_id = told($3)'),
    '57014, 0 more keys, 0 calls', 'in one of several conditions');

done_testing();
