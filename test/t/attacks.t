# What somebody without privileges, or a service that is not what it seems,
# may try: one row an attack, and what must come of it.  The server has every
# kind of identity to steal; each of its sources is the mock, which therefore
# must not be asked at all.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = new_mock();
my $decoy = new_mock();
my $home = new_place();
my $url = $mock->url;
my $bait = $decoy->url;
my ($id, $secret) = (Amplify::ACCESS_KEY_ID, Amplify::SECRET_ACCESS_KEY);
my $node = new_node('attacks');

write_file("$home/.aws/credentials",
    "[default]\naws_access_key_id = $id\naws_secret_access_key = $secret\n");
write_file("$home/.netrc", "machine 127.0.0.1 login a password b\n");
restart_with($node, HOME => $home,
    AWS_ACCESS_KEY_ID => $id, AWS_SECRET_ACCESS_KEY => $secret,
    AWS_EC2_METADATA_SERVICE_ENDPOINT => $url,
    AWS_CONTAINER_CREDENTIALS_FULL_URI => "$url/container/x",
    AWS_ENDPOINT_URL => $bait, AWS_ENDPOINT_URL_AMPLIFY => $bait,
    http_proxy => $bait, https_proxy => $bait, HTTPS_PROXY => $bait,
    ALL_PROXY => $bait);

my $boss = connect_to($node);
my $super = $boss->value('SELECT current_user');

add_server($boss, 'aws', $url, sts_endpoint_url => $url,
    mapping => { ambient_credentials => 'true' });
$boss->rows("CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'us-east-1', endpoint_url '$url')");
$boss->rows("CREATE ROLE $_ LOGIN") for 'eve', 'bob';
$boss->rows('GRANT USAGE ON FOREIGN DATA WRAPPER amplify_fdw TO eve');
$boss->rows('GRANT USAGE ON FOREIGN SERVER aws TO eve');
$boss->rows('GRANT CREATE, USAGE ON SCHEMA public TO eve');
$boss->rows('GRANT USAGE ON SCHEMA aws TO eve, bob');
$boss->rows('GRANT SELECT ON aws.backend_environments TO eve, bob');

my $eve = connect_to($node, user => 'eve');
my $bob = connect_to($node, user => 'bob');

$eve->rows("CREATE SERVER mine FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'us-east-1')");
$eve->rows('CREATE FOREIGN TABLE public.t (app_id text) SERVER mine
    OPTIONS (resource $$backend_environments$$)');

my $get = q{SELECT environment_name FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'};
my $attacks = 0;

# One attack: nobody is asked, and it ends so.
sub attack
{
    my ($session, $state, $sql, $what) = @_;

    $mock->reset;
    $decoy->reset;
    my $result = $session->query($sql);
    my $seen = $mock->calls + $decoy->calls;

    $attacks++;
    is(Session::state_of($result) . ", $seen calls", "$state, 0 calls",
        $what // $sql =~ s/\s+/ /gr)
        or diag(Session::describe($result));
    return;
}

# ---- options that only a superuser may set ----

my @server_options = (
    [ endpoint_url => $bait ], [ sts_endpoint_url => $bait ],
    [ proxy => $bait ], [ ca_bundle => '/etc/passwd' ]);
my @mapping_options = (
    [ profile => 'default' ], [ ambient_credentials => 'true' ],
    [ ambient_credentials => 'false' ]);

for my $option (@server_options)
{
    my $set = "$option->[0] '$option->[1]'";

    attack($eve, '42501', "CREATE SERVER evil FOREIGN DATA WRAPPER amplify_fdw
        OPTIONS (region 'us-east-1', $set)");
    attack($eve, '42501', "ALTER SERVER mine OPTIONS (ADD $set)");
}
for my $option (@mapping_options)
{
    my $set = "$option->[0] '$option->[1]'";

    attack($eve, '42501',
        "CREATE USER MAPPING FOR eve SERVER mine OPTIONS ($set)");
    attack($eve, '42501',
        "CREATE USER MAPPING FOR PUBLIC SERVER mine OPTIONS ($set)");
}
$eve->rows("CREATE USER MAPPING FOR eve SERVER mine
    OPTIONS (access_key_id 'A', secret_access_key 'canary-of-eve')");
for my $option (@mapping_options)
{
    attack($eve, '42501', "ALTER USER MAPPING FOR eve SERVER mine
        OPTIONS (ADD $option->[0] '$option->[1]')");
}
$eve->rows('DROP USER MAPPING FOR eve SERVER mine');

# ---- options in places where they mean nothing, or show a secret ----

for my $set ('access_key_id', 'secret_access_key', 'session_token', 'role_arn',
    'external_id', 'profile', 'ambient_credentials', 'credential_process',
    'ssl_verify', 'insecure')
{
    attack($eve, 'HV00D', "ALTER SERVER mine OPTIONS (ADD $set 'true')");
    attack($eve, 'HV00D', "ALTER FOREIGN TABLE public.t OPTIONS (ADD $set 'true')");
}
for my $set ('endpoint_url', 'sts_endpoint_url', 'proxy', 'ca_bundle', 'region',
    'credential_process')
{
    attack($eve, 'HV00D',
        "CREATE USER MAPPING FOR eve SERVER mine OPTIONS ($set '$bait')");
    attack($eve, 'HV00D', "ALTER FOREIGN TABLE public.t OPTIONS (ADD $set '$bait')");
}

# ---- a region that is a host ----

for my $region ('us-east-1.evil.example/#', 'us-east-1@evil', 'localhost',
    '169.254.169.254', '127.0.0.1:80/', '../x', 'us-east-1?', 'us-east-1%2f',
    "us-east-1\r\nHost: x", 'US-EAST-1', '-us-1', 'us--1', 'us-east-1-', '')
{
    attack($eve, 'HV024', "ALTER SERVER mine OPTIONS (SET region '$region')",
        'region ' . ($region =~ s/\s+/ /gr));
}

# ---- the server's identity ----

attack($eve, '42501', 'SELECT * FROM public.t', 'own server, no mapping');
$eve->rows("CREATE USER MAPPING FOR eve SERVER mine OPTIONS (role_arn '${\ROLE}')");
attack($eve, '42501', 'SELECT * FROM public.t', 'own server, a role alone');
attack($eve, '42501', $get, "a superuser's server, no mapping");
attack($bob, '42501', $get, 'the same without USAGE');
for my $option ("ambient_credentials 'true'", "profile 'default'",
    "ambient_credentials 'true', role_arn '${\ROLE}'")
{
    $boss->rows("CREATE USER MAPPING FOR eve SERVER aws OPTIONS ($option)");
    attack($eve, '42501', $get, "a mapping that a superuser has made: $option");
    $boss->rows('DROP USER MAPPING FOR eve SERVER aws');
    $boss->rows("CREATE USER MAPPING FOR PUBLIC SERVER aws OPTIONS ($option)");
    attack($eve, '42501', $get, "PUBLIC's mapping: $option");
    $boss->rows('DROP USER MAPPING FOR PUBLIC SERVER aws');
}
$boss->rows("CREATE USER MAPPING FOR eve SERVER aws OPTIONS (profile 'default')");
attack($eve, '42501',
    'ALTER USER MAPPING FOR eve SERVER aws OPTIONS (SET profile $$x$$)');
attack($eve, '42501',
    "ALTER USER MAPPING FOR eve SERVER aws OPTIONS (ADD role_arn '${\ROLE}')");
$boss->rows('DROP USER MAPPING FOR eve SERVER aws');

# Whose view or function it is counts.
$boss->rows('GRANT CREATE ON SCHEMA public TO eve');
$eve->rows("CREATE VIEW public.eves AS $get");
$eve->rows("GRANT SELECT ON public.eves TO PUBLIC");
attack($boss, '42501', 'SELECT * FROM public.eves',
    "a superuser reads another's view");
$eve->rows("CREATE FUNCTION public.eves() RETURNS SETOF text
    SECURITY DEFINER LANGUAGE sql AS \$\$ $get \$\$");
attack($boss, '42501', 'SELECT public.eves()',
    "a superuser calls another's SECURITY DEFINER function");
$boss->rows("CREATE VIEW public.invoker WITH (security_invoker) AS $get");
$boss->rows('GRANT SELECT ON public.invoker TO eve');
attack($eve, '42501', 'SELECT * FROM public.invoker',
    "a superuser's security_invoker view");
attack($eve, '42501', "SET ROLE $super", 'SET ROLE');
attack($eve, '42501', 'CREATE FOREIGN TABLE public.u (app_id text) SERVER other',
    'a table on a server without USAGE');
attack($eve, '42501', 'IMPORT FOREIGN SCHEMA amplify FROM SERVER other INTO public',
    'IMPORT from a server without USAGE');
attack($eve, '42501', 'CREATE USER MAPPING FOR bob SERVER aws',
    "another's mapping");
attack($eve, '42501', 'CREATE USER MAPPING FOR eve SERVER other');
attack($eve, '42501', "ALTER SERVER aws OPTIONS (SET endpoint_url '$bait')",
    "another's server");

# A superuser's view lends, on purpose; so the others above were no accident.
$boss->rows("CREATE VIEW public.lent AS $get");
$boss->rows('GRANT SELECT ON public.lent TO eve');
is(answer_of($eve->query('SELECT * FROM public.lent')), GOOD,
    "a superuser's view lends his identity");

# The owner of a server cannot lead a superuser's identity astray.
$boss->rows('ALTER SERVER aws OWNER TO eve');
for my $set ("SET endpoint_url '$bait'", "SET sts_endpoint_url '$bait'",
    "ADD proxy '$bait'", "ADD ca_bundle '/x'", "SET region 'eu-west-1'")
{
    attack($eve, '42501', "ALTER SERVER aws OPTIONS ($set)",
        "the owner of a server: $set");
}
attack($eve, '42501', "ALTER USER MAPPING FOR $super SERVER aws
    OPTIONS (ADD role_arn '${\ROLE}')", 'the owner of a server: a role for a superuser');
attack($eve, '42501', "ALTER USER MAPPING FOR $super SERVER aws
    OPTIONS (ADD profile 'x')", 'the owner of a server: a profile for a superuser');
is(ask($boss, 'aws'), GOOD, 'all the while it works for the superuser');
$boss->rows("ALTER SERVER aws OWNER TO $super");

# Who has been a superuser is one no more, in the same session.
$boss->rows('CREATE ROLE former SUPERUSER LOGIN');
$boss->rows("CREATE USER MAPPING FOR former SERVER aws
    OPTIONS (ambient_credentials 'true', role_arn '${\ROLE}')");
my $former = connect_to($node, user => 'former');
is(ask($former, 'aws'), GOOD, 'a superuser');
$boss->rows('ALTER ROLE former NOSUPERUSER');
$boss->rows('GRANT USAGE ON SCHEMA aws TO former;
    GRANT SELECT ON aws.backend_environments TO former');
attack($former, '42501', $get, 'who is a superuser no more');

# ---- what others may see ----

$boss->rows("CREATE USER MAPPING FOR bob SERVER aws
    OPTIONS (access_key_id '$id', secret_access_key '$secret', external_id 'canary-x', role_arn '${\ROLE}')");
for my $query (
    "SELECT count(*) FROM pg_user_mappings WHERE srvname = 'aws' AND umoptions IS NOT NULL",
    "SELECT count(*) FROM information_schema.user_mapping_options
     WHERE foreign_server_name = 'aws' AND option_value IS NOT NULL",
    "SELECT count(*) FROM pg_foreign_server WHERE srvoptions::text ~ '$secret'")
{
    $attacks++;
    is($eve->value($query), 0, $query =~ s/\s+/ /gr);
}
attack($eve, '42501', 'SELECT umoptions FROM pg_user_mapping');

# ---- keys that are no keys ----

# What the service gets to see of a name: the bytes, encoded, in their place.
my %keys = (access_key_id => $id, secret_access_key => $secret);
my $path = '/apps/d00000000001/backendenvironments/';

set_mapping($boss, 'aws', %keys);
for my $case (
    [ '../../apps',  '..%2F..%2Fapps' ], [ '%2e%2e', '%252e%252e' ],
    [ 'a?b=c',       'a%3Fb%3Dc' ],      [ 'a#b',    'a%23b' ],
    [ "a\r\nX: y",   'a%0D%0AX%3A%20y' ], [ ' ',     '%20' ],
    [ '/',           '%2F' ],            [ '.',      undef ],
    [ '..',          undef ],            [ '',       undef ],
    [ 'x' x 256,     undef ],            [ "\xc3\xa4", '%C3%A4' ])
{
    my ($name, $sent) = @$case;

    $mock->reset;
    my $rows = $boss->rows("SELECT 1 FROM aws.backend_environments
        WHERE app_id = 'd00000000001' AND environment_name = '$name'");
    my ($target) = $mock->say('log') =~ / (\S+) \S+$/m;

    $attacks++;
    is(scalar(@$rows) . ' ' . ($target // 'none'),
        '0 ' . (defined $sent ? $path . $sent : 'none'),
        'name ' . substr($name =~ s/\s+/ /gr, 0, 20));
}

# Behind endpoint_url any app id is asked for, but as what it is: one segment
# of the path.  AWS's own endpoint is not asked for what AWS rules out.
$boss->rows("CREATE SERVER aws_itself FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'us-east-1', max_attempts '1')");
$boss->rows("CREATE USER MAPPING FOR CURRENT_USER SERVER aws_itself
    OPTIONS (access_key_id '$id', secret_access_key '$secret')");
$boss->rows('CREATE SCHEMA aws_itself');
$boss->rows('IMPORT FOREIGN SCHEMA amplify FROM SERVER aws_itself INTO aws_itself');
for my $case (
    [ '../x',     '..%2Fx' ],      [ 'd1/..',    'd1%2F..' ],
    [ 'd1%2f',    'd1%252f' ],     [ 'D1',       'D1' ],
    [ 'x1',       'x1' ],          [ 'd',        'd' ],
    [ 'd' x 21,   'd' x 21 ],      [ "d1\n",     'd1%0A' ],
    [ "d1\r\nx:", 'd1%0D%0Ax%3A' ], [ 'd1 ',      'd1%20' ],
    [ 'd1?x=1#',  'd1%3Fx%3D1%23' ], [ '..',       undef ],
    [ '.',        undef ],         [ '',         undef ])
{
    my ($app, $sent) = @$case;
    my $what = 'app_id ' . ($app =~ s/\s+/ /gr);
    my $where = "WHERE app_id = '$app' AND environment_name = 'dev'";

    attack($boss, '00000', "SELECT * FROM aws_itself.backend_environments $where",
        "$what, at AWS");
    $mock->reset;
    my $result = $boss->query("SELECT * FROM aws.backend_environments $where");
    my @targets = $mock->say('log') =~ / (\S+) \S+$/mg;

    $attacks++;
    is(join(' ', Session::state_of($result), scalar @{ $result->{rows} }, @targets),
        join(' ', '00000 0', defined $sent ? "/apps/$sent/backendenvironments/dev" : ()),
        $what) or diag(Session::describe($result));
}

# ---- answers of somebody else ----

for my $case (
    [ 'HV00M', 'redirects to the metadata service',
        redirect => 'http://169.254.169.254/latest/meta-data/' ],
    [ 'HV00M', 'redirects to another port', status => 307, redirect => "$bait/apps" ],
    [ 'HV00M', 'redirects to a file', status => 301, redirect => 'file:///etc/passwd' ],
    [ 'HV00M', 'sends headers without end', headers => 1_000_000 ],
    [ '54000', 'sends a bomb', gzip => 1, repeat => 100 ],
    [ '54001', 'nests deeply', nest => 100_000 ],
    [ 'HV00M', 'sends a web page', type => 'text/html', body => '<html></html>' ],
    [ '28000', 'echoes the secret', status => 403, code => 'InvalidSignatureException',
        message => "the key is $secret" ],
    [ '28000', 'echoes half of the secret at the end of what is shown', status => 403,
        code => 'InvalidSignatureException',
        message => ('x' x 491) . $secret ])
{
    my ($state, $what, @fault) = @$case;

    $mock->reset;
    $decoy->reset;
    $mock->fault(n => -1, @fault);
    my $result = $boss->query($get);

    $attacks++;
    is(Session::state_of($result) . ', ' . $decoy->calls, "$state, 0",
        "a service $what");
    unlike(Session::describe($result), qr/\Q${\substr $secret, 0, 12}\E/,
        '... and no secret is shown');
}
$mock->reset;

# ---- certificates ----

my $certs = "$home/certs";
PostgreSQL::Test::Utils::run_log(
    [ "$FindBin::RealBin/../mock/make-certs.sh", $certs ]) or die;
for my $case (
    [ 'server', 'ca', '00000' ], [ 'server', 'other', 'HV00N' ],
    [ 'expired', 'ca', 'HV00N' ], [ 'wronghost', 'ca', 'HV00N' ],
    [ 'selfsigned', 'ca', 'HV00N' ], [ 'otherca', 'ca', 'HV00N' ])
{
    my ($name, $ca, $state) = @$case;
    my $tls = new_mock('--cert', "$certs/$name.pem", '--key', "$certs/$name.key");
    my $bundle = $ca eq 'ca' ? "ADD ca_bundle '$certs/ca.pem', " : '';

    $boss->rows("ALTER SERVER aws OPTIONS (${bundle}SET endpoint_url '${\$tls->tls_url}')");
    my $result = $boss->query($get);

    $attacks++;
    is(Session::state_of($result) . ', ' . $tls->calls,
        $state . ($state eq '00000' ? ', 1' : ', 0'),
        "certificate $name, trusting $ca");
    $boss->rows('ALTER SERVER aws OPTIONS (DROP ca_bundle)') if $bundle;
}

is($decoy->calls + $decoy->connections('accepted'), 0,
    'no proxy and no endpoint of the environment was used');
cmp_ok($attacks, '>=', 40, "$attacks attacks");
done_testing();
