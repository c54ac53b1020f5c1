# Pooler.pm
#     pgbouncer or pgpool-II in front of a server.  Session->new() takes what
#     start() returns for a node.
package Pooler;

use strict;
use warnings;

use Amplify;
use Carp qw(croak);
use IO::Socket::UNIX;
use POSIX ();
use PostgreSQL::Test::Utils;

use constant PORT => 6432;    # of a socket in a folder of its own

$ENV{PATH} .= ':/usr/sbin';     # where Debian has them

sub is_there { return system("$_[1] --version > /dev/null 2>&1") == 0; }

# Pooler->pgbouncer(node => NODE, users => [...], pools => { NAME => SETTINGS }): the
# pools are its databases.  Of each, there is one session of the server for each
# user, so that whoever comes next gets what the one before has had.
sub pgbouncer
{
    my ($class, %param) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir_short;
    my $server = 'host=' . $param{node}->host . ' port=' . $param{node}->port . ' dbname=postgres';

    append_to_file("$dir/users", join '', map { qq("$_" ""\n) } @{ $param{users} });
    append_to_file("$dir/settings", join "\n", '[databases]',
        (map { "$_ = $server $param{pools}{$_}" } sort keys %{ $param{pools} }),
        '[pgbouncer]', 'listen_addr =', "unix_socket_dir = $dir", 'listen_port = ' . PORT,
        'auth_type = trust', "auth_file = $dir/users", 'default_pool_size = 1', '');
    return $class->_start($dir, 'KILL', 'pgbouncer', "$dir/settings");
}

# Pooler->pgpool(node => NODE, SETTING => VALUE, ...)
sub pgpool
{
    my ($class, %param) = @_;
    my $dir = PostgreSQL::Test::Utils::tempdir_short;
    my $node = delete $param{node};

    %param = (
        backend_clustering_mode => 'raw',
        backend_hostname0 => $node->host, backend_port0 => $node->port,
        listen_addresses => '', pcp_listen_addresses => '', port => PORT,
        # in version 4.3, and in later ones
        socket_dir => $dir, unix_socket_directories => $dir, pcp_socket_dir => $dir,
        memqcache_oiddir => $dir, work_dir => $dir, logdir => $dir, pid_file_name => "$dir/pid",
        sr_check_period => 0, num_init_children => 2, %param);
    append_to_file("$dir/settings", join '', map { "$_ = '$param{$_}'\n" } sort keys %param);
    # its processes end with the first one, unless that is killed
    return $class->_start($dir, 'INT', 'pgpool', '-n', '-f', "$dir/settings", '-a', '/dev/null',
        '-F', '/dev/null');
}

sub host { return $_[0]->{dir}; }
sub port { return PORT; }

# Starts a program and waits until it is ready.  The signal ends it, also when the
# test has been killed.
sub _start
{
    my ($class, $dir, $end, @command) = @_;
    my $self = bless { dir => $dir, end => $end }, $class;
    my $log = "$PostgreSQL::Test::Utils::log_path/$command[0].log";

    $self->{pid} = fork // croak "fork: $!";
    if ($self->{pid} == 0)
    {
        open STDIN, '<', '/dev/null' or POSIX::_exit(1);
        open STDOUT, '>', $log or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        exec 'setpriv', '--pdeathsig', $end, @command or POSIX::_exit(1);
    }
    poll_until(
        sub { defined IO::Socket::UNIX->new(Peer => "$dir/.s.PGSQL." . PORT) },
        "$command[0] to be ready");
    return $self;
}

sub DESTROY
{
    my ($self) = @_;

    local $?;
    kill $self->{end}, $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}

1;
