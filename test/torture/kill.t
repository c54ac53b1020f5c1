# Sessions are cancelled, terminated and left by their clients at random
# moments, many times, while others go on.  The server never crashes, a session
# that was cancelled works and has lost nothing, and all connections end.
#
#     KILLS=5000      how many times
#     SEED=2          at other moments
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t", $FindBin::RealBin;

use Amplify;
use List::Util qw(sum0);
use Player;
use PostgreSQL::Test::Utils;
use Stage;
use Test::More;

use constant { PLAYERS => 12, LATENCY => 3 };

my $kills = $ENV{KILLS} || 400;
my $seed = $ENV{SEED} // 1;

diag "SEED=$seed KILLS=$kills";
srand $seed;

my ($node, $mock, $calm, $acts) = set_stage('kill');
my $boss = connect_to($node);
my $started = $boss->value('SELECT pg_postmaster_start_time()');
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');

# ---- what will happen ----

# All chances are taken here, so that they depend on nothing else.  "when" is
# after a statement was sent, or so many rows have come, or so many requests
# have come to the mock meanwhile.
sub take_chances
{
    my @whens = (
        sub { return (sent => 0) },
        sub { return (rows => 1 + int rand 60) },
        sub { return (requests => 1 + int rand 40) },
        sub { return (requests => 1 + int rand 400) });
    my $act = $acts->[ rand @$acts ];
    my ($when, $n) = $whens[ rand @whens ]->();

    return {
        act  => $act,
        step => int rand @{ $act->{steps} },
        how  => (qw(cancel cancel cancel terminate vanish))[ rand 5 ],
        when => $when,
        n    => $n };
}

my @plans = map {
    [ map { take_chances() } 1 .. 1 + 3 * $kills / PLAYERS ]
} 1 .. PLAYERS;

# ---- how it happens ----

my %strikes;                # by what and when
my %ends;                   # of acts that were struck, by SQLSTATE
my $left = $kills;

my %strike = (
    cancel => sub {
        my ($player) = @_;

        $player->excuse('57014');
        $boss->rows('SELECT pg_cancel_backend(' . $player->{session}->pid . ')');
    },
    terminate => sub {
        my ($player) = @_;

        $player->expect_end;
        $boss->rows(
            'SELECT pg_terminate_backend(' . $player->{session}->pid . ')');
    },
    vanish => sub {
        $_[0]->vanish;
    });

sub strike
{
    my ($player, $when) = @_;
    my $plan = delete $player->{plan};

    $player->{watcher} = undef;
    return if $left == 0;
    $left--;
    $strikes{"$plan->{how}, $when"}++;
    $player->{struck} = 1;
    $strike{ $plan->{how} }->($player);
    return;
}

sub next_act
{
    my ($player) = @_;

    return undef if $left == 0;
    my $plan = shift @{ $player->{plans} };
    push @{ $player->{plans} }, $plan;
    $player->{plan} = $plan;
    $player->{struck} = 0;
    return $plan->{act};
}

sub when_sent
{
    my ($player) = @_;
    my $plan = $player->{plan};

    return if !$plan || $plan->{step} != $player->{step};
    strike($player, 'sent') if $plan->{when} eq 'sent';
    $player->{watcher} = $mock->watch($mock->calls + $plan->{n})
        if $plan->{when} eq 'requests';
    return;
}

sub when_more
{
    my ($player) = @_;
    my $plan = $player->{plan};

    strike($player, 'rows')
        if $plan && $plan->{when} eq 'rows'
        && $player->{session}->rows_so_far >= $plan->{n};
    return;
}

# A moment that has not come: sessions end without a statement, too.
sub when_over
{
    my ($player, $result) = @_;
    my $how = $player->{plan} ? $player->{plan}{how} : '';

    $player->{watcher} = undef;
    $ends{ Session::state_of($result) }++ if $player->{struck};
    if ($result->{ended})
    {
        $player->{session} = $player->{connect}->();
    }
    elsif ($how eq 'vanish')
    {
        strike($player, 'idle');
    }
    elsif ($how eq 'terminate' && $left > 0)
    {
        strike($player, 'idle');
        $player->{session}->wait_for_end(60) or die 'a session does not end';
        $player->{session} = $player->{connect}->();
    }
    elsif ($player->{struck})
    {
        examine($player);
    }
    return;
}

# Closing its connections shows what a session has lost, but lets it begin
# anew; so that is not done each time.
sub examine
{
    my ($player) = @_;
    my $session = $player->{session};
    my $harm = $player->{examined}++ % 8 == 7
        ? harm($session, 'calm', $player->{before})
        : ailment($session, 'calm');

    $player->complain($harm) if $harm ne '';
    return;
}

sub new_player
{
    my ($plans) = @_;
    my $player;

    $player = Player->new(
        plans => $plans,
        connect => sub { return connect_to($node); },
        act => \&next_act,
        sent => \&when_sent,
        more => \&when_more,
        watched => sub { strike($_[0], 'requests'); },
        over => \&when_over);
    $player->{before} = warm_up($player->{session}, 'calm');
    return $player;
}

# ---- and what is left ----

make_faulty($mock, LATENCY);
my @players = map { new_player($_) } @plans;
play(@players);

my @bad = map { @{ $_->{bad} } } @players;
is(join("\n", @bad), '', 'every act gives its rows, or an error as expected');
is(sum0(values %strikes), $kills, "$kills strikes");
cmp_ok($ends{57014}, '>', $kills / 20, 'many statements were cancelled');
cmp_ok($ends{'57P01'}, '>', $kills / 50, 'and many sessions terminated');
note "$_: $strikes{$_}" for sort keys %strikes;
diag join ', ', map { "$_ $ends{$_}" } sort keys %ends;

is(join(' ', grep { length } map { harm($_->{session}, 'calm', $_->{before}) }
    @players), '', 'no session has lost anything');
$_->{session}->close for @players;
poll_until(
    sub {
        $boss->value("SELECT count(*) FROM pg_stat_activity
            WHERE backend_type IN ('client backend', 'parallel worker')") == 1;
    },
    'sessions to end');
pass('all sessions have ended');
poll_until(sub { $mock->connections('open') + $calm->connections('open') == 0 },
    'connections to close');
pass('all connections have ended');
is($mock->say('held'), "0\n", 'and no request is left');

is($boss->value('SELECT pg_postmaster_start_time()'), $started,
    'the server has never restarted');
is(slurp_file($node->data_dir . '/postmaster.pid'), $postmaster,
    'nor its postmaster');
is(crashes($node), '', 'the log tells of no crash');

done_testing();
