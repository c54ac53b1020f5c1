# Many sessions ask all kinds of things for a long time, of a service where one
# request in twenty goes wrong.  Each answer is right, or one of the errors
# that such a service brings; and at the end no session holds more of anything
# than it did when it had done everything some times.
#
#     SOAK_MINUTES=30  how long, at least; without it, half as many sessions do
#                      all six times
#     SEED=2           in another order
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t", $FindBin::RealBin;

use Amplify;
use List::Util qw(max shuffle sum0);
use Player;
use PostgreSQL::Test::Utils;
use Stage;
use Test::More;
use Time::HiRes qw(time);

use constant {
    PLAYERS => $ENV{SOAK_MINUTES} ? 64 : 32,
    ROUNDS  => 6,       # of all acts, at least: each gives a sample
    WARM    => 0.5,     # of it: after that, memory has to be flat
    ORDERS  => 10,
    LATENCY => 5,
    # kB that the median of all sessions may grow by, and one four times
    GROWTH_CONTEXTS => 64,
    GROWTH_PROCESS  => 512,
};

my $seconds = 60 * ($ENV{SOAK_MINUTES} || 0);
my $seed = $ENV{SEED} // 1;

diag "SEED=$seed SOAK_MINUTES=", $seconds / 60;
srand $seed;

# What is freed goes back to the system, whatever was allocated before: else
# malloc keeps what a session's largest moment had, or not.
$ENV{"MALLOC_${_}_THRESHOLD_"} = 128 * 1024 for qw(MMAP TRIM);

my ($node, $mock, $calm, $acts) = set_stage('soak');
my $end;                # not before this

# ---- acts ----

sub is_over
{
    my ($player) = @_;

    return $player->{round} >= ROUNDS && time >= $end;
}

# Round by round, each in another order
sub next_act
{
    my ($player) = @_;

    if (!@{ $player->{queue} })
    {
        take_sample($player) if ++$player->{round} > 0;
        my $orders = $player->{orders};
        $player->{queue} = [ @{ $orders->[ $player->{round} % @$orders ] } ];
    }
    return is_over($player) ? undef : shift @{ $player->{queue} };
}

my %ends;

sub when_over
{
    my ($player, $result) = @_;

    $ends{ Session::state_of($result) }++;
    return;
}

# ---- memory ----

# kB that PostgreSQL's contexts have, and that the process has.  Without its
# caches: those keep half a kB of each temporary table there ever was.
sub take_sample
{
    my ($player) = @_;
    my $session = $player->{session};

    push @{ $player->{samples} }, [
        $session->value("SELECT sum(used_bytes) / 1024
            FROM pg_backend_memory_contexts
            WHERE name <> 'CacheMemoryContext'") + 0,
        anonymous($session->pid) ];
    return;
}

# One of a player's, from the first (0) to the last (1)
sub sample
{
    my ($player, $which, $at) = @_;
    my $samples = $player->{samples};

    return $samples->[ $at * $#$samples ][$which];
}

sub is_flat
{
    my ($name, $which, $limit, @players) = @_;
    my @growths = map { sample($_, $which, 1) - sample($_, $which, WARM) }
        @players;

    for my $at (map { $_ / 10 } 0 .. 10)
    {
        note "$name: median at $at: ",
            int median(map { sample($_, $which, $at) } @players), ' kB';
    }
    cmp_ok(max(@growths), '<', 4 * $limit, "$name: of no session has grown");
    cmp_ok(median(@growths), '<', $limit, "$name: nor of all");
    diag sprintf '%s: median of growths %d kB, largest %d kB', $name,
        median(@growths), max(@growths);
    return;
}

# ---- the soak ----

# PostgreSQL takes its buffers of temporary tables one by one, as far as
# temp_buffers; let it have them all.
sub connect_and_fill
{
    my $session = connect_to($node);

    $session->rows('BEGIN; CREATE TEMPORARY TABLE filler ON COMMIT DROP AS
        SELECT generate_series(1, 40000); COMMIT');
    return $session;
}

sub new_player
{
    my $player = Player->new(
        round => -1,
        queue => [],
        orders => [ map { [ shuffle @$acts ] } 1 .. ORDERS ],
        samples => [],
        connect => \&connect_and_fill,
        act => \&next_act,
        over => \&when_over);

    $player->{before} = warm_up($player->{session}, 'calm');
    return $player;
}

make_faulty($mock, LATENCY);
my @players = map { new_player() } 1 .. PLAYERS;
my $start = time;
$end = $start + $seconds;
play(@players);

my $count = sum0(values %ends);
diag sprintf '%d acts in %.0f s, %d requests: %s', $count, time - $start,
    $mock->calls, join ', ', map { "$_ $ends{$_}" } sort keys %ends;
is(join("\n", map { @{ $_->{bad} } } @players), '',
    'every act gives its rows, or an error as expected');
cmp_ok($ends{'00000'}, '>', $count * 0.8, 'most give rows');
cmp_ok($ends{'00000'}, '<', $count, 'but not all');

is_flat('memory of contexts', 0, GROWTH_CONTEXTS, @players);
is_flat('memory of the process', 1, GROWTH_PROCESS, @players);
is(join(' ', grep { length } map { harm($_->{session}, 'calm', $_->{before}) }
    @players), '', 'no session holds anything more');
poll_until(sub { $mock->connections('open') == 0 }, 'connections to close');
pass('all connections have ended');
is(crashes($node), '', 'the log tells of no crash');

done_testing();
