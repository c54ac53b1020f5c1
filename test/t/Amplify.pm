# Amplify.pm
#     A private server with amplify_fdw in it, and what a backend holds.
package Amplify;

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    new_node shim preload connect_to add_server alter_server
    warm_up ailment harm
    descriptors handles resident most_resident anonymous threads
    poll_until is_waiting median
);

use constant {
    ACCESS_KEY_ID     => 'AKIDEXAMPLE',
    SECRET_ACCESS_KEY => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    POLL_TIMEOUT      => 60,
};

# ---- servers ----

my @nodes;

# A started server.  conf => further lines of postgresql.conf, initdb => [...],
# streaming => 1 if it is to have standbys, shim => what shim() has made
sub new_node
{
    my ($name, %param) = @_;
    local $ENV{LD_PRELOAD} = join ' ', grep { defined && length }
        $param{shim}, $ENV{LD_PRELOAD};
    my $node = PostgreSQL::Test::Cluster->new($name);

    $node->init(
        extra => $param{initdb} || [ '--encoding=UTF8', '--locale=C' ],
        allows_streaming => $param{streaming});
    # PostgreSQL::Test logs all statements, those with secrets, too.
    $node->append_conf('postgresql.conf',
        "log_statement = none\n" . ($param{conf} || ''));
    $node->start;
    push @nodes, $node;
    Session->new($node)->rows('CREATE EXTENSION amplify_fdw');
    return $node;
}

# Compile NAME.c beside the test, to stand between a server and its libraries.  They
# talk by files of that folder.
sub shim
{
    my ($name, $dir, @flags) = @_;

    system_or_bail($ENV{CC} || 'cc', qw(-O2 -Wall -Wextra -shared -fPIC), @flags,
        '-o', "$dir/$name.so", "$FindBin::RealBin/$name.c", '-ldl');
    $ENV{AMPLIFY_SHIM_DIR} = $dir;
    return "$dir/$name.so";
}

# Have the postmaster load the library, by a restart; or, by another setting, each
# session.  Its name is the path that a session has found it at, for which setting
# leads there depends on the version.
sub preload
{
    my ($node, $setting) = @_;
    my $session = Session->new($node);

    $session->rows('SELECT amplify_fdw_version()');
    my ($library) = slurp_file('/proc/' . $session->pid . '/maps') =~ m{ (/.*/amplify_fdw)[.]so$}m;
    $session->close;
    $node->append_conf('postgresql.conf', ($setting || 'shared_preload_libraries') . " = '$library'");
    $setting ? $node->reload : $node->restart;
    return;
}

# PostgreSQL::Test would stop them later and at once, so that backends that are
# left could not write down what coverage.sh counts.
END
{
    my $status = $?;

    $_->stop('fast', fail_ok => 1) for @nodes;
    $? = $status;
}

sub connect_to
{
    my ($node, %param) = @_;

    return Session->new($node, %param);
}

# A foreign server with the mock's credentials and its tables in a schema of
# the same name.  All but url and mapping are options of the server.
sub add_server
{
    my ($session, $name, $url, %options) = @_;
    my $mapping = delete $options{mapping}
        || { access_key_id => ACCESS_KEY_ID,
             secret_access_key => SECRET_ACCESS_KEY };

    %options = (region => 'us-east-1', endpoint_url => $url, %options);
    $session->rows("CREATE SERVER $name FOREIGN DATA WRAPPER amplify_fdw "
        . _options(%options));
    $session->rows("CREATE USER MAPPING FOR CURRENT_USER SERVER $name "
        . _options(%$mapping));
    $session->rows("CREATE SCHEMA $name");
    $session->rows("IMPORT FOREIGN SCHEMA amplify FROM SERVER $name INTO $name");
    return;
}

sub _options
{
    my (%options) = @_;

    return 'OPTIONS ('
        . join(', ', map { "$_ '$options{$_}'" } sort keys %options) . ')';
}

# ---- what must work before and after ----

use constant GOOD_QUERY =>
    q{SELECT environment_name, region FROM %s.backend_environments
      WHERE app_id = 'd00000000001' AND environment_name IN ('dev', 'nil')};

# Rows of a query with a response that is known (of a mock with
# --generate 1,2 or more).
sub good_query
{
    my ($session, $server) = @_;
    my $result = $session->query(sprintf GOOD_QUERY, $server);

    return Session::state_of($result) . ': '
        . join ', ', map { join ' ', @$_ } @{ $result->{rows} };
}

use constant GOOD_ANSWER => '00000: dev us-east-1';

# What the backend holds once it has asked that server.  Connections are kept
# for reuse, as many as it happened to need; those that don't count.
sub warm_up
{
    my ($session, $server) = @_;

    $session->rows('SELECT amplify_fdw_disconnect_all()');
    croak 'the good query fails: ' . good_query($session, $server)
        if good_query($session, $server) ne GOOD_ANSWER;
    return descriptors($session->pid);
}

# What is wrong after a failure: the session must answer the good query, and no
# request be left.  '' if all is well.
sub ailment
{
    my ($session, $server) = @_;
    my $answer = good_query($session, $server);
    my $handles = handles($session);

    return "the good query gives $answer" if $answer ne GOOD_ANSWER;
    return "$handles handles in use"      if $handles != 0;
    return '';
}

# As before, and the backend must hold what warm_up() has said.
sub harm
{
    my ($session, $server, $before) = @_;
    my $ailment = ailment($session, $server);

    return $ailment if $ailment ne '';
    my $after = warm_up($session, $server);
    return $after eq $before ? '' : "holds $after, before $before";
}

# ---- what a backend holds; the server runs as the same user as the test ----

# Its sockets, pipes and the like, by kind: "anon_inode:[eventpoll] 2, ...".
# Files don't count: the server opens and closes those as it likes.
sub descriptors
{
    my ($pid) = @_;
    my %count;

    opendir my $dir, "/proc/$pid/fd" or croak "/proc/$pid/fd: $!";
    for my $fd (readdir $dir)
    {
        my $target = readlink "/proc/$pid/fd/$fd";

        next if !defined $target || $target =~ m{^/};
        $count{ $target =~ s/:\[\d+\]$//r }++;
    }
    closedir $dir;
    return join ', ', map { "$_ $count{$_}" } sort keys %count;
}

sub handles
{
    my ($session) = @_;

    return $session->value(
        'SELECT coalesce(sum(handles_in_use), 0) FROM amplify_fdw_stats()');
}

# kB of memory
sub resident
{
    my ($pid) = @_;

    return _status($pid, 'VmRSS');
}

# ... at the most, so far
sub most_resident
{
    my ($pid) = @_;

    return _status($pid, 'VmHWM');
}

# Of it, what is the backend's own
sub anonymous
{
    my ($pid) = @_;

    return _status($pid, 'RssAnon');
}

sub threads
{
    my ($pid) = @_;

    return _status($pid, 'Threads');
}

sub _status
{
    my ($pid, $name) = @_;

    open my $fh, '<', "/proc/$pid/status" or croak "/proc/$pid/status: $!";
    while (my $line = <$fh>)
    {
        return $1 if $line =~ /^\Q$name\E:\s+(\S+)/;
    }
    croak "no $name in /proc/$pid/status";
}

# ---- waiting ----

# For what nobody reports: look often, but not for ever.
sub poll_until
{
    my ($condition, $what) = @_;
    my $deadline = time + POLL_TIMEOUT;

    until ($condition->())
    {
        croak "in vain: waiting for $what" if time > $deadline;
        sleep 0.002;
    }
    return;
}

# Wait until a backend waits for the network; ask by another session.
sub is_waiting
{
    my ($asker, $pid) = @_;

    poll_until(
        sub {
            $asker->value(
                "SELECT coalesce(wait_event_type, '') FROM pg_stat_activity
                 WHERE pid = $pid") eq 'Extension';
        },
        "backend $pid to wait");
    return;
}

sub median
{
    my @sorted = sort { $a <=> $b } @_;

    return $sorted[ @sorted / 2 ];
}

1;
