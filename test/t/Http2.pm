# Http2.pm
#     HTTP/2 in front of a mock: nghttpx, which speaks it to clients and HTTP/1
#     to the mock; and before that a relay of bytes, whose connections can
#     become black holes.
package Http2;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use constant START_TIMEOUT => 60;

sub is_there { return system('nghttpx --version > /dev/null 2>&1') == 0; }

# Http2->start(mock => MOCK, cert => FILE, key => FILE): ready
sub start
{
    my ($class, %param) = @_;
    my $deadline = time + START_TIMEOUT;
    my $self = bless {}, $class;

    # a port that was free just now may be taken: then it ends, and tries again
    until ($self->{port} && _is_open($self->{port}))
    {
        croak 'nghttpx does not get ready' if time > $deadline;
        if (!$self->{pid} || waitpid($self->{pid}, WNOHANG) != 0)
        {
            $self->{port} = _free_port();
            $self->{pid} = _spawn('nghttpx', '--no-ocsp', '--workers=1',
                '--errorlog-file=/dev/null', '--conf=/dev/null',
                "--frontend=127.0.0.1,$self->{port}",
                '--backend=127.0.0.1,' . $param{mock}->port,
                $param{key}, $param{cert});
        }
        sleep 0.01;
    }
    $self->_relay;
    return $self;
}

sub url { return "https://localhost:$_[0]->{relay_port}"; }

# Nothing goes through the connections that there are any more, in either
# direction; new ones are as ever.
sub deafen
{
    my ($self) = @_;

    syswrite $self->{orders}, 'd' or croak "relay: $!";
    sysread $self->{replies}, my $done, 1 or croak "relay: $!";
    return;
}

# How many there have been
sub connections
{
    my ($self) = @_;

    syswrite $self->{orders}, 'c' or croak "relay: $!";
    sysread $self->{replies}, my $count, 16 or croak "relay: $!";
    return $count + 0;
}

sub _free_port
{
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or croak "cannot listen: $!";

    return $socket->sockport;
}

sub _is_open
{
    return defined IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_[0]);
}

sub _spawn
{
    my (@command) = @_;
    my $pid = fork // croak "fork: $!";

    return $pid if $pid;
    open STDIN, '<', '/dev/null' or POSIX::_exit(1);
    open STDOUT, '>', '/dev/null' or POSIX::_exit(1);
    exec @command or POSIX::_exit(1);
}

# ---- the relay ----

sub _relay
{
    my ($self) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 100)
        or croak "cannot listen: $!";

    $self->{relay_port} = $listener->sockport;
    pipe my $orders, $self->{orders} or croak "pipe: $!";
    pipe $self->{replies}, my $replies or croak "pipe: $!";
    $self->{relay_pid} = fork // croak "fork: $!";
    return if $self->{relay_pid};
    close $self->{orders};
    close $self->{replies};
    eval { _serve($listener, $orders, $replies, $self->{port}); };
    POSIX::_exit(0);
}

sub _serve
{
    my ($listener, $orders, $replies, $port) = @_;
    my $select = IO::Select->new($listener, $orders);
    my (%other, $count);

    for (;;)
    {
        for my $fh ($select->can_read)
        {
            if ($fh == $listener)
            {
                my $near = $listener->accept;
                my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);

                $count++;
                %other = (%other, $near => $far, $far => $near);
                $select->add($near, $far);
            }
            elsif ($fh == $orders)
            {
                sysread $orders, my $order, 1 or return;    # the test has ended
                $select->remove(grep { $other{$_} } $select->handles) if $order eq 'd';
                syswrite $replies, $order eq 'c' ? $count // 0 : 'd';
            }
            elsif (my $far = $other{$fh})
            {
                my $bytes;

                next if sysread($fh, $bytes, 65536) && syswrite $far, $bytes;
                delete @other{ $fh, $far };
                $select->remove($fh, $far);
                close $_ for $fh, $far;
            }
        }
    }
    return;
}

sub DESTROY
{
    my ($self) = @_;

    local $?;
    kill 'TERM', grep { $_ } $self->{pid}, $self->{relay_pid};
    waitpid $_, 0 for grep { $_ } $self->{pid}, $self->{relay_pid};
    return;
}

1;
