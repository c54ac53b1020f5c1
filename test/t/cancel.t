# A statement ends at once when it is cancelled, when its session is
# terminated, and when its time is over, whatever it waits for; and nothing is
# left of it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Dns;
use IO::Socket::INET;
use List::Util qw(max);
use Mock;
use PostgreSQL::Test::Utils;
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use constant {
    CANCELS    => 20,
    TERMINATES => 5,
    TIMEOUTS   => 5,
    # seconds, on top of what the server itself needs
    LIMIT  => 2.000,
    MEDIAN => 0.050,        # of a cancel; the machine may have other work
};

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '12,2' ]);
my $dns = Dns->install(PostgreSQL::Test::Utils::tempdir());
my $node = new_node('cancel', shim => $dns->shim);
my $boss = connect_to($node);

# ---- places that do not answer ----

# Accepts so few connections that a further one is never established
my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
    ReuseAddr => 1) or die "cannot listen: $!";
my @fillers = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport,
        Blocking => 0)
} 1 .. 5;

# Accepts, and says nothing
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "cannot listen: $!";

# Connections to a port that are not established yet
sub count_connecting
{
    my ($port) = @_;
    my $remote = sprintf '0100007F:%04X 02 ', $port;

    return scalar grep { index($_, $remote) > 0 }
        split /\n/, slurp_file('/proc/net/tcp');
}

my $fillers_connecting;
poll_until(
    sub {
        my $n = count_connecting($full->sockport);
        my $same = defined $fillers_connecting && $n == $fillers_connecting;
        $fillers_connecting = $n;
        return $same && $n > 0;
    },
    'the queue of a port to be full');

my @no_timeout = (connect_timeout => '10min', request_timeout => '10min');
add_server($boss, 'good', $mock->url, @no_timeout);
add_server($boss, 'nowhere', 'http://a.hang.test', @no_timeout);
add_server($boss, 'crowded', 'http://127.0.0.1:' . $full->sockport, @no_timeout);
add_server($boss, 'mute', 'https://127.0.0.1:' . $mute->sockport, @no_timeout);
add_server($boss, 'stubborn', $mock->url, @no_timeout, max_attempts => 100);
add_server($boss, 'slow', $mock->url, @no_timeout, throttle_timeout => '1h');

# ---- phases: what to ask, how to know that it waits, what to do after ----

sub keyed { return "SELECT * FROM $_[0].backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'test'"; }

sub stall
{
    my ($name, $phase, $held, $sql, @more) = @_;

    return {
        name => $name,
        sql => $sql,
        before => sub {
            $mock->fault(stall => $phase, n => -1, @more);
        },
        wait => sub { $mock->wait_held($held); },
        after => sub { $mock->reset; },
    };
}

my $accepted;
my @phases = (
    {
        name => 'name resolution',
        sql => keyed('nowhere'),
        wait => sub { $dns->wait_asked; },
        # the thread that asks lives on until the resolver answers
        after => sub {
            my ($session) = @_;
            # it may have asked, and not wait for the response yet
            poll_until(
                sub {
                    $dns->answer;
                    !$session || threads($session->pid) == 1;
                },
                'the resolver to end');
        },
    },
    {
        name => 'connecting',
        sql => keyed('crowded'),
        wait => sub {
            poll_until(
                sub {
                    count_connecting($full->sockport) > $fillers_connecting;
                },
                'a connection attempt');
        },
    },
    {
        name => 'TLS handshake',
        sql => keyed('mute'),
        wait => sub {
            $accepted = $mute->accept;
            sysread $accepted, my $hello, 1;
            die 'no handshake' unless $hello eq "\x16";
        },
        after => sub { $accepted->close; },
    },
    stall('request', 'request', 1, keyed('good')),
    stall('head of the response', 'headers', 1, keyed('good')),
    stall('body of the response', 'body', 1, keyed('good')),
    stall('many answers', 'body', 10,
        'SELECT count(*) FROM good.backend_environments',
        op => 'ListBackendEnvironments'),
    stall('two servers at once', 'headers', 2,
        'SELECT count(*) FROM (SELECT stack_name FROM good.backend_environments
         UNION ALL SELECT stack_name FROM stubborn.backend_environments) x'),
    stall('read-ahead of a join', 'request', 3,
        "SELECT count(e.region) FROM (VALUES ('d00000000001'), ('d00000000002'),
         ('d00000000003')) v(a) JOIN LATERAL (SELECT * FROM
         good.backend_environments WHERE app_id = v.a AND
         environment_name = 'test' OFFSET 0) e ON true"),
    {
        name => 'pause before a retry',
        sql => keyed('stubborn'),
        before => sub {
            $mock->reset;
            $mock->fault(status => 500, n => -1);
        },
        wait => sub { $mock->wait_requests(3); },
        after => sub { $mock->reset; },
    },
    {
        name => 'throttling',
        sql => keyed('slow'),
        before => sub {
            $mock->fault(status => 429, code => 'TooManyRequestsException',
                header => 'Retry-After:60', n => -1);
        },
        wait => sub { my ($session) = @_; is_waiting($boss, $session->pid); },
        after => sub { $mock->reset; },
    },
);

# ---- the tries ----

# Let a statement come to where it waits, and begin to measure.
sub begin_waiting
{
    my ($phase, $session) = @_;

    $phase->{before}->() if $phase->{before};
    $session->send($phase->{sql});
    $phase->{wait}->($session);
    return time;
}

sub end_phase
{
    my ($phase, $session) = @_;

    $phase->{after}->($session) if $phase->{after};
    return;
}

sub try_cancel
{
    my ($phase, $session) = @_;
    my $start = begin_waiting($phase, $session);

    $boss->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    my $result = $session->result;
    my $time = time - $start;
    end_phase($phase, $session);
    return ($time, Session::state_of($result));
}

sub try_terminate
{
    my ($phase) = @_;
    my $session = connect_to($node);
    my $start = begin_waiting($phase, $session);

    $boss->rows('SELECT pg_terminate_backend(' . $session->pid . ')');
    my $result = $session->wait_for_end(60);
    my $time = time - $start;
    end_phase($phase);
    return ($time, $result ? Session::state_of($result) : 'alive');
}

# Here the time that counts is the one after the time is over.
sub try_timeout
{
    my ($phase, $session) = @_;
    my $timeout = 0.3;

    $session->rows('SET statement_timeout = ' . $timeout * 1000);
    $phase->{before}->() if $phase->{before};
    my $start = time;
    $session->send($phase->{sql});
    my $result = $session->result;
    my $time = time - $start - $timeout;
    # it has waited where it should
    $phase->{wait}->($session) if $phase->{name} =~ /^(name|TLS)/;
    end_phase($phase, $session);
    $session->rows('RESET statement_timeout');
    return ($time, Session::state_of($result));
}

sub milliseconds
{
    return sprintf 'median %.1f ms, longest %.1f ms',
        1000 * median(@_), 1000 * max(@_);
}

# How long the server needs without us
my $plain = { name => 'pg_sleep', sql => 'SELECT pg_sleep(600)',
    wait => sub {
        my ($session) = @_;
        poll_until(
            sub {
                $boss->value("SELECT coalesce(wait_event, '') FROM
                    pg_stat_activity WHERE pid = " . $session->pid)
                    eq 'PgSleep';
            },
            'pg_sleep');
    } };
my @plain = map { (try_terminate($plain))[0] } 1 .. TERMINATES;
my $limit = LIMIT + max(@plain);
my @cancels;
note 'pg_sleep, terminate: ', milliseconds(@plain);

for my $phase (@phases)
{
    subtest $phase->{name} => sub {
        my $session = connect_to($node);
        my $before = warm_up($session, 'good');
        my %tries = (
            cancel => [ CANCELS, \&try_cancel, '57014' ],
            statement_timeout => [ TIMEOUTS, \&try_timeout, '57014' ],
            terminate => [ TERMINATES, \&try_terminate, '57P01' ]);

        for my $manner (sort keys %tries)
        {
            my ($count, $try, $state) = @{ $tries{$manner} };
            my (@times, %states, @harm);

            for (1 .. $count)
            {
                my ($time, $got) = $try->($phase, $session);
                push @times, $time;
                $states{$got}++;
                push @harm, grep { length } ailment($session, 'good');
            }
            push @harm, grep { length } harm($session, 'good', $before);
            is(join(' ', %states), "$state $count", "$manner: $state");
            is("@harm", '', "$manner: the session is unharmed");
            cmp_ok(max(@times), '<=', $limit,
                "$manner: " . milliseconds(@times));
            next if $manner ne 'cancel';
            cmp_ok(median(@times), '<=', MEDIAN + median(@plain),
                "$manner: at once");
            push @cancels, @times;
        }
    };
}
diag scalar(@cancels), ' cancels: ', milliseconds(@cancels);

done_testing();
