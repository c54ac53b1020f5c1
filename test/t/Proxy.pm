# Proxy.pm
#     An HTTP proxy on loopback, as a process of its own: CONNECT and plain
#     requests, with a password if it is told to, and ways to go wrong.
#
# It writes a line a request that it hears: the request line, and what stands
# in Proxy-Authorization.
package Proxy;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use POSIX ();

my $serial = 0;

# Proxy->start(dir => DIR, user => U, password => P, refuse => "407 X",
#     say => RAW, port => N)
# refuse: the status of its reply to all; say: raw bytes before the rest of a
# reply to CONNECT (headers of its own); port: where it leads, whatever is
# asked for.
sub start
{
    my ($class, %param) = @_;
    my $self = bless { log => "$param{dir}/proxy-$$-" . $serial++ }, $class;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 100, ReuseAddr => 1) or croak "cannot listen: $!";

    $self->{port} = $listener->sockport;
    pipe my $rest, $self->{alive} or croak "pipe: $!";
    open my $log, '>', $self->{log} or croak "$self->{log}: $!";
    $self->{pid} = fork // croak "fork: $!";
    if ($self->{pid} == 0)
    {
        close $self->{alive};
        $log->autoflush(1);
        eval { _serve(%param, listener => $listener, log => $log, rest => $rest); };
        print {$log} "died: $@\n" if $@;
        POSIX::_exit(0);
    }
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]->{port}"; }

# The lines of its log
sub heard
{
    my ($self) = @_;

    open my $fh, '<', $self->{log} or croak "$self->{log}: $!";
    chomp(my @lines = <$fh>);
    close $fh;
    return @lines;
}

sub forget { truncate $_[0]->{log}, 0; return; }

# ---- the process ----

sub _serve
{
    my (%param) = @_;
    my $select = IO::Select->new($param{listener}, $param{rest});
    my (%peer, %head);

    for (;;)
    {
        for my $fh ($select->can_read)
        {
            return if $fh == $param{rest};    # the test has ended
            if ($fh == $param{listener})
            {
                $select->add(scalar $fh->accept);
                next;
            }
            my $n = sysread $fh, my $bytes, 65536;
            if (!$n)
            {
                for my $end (grep { defined } $fh, delete $peer{$fh})
                {
                    delete $peer{$end};
                    delete $head{$end};
                    $select->remove($end);
                    close $end;
                }
            }
            elsif ($peer{$fh} && !defined $head{$fh})
            {
                _write($peer{$fh}, $bytes);
            }
            else
            {
                $head{$fh} = ($head{$fh} // '') . $bytes;
                next if $head{$fh} !~ /\r\n\r\n/;
                my $upstream = _request(\%param, $fh, $head{$fh}, $peer{$fh});
                $head{$fh} = '' if $head{$fh} !~ /^CONNECT/;
                delete $head{$fh} if $head{$fh};
                next if !$upstream || $peer{$fh};
                $peer{$fh} = $upstream;
                $peer{$upstream} = $fh;
                $select->add($upstream);
            }
        }
    }
    return;
}

# One request; returns the connection that it leads to, if there is one.
sub _request
{
    my ($param, $client, $text, $upstream) = @_;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($line) = $head =~ /^(.*)/;
    my ($given) = $head =~ /^Proxy-Authorization: (.*?)\r?$/mi;
    my ($method, $host, $path) =
        $line =~ m{^(\S+) (?:http://)?([^/ ]+)(\S*) HTTP/1.1\r?$};
    my $wanted = defined $param->{user} ?
        'Basic ' . encode_base64("$param->{user}:$param->{password}", '') : undef;

    $line =~ s/\r$//;
    syswrite $param->{log}, $line . ' ' . ($given // '-') . "\n";
    return _refuse($client, $param->{refuse}) if $param->{refuse};
    return _refuse($client, '407 Proxy Authentication Required')
        if defined $wanted && ($given // '') ne $wanted;
    return _refuse($client, '400 Bad Request') if !defined $host;
    my ($port) = $host =~ /:(\d+)$/;
    $upstream //= IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $param->{port} // $port // 80)
        or return _refuse($client, '502 Bad Gateway');
    if ($method eq 'CONNECT')
    {
        _write($client, ($param->{say} // '')
            . "HTTP/1.1 200 Connection established\r\n"
            . ($param->{header} // '') . "\r\n");
        return $upstream;
    }
    $head =~ s/^Proxy-.*\r?\n//mgi;
    $head =~ s/^(\S+) \S+/$1 $path/;
    _write($upstream, "$head\r\n\r\n$body");
    return $upstream;
}

sub _refuse
{
    my ($client, $status) = @_;

    _write($client, "HTTP/1.1 $status\r\nContent-Length: 0\r\n"
        . "x-amzn-ErrorType: NotFoundException\r\n\r\n");
    return;
}

sub _write
{
    my ($fh, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes)
    {
        my $n = syswrite $fh, $bytes;
        return if !$n;
        substr($bytes, 0, $n) = '';
    }
    return;
}

sub DESTROY
{
    my ($self) = @_;

    local $?;
    close $self->{alive};
    waitpid $self->{pid}, 0;
    return;
}

1;
