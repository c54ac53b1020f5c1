# Session.pm
#     One session with the server, by PostgreSQL's protocol and nothing else.
#
# psql can neither hold a portal open in the middle of a page nor tell when a
# cancelled statement has been cleaned up, and what it prints would have to be
# taken apart again.  Here a result is a hash:
#
#     rows       array of arrays of strings; undef is NULL
#     tag        "SELECT 1"; undef after an error
#     error      hash of the error's fields by their letters (C is the
#                SQLSTATE, M, D and H message, detail and hint), or undef
#     notices    array of such hashes
#     suspended  true if a portal has more rows
#     ended      true if the session has ended, too
#
# Strings are bytes, in the client's encoding.
package Session;

use strict;
use warnings;

use Carp qw(croak confess);
use IO::Socket::UNIX;
use List::Util qw(max);
use Time::HiRes qw(time);

use constant {
    PROTOCOL => 196608,
    CANCEL   => 80877102,    # in its place
    TIMEOUT  => 120,    # of a response; a test that waits so long has failed
};

# Session->new($node, user => ..., database => ..., any other setting => ...)
sub new
{
    my ($class, $node, %param) = @_;
    my $path = $node->host . '/.s.PGSQL.' . $node->port;
    my $self = bless { in => '', path => $path }, $class;

    $self->{socket} = IO::Socket::UNIX->new(Peer => $path)
        or croak "cannot connect to $path: $!";
    $self->{socket}->blocking(1);
    %param = (
        user => scalar getpwuid($<), database => 'postgres',
        client_encoding => 'UTF8', application_name => 'test', %param);
    my $startup = pack 'N', PROTOCOL;
    $startup .= pack 'Z*Z*', $_, $param{$_} for sort keys %param;
    $startup .= "\0";
    $self->_write(pack('N', 4 + length $startup) . $startup);
    my $result = $self->result;
    croak "cannot log in: $result->{error}{M}" if $result->{error};
    return $self;
}

sub pid { return $_[0]->{pid}; }

# ---- simple queries ----

sub send
{
    my ($self, $sql) = @_;

    $self->_send('Q', "$sql\0");
    return;
}

# The result of what was sent: up to the server being ready again.  Of several
# statements the rows of the last.
sub result
{
    my ($self) = @_;

    return $self->_read_until('Z');
}

sub query
{
    my ($self, $sql) = @_;

    $self->send($sql);
    return $self->result;
}

# As query(), for statements that must work.  Returns the rows.
sub rows
{
    my ($self, $sql) = @_;
    my $result = $self->query($sql);

    confess "$sql\n" . describe($result) if $result->{error};
    return $result->{rows};
}

# The first column of the first row.
sub value
{
    my ($self, $sql) = @_;

    return $self->rows($sql)->[0][0];
}

# Wait for anything that the server says of what was sent.
sub wait_for_message
{
    my ($self) = @_;

    $self->_readable(time + TIMEOUT) or croak 'the server is silent';
    return;
}

# As Control-C of psql does, by a connection of its own
sub cancel
{
    my ($self) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $self->{path})
        or croak "cannot connect to $self->{path}: $!";

    syswrite $socket, pack('NN', 16, CANCEL) . $self->{key};
    # closed by the other end when it has been read
    sysread $socket, my $nothing, 1;
    return;
}

# ---- one of many sessions ----

# To wait for, by select
sub socket { return $_[0]->{socket}; }

# Takes in what has come of the result of what was sent.  Returns it when it is
# complete or the session has ended, else undef.
sub try_result
{
    my ($self) = @_;
    my $result = $self->{partial} //= _new_result();

    for (;;)
    {
        my ($type, $body) = $self->_read_message(0);

        return undef if $type eq 'late';
        $result->{ended} = 1 if $type eq 'eof';
        $self->_take($result, $type, $body) if $type ne 'eof';
        next unless $type eq 'Z' || $type eq 'eof';
        $self->{partial} = undef;
        return $result;
    }
}

# Rows of a result that has not come in full
sub rows_so_far
{
    my ($self) = @_;

    return $self->{partial} ? scalar @{ $self->{partial}{rows} } : 0;
}

# ---- portals ----

# For try_result(): so many rows of a portal, which ends with its transaction
sub send_portal
{
    my ($self, $sql, $max_rows) = @_;

    $self->_send('P', "\0$sql\0" . pack 'n', 0);
    $self->_send('B', "p\0\0" . pack 'nnn', 0, 0, 0);
    $self->_send('E', "p\0" . pack 'N', $max_rows);
    $self->_send('S', '');
    return;
}

# Bind a statement to the portal "p" of a new (implicit) transaction and get
# its first rows; the portal stays open until close_portal().
sub open_portal
{
    my ($self, $sql, $max_rows) = @_;

    $self->_send('P', "\0$sql\0" . pack 'n', 0);
    $self->_send('B', "p\0\0" . pack 'nnn', 0, 0, 0);
    return $self->fetch_portal($max_rows);
}

sub fetch_portal
{
    my ($self, $max_rows) = @_;

    $self->_send('E', "p\0" . pack 'N', $max_rows);
    $self->_send('H', '');
    return $self->_read_until('sCE');
}

sub close_portal
{
    my ($self) = @_;

    $self->_send('C', "Pp\0");
    $self->_send('S', '');
    return $self->result;
}

# ---- ends ----

# Ask the server to end the session.
sub close
{
    my ($self) = @_;

    $self->_send('X', '');
    return;
}

# Wait for the server to end the session; what it has said last, or undef if
# the time is over.
sub wait_for_end
{
    my ($self, $seconds) = @_;
    my $deadline = time + $seconds;
    my $result = _new_result();

    for (;;)
    {
        my ($type, $body) = $self->_read_message($deadline);

        return $type eq 'eof' ? $result : undef if length $type > 1;
        $self->_take($result, $type, $body);
    }
}

# ---- results ----

# SQLSTATE of a result
sub state_of
{
    my ($result) = @_;

    return $result->{error} ? $result->{error}{C} : '00000';
}

# All that a result says, for people
sub describe
{
    my ($result) = @_;
    my @lines;

    for my $said (@{ $result->{notices} }, $result->{error} || ())
    {
        push @lines, "$said->{V}: $said->{C}: $said->{M}";
        push @lines, "DETAIL: $said->{D}"  if defined $said->{D};
        push @lines, "HINT: $said->{H}"    if defined $said->{H};
        push @lines, "CONTEXT: $said->{W}" if defined $said->{W};
    }
    push @lines, scalar(@{ $result->{rows} }) . ' rows';
    return join "\n", @lines;
}

sub _new_result
{
    return { rows => [], notices => [], tag => undef, error => undef };
}

# ---- messages ----

sub _send
{
    my ($self, $type, $body) = @_;

    $self->_write($type . pack('N', 4 + length $body) . $body);
    return;
}

sub _write
{
    my ($self, $bytes) = @_;

    # PostgreSQL::Test ignores SIGPIPE.  If the server is gone, whoever reads
    # will notice.
    while (length $bytes)
    {
        my $n = syswrite $self->{socket}, $bytes;

        return unless defined $n;
        substr $bytes, 0, $n, '';
    }
    return;
}

# Up to a message of one of these types.  An error ends that only if 'E' is
# among them: of a simple query, there is more to come.
sub _read_until
{
    my ($self, $types) = @_;
    my $result = _new_result();
    my $deadline = time + TIMEOUT;

    for (;;)
    {
        my ($type, $body) = $self->_read_message($deadline);

        confess 'no response from the server' if $type eq 'late';
        confess 'the server has ended the session: ' . describe($result)
            if $type eq 'eof';
        $self->_take($result, $type, $body);
        return $result if index($types, $type) >= 0;
    }
}

sub _take
{
    my ($self, $result, $type, $body) = @_;

    if ($type eq 'D')
    {
        push @{ $result->{rows} }, _read_row($body);
    }
    elsif ($type eq 'T')
    {
        $result->{rows} = [];
    }
    elsif ($type eq 'C')
    {
        $result->{tag} = unpack 'Z*', $body;
    }
    elsif ($type eq 'E')
    {
        $result->{error} = _read_fields($body);
    }
    elsif ($type eq 'N')
    {
        push @{ $result->{notices} }, _read_fields($body);
    }
    elsif ($type eq 's')
    {
        $result->{suspended} = 1;
    }
    elsif ($type eq 'K')
    {
        $self->{pid} = unpack 'N', $body;
        $self->{key} = $body;
    }
    elsif ($type eq 'R' && unpack('N', $body) != 0)
    {
        croak 'the server wants a password';
    }
    return;
}

sub _read_row
{
    my ($body) = @_;
    my @row;
    my $at = 2;

    for (1 .. unpack 'n', $body)
    {
        my $length = unpack 'l>', substr $body, $at, 4;

        $at += 4;
        push @row, $length < 0 ? undef : substr $body, $at, $length;
        $at += $length if $length > 0;
    }
    return \@row;
}

sub _read_fields
{
    my ($body) = @_;

    return { map { substr($_, 0, 1) => substr($_, 1) } grep { length }
            split /\0/, $body };
}

# (type, body), or ('eof') or ('late')
sub _read_message
{
    my ($self, $deadline) = @_;

    for (;;)
    {
        if (length $self->{in} >= 5)
        {
            my ($type, $length) = unpack 'a N', $self->{in};

            if (length $self->{in} > $length)
            {
                my $body = substr $self->{in}, 5, $length - 4;

                substr $self->{in}, 0, $length + 1, '';
                return ($type, $body);
            }
        }
        return 'late' unless $self->_readable($deadline);
        return 'eof'
            unless sysread $self->{socket}, $self->{in}, 65536,
            length $self->{in};
    }
}

sub _readable
{
    my ($self, $deadline) = @_;
    my $bits = '';

    vec($bits, fileno $self->{socket}, 1) = 1;
    return select($bits, undef, undef, max(0, $deadline - time)) > 0;
}

1;
