# Dns.pm
#     The resolver of dns_shim.c, seen from a test.
package Dns;

use strict;
use warnings;

use Amplify ();
use Carp qw(croak);
use Fcntl;
use POSIX qw(mkfifo);

# Compile the shim and make its FIFOs in that folder.
sub install
{
    my ($class, $dir) = @_;
    my $self = bless { dir => $dir, lines => '' }, $class;

    $self->{shim} = Amplify::shim('dns_shim', $dir);
    for my $name (qw(asked answer))
    {
        mkfifo("$dir/$name", 0600) or croak "$dir/$name: $!";
    }
    # The shim's are the server's processes: it is theirs to write, too.
    sysopen my $names, "$dir/names", O_CREAT | O_WRONLY, 0600
        or croak "names: $!";
    # Both ends, so that neither the shim nor a reader gets an end of file
    sysopen $self->{asked}, "$dir/asked", O_RDWR or croak "asked: $!";
    return $self;
}

# For new_node()
sub shim { return $_[0]->{shim}; }

# The names, each once and sorted, that were asked for since the last time;
# addresses and "localhost" are none.
sub names
{
    my ($self) = @_;
    my %asked;

    open my $fh, '+<', "$self->{dir}/names" or croak "names: $!";
    while (my $name = <$fh>)
    {
        chomp $name;
        $asked{$name} = 1 if $name !~ /^(?:[\d.]+|.*:.*|localhost)$/;
    }
    truncate $fh, 0 or croak "names: $!";
    close $fh;
    return join ' ', sort keys %asked;
}

# Wait until a thread asks for a name that hangs; returns its id.
sub wait_asked
{
    my ($self) = @_;

    for (;;)
    {
        my $bits = '';

        return $1 if $self->{lines} =~ s/^(\d+)\n//;
        vec($bits, fileno $self->{asked}, 1) = 1;
        croak 'nobody asks for a name'
            unless select($bits, undef, undef, 60) > 0;
        sysread $self->{asked}, $self->{lines}, 4096, length $self->{lines};
    }
}

# Answer those who hang: there is no such name.
sub answer
{
    my ($self) = @_;

    # Without a reader this fails at once: then nobody hangs any more.
    sysopen my $fh, "$self->{dir}/answer", O_WRONLY | O_NONBLOCK or return 0;
    close $fh;
    return 1;
}

1;
