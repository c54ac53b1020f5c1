# The README and the pages of doc/ are true: their SQL runs, and prints what
# they show.
#
# The blocks of a page run in one session, in their order, in a database of the
# page's own.  Blocks that come before the one that sets up, with CREATE
# EXTENSION, show what one gets after that; a page without one goes on where
# that of the README ends.  Only where servers send their requests is not the
# page's: to the mock of their region and account.  What a shell has from AWS's
# CLI is in the environment of psql.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Amplify;
use File::Basename;
use IPC::Run;
use JSON::PP;
use Mock;
use Page;
use PostgreSQL::Test::Utils;
use Test::More;

# Where servers are that do not say so
use constant { REGION => 'us-east-1', ACCOUNT => '111122223333' };

my $top = "$FindBin::RealBin/../..";
my $node = new_node('readme');
my %mocks;

my @readme = blocks('README.md');
my ($set_up) = grep { is_set_up($_) } @readme;
ok(defined $set_up, 'the README says how to set up');

my $statistics = run_page('README.md', @readme);
like(
    $statistics,
    qr/ amplify +\| t +(\| +0 *){4}\n/,
    'the statistics tell of calls, and of no trouble');
run_page("doc/$_", blocks("doc/$_"))
    for map { basename $_ } sort glob "$top/doc/*.md";

done_testing();

# Its blocks of SQL
sub blocks
{
    my ($page) = @_;

    return grep { $_->{mark} eq 'sql' } page_blocks("$top/$page");
}

sub is_set_up { return $_[0]->{code} =~ /CREATE EXTENSION amplify_fdw/; }

# Runs the blocks and compares: one that fails shows the error.  Returns what
# the last one has printed.
sub run_page
{
    my ($page, @blocks) = @_;
    my ($first) = grep { is_set_up($blocks[$_]) } 0 .. $#blocks;

    return if !@blocks;
    @blocks = ($set_up, @blocks) if !defined $first;
    unshift @blocks, splice @blocks, $first, 1 if defined $first;

    my @printed = run_session($page, map { $_->{code} } @blocks);
    for my $i (0 .. $#blocks)
    {
        my ($title) = $blocks[$i]{code} =~ /^(.*)$/m;

        if (defined $blocks[$i]{output})
        {
            is($printed[$i], $blocks[$i]{output}, "$page prints: $title");
        }
        else
        {
            unlike($printed[$i], qr/ERROR|FATAL/, "$page runs: $title");
        }
    }
    return $printed[-1];
}

# What psql prints for each of the texts
sub run_session
{
    my ($page, @sql) = @_;
    my $script = join '', map { "\\echo ====\n$_" } @sql;
    my $output;

    $node->safe_psql('postgres', qq{CREATE DATABASE "$page"});
    send_to_mocks($page, $script);
    local @ENV{qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN)} =
        ('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', 'token');
    IPC::Run::run(
        [ 'psql', '-X', '-q', '-d', $node->connstr($page) ],
        '<', \"SET timezone = 'UTC';\n$script", '>&', \$output)
        or die "psql: $output";
    my (undef, @printed) = split /^====\n/m, $output;

    # psql ends a table with an empty line, which a page need not show
    s/\n\n\z/\n/ for @printed;
    # from PostgreSQL 18 on, EXPLAIN counts rows of a loop in hundredths
    s/(actual rows=\d+)\.00/$1/g for @printed;
    return @printed;
}

# Whatever makes a server in that database, it asks a mock.  There is one for
# each region and account that the script names.
sub send_to_mocks
{
    my ($database, $script) = @_;
    my %regions = map { $_ => 1 } REGION, $script =~ /'([a-z]{2}-[a-z]+-\d)'/g;
    my %accounts = map { $_ => 1 } ACCOUNT, $script =~ /\b(\d{12})\b/g;
    my @places;

    for my $region (sort keys %regions)
    {
        push @places, map { { region => $region, account => $_, url => mock($region, $_)->url } }
            sort keys %accounts;
    }
    # the one of servers that name no account comes first
    my ($first) = grep { $_->{account} eq ACCOUNT } @places;
    IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($database),
            '-v', 'places=' . encode_json([ $first, @places ]) ],
        '<', "$top/test/places.psql") or die 'psql';
    return;
}

# The mock of a place; all but the one of the README have made-up data.
sub mock
{
    my ($region, $account) = @_;
    my @data = "$region $account" eq REGION . ' ' . ACCOUNT
        ? ('--data', "$top/test/mock/demo.json")
        : ('--generate', '2,2');

    return $mocks{"$region $account"} ||= Mock->start(
        dir  => PostgreSQL::Test::Utils::tempdir,
        args => [ @data, '--region', $region, '--account', $account ]);
}
