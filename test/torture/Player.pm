# Player.pm
#     Sessions that play acts, many at the same time: each sends its statements
#     when the last one's result is there, and what comes of an act is judged.
#
# An act is a hash:
#
#     name       what it is called
#     steps      statements; [SQL, n] is a portal that is left after n rows
#     expected   the rows of all steps, by rows_of()
#     or         another text of that kind, if an error was caught in SQL
#     warns      rows may be missing if there is a warning for it
package Player;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IO::Select;
use Session;

our @EXPORT = qw(rows_of play);

use constant PATIENCE => 120;    # seconds in which something must happen

# Player->new(connect => sub { a new session }, act => sub { the next act, or
# undef }, and any of these, which are called with the player:
#     sent     after a statement has been sent
#     more     after some of its result has come
#     watched  when {watcher}, a socket it may have, can be read from
#     over     with the result, after an act)
sub new
{
    my ($class, %param) = @_;
    my $self = bless { bad => [], %param }, $class;

    $self->{session} = $self->{connect}->();
    return $self;
}

# Rows as a text, in an order that depends on nothing else
sub rows_of
{
    my (@results) = @_;

    return join "\n", sort map {
        map { join '|', map { $_ // 'NULL' } @$_ } @{ $_->{rows} }
    } @results;
}

# ---- one act ----

sub begin
{
    my ($self) = @_;

    $self->{results} = [];
    $self->{step} = -1;
    $self->{excuses} = {};
    $self->{ending} = 0;
    $self->{current} = $self->{act}->($self);
    $self->{done} = !$self->{current};
    $self->_send_next unless $self->{done};
    return;
}

sub _send_next
{
    my ($self) = @_;
    my $step = $self->{current}{steps}[ ++$self->{step} ];

    if (ref $step)
    {
        $self->{session}->send_portal(@$step);
    }
    else
    {
        $self->{session}->send($step);
    }
    $self->{sent}->($self) if $self->{sent};
    return;
}

# Something has come.
sub proceed
{
    my ($self) = @_;
    my $result = $self->{session}->try_result;

    return $self->{more} ? $self->{more}->($self) : () unless $result;
    return if $self->{ending} && !$result->{ended};
    push @{ $self->{results} }, $result;
    return $self->_send_next
        if !$result->{ended} && !$result->{error}
        && $self->{step} < $#{ $self->{current}{steps} };
    $self->_end($result);
    return;
}

sub _end
{
    my ($self, $result) = @_;
    my $complaint = $self->_complaint($result);

    $self->complain($complaint) if $complaint ne '';
    $self->{session}->rows('ROLLBACK; CLOSE ALL; DEALLOCATE ALL')
        if $result->{error} && !$result->{ended};
    $self->{over}->($self, $result) if $self->{over};
    $self->{current} = undef;
    return;
}

# The session is to end: wait for that, and for no more results.
sub expect_end
{
    my ($self) = @_;

    $self->excuse('57P01');
    $self->{ending} = 1;
    return;
}

# The session is given up in the middle of an act.
sub vanish
{
    my ($self) = @_;

    $self->{session}->socket->close;
    $self->{session} = $self->{connect}->();
    $self->{current} = undef;
    return;
}

# Errors that are none from now on, in this act
sub excuse
{
    my ($self, @states) = @_;

    $self->{excuses}{$_} = 1 for @states;
    return;
}

sub complain
{
    my ($self, $complaint) = @_;

    push @{ $self->{bad} }, "$self->{current}{name}: $complaint";
    return;
}

# What a service that goes wrong may bring: it failed or throttled, it could not
# be reached in time, what it said was broken
my %listed = map { $_ => 1 } qw(58000 53400 HV00N HV00M);

sub _complaint
{
    my ($self, $result) = @_;
    my $act = $self->{current};
    my $state = Session::state_of($result);

    return '' if $listed{$state} || $self->{excuses}{$state};
    return Session::describe($result) if $state ne '00000' || $result->{ended};
    my $rows = rows_of(@{ $self->{results} });
    return '' if $rows eq $act->{expected};
    return '' if defined $act->{or} && $rows eq $act->{or};
    return '' if $act->{warns} && $self->_warned && _contains($act, $rows);
    return "gives $rows";
}

sub _warned
{
    my ($self) = @_;

    return grep { $listed{ $_->{C} } } map { @{ $_->{notices} } }
        @{ $self->{results} };
}

sub _contains
{
    my ($act, $rows) = @_;
    my %is_there = map { $_ => 1 } split /\n/, $act->{expected};

    return !grep { !$is_there{$_} } split /\n/, $rows;
}

# ---- all of them ----

# Until no player has an act left
sub play
{
    my (@players) = @_;

    while (my @playing = grep { !$_->{done} } @players)
    {
        $_->begin for grep { !$_->{current} } @playing;
        _wait_for(grep { $_->{current} } @playing);
    }
    return;
}

sub _wait_for
{
    my (@players) = @_;
    my %reader = map { my $player = $_; map { $_ => $player } _handles($_) }
        @players;
    my @ready = @players
        ? IO::Select->new(map { _handles($_) } @players)->can_read(PATIENCE)
        : return;

    croak 'nothing happens: ' . join ', ', map { $_->{current}{name} } @players
        unless @ready;
    for my $handle (@ready)
    {
        my $player = $reader{$handle};

        # what was ready for another one's sake may be gone by now
        next unless $player->{current}
            && grep { $_ == $handle } _handles($player);
        if ($handle == $player->{session}->socket)
        {
            $player->proceed;
        }
        else
        {
            $player->{watched}->($player);
        }
    }
    return;
}

sub _handles
{
    my ($player) = @_;

    return ($player->{session}->socket, $player->{watcher} || ());
}

1;
