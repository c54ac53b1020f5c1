# The README is true: its SQL runs, and prints what it shows.
#
# All blocks run in one session, in their order, but for the first, which
# shows what one gets after the set-up.  Only the endpoint is the mock's.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Amplify;
use IPC::Run;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my @blocks = blocks(slurp_file("$top/README.md"));
my $node = new_node('readme');
my $mock = Mock->start(
    dir  => PostgreSQL::Test::Utils::tempdir,
    args => [ '--data', "$top/test/mock/demo.json" ]);

# new_node() makes the extension; the README does so itself.
$node->safe_psql('postgres', 'DROP EXTENSION amplify_fdw');

# the query at the top, after "First server"
my $first = shift @blocks;
my ($set_up) = grep { $blocks[$_]{sql} =~ /CREATE EXTENSION/ } 0 .. $#blocks;
ok(defined $set_up, 'the README says how to set up');
splice @blocks, $set_up + 1, 0, $first;

my @printed = run_session(map { $_->{sql} } @blocks);
for my $i (0 .. $#blocks)
{
    my ($title) = $blocks[$i]{sql} =~ /^(.*)$/m;

    unlike($printed[$i], qr/ERROR|FATAL/, "runs: $title");
    is($printed[$i], $blocks[$i]{output}, "prints: $title")
        if defined $blocks[$i]{output};
}
like(
    $printed[-1],
    qr/ amplify +\| t +(\| +0 *){4}\n/,
    'the statistics tell of calls, and of no trouble');

done_testing();

# The SQL blocks of a README, each with the text block that follows at once
sub blocks
{
    my ($text) = @_;
    my @found;

    while ($text =~ /^```sql\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)
    {
        push @found, { sql => $1, output => $2 };
    }
    return @found;
}

# What psql prints for each of the texts
sub run_session
{
    my @sql = @_;
    my $url = $mock->url;
    my $script = join '', map { "\\echo ====\n$_" } @sql;
    my $output;

    $script =~ s/(region 'us-east-1')/$1, endpoint_url '$url'/;
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-d', $node->connstr('postgres') ],
        '<', \"SET timezone = 'UTC';\n$script", '>&', \$output)
        or die "psql: $output";
    my (undef, @printed) = split /^====\n/m, $output;

    # psql ends a table with an empty line, which a README need not show
    s/\n\n\z/\n/ for @printed;
    return @printed;
}
