# What a mapping's secrets were copied into is overwritten before it is freed: after
# DISCARD ALL, a backend has only PostgreSQL's own copies of them, in its cache of
# the catalog.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

# In pieces, so that this test's own query is none of the copies
my %secret = (
    secret_access_key => 'Wiped' . 'Secret/+0123456789abcdefghijklmnopqrs',
    session_token => 'Wiped' . 'Token//+' . '0123456789abcdefghijklmnopqrstuvwxyz' x 8,
    proxy_password => 'Wiped' . 'Password0123456789abcdefghijklmnop',
);

# How often the text is in what the backend has of its own; undef if that
# can't be read
sub copies
{
    my ($pid, $text) = @_;
    my $count = 0;

    open my $maps, '<', "/proc/$pid/maps" or return;
    open my $mem, '<:raw', "/proc/$pid/mem" or return;
    while (my $line = <$maps>)
    {
        next if $line !~ /^([0-9a-f]+)-([0-9a-f]+) rw-p/;
        no warnings qw(portable);
        my ($from, $to) = (hex $1, hex $2);

        sysseek $mem, $from, 0 or return;
        sysread $mem, my $bytes, $to - $from or next;
        $count++ while $bytes =~ /\Q$text\E/g;
    }
    return $count;
}

# So long that the catalog compresses it
my $long_token = 'Wiped' . 'Long' . '0123456789abcdefghijklmnopqrstuvwxyz' x 260;

# PostgreSQL's own; what is compressed is none
sub own_copies
{
    my ($server) = @_;

    return $server eq 'long' ? 0 : 1;
}

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '1,2', map { ('--credential', $_) }
        "AKIDWIPED:$secret{secret_access_key}:$secret{session_token}",
        "AKIDLONG:$secret{secret_access_key}:$long_token" ]);
chomp(my $include = `"\${PG_CONFIG:-pg_config}" --includedir-server`);
my $shim = shim('freed_shim', PostgreSQL::Test::Utils::tempdir(), '-O1', "-I$include");
my $node = new_node('wiped', shim => $shim);
my $boss = connect_to($node);

plan skip_all => 'the memory of a backend cannot be read here'
    unless defined copies($boss->pid, 'x' x 64);

$boss->rows(qq{
    CREATE FUNCTION look_for(text, text) RETURNS void AS '$shim' LANGUAGE C;
    CREATE FUNCTION freed_with_it() RETURNS bigint AS '$shim' LANGUAGE C});

my %mapping = (access_key_id => 'AKIDWIPED', %secret, proxy_user => 'someone');
add_server($boss, 'aws', $mock->url, mapping => \%mapping);
$boss->rows(q{
    CREATE SERVER source FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
    CREATE USER MAPPING FOR CURRENT_USER SERVER source OPTIONS (source_server 'aws')});
$boss->rows(sprintf q{ALTER SERVER source OPTIONS (ADD endpoint_url '%s')}, $mock->url);
$boss->rows('CREATE SCHEMA source; IMPORT FOREIGN SCHEMA amplify FROM SERVER source INTO source');

add_server($boss, 'long', $mock->url,
    mapping => { %mapping, access_key_id => 'AKIDLONG', session_token => $long_token });

for my $server (qw(aws source long))
{
    my $session = connect_to($node);
    my %secret = (%secret, $server eq 'long' ? (session_token => $long_token) : ());
    my $rows = "SELECT count(*) FROM $server.backend_environments WHERE app_id = 'd00000000001'";

    $session->rows(sprintf q{SELECT look_for('Wiped', '%s')},
        $server eq 'long' ? 'Long0123456789' : 'Secret/+0123456789');
    is($session->value($rows), 2, "$server: it works");
    for my $name (sort keys %secret)
    {
        cmp_ok(copies($session->pid, $secret{$name}), '>', own_copies($server),
            "$server: $name is in the session's memory");
    }
    $session->rows('DISCARD ALL');
    for my $name (sort keys %secret)
    {
        cmp_ok(copies($session->pid, $secret{$name}), '<=', own_copies($server),
            "$server: $name, after DISCARD ALL");
    }
    is($session->value('SELECT freed_with_it()'), 0, "$server: nor was it in what was freed");
}

done_testing();
