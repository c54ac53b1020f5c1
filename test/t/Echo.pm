# Echo.pm
#     A service on loopback that refuses each request and repeats one of its
#     headers, written in one of many ways, in the message, the code or the
#     request id.  Which header and way: a line of the file that it is started
#     with, of "HEADER WAY PLACE", read anew for each request.
package Echo;

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use POSIX ();

# Ways to write a text
our %ways = (
    plain        => sub { $_[0] },
    percent      => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger },
    lower        => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger },
    all_percent  => sub { $_[0] =~ s/(.)/sprintf '%%%02X', ord $1/ger },
    mixed        => sub { my $n = 0;
        $_[0] =~ s/([^A-Za-z0-9])/sprintf $n++ % 2 ? '%%%02X' : '%%%02x', ord $1/ger },
    upper_case   => sub { uc $_[0] },
    lower_case   => sub { lc $_[0] },
    lower_percent => sub { lc($_[0]) =~ s/([^a-z0-9])/sprintf '%%%02x', ord $1/ger },
    twice        => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%25%02X', ord $1/ger },
    # ways that mask.c does not know, for more than a short password
    odd_thrice   => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%2525%02X', ord $1/ger },
    odd_html     => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%26%%23x%X%%3B', ord $1/ger },
    odd_quoted   => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '=%02X', ord $1/ger },
    odd_octal    => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '\\%03o', ord $1/ger },
    odd_blanks   => sub { $_[0] =~ tr,+/=,   ,r },
    json         => sub { $_[0] =~ s/(.)/sprintf '\u%04x', ord $1/ger },
    json_slash   => sub { $_[0] =~ s,([/"\\]),\\$1,gr },
    html         => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '&#%d;', ord $1/ger },
    json_upper   => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '\u%04X', ord $1/ger },
    html_all     => sub { $_[0] =~ s/(.)/sprintf '&#X%05x;', ord $1/ger },
    html_hex     => sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '&#x%X;', ord $1/ger },
    base64       => sub { encode_base64($_[0], '') },
    base64_1     => sub { encode_base64("h$_[0]", '') },
    base64_2     => sub { encode_base64("h:$_[0];", '') },
    base64_url   => sub { encode_base64($_[0], '') =~ tr,+/=,-_,dr },
    base64_percent => sub { encode_base64("a: $_[0]", '')
        =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger },
    hex          => sub { unpack 'H*', $_[0] },
    hex_upper    => sub { uc unpack 'H*', $_[0] },
    hex_mixed    => sub { ucfirst(unpack 'H*', $_[0]) =~ s/([a-f])(.)([a-f])/$1$2\u$3/gr },
    beginning    => sub { substr($_[0], 0, 24) . '...' },
);

# What it does to a request is what the file says, see say()
sub start
{
    my ($class, $file) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 10, ReuseAddr => 1) or croak "cannot listen: $!";
    my $self = bless { port => $listener->sockport, file => $file }, $class;

    pipe my $rest, $self->{alive} or croak "pipe: $!";
    $self->{pid} = fork // croak "fork: $!";
    if ($self->{pid} == 0)
    {
        close $self->{alive};
        eval { _serve($listener, $rest, $file); };
        POSIX::_exit(0);
    }
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]->{port}"; }

# The header (of which this pattern finds the part), the way and the place; and
# what is said before it
sub say
{
    my ($self, %what) = @_;

    open my $fh, '>', $self->{file} or croak "$self->{file}: $!";
    print {$fh} encode_json(\%what);
    close $fh or croak "$self->{file}: $!";
    return;
}

sub _serve
{
    my ($listener, $rest, $file) = @_;

    for (;;)
    {
        my $set = '';
        vec($set, fileno $_, 1) = 1 for $listener, $rest;
        select $set, undef, undef, undef;
        return if vec($set, fileno $rest, 1);    # the test has ended
        _answer(scalar $listener->accept, $file);
    }
}

sub _answer
{
    my ($peer, $file) = @_;
    my $head = '';

    while ($head !~ /\r\n\r\n/)
    {
        sysread $peer, $head, 65536, length $head or return;
    }
    open my $fh, '<', $file or die;
    my $what = decode_json(<$fh>);
    my ($part) = $head =~ /$what->{pattern}/i;
    my $echo = $what->{before} . $ways{ $what->{way} }->($part // 'nothing') . $what->{after};
    my $place = $what->{place};
    my $body = encode_json({
        code => $place eq 'code' ? $echo : 'BadRequestException',
        message => $place eq 'message' ? $echo : 'no' });
    my $id = $place eq 'request_id' ? $echo : 'id';

    syswrite $peer, "HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: $id\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body";
    close $peer;
    return;
}

1;
