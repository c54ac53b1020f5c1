# Mock.pm
#     Starts and stops an amplify-mock, and says words of control to it.
#
# Waiting is the mock's business: its word "wait" answers when something has
# happened there, so that no test has to sleep and hope.
package Mock;

use strict;
use warnings;

use Carp qw(croak);
use FindBin;
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use constant START_TIMEOUT => 60;

# Words that ask; all others change something.
my %asks = map { $_ => 1 } qw(callers calls connections held log total wait);
my $serial = 0;

# Mock->start(dir => DIR, args => [...]): a mock that is ready.  DIR is where
# its port file may be.
sub start
{
    my ($class, %param) = @_;
    my $ports = "$param{dir}/mock-ports-$$-" . $serial++;
    my $self = bless { ports => $ports }, $class;

    # The end of its standard input ends the mock, even if the test dies.
    $self->{pid} = open $self->{stdin}, '|-',
        "$FindBin::RealBin/../mock/amplify-mock", '--exit-with-stdin',
        '--port-file', $ports, @{ $param{args} || [] }
        or croak "cannot start amplify-mock: $!";
    $self->_read_ports;
    return $self;
}

sub _read_ports
{
    my ($self) = @_;
    my $deadline = time + START_TIMEOUT;

    # The mock renames the file into its place when it is ready.
    until (-s $self->{ports})
    {
        croak 'amplify-mock has ended'
            if waitpid($self->{pid}, WNOHANG) != 0;
        croak 'amplify-mock does not get ready' if time > $deadline;
        sleep 0.01;
    }
    open my $fh, '<', $self->{ports} or croak "$self->{ports}: $!";
    while (my $line = <$fh>)
    {
        $self->{ lc $1 } = $2 if $line =~ /^AMPLIFY_MOCK_(\w+)=(\d+)/;
    }
    close $fh;
    # A proxy of the environment must not get between.
    $self->{http} = HTTP::Tiny->new(
        proxy => undef, http_proxy => undef, https_proxy => undef,
        timeout => 120);
    return;
}

sub port     { return $_[0]->{port}; }
sub tls_port { return $_[0]->{tls_port}; }
sub url      { return "http://127.0.0.1:$_[0]->{port}"; }
sub tls_url  { return "https://localhost:$_[0]->{tls_port}"; }

# A word and its parameters, in their order; returns what the mock says.
sub say
{
    my ($self, $word, @param) = @_;
    my @query;

    while (my ($name, $value) = splice @param, 0, 2)
    {
        push @query, _encode($name) . '=' . _encode($value);
    }
    my $url = "http://127.0.0.1:$self->{control_port}/_mock/$word?"
        . join('&', @query);
    my $answer = $self->{http}->request($asks{$word} ? 'GET' : 'POST', $url);
    croak "mock: $word @query: $answer->{status} $answer->{content}"
        unless $answer->{success};
    return $answer->{content};
}

# What the API says to an arbitrary request.
sub get
{
    my ($self, $target, %header) = @_;

    return $self->{http}->get($self->url . $target, { headers => \%header });
}

sub _encode
{
    my ($text) = @_;

    $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# Calls to the API since the reset: all, or those of one operation.
sub calls
{
    my ($self, $operation) = @_;

    return $self->say('total') + 0 unless defined $operation;
    return $self->say('calls') =~ /^\Q$operation\E (\d+)$/m ? $1 + 0 : 0;
}

# accepted, open, max_in_flight or requests
sub connections
{
    my ($self, $what) = @_;

    return $self->say('connections') =~ /^\Q$what\E (\d+)$/m ? $1 + 0 : undef;
}

sub reset { return $_[0]->say('reset'); }

# What stalls have held back is sent.
sub release { return $_[0]->say('release'); }
sub fault { my ($self, @rule) = @_; return $self->say('fault', @rule); }

# Returns when so many requests have come, or are held by a stall.
sub wait_requests { return $_[0]->say('wait', requests => $_[1], timeout => 60000); }
sub wait_idle     { return $_[0]->say('wait', held => 0, timeout => 60000); }
sub wait_held     { return $_[0]->say('wait', held => $_[1], timeout => 60000); }

# A socket that can be read from when so many requests have come
sub watch
{
    my ($self, $requests) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{control_port})
        or croak "cannot connect to the mock: $!";

    syswrite $socket, "GET /_mock/wait?requests=$requests&timeout=3600000 "
        . "HTTP/1.1\r\nHost: localhost\r\n\r\n";
    return $socket;
}

sub stop
{
    my ($self) = @_;

    # waits for its end
    close $self->{stdin} if $self->{stdin};
    $self->{stdin} = undef;
    return;
}

sub DESTROY
{
    my ($self) = @_;

    local $?;
    $self->stop;
    return;
}

1;
