# At DEBUG1, each attempt is a line in the server's log, and for the client whose
# mapping it is: what was asked, and what came, and nothing that was sent.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '2,120' ]);
my $node = new_node('debug', conf => "log_min_messages = debug1\n");
my $boss = connect_to($node);

add_server($boss, 'aws', $mock->url);
add_server($boss, 'hasty', $mock->url, request_timeout => 300);
$boss->rows(q{
    CREATE ROLE low LOGIN;
    CREATE VIEW shown AS SELECT environment_name FROM aws.backend_environments
        WHERE app_id = 'd00000000001';
    GRANT SELECT ON shown TO low});

my $read = 0;

# The lines about requests that have come since
sub logged
{
    my $log = slurp_file($node->logfile, $read);

    $read += length $log;
    return grep { /amplify_fdw: \w+ of/ } split /\n/, $log;
}

sub told
{
    my ($result) = @_;

    return grep { $_->{M} =~ /^amplify_fdw: / } @{ $result->{notices} };
}

my $said = qr/(\w+) of (\w+) at server "(\w+)", attempt (\d): (.*), (\d+) bytes, (\d+\.\d) ms, request ID "([\w-]*)"$/;
my $list = q{SELECT environment_name FROM %s.backend_environments WHERE app_id = 'd00000000001'};
my $get = qq{$list AND environment_name = 'dev'};

sub lines
{
    return join '; ', map { /$said/ ? "$1 $2 $3 $4 $5" : "? $_" } @_;
}

# ---- the log ----

for my $case (
    [ 'a Get', $get, [], 'GetBackendEnvironment backend_environments aws 1 HTTP status 200' ],
    [ 'a List', $list, [], join '; ',
        ('ListBackendEnvironments backend_environments aws 1 HTTP status 200') x 3 ],
    [ 'no row', $get, [ status => 404, code => 'NotFoundException' ],
        'GetBackendEnvironment backend_environments aws 1 HTTP status 404' ],
    [ 'attempts', $get, [ status => 503 ], join '; ',
        'GetBackendEnvironment backend_environments aws 1 HTTP status 503',
        'GetBackendEnvironment backend_environments aws 2 HTTP status 200' ],
    [ 'a denial', $get, [ status => 403, code => 'AccessDeniedException' ],
        'GetBackendEnvironment backend_environments aws 1 HTTP status 403' ],
    [ 'a time-out', $get =~ s/%s/hasty/r, [ stall => 'request' ], join '; ',
        'GetBackendEnvironment backend_environments hasty 1 no response',
        'GetBackendEnvironment backend_environments hasty 2 HTTP status 200' ])
{
    my ($name, $sql, $rule, $lines) = @$case;

    $mock->reset;
    $mock->fault(@$rule) if @$rule;
    logged();
    my $result = $boss->query(sprintf $sql, 'aws');
    my @lines = logged();
    is(lines(@lines), $lines, "$name: the log");
    is(scalar @lines, $mock->calls, "$name: a line a request");
    is(scalar(told($result)), 0, "$name: nothing for a client that did not ask");
    unlike("@lines", qr/d00000000001|dev|AKID|Signature|http:/, "$name: nothing that was sent");
}
$mock->reset;

# ---- the client ----

my $asks = connect_to($node, client_min_messages => 'debug1');
my @told = told($asks->query(sprintf $get, 'aws'));
is(lines(map { $_->{M} } @told),
    'GetBackendEnvironment backend_environments aws 1 HTTP status 200', 'whose mapping it is reads it');
like($told[0]{M}, qr/, [1-9]\d* bytes, .* request ID "[\w-]{8,}"$/, '... with the id');

my $low = connect_to($node, client_min_messages => 'debug1');
$low->rows('SET SESSION AUTHORIZATION low');
logged();
my $result = $low->query('SELECT * FROM shown');
is(scalar @{ $result->{rows} }, 120, 'another user reads a view');
is(scalar(told($result)), 0, '... and nothing of its requests');
my @lines = logged();
is(scalar @lines, 3, '... which the log has');
is(scalar(grep { /LOG:  amplify_fdw/ } @lines), 3, '... as LOG');

# ---- neither wants it ----

$boss->rows($_) for 'ALTER SYSTEM SET log_min_messages = log', 'SELECT pg_reload_conf()';
poll_until(sub { connect_to($node)->value('SHOW log_min_messages') eq 'log' }, 'the setting');
my $quiet = connect_to($node);
$low = connect_to($node, client_min_messages => 'debug1');
$low->rows('SET SESSION AUTHORIZATION low');
logged();
$quiet->rows(sprintf $get, 'aws');
$low->rows('SELECT * FROM shown');
is(scalar(my @none = logged()), 0, 'nothing where nobody wants it');

done_testing();
