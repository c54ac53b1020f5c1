# A transfer that libcurl has and will never run again, with no timer and no socket
# for it: what has been seen of several versions when memory was refused, and might
# come of any fault there.  No statement waits for it longer than for a server that
# doesn't answer, and none at all if memory was refused.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => $dir, args => [ '--generate', '4,2', '--cert',
        "$certs/server.pem", '--key', "$certs/server.key" ]);
my $node = new_node('forgotten', shim => shim('forget_shim', $dir));
# what would be for ever is an error after that
my $session = connect_to($node, statement_timeout => '60s');

my %role = (sts_endpoint_url => $mock->url, mapping => {
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY,
    role_arn => 'arn:aws:iam::111122223333:role/reader' });
# a second, so that a loaded machine is no server that doesn't answer
my %hasty = (request_timeout => 1000, max_attempts => 1);
my %patient = (request_timeout => '10min', connect_timeout => '10min');

add_server($session, 'hasty', $mock->url, %hasty);
add_server($session, 'again', $mock->url, %hasty, max_attempts => 3);
add_server($session, 'patient', $mock->url, %patient);
add_server($session, 'tls', $mock->tls_url, %hasty, ca_bundle => "$certs/ca.pem");
add_server($session, 'hasty_role', $mock->url, %hasty, %role);
add_server($session, 'patient_role', $mock->url, %patient, %role);
$session->rows(q{CREATE TABLE inventory AS
    SELECT 'd' || lpad(n::text, 11, '0') AS app FROM generate_series(1, 4) n});

my %statements = (
    Get => q{SELECT environment_name FROM %1$s.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = 'dev'},
    List => q{SELECT environment_name FROM %1$s.backend_environments
        WHERE app_id = 'd00000000001'},
    join => q{SELECT app, e.environment_name FROM inventory
        LEFT JOIN %1$s.backend_environments e
        ON e.app_id = app AND e.environment_name = 'dev'},
    Append => q{SELECT 1, app_id FROM %1$s.backend_environments
            WHERE app_id = 'd00000000001' AND environment_name = 'dev'
        UNION ALL
        SELECT 2, app_id FROM again.backend_environments
            WHERE app_id = 'd00000000002' AND environment_name = 'dev'},
);

sub end_of
{
    my ($what, $server) = @_;
    my $result = $session->query(sprintf $statements{$what}, $server);

    return Session::state_of($result) . ' ' . join ', ',
        sort map { join ' ', map { $_ // 'NULL' } @$_ } @{ $result->{rows} };
}

# How a statement ends on that server if its transfers are so forgotten
sub forgetting
{
    my ($letters, $what, $server) = @_;

    # so that a role's keys are asked for anew
    $session->rows('SELECT amplify_fdw_disconnect_all()') if $server =~ /role/;
    append_to_file("$dir/forget", $letters);
    my $end = end_of($what, $server);
    unlink "$dir/forget";
    return $end;
}

my $before = warm_up($session, 'patient');
my %good = map { $_ => end_of($_, 'patient') } keys %statements;

# Each row: which transfers, of what, on which server, and SQLSTATE or "rows"
my @cases = (
    # a server that doesn't answer, as far as can be seen
    [qw(b Get hasty HV00N)],
    [qw(a Get hasty HV00N)],
    [qw(b Get tls HV00N)],
    [qw(a Get tls HV00N)],
    [qw(b List hasty HV00N)],
    [qw(.b join hasty HV00N)],
    [qw(.a join hasty HV00N)],
    [qw(b Append hasty HV00N)],
    [qw(.b Append hasty rows)],
    [qw(bb Append again rows)],
    [qw(aa Append again rows)],
    [qw(b Get hasty_role 28000)],
    [qw(.b Get hasty_role HV00N)],
    # then it is asked again
    [qw(b Get again rows)],
    [qw(a Get again rows)],
    [qw(bbb Get again HV00N)],
    [qw(.b.b join again rows)],
    [qw(a..a join again rows)],
    # memory that is out, which is said at once; what is read ahead of that, and
    # failed, is asked again
    [qw(m Get patient HV001)],
    [qw(m List patient HV001)],
    [qw(..m join patient rows)],
    [qw(m Append patient HV001)],
    [qw(m Get patient_role HV001)],
    [qw(.m Get patient_role HV001)],
);

for my $case (@cases)
{
    my ($letters, $what, $server, $expected) = @$case;
    my $end = forgetting($letters, $what, $server);

    like($end, $expected eq 'rows' ? qr/^\Q$good{$what}\E$/ : qr/^$expected /,
        "$letters, $what, $server");
    is(ailment($session, 'patient'), '', '... and the session goes on');
}
is(harm($session, 'patient', $before), '', 'it is as before');

# ---- what is left out ----

$session->rows("ALTER FOREIGN TABLE $_.backend_environments OPTIONS (ADD on_error 'warn')")
    for qw(hasty patient);
like(forgetting('.b', 'join', 'hasty'), qr/^00000 (?:d\d+ dev, ){1}d\d+ NULL(?:, d\d+ dev){2}$/,
    'a warning, and one row without');
like(forgetting('m', 'Get', 'patient'), qr/^HV001 /, '... but not if memory is out');

# ---- a cursor that nobody fetches from meanwhile ----

append_to_file("$dir/forget", 'b');
$session->rows('BEGIN');
$session->rows('DECLARE c CURSOR FOR ' . sprintf $statements{join}, 'again');
is(scalar @{ $session->rows('FETCH 1 FROM c') }, 1, 'a cursor has its first row');
is(scalar @{ $session->rows('FETCH ALL FROM c') }, 3, '... and all others');
$session->rows('COMMIT');
unlink "$dir/forget";

done_testing();
