# Memory that is out: each allocation of libcurl, OpenSSL and ours that a query
# makes fails once, and then with all that follow.  The query gives all its rows
# or an error, never a crash and never fewer rows, and the next query works.
#
# json-c before 0.18 crashes by itself when malloc fails, so its own allocations
# do not count there.
#
#     MALLOC_ALL=1  lists and cold sessions, too: some 20,000 points
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t";

use Amplify;
use Carp qw(croak);
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my @libraries = qw(amplify_fdw libcurl libcrypto libssl libnghttp2);
my $json_c = `pkg-config --modversion json-c`;
push @libraries, 'libjson-c' if $json_c =~ /^0\.(\d+)/ && $1 >= 18;

# ---- the shim ----

my $dir = PostgreSQL::Test::Utils::tempdir();
my $generation = 0;

sub write_control
{
    open my $fh, '+<', "$dir/control" or croak "control: $!";
    syswrite $fh, pack('q6', @_);
    close $fh;
    return;
}

# From now on, in that session
sub arm
{
    my ($session, $first, $sticky) = @_;

    write_control(++$generation, $session->pid, $first, $sticky, 0, 0);
    return;
}

# Returns how many allocations there were, and how many of them failed.
sub disarm
{
    open my $fh, '<', "$dir/control" or croak "control: $!";
    sysread $fh, my $bytes, 48;
    close $fh;
    write_control($generation, 0, 0, 0, 0, 0);
    return (unpack 'q6', $bytes)[4, 5];
}

sub install
{
    open my $fh, '>', "$dir/control" or croak "control: $!";
    close $fh;
    write_control(0, 0, 0, 0, 0, 0);
    $ENV{AMPLIFY_TORTURE_LIBRARIES} = "@libraries";
    return new_node('malloc', shim => shim('malloc_shim', $dir, '-fno-builtin'));
}

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => $certs,
    args => [ '--generate', '3,120', '--cert', "$certs/server.pem", '--key',
        "$certs/server.key" ]);
my $node = install();
my $session = connect_to($node);

# A second attempt would hide what the first one made of it
add_server($session, 'http', $mock->url, max_attempts => 1);
add_server($session, 'https', $mock->tls_url, max_attempts => 1,
    ca_bundle => "$certs/ca.pem");
add_server($session, 'role', $mock->url, max_attempts => 1,
    sts_endpoint_url => $mock->url, mapping => {
        access_key_id => Amplify::ACCESS_KEY_ID,
        secret_access_key => Amplify::SECRET_ACCESS_KEY,
        role_arn => 'arn:aws:iam::111122223333:role/reader' });
$session->rows("CREATE TABLE inventory AS SELECT 'd' || lpad(n::text, 11, '0')
    AS app, 'test' AS env FROM generate_series(1, 6) AS n");
$session->rows('ANALYZE inventory');

# ---- queries ----

my $columns = 'environment_name, stack_name, create_time';
my %queries = (
    keyed => "SELECT $columns FROM http.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'test'",
    tls => "SELECT $columns FROM https.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'test'",
    role => "SELECT $columns FROM role.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'test'",
    list => "SELECT $columns FROM http.backend_environments
        WHERE app_id = 'd00000000002'",
    all => "SELECT app_id, $columns FROM http.backend_environments",
    join => "SELECT app, $columns FROM inventory
        LEFT JOIN http.backend_environments
        ON app_id = app AND environment_name = env",
    lost => "SELECT $columns FROM http.backend_environments
        WHERE app_id = 'd00000000009' AND environment_name = 'test'");

sub rows_of
{
    my ($result) = @_;

    return join "\n", sort map { join '|', map { $_ // 'NULL' } @$_ }
        @{ $result->{rows} };
}

my %expected = map { $_ => rows_of($session->query($queries{$_})) }
    keys %queries;

# ---- torture ----

# How a session is when memory begins to fail
my %states = (
    # nothing has been initialized but the library
    cold => sub {
        $session->close;
        $session = connect_to($node);
        $session->rows('SELECT amplify_fdw_version()');
    },
    # there is a connection
    warm => sub {
        my ($query) = @_;
        my $rows = rows_of($session->query($queries{$query}));

        $rows eq $expected{$query} or croak "a good $query gives $rows";
    },
    # there is nothing but the library, and all of its own has been initialized
    forgotten => sub {
        $session->rows('SELECT amplify_fdw_disconnect_all()');
    });

# What an error may be: out of memory, as we say it or as libcurl does; of a
# role, that is why it could not be assumed
my $allowed = qr/^(?:HV001|HV00N|HV00M)$/;
my $allowed_role = qr/^(?:HV001|HV00N|HV00M|28000)$/;

# One query with its allocation number $first out of memory, and those after it
# if sticky.  Returns whether any was, and counts what became of it.
sub fails_at
{
    my ($query, $state, $first, $sticky, $ends) = @_;

    $states{$state}->($query);
    arm($session, $first, $sticky);
    my $result = $session->query($queries{$query});
    my ($count, $failed) = disarm();
    my $sqlstate = Session::state_of($result);
    my $where = "$query, $state, allocation $first"
        . ($sticky ? ' and all after' : '');

    if ($failed == 0)
    {
        push @{ $ends->{bad} }, "$where: " . Session::describe($result)
            if rows_of($result) ne $expected{$query};
        return 0;
    }
    if ($sqlstate eq '00000')
    {
        push @{ $ends->{bad} }, "$where: other rows"
            if rows_of($result) ne $expected{$query};
    }
    elsif ($sqlstate !~ ($query eq 'role' ? $allowed_role : $allowed))
    {
        push @{ $ends->{bad} }, "$where: " . Session::describe($result);
    }
    $ends->{$sqlstate}++;
    my $ailment = ailment($session, 'http');
    # If memory is out when OpenSSL starts, it is lost to the session.
    if ($state eq 'cold' && $ailment =~ /gives HV001/)
    {
        $states{cold}->();
        $ailment = ailment($session, 'http');
    }
    push @{ $ends->{bad} }, "$where: afterwards, $ailment" if $ailment ne '';
    return 1;
}

my @cases = ([qw(keyed warm)], [qw(join warm)], [qw(tls warm)],
    [qw(role forgotten)]);
push @cases, [qw(list warm)], [qw(lost warm)], [qw(all warm)],
    [qw(keyed cold)], [qw(tls cold)]
    if $ENV{MALLOC_ALL};

for my $case (@cases)
{
    my ($query, $state) = @$case;

    for my $sticky (0, 1)
    {
        my %ends = (bad => []);
        my $first = 1;

        $first++ while fails_at($query, $state, $first, $sticky, \%ends);
        my @bad = @{ delete $ends{bad} };
        my $name = sprintf '%s, %s, %d allocations%s', $query, $state,
            $first - 1, $sticky ? ' and all after' : '';

        is("@bad[0 .. ($#bad < 9 ? $#bad : 9)]", '', $name);
        cmp_ok($first, '>', 10, '... which are some');
        note join ', ', map { "$_ $ends{$_}" } sort keys %ends;
    }
}

done_testing();
