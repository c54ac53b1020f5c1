# Identity.pm
#     Where a server gets its AWS credentials from, as a test sets it up, and
#     which ones it has used, as the mock has seen it.
package Identity;

use strict;
use warnings;
no warnings 'portable';    # addresses have 64 bits

use Amplify;
use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use Mock;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(
    new_mock new_place restart_with write_file set_mapping
    ask answer_of used_key sts_forms calls_of in_memory
    ROLE GOOD
);

use constant {
    ROLE => 'arn:aws:iam::111122223333:role/reader',
    GOOD => '00000: dev',
};

# A mock with some apps, ready to issue credentials
sub new_mock
{
    my (@args) = @_;

    return Mock->start(
        dir  => PostgreSQL::Test::Utils::tempdir(),
        args => [ '--generate', '20,2', @args ]);
}

# A home directory with nothing in it
sub new_place
{
    my $home = abs_path(PostgreSQL::Test::Utils::tempdir());

    mkdir "$home/.aws" or croak "$home/.aws: $!";
    return $home;
}

# Restart the server in an environment with no trace of AWS but %environment.
sub restart_with
{
    my ($node, %environment) = @_;
    my %rest = map { $_ => $ENV{$_} } grep { !/^AWS_|^HOME$/ } keys %ENV;

    # A busy machine must not make a metadata service seem absent.
    local %ENV = (%rest, AWS_METADATA_SERVICE_TIMEOUT => 60, %environment);
    $node->restart;
    return;
}

sub write_file
{
    my ($path, $text) = @_;

    open my $fh, '>', $path or croak "$path: $!";
    print $fh $text;
    close $fh or croak "$path: $!";
    return $path;
}

# Options of the mapping of the current user, in place of those it has
sub set_mapping
{
    my ($session, $server, %options) = @_;

    $session->rows("DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER $server");
    $session->rows(
        "CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS ("
        . join(', ', map { "$_ '$options{$_}'" } sort keys %options) . ')');
    return;
}

# One Get; what comes of it, as a line
sub ask
{
    my ($session, $schema) = @_;

    return answer_of($session->query(
        "SELECT environment_name FROM $schema.backend_environments
         WHERE app_id = 'd00000000001' AND environment_name = 'dev'"));
}

sub answer_of
{
    my ($result) = @_;
    my $error = $result->{error};

    return '00000: ' . join ', ', map { $_->[0] } @{ $result->{rows} }
        unless $error;
    return "$error->{C}: $error->{M}"
        . (defined $error->{D} ? " | $error->{D}" : '');
}

# The access key id that the last request to the API was signed with
sub used_key
{
    my ($mock) = @_;
    my @lines = grep { / (?:Get|List)\w+ / } split /\n/, $mock->say('log');

    return @lines && $lines[-1] =~ / (\S+)$/ ? $1 : undef;
}

# The forms that STS has been sent, decoded
sub sts_forms
{
    my ($mock) = @_;
    my @forms;

    for my $line (split /\n/, $mock->say('log'))
    {
        next unless $line =~ m{ STS\.\w+ /\?(\S*) (\S+)$};
        my %form = (key => $2);

        for my $pair (split /&/, $1)
        {
            my ($name, $value) = split /=/, $pair, 2;

            $form{$name} = $value =~ s/%([0-9A-F]{2})/chr hex $1/ger;
        }
        push @forms, \%form;
    }
    return @forms;
}

# What of the memory of a backend that can be written to is like that
sub in_memory
{
    my ($pid, $pattern) = @_;
    my @found;

    open my $maps, '<', "/proc/$pid/maps" or croak "maps: $!";
    open my $memory, '<:raw', "/proc/$pid/mem" or croak "mem: $!";
    while (my $line = <$maps>)
    {
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw.. / or next;
        my $size = hex($to) - hex($from);

        next if $size > 200 << 20;    # shared memory has none
        sysseek $memory, hex $from, 0 or next;
        defined sysread $memory, my $region, $size or next;
        push @found, $1 while $region =~ /($pattern)/g;
    }
    return @found;
}

# All calls since the reset, as "IMDS.role 1, ListApps 2"
sub calls_of
{
    my ($mock) = @_;

    return join ', ', split /\n/, $mock->say('calls');
}

1;
