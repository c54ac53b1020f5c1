# Credentials are a state of a call: those of many servers are looked up side by
# side, once for all that would look up the same, and whoever has begun a lookup
# may end before it does.
#
# Nothing here is proved by a clock: STS holds its responses back until as many
# requests have come as are to come, and then they are released.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use Mock;
use PostgreSQL::Test::Utils;
use Proxy;
use Test::More;

use constant {
    ROLES => 30,
    OTHER => 'SecretOfAnotherKey/0123456789+abcdefghij',
};

my $mock = new_mock('--any-region',
    '--credential', Amplify::ACCESS_KEY_ID . ':' . Amplify::SECRET_ACCESS_KEY,
    '--credential', 'AKIDOTHER:' . OTHER);
my $url = $mock->url;
my $home = new_place();
my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('credential_concurrent', conf => "jit = off\n");
my $admin = connect_to($node);
my $session;
my $servers = 0;
my %keys = (
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY);
my %role = (%keys, role_arn => ROLE);

# ---- tools ----

sub options
{
    my (%options) = @_;

    return %options ? 'OPTIONS ('
        . join(', ', map { "$_ '$options{$_}'" } sort keys %options) . ')' : '';
}

# A table "all_apps" whose partitions are of servers s1, s2 ...; for each of
# them the options of its mapping, and of the server after "server."
sub with_servers
{
    my (@mappings) = @_;
    my @sql = ('DROP TABLE IF EXISTS all_apps',
        'CREATE TABLE all_apps (n integer, app_id text) PARTITION BY LIST (n)');

    push @sql, "DROP SERVER IF EXISTS s$_ CASCADE" for 1 .. $servers;
    $servers = @mappings;
    for my $n (1 .. $servers)
    {
        my %mapping = %{ $mappings[ $n - 1 ] };
        my %server = (region => 'us-east-1', endpoint_url => $url,
            sts_endpoint_url => $url, max_attempts => 1);

        for my $name (grep { /^server\./ } keys %mapping)
        {
            my $value = delete $mapping{$name};

            $server{ $name =~ s/server\.//r } = $value;
        }
        delete $server{$_} for grep { !defined $server{$_} } keys %server;
        push @sql, "CREATE SERVER s$n FOREIGN DATA WRAPPER amplify_fdw
                ${\options(%server)}",
            "CREATE USER MAPPING FOR CURRENT_USER SERVER s$n
                ${\options(%mapping)}",
            "CREATE FOREIGN TABLE apps_$n PARTITION OF all_apps
                FOR VALUES IN ($n) SERVER s$n
                OPTIONS (resource 'apps', on_error 'error')";
    }
    $admin->rows(join '; ', @sql);
    $mock->reset;
    $session = connect_to($node);
    return;
}

sub warn_all
{
    $admin->rows("ALTER FOREIGN TABLE apps_$_ OPTIONS (SET on_error 'warn')")
        for 1 .. $servers;
    return;
}

# STS says nothing more until the mock is told to release it
sub hold
{
    my ($n) = @_;

    $mock->fault(op => 'STS.AssumeRole', n => $n // -1, stall => 'request');
    return;
}

sub assumed { return $mock->calls('STS.AssumeRole'); }

sub count_apps
{
    my ($servers_) = @_;

    return $session->query('SELECT count(*), count(DISTINCT t) FROM ('
        . join(' UNION ALL ', map { "SELECT tableoid AS t, app_id FROM apps_$_" }
            $servers_ ? @$servers_ : 1 .. $servers) . ') x');
}

# A Get by each of the servers, one statement after the other
sub ask_each
{
    return map {
        $session->value("SELECT app_id FROM apps_$_ WHERE app_id = 'd00000000001'")
    } 1 .. $servers;
}

sub row { return join ' ', map { $_ // '' } @{ $_[0]->{rows}[0] || [] }; }

# Cursors that begin with server 1, which needs no role, so that a FETCH ends
# while the roles of the others are on their way
sub open_cursor
{
    my ($name) = @_;

    $session->rows('SET cursor_tuple_fraction = 1');
    $session->rows("DECLARE $name CURSOR FOR
        SELECT tableoid::regclass, app_id FROM all_apps");
    is($session->rows("FETCH 1 FROM $name")->[0][0], 'apps_1',
        "$name: a row of server 1");
    return;
}

# What a FETCH has begun may be unsent when it ends; a statement goes on with it.
sub wait_asked
{
    my $tries = 1000;

    $session->rows(q{SELECT FROM apps_1 WHERE app_id = 'd00000000001'})
        while $mock->say('held') == 0 && $tries-- > 0;
    $mock->wait_held(1);
    return;
}

sub rest_of
{
    my ($name) = @_;
    my $result = $session->query("FETCH ALL FROM $name");

    return Session::state_of($result) . ': ' . @{ $result->{rows} } . ' rows';
}

# What the second server of three cursors' tests gives, and the third
use constant REST => '00000: ' . (20 * 3 - 1) . ' rows';

# ---- side by side ----

with_servers(map { { %role, role_arn => ROLE . "-$_" } } 1 .. ROLES);
hold();
$session->send('SELECT count(*), count(DISTINCT tableoid) FROM all_apps');
$mock->wait_held(ROLES);
is($mock->calls('ListApps'), 0, 'roles: no call without its role');
$mock->release;
is(row($session->result), 20 * ROLES . ' ' . ROLES, 'roles: all rows');
is(assumed(), ROLES, 'roles: each is assumed once');
is(handles($session), 0, 'roles: nothing is left');
is(row(count_apps()), 20 * ROLES . ' ' . ROLES, 'roles: again');
is(assumed(), ROLES, 'roles: they are kept');

# Those that are there are used while others are missing
with_servers({%keys}, map { { %role, role_arn => ROLE . "-$_" } } 2, 3);
hold(1);
$session->send('SELECT count(*), count(DISTINCT tableoid) FROM all_apps');
$mock->wait_held(1);
poll_until(sub { $mock->calls('ListApps') == 2 }, 'the calls of two servers');
$mock->release;
is(row($session->result), 20 * 3 . ' 3', 'one late role: all rows');

# Chains of a profile, and what a machine has
write_file("$home/.aws/credentials", <<"END");
[keys]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = ${\Amplify::SECRET_ACCESS_KEY}
[second]
role_arn = ${\ROLE}-second
source_profile = keys
[first]
role_arn = ${\ROLE}-first
source_profile = second
END
my $web_token = write_file("$home/web-token", 'web-identity-token');
my @off = (AWS_EC2_METADATA_DISABLED => 'true');

for my $case (
    [ 'a profile', [@off], { profile => 'first' }, 'STS.AssumeRole 2' ],
    [ 'a profile and a role', [@off], { profile => 'first', role_arn => ROLE },
        'STS.AssumeRole 3' ],
    [ 'a web identity', [ @off, AWS_ROLE_ARN => ROLE,
            AWS_WEB_IDENTITY_TOKEN_FILE => $web_token ],
        { ambient_credentials => 'true' }, 'STS.AssumeRoleWithWebIdentity 1' ],
    [ 'a container', [ @off,
            AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/container/x" ],
        { ambient_credentials => 'true' }, 'Container.credentials 1' ],
    [ 'an instance', [ AWS_EC2_METADATA_SERVICE_ENDPOINT => $url ],
        { ambient_credentials => 'true' },
        'IMDS.credentials 1, IMDS.role 1, IMDS.token 1' ],
    [ 'an instance and a role', [ AWS_EC2_METADATA_SERVICE_ENDPOINT => $url ],
        { ambient_credentials => 'true', role_arn => ROLE },
        'IMDS.credentials 1, IMDS.role 1, IMDS.token 1, STS.AssumeRole 1' ])
{
    my ($what, $variables, $mapping, $calls) = @$case;

    restart_with($node, HOME => $home, @$variables);
    $admin = connect_to($node);
    with_servers(({%$mapping}) x 3);
    is(row(count_apps()), '60 3', "$what, three servers: rows");
    is(calls_of($mock) =~ s/^ListApps 3, |, ListApps 3//r, $calls,
        "$what, three servers: looked up once");
}
restart_with($node, HOME => $home, @off);
$admin = connect_to($node);

# ---- what is shared ----
#
# what differs between two servers, options of the one and the other, and how
# often a role is assumed: by statements of their own, and by one

my $proxy = Proxy->start(dir => $dir);

for my $case (
    [ 'nothing', {}, {}, 1 ],
    [ 'the region', {}, { 'server.region' => 'eu-west-1' }, 1 ],
    [ 'the region of another partition', {}, { 'server.region' => 'cn-north-1' }, 1 ],
    [ 'the proxy', {}, { 'server.proxy' => $proxy->url }, 1 ],
    [ 'limits', {}, { 'server.max_attempts' => 5, 'server.request_timeout' => 7000 }, 1 ],
    [ 'the role', {}, { role_arn => ROLE . '-2' }, 2 ],
    [ 'the name of the session', {}, { role_session_name => 'another' }, 2 ],
    [ 'the duration', { role_duration => '1h' }, { role_duration => '2h' }, 2 ],
    [ 'the key', {}, { access_key_id => 'AKIDOTHER', secret_access_key => OTHER }, 2 ],
    [ 'the STS', {}, { 'server.sts_endpoint_url' => "$url/" }, 2 ],
    [ 'the authority', {}, { 'server.ca_bundle' => '/etc/ssl/certs/ca-certificates.crt' }, 2 ])
{
    my ($what, $one, $other, $calls) = @$case;

    with_servers({ %role, %$one }, { %role, %$other });
    is(join(' ', ask_each()), 'd00000000001 d00000000001', "$what differs: rows");
    is(assumed(), $calls, "$what differs: assumed");
    with_servers({ %role, %$one }, { %role, %$other });
    hold();
    $session->send('SELECT count(*), count(DISTINCT tableoid) FROM all_apps');
    $mock->wait_held($calls);
    $mock->release;
    is(row($session->result), '40 2', "$what differs, in one statement: rows");
    is(assumed(), $calls, "$what differs, in one statement: assumed");
}

# STS wants one external id, so that the other server's role fails.
with_servers(({ %role, external_id => 'mine' }) x 2, { %role, external_id => 'theirs' });
$mock->say('keys', external_id => 'mine');
is(row(count_apps([ 1, 2 ])), '40 2', 'the external id: rows of those who have it');
is(Session::state_of(count_apps([3])), '28000', 'the external id: not of the other');
is(assumed(), 2, 'the external id: assumed');

# Whoever knows another secret has another identity.
with_servers({%role}, { %role, secret_access_key => 'wrong' });
is(row(count_apps([1])), '20 1', 'the secret: who has it');
is(Session::state_of(count_apps([2])), '28000', 'the secret: who has not');

# Users whose mappings say the same share it; each has their own connection.
with_servers({%role});
$admin->rows('DROP ROLE IF EXISTS low; CREATE ROLE low; GRANT USAGE ON FOREIGN SERVER s1 TO low;
    GRANT SELECT ON all_apps, apps_1 TO low');
$admin->rows("CREATE USER MAPPING FOR low SERVER s1 ${\options(%role)}");
ask_each();
$session->rows('SET ROLE low');
is((ask_each())[0], 'd00000000001', 'another user: row');
is(assumed(), 1, 'another user with the same keys and role: assumed once');
$session->rows('RESET ROLE');
is($session->value(q{SELECT count(DISTINCT user_name) FROM amplify_fdw_connections()
    WHERE server_name = 's1'}), 2, '... and each has a connection of their own');

# Nobody joins an identity when a connection that uses it has been dropped: it may be
# time for another one.
for my $n (1, 2)
{
    with_servers(({%role}) x 3);
    is(row(count_apps([ 1, 2 ])), '40 2', "server $n is disconnected: two share a role");
    $session->rows("BEGIN; DECLARE c CURSOR FOR SELECT app_id FROM apps_$n");
    $session->rows('FETCH 1 FROM c');
    $session->rows("SELECT amplify_fdw_disconnect('s$n')");
    is(row(count_apps([3])), '20 1', "server $n is disconnected: rows of a third one");
    is(assumed(), 2, '... which assumes the role anew');
    is(scalar @{ $session->rows('FETCH ALL FROM c') }, 19, '... and the cursor goes on');
    $session->rows('COMMIT');
}

# ---- a failure is shared by those who would go the same way ----

my $elsewhere = Proxy->start(dir => $dir);

for my $case (
    [ 'the same way', 1, {}, {}, {} ],
    [ 'other regions, the same STS', 1, {}, { 'server.region' => 'eu-west-1' },
        { 'server.region' => 'eu-west-2' } ],
    [ 'other proxies', 3, {}, { 'server.proxy' => $proxy->url },
        { 'server.proxy' => $elsewhere->url } ],
    [ 'two of one proxy', 2, {}, ({ 'server.proxy' => $proxy->url }) x 2 ])
{
    my ($what, $calls, @options) = @$case;

    with_servers(map { { %role, %$_ } } @options);
    warn_all();
    $mock->fault(op => 'STS.AssumeRole', n => -1, status => 403, code => 'AccessDenied');
    my $result = count_apps();
    is(Session::state_of($result) . ' ' . row($result), '00000 0 0', "$what: no row");
    is(scalar(grep { $_->{C} eq '28000' } @{ $result->{notices} }), 3,
        "$what: a warning for each server");
    is($session->value('SELECT count(*) FROM amplify_fdw_failures()'), 3,
        "$what: and a failure");
    is(assumed(), $calls, "$what: requests");
    is(row(count_apps()), '0 0', "$what: again");
    is(assumed(), 2 * $calls, "$what: the next statement asks again");
    $mock->reset;
    is(row(count_apps()), '60 3', "$what: and has it when it is there");
    is(assumed(), 1, "$what: once");
}

# Behind different proxies: the ones that have not failed yet ask side by side.
my $third = Proxy->start(dir => $dir);
with_servers(map { { %role, 'server.proxy' => $_->url } } $proxy, $elsewhere, $third);
warn_all();
$mock->fault(op => 'STS.AssumeRole', n => 1, status => 403, code => 'AccessDenied');
hold(2);
$session->send('SELECT count(*), count(DISTINCT tableoid) FROM all_apps');
$mock->wait_held(2);
$mock->release;
my $result = $session->result;
is(row($result), '40 2', 'one way of three fails: rows of the others');
is(scalar @{ $result->{notices} }, 1, '... and a warning of that one');
is(assumed(), 3, '... after three requests');

# Regions without an explicit STS have one each; a proxy that refuses all hears
# for whom it should have been.
my $refusing = Proxy->start(dir => $dir, refuse => '403 No');
with_servers(map { { %role, 'server.proxy' => $refusing->url,
        'server.sts_endpoint_url' => undef, 'server.region' => $_ } }
    'us-east-1', 'eu-west-1', 'eu-west-1', 'cn-north-1');
warn_all();
is(row(count_apps()), '0 0', 'no STS of any region: no rows');
is(join(' ', sort map { /^CONNECT (\S+):443 / ? $1 : () } $refusing->heard),
    'sts.cn-north-1.amazonaws.com.cn sts.eu-west-1.amazonaws.com sts.us-east-1.amazonaws.com',
    'no STS of any region: each was asked once');

# A signature of another region is not another region's failure.
with_servers({ %role, 'server.region' => 'eu-west-1' }, {%role});
warn_all();
$mock->fault(op => 'STS.AssumeRole', n => 1, status => 403, code => 'SignatureDoesNotMatch');
is(row(count_apps()), '20 1', 'the signature of one region fails: rows of the other');
is(assumed(), 2, 'the signature of one region fails: the other asks, too');
with_servers(({ %role, 'server.region' => 'eu-west-1' }) x 2);
warn_all();
$mock->fault(op => 'STS.AssumeRole', n => 1, status => 403, code => 'SignatureDoesNotMatch');
is(row(count_apps()), '0 0', 'the signature of the same region fails: no rows');
is(assumed(), 1, 'the signature of the same region fails: asked once');

# One broken role of three
with_servers(map { { %role, external_id => $_->[0], role_arn => ROLE . $_->[1] } }
    [ 'mine', '-1' ], [ 'theirs', '-2' ], [ 'mine', '-3' ]);
warn_all();
$mock->say('keys', external_id => 'mine');
$session->rows('BEGIN');
$result = $session->query('SELECT count(*), count(DISTINCT tableoid) FROM all_apps');
is(row($result), '40 2', 'one broken role of three: rows of the others');
is(join(' ', map { "$_->{C} $_->{M}" } @{ $result->{notices} }),
    '28000 could not get AWS credentials for server "s2" from the role in the user mapping',
    'one broken role of three: a warning');
is($session->value('SELECT string_agg(server_name, $$ $$) FROM amplify_fdw_failures()'), 's2',
    'one broken role of three: a failure');
is($session->value(q{SELECT string_agg(failed::text, ' ' ORDER BY server_name)
    FROM amplify_fdw_stats()}), '0 1 0', 'one broken role of three: counted');
$session->rows('COMMIT');

# Who may not have an identity does not get it by sharing, nor by a warning.
with_servers(({ profile => 'keys', role_arn => ROLE }) x 2);
warn_all();
is(join(' ', ask_each()), 'd00000000001 d00000000001', 'a profile: a superuser');
$admin->rows("GRANT USAGE ON FOREIGN SERVER s1 TO low; GRANT SELECT ON apps_1, apps_2 TO low;
    CREATE USER MAPPING FOR low SERVER s1 OPTIONS (profile 'keys', role_arn '${\ROLE}')");
ask_each();
$session->rows('SET ROLE low');
for my $n (1, 2)
{
    is(Session::state_of($session->query("SELECT app_id FROM apps_$n WHERE app_id = 'd00000000001'")),
        '42501', "a profile: s$n refuses others under on_error 'warn'");
}
$session->rows('RESET ROLE');

# ---- ahead of need, nobody hears of it ----

$admin->rows("CREATE TABLE wanted AS SELECT CASE WHEN i > 1 THEN 'd' || lpad(i::text, 11, '0')
        END AS id FROM generate_series(1, 20) i;
    ANALYZE wanted; GRANT SELECT ON wanted TO low");
for my $case (
    [ 'a role that fails', '28000', { %role, role_arn => ROLE . '-broken' } ],
    [ 'no keys', '28000', {} ],
    [ 'no right to them', '42501', { profile => 'keys' }, 'low' ])
{
    my ($what, $state, $mapping, $user) = @$case;

    with_servers($mapping);
    $mock->fault(op => 'STS.AssumeRole', n => -1, status => 403, code => 'AccessDenied');
    $admin->rows("GRANT USAGE ON FOREIGN SERVER s1 TO low; GRANT SELECT ON apps_1 TO low;
        CREATE USER MAPPING FOR low SERVER s1 ${\options(%$mapping)}")
        if $user;
    $session->rows("SET ROLE $user") if $user;
    my $joined = 'SELECT id, app_id FROM wanted LEFT JOIN apps_1 ON app_id = id';
    like(join(' ', map { $_->[0] } @{ $session->rows("EXPLAIN $joined") }),
        qr/AmplifyReadAhead/, "$what: the plan reads ahead");
    $session->rows("BEGIN; SET LOCAL cursor_tuple_fraction = 1;
        DECLARE ahead CURSOR FOR $joined");
    is(Session::state_of($session->query('FETCH 1 FROM ahead')), '00000',
        "$what: a row that needs none");
    is(Session::state_of($session->query('FETCH 1 FROM ahead')), $state,
        "$what: the next one");
    $session->rows('ROLLBACK');
}

# ---- interrupted ----

my $all = 'SELECT count(*), count(DISTINCT tableoid) FROM all_apps';

with_servers(map { { %role, role_arn => ROLE . "-$_" } } 1 .. 10);
my $before = descriptors($session->pid);
for my $how ('cancel', 'subtransaction', 'block')
{
    $mock->reset;
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    $session->rows('BEGIN; SAVEPOINT a') if $how eq 'subtransaction';
    hold(10);
    $session->send($how eq 'block' ? qq{DO \$\$ BEGIN
            BEGIN PERFORM * FROM ($all) x; EXCEPTION WHEN query_canceled THEN NULL; END;
            IF (SELECT count(*) FROM all_apps) <> 200 THEN RAISE 'rows are missing'; END IF;
        END \$\$} : $all);
    $mock->wait_held(10);
    $admin->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
    $result = $session->result;
    is(Session::state_of($result), $how eq 'block' ? '00000' : '57014', "$how: state");
    $session->rows('ROLLBACK TO a') if $how eq 'subtransaction';
    is(handles($session), 0, "$how: nothing is under way");
    is(row($session->query($all)), '200 10', "$how: then all rows");
    is(assumed(), 20, "$how: all roles were assumed anew");
    $session->rows('COMMIT') if $how eq 'subtransaction';
}

# ---- several statements wait for one identity ----

for my $case (
    [ 'both go on', sub { } ],
    [ 'the one that has begun is closed', sub { $_[0]->rows('CLOSE c1') }, 'c1' ],
    [ 'the other one is closed', sub { $_[0]->rows('CLOSE c2') }, 'c2' ],
    [ 'the one that has begun is rolled back',
        sub { $_[0]->rows('ROLLBACK TO b'); }, 'c1' ],
    [ 'the mapping is dropped', sub {
            $admin->rows('DROP USER MAPPING FOR CURRENT_USER SERVER s2');
        } ],
    [ 'the server is changed', sub {
            $admin->rows('ALTER SERVER s2 OPTIONS (SET max_attempts $$2$$)');
        } ],
    [ 'all is disconnected', sub { $_[0]->rows('SELECT amplify_fdw_disconnect_all()') } ])
{
    my ($what, $do, $closed) = @$case;

    with_servers({%keys}, ({%role}) x 2);
    hold(1);
    $session->rows('BEGIN');
    if ($what =~ /rolled back/)
    {
        # c2 is older than the savepoint, but asks after it
        $session->rows('SET cursor_tuple_fraction = 1; DECLARE c2 CURSOR FOR
            SELECT tableoid::regclass, app_id FROM all_apps; SAVEPOINT b');
        open_cursor('c1');
        wait_asked();
        $do->($session);
        is(scalar @{ $session->rows('FETCH 1 FROM c2') }, 1, "$what: a row of c2");
    }
    else
    {
        open_cursor('c1');
        wait_asked();
        open_cursor('c2');
        is(assumed(), 1, "$what: one request");
        $do->($session);
    }
    $mock->release;
    for my $name (grep { $_ ne ($closed // '') } 'c1', 'c2')
    {
        is(rest_of($name), REST, "$what: $name");
    }
    is(assumed(), $what =~ /rolled back/ ? 2 : 1, "$what: requests");
    $session->rows('COMMIT');
    is(handles($session), 0, "$what: nothing is left");
    $result = count_apps();
    is(Session::state_of($result), $what =~ /mapping/ ? '28000' : '00000',
        "$what: the next statement");
}

# The connection that it is made over goes away: the next one that waits begins
# anew.
with_servers({%keys}, ({%role}) x 2);
hold(1);
$session->rows('SET cursor_tuple_fraction = 1; BEGIN');
for my $n (2, 3)
{
    $session->rows("DECLARE c$n CURSOR FOR
        SELECT app_id FROM apps_1 UNION ALL SELECT app_id FROM apps_$n");
    $session->rows("FETCH 1 FROM c$n");
    wait_asked();
}
is(assumed(), 1, 'over the connection of another: one request');
$session->rows('CLOSE c2');
$admin->rows('ALTER SERVER s2 OPTIONS (SET max_attempts $$2$$)');
$session->rows('SELECT count(*) FROM pg_foreign_server');
$mock->wait_idle;
is(rest_of('c3'), '00000: 39 rows', 'the connection of another is gone: rows');
is(assumed(), 2, 'the connection of another is gone: begun anew');
$session->rows('COMMIT');

# With nobody left to wait for it, it is cancelled.
with_servers({%keys}, ({%role}) x 2);
hold(1);
$session->rows('BEGIN');
open_cursor('c1');
wait_asked();
is(handles($session), 1, 'a cursor waits');
$session->rows('COMMIT');
is(handles($session), 0, 'a cursor has been closed: nothing is under way');
$mock->wait_idle;
is(row(count_apps()), '60 3', 'and all is well');

# ---- the time comes for others ----

with_servers(({%role}) x 2);
ask_each();
$mock->say('keys', expire => 1);
is(join(' ', ask_each()), 'd00000000001 d00000000001', 'expired: rows');
is(assumed(), 2, 'expired: renewed once for both');
is(row($session->query($all)), '40 2', 'expired: and again');
$mock->say('keys', expire => 1);
is(row($session->query($all)), '40 2', 'expired, in one statement: rows');
is(assumed(), 3, 'expired, in one statement: renewed once for both');

with_servers(({%role}) x 2);
$mock->say('clock', seconds => -7200);
is(join(' ', ask_each()), 'd00000000001 d00000000001', 'another time: rows');
is(assumed() . ' ' . $mock->calls('GetApp'), '2 2',
    'another time: STS tells it, to both');
$mock->say('clock', seconds => 0);

with_servers(({%role}) x 2);
ask_each();
$mock->say('clock', seconds => 3400);
is(join(' ', ask_each()), 'd00000000001 d00000000001', 'due: rows');
is(assumed(), 2, 'due: renewed once for both');
$mock->say('clock', seconds => 0);

# When it can't be renewed yet, the log says so, and the client whose it is.
for my $who ('the owner', 'another user')
{
    with_servers({%role});
    $session->rows("GRANT SELECT ON apps_1 TO low; CREATE VIEW lent AS SELECT app_id FROM apps_1 WHERE app_id = 'd00000000001';
        GRANT SELECT ON lent TO low");
    $session->rows('SELECT * FROM lent');
    $mock->say('clock', seconds => 3400);
    $mock->fault(op => 'STS.AssumeRole', n => -1, status => 500);
    $session->rows('SET ROLE low') if $who ne 'the owner';
    $session->rows('SET client_min_messages = log');
    $result = $session->query('SELECT * FROM lent');
    is(row($result), 'd00000000001', "not renewed: $who has a row");
    is(scalar(grep { $_->{M} =~ /could not get AWS credentials/ } @{ $result->{notices} }),
        $who eq 'the owner' ? 1 : 0, "not renewed: what $who hears");
    $admin->rows('DROP VIEW lent');
    $mock->say('clock', seconds => 0);
}

# ---- what is kept of it ----

sub secrets
{
    return scalar grep { 1 } in_memory($session->pid, qr{secret/[0-9a-f]{8}|token/\d+/0{40}});
}

with_servers(({%role}) x 2, { %role, role_session_name => 'another' });
ask_each();
cmp_ok(secrets(), '>', 0, 'secrets are there while they are needed');
$session->rows("SELECT amplify_fdw_disconnect('s1')");
$mock->say('calls');
is((ask_each())[1], 'd00000000001', 'one of two is dropped: the other one has it');
$session->rows('DISCARD ALL');
is(secrets(), 0, 'DISCARD ALL: nothing is left');
$mock->reset;
hold();
$session->send($all);
$mock->wait_held(2);
$admin->rows('SELECT pg_cancel_backend(' . $session->pid . ')');
$session->result;
$session->rows('DISCARD ALL');
is(secrets(), 0, 'DISCARD ALL, with lookups cancelled: nothing is left');

# ---- few descriptors ----

$node->append_conf('postgresql.conf', "max_files_per_process = 64\n");
$node->restart;
$admin = connect_to($node);
with_servers(map { { %role, role_arn => ROLE . "-$_" } } 1 .. ROLES);
$session->rows('SET client_min_messages = warning');
$result = $session->query($all);
is(Session::describe($result), '1 rows', 'hardly any descriptors: no error');
is(row($result), 20 * ROLES . ' ' . ROLES, 'hardly any descriptors: all rows');
is(assumed(), ROLES, 'hardly any descriptors: each role once');

done_testing();
