# A large response is parsed in pieces, and a cancel is heeded between two of
# them, wherever it is parsed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant MB => 8;
use constant PIECE => 65536;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '1,2' ]);

system_or_bail($ENV{CC} || 'cc', qw(-O2 -Wall -Wextra -shared -fPIC -o),
    "$dir/json_shim.so", "$FindBin::RealBin/json_shim.c", '-ldl');
$ENV{AMPLIFY_JSON_DIR} = $dir;
my $node = do
{
    local $ENV{LD_PRELOAD} = join ' ', grep { defined && length }
        "$dir/json_shim.so", $ENV{LD_PRELOAD};
    new_node('interrupt');
};
my $session = connect_to($node);
my $app = q{app_id = 'd00000000001'};
my %asked = (
    Get => "SELECT 1 FROM aws.backend_environments WHERE $app AND environment_name = 'dev'",
    List => "SELECT 1 FROM aws.backend_environments WHERE $app",
    names => "SELECT 1 FROM aws.backend_environments WHERE $app AND environment_name IN ('dev', 'test')",
    parents => 'SELECT 1 FROM aws.backend_environments',
    sorted => "SELECT environment_name FROM aws.backend_environments WHERE $app ORDER BY 1",
);

add_server($session, 'aws', $mock->url);
my $before = warm_up($session, 'aws');

sub pieces { return -s "$dir/pieces" // 0; }

for my $name (sort keys %asked)
{
    my $pieces = int(MB * 1e6 / PIECE);

    $mock->reset;
    $mock->fault(repeat => MB, n => -1);
    unlink "$dir/pieces";
    is(Session::state_of($session->query($asked{$name})), '00000', "$name: without a cancel");
    cmp_ok(pieces(), '>=', $pieces, "$name: it is parsed in pieces");

    unlink "$dir/pieces";
    append_to_file("$dir/cancel", '');
    my $result = $session->query($asked{$name});
    unlink "$dir/cancel";
    is(Session::state_of($result), '57014', "$name: cancelled");
    is(pieces(), 1, "$name: no further piece was parsed");
    $mock->reset;
    is(harm($session, 'aws', $before), '', "$name: the session is unharmed");
}

done_testing();
