# What a server may say by frames of HTTP/2 and no gateway lets through: it ends the
# connection between its requests, resets them wherever they are, floods, responds
# to nobody, or never to an end.  All rows or an error, never fewer rows, nor those
# of another request; and nothing is left.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use IPC::Open2 qw(open2);
use PostgreSQL::Test::Utils;
use Test::More;

my $python = '/usr/bin/python3';

plan skip_all => 'python is not there' unless -x $python;

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $pid = open2(my $replies, my $orders, $python, "$FindBin::RealBin/frames.py",
    "$certs/server.pem", "$certs/server.key");
chomp(my $port = <$replies>);
my $node = new_node('http2_frames');
my $session = connect_to($node);
my $boss = connect_to($node);

for ([ 'aws' ], [ 'hasty', request_timeout => 700 ])
{
    my ($server, @options) = @$_;

    add_server($session, $server, "https://localhost:$port",
        ca_bundle => "$certs/ca.pem", max_attempts => 2, @options);
    $session->rows("ALTER FOREIGN TABLE $server.backend_environments OPTIONS
        (ADD estimated_rows '1000')");
}

# An order to the server, and what it says
sub order
{
    print $orders "@_\n";
    $orders->flush;
    chomp(my $reply = <$replies>);
    return $reply;
}

# ---- what is asked ----

my %asked = (
    get => q{SELECT app_id, environment_name FROM %s.backend_environments
        WHERE app_id = 'd00000000003' AND environment_name = 'test'},
    gone => q{SELECT app_id, environment_name FROM %s.backend_environments
        WHERE app_id = 'd00000000003' AND environment_name = 'none'},
    all => 'SELECT app_id, environment_name FROM %s.backend_environments',
);
my %expected = (
    get => 'd00000000003 test',
    gone => '',
    all => join(', ', map { my $n = $_; map { sprintf 'd%011d %s', $n, $_ } qw(dev test) } 1 .. 10),
);

# "SQLSTATE: rows" of a result, the rows as "all" if they are all
sub said
{
    my ($result, $kind) = @_;
    my $rows = join ', ', sort map { $_->[0] . ' ' . $_->[1] } @{ $result->{rows} };

    $rows = 'all' if !$result->{error} && $rows eq $expected{$kind};
    return Session::state_of($result) . ": $rows";
}

# ---- cases ----

# What is played, with how many requests of a connection, how often, what is asked,
# and what comes of it.  Once, with all that are under way:
my $rows = qr/^00000: all$/;
my $error = qr/^HV00M: $/;
my $late = qr/^HV00N: $/;
my $either = qr/^(00000: all|HV00M: )$/;

my @once = qw(goaway_half goaway_half_open goaway_half_unanswered goaway_none goaway_calm
    goaway_graceful goaway_behind close refuse refuse_half reset_at_once reset_no_error
    reset_behind_head reset_behind_404 reset_in_body reset_behind_body reset_behind_end
    longer shorter shifted of_nobody pushed two_heads interim flood_interim
    continuation large_frame http1 noise bad_headers update_overflow);
my @always = qw(goaway_none goaway_calm close refuse reset_at_once reset_no_error
    reset_behind_head reset_behind_404 reset_in_body reset_behind_body
    longer shorter of_nobody pushed two_heads flood_interim
    continuation large_frame http1 noise bad_headers update_overflow);
# no sign of what is missing, but the JSON
my @cut = qw(no_error_in_body no_body);
# what libcurl and its HTTP/2 bear differs
my @floods = qw(flood_settings flood_ping flood_update);
my @cases = (
    [ 'no_error_behind_404', 1, 1, 'get', qr/^(00000|HV00M): $/ ],
    [ 'no_error_behind_body', 1, 1, 'get', $either ],
    [ 'no_error_behind_404', 1, -1, 'get', qr/^(00000|HV00M): $/ ],
    [ 'no_error_behind_body', 1, -1, 'get', $either ],
    (map { [ $_, 10, 1, 'all', $rows ] } @once),
    (map { [ $_, 1, 1, 'get', $rows ], [ $_, 1, 1, 'gone', $rows ] } @once),
    (map { [ $_, 10, 1, 'all', $either ], [ $_, 1, -1, 'get', $either ] } @floods),
    (map { [ $_, 10, 1, 'all', $error ], [ $_, 1, 1, 'get', $error ] } @cut),
    (map { my $play = $_; map { [ $play, 1, -1, $_, $error ] } qw(get gone all) } @always),
);

my $before = warm_up($session, 'aws');


# The server plays that, from the next connection on
sub begin
{
    my ($play, $hold, $times) = @_;

    $session->rows('SELECT amplify_fdw_disconnect_all()');
    order(play => $play, $hold, $times, 'backendenvironments');
    return;
}

# What came of it, and that nothing is left of it
sub is_end
{
    my ($result, $kind, $wanted, $name) = @_;

    order(qw(play nothing 1 0 -));
    like(said($result, $kind), $wanted, $name)
        or diag(Session::describe($result));
    is(harm($session, 'aws', $before), '', "$name: nothing is left");
    return;
}

for my $case (@cases)
{
    my ($play, $hold, $times, $kind, $wanted) = @$case;

    begin($play, $hold, $times);
    is_end($session->query(sprintf $asked{$kind}, 'aws'), $kind, $wanted,
        "$play, " . ($times < 0 ? 'always' : 'once') . ", $kind");
}

# ---- what a connection begins with ----

for my $case (
    [ 'no table for headers', 1, 0, $rows ],
    [ 'pushes', 2, 2, $error ],
    [ 'one stream at a time', 3, 1, $rows ],
    [ 'no window for bodies', 4, 0, $rows ],
    [ 'a window without end', 4, 0xffffffff, $error ],
    [ 'frames of a byte', 5, 1, $error ],
    [ 'headers of a byte', 6, 1, $either ])
{
    my ($name, $id, $value, $wanted) = @$case;

    begin('nothing', 1, 0);
    order(settings => $id, $value);
    my $result = $session->query(sprintf $asked{all}, 'aws');
    order(qw(settings 0 0));
    is_end($result, 'all', $wanted, $name);
}

# ---- responses without an end ----

my @endless = ([ 'nothing' ], [ 'half_head' ], [ 'head_only' ],
    # some versions count these
    map { [ $_, qr/^HV00[MN]: $/ ] } qw(empty_data continuation_empty));

for my $case (@endless)
{
    my ($play, $wanted) = @$case;

    begin($play, 1, -1);
    is_end($session->query(sprintf $asked{get}, 'hasty'), 'get', $wanted // $late,
        "$play, until the time is over");
}
for my $case ((map { [ $_->[0], 1, 'get' ] } grep { !$_->[1] } @endless),
    [ 'nothing', 10, 'all' ], [ 'half_head', 10, 'all' ])
{
    my ($play, $hold, $kind) = @$case;

    begin($play, $hold, 1);
    $session->send(sprintf $asked{$kind}, 'aws');
    is(order('held'), 'held', "$play, cancelled, $kind: it waits");
    $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    is_end($session->result, $kind, qr/^57014: $/, "$play, cancelled, $kind");
}

# ---- the response to a request that nobody waits for any more ----

# It comes before that of the next one, if that has the same connection, as it mostly has.

begin('later', 1, 1);
$session->send(sprintf $asked{get}, 'aws');
is(order('held'), 'held', 'a request is held');
$boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
is(Session::state_of($session->result), '57014', '... and cancelled');
is_end($session->query(sprintf $asked{gone}, 'aws'), 'gone', $rows,
    '... and the next one has a response of its own');

close $orders;
waitpid $pid, 0;
done_testing();
