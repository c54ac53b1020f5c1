# Other modules that use the same hooks are called as before, whether or not
# amplify_fdw has something to do there.
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
my $mock = Mock->start(dir => $dir, args => [ '--generate', '2,3' ]);
my $node = new_node('hooks');
my $include = `pg_config --includedir-server`;

chomp $include;
system($ENV{CC} || 'cc', qw(-O2 -Wall -shared -fPIC), "-I$include",
    "-I$FindBin::RealBin/../../src", '-o', "$dir/hooks.so", "$FindBin::RealBin/hooks.c") == 0
    or croak 'cannot compile the module';
add_server(connect_to($node), 'aws', $mock->url);

my $session = connect_to($node);
$session->rows("LOAD '$dir/hooks.so'");
$session->value('SELECT amplify_fdw_version()');
$session->rows("CREATE FUNCTION hook_calls() RETURNS text
    AS '$dir/hooks.so' LANGUAGE C");
$session->rows('CREATE TABLE inventory (app text, env text)');
$session->rows(q{INSERT INTO inventory VALUES ('d00000000002', 'dev')});

# What a statement makes of the hooks
sub calls_of
{
    my ($sql) = @_;

    $session->value('SELECT hook_calls()');
    $session->rows($sql);
    return $session->value('SELECT hook_calls()');
}

is(calls_of('SELECT 1'), '0 joins, 0 relations, 0 utilities', 'nothing');
is(calls_of(q{SELECT 1 FROM aws.backend_environments WHERE app_id = 'd00000000001'}),
    '0 joins, 1 relations, 0 utilities', 'a foreign table');
is(calls_of('SELECT 1 FROM inventory AS a JOIN inventory AS b USING (app)'),
    '2 joins, 2 relations, 0 utilities', 'a join of others');
is(calls_of('SELECT 1 FROM inventory JOIN aws.backend_environments
        ON app_id = app AND environment_name = env'),
    '2 joins, 2 relations, 0 utilities', 'a join that reads ahead');
is(calls_of('DISCARD PLANS'), '0 joins, 0 relations, 1 utilities',
    'a utility statement');
is(calls_of('DISCARD ALL'), '0 joins, 0 relations, 1 utilities',
    'one that closes connections, too');

# auto_explain shows a plan that has been executed, with or without counters.
my $get = q{SELECT 1 FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'};

$session->rows("LOAD 'auto_explain'");
$session->rows('SET auto_explain.log_min_duration = 0');
for my $analyze ('off', 'on')
{
    $session->rows("SET auto_explain.log_analyze = $analyze");
    $session->rows('SET client_min_messages = log');
    my $plan = Session::describe($session->query($get));
    $session->rows('RESET client_min_messages');
    like($plan, qr/API Operation: GetBackendEnvironment/,
        "log_analyze $analyze: the plan is shown");
    is($plan =~ /^ *API Calls: 1/m ? 'on' : 'off', $analyze,
        "log_analyze $analyze: counters");
}

done_testing();
