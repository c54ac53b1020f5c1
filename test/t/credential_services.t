# Whatever a server or the network can do wrong, the services that issue
# credentials can as well: one table of cases for them and for the API.  Where
# they fail, the API is asked nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Compress::Zlib ();
use Dns;
use Identity;
use IO::Socket::INET;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant LONGEST => 60;    # seconds, on a loaded machine

my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = new_mock();
my $home = new_place();
my $dns = Dns->install(PostgreSQL::Test::Utils::tempdir());
# when it is started again, too
local $ENV{LD_PRELOAD} = join ' ', grep { defined && length } $dns->shim, $ENV{LD_PRELOAD};
my $node = new_node('credential_services');
my $session = connect_to($node);
my $serial = 0;
my $web_token = write_file("$home/web-token", 'web-identity-token');

# ---- who is asked ----
#
# The operation; how often it is tried; who asks the API then; what of the
# mapping, and which variables, lead to it; the services that the same variables
# lead to share them.

my %keys = (
    access_key_id => Amplify::ACCESS_KEY_ID,
    secret_access_key => Amplify::SECRET_ACCESS_KEY);
my %ambient = (ambient_credentials => 'true');
my %instance = (
    mapping => \%ambient, attempts => 2, key => 'ASIAINSTANCE\w+',
    variables => sub {
        (   AWS_EC2_METADATA_SERVICE_ENDPOINT => $_[0],
            AWS_METADATA_SERVICE_TIMEOUT => 2,
            AWS_METADATA_SERVICE_NUM_ATTEMPTS => 2)
    });
my @services = (
    { name => 'API', operation => 'GetBackendEnvironment', attempts => 2,
        key => 'AKIDEXAMPLE', mapping => \%keys },
    { name => 'role', operation => 'STS.AssumeRole', attempts => 2,
        key => 'ASIAROLE\w+', mapping => { %keys, role_arn => ROLE } },
    { name => 'web identity', operation => 'STS.AssumeRoleWithWebIdentity',
        attempts => 2, key => 'ASIAWEB\w+', mapping => \%ambient,
        variables => sub {
            (   AWS_ROLE_ARN => ROLE,
                AWS_WEB_IDENTITY_TOKEN_FILE => $web_token)
        } },
    { name => 'container', operation => 'Container.credentials', attempts => 3,
        key => 'ASIACONTAINER\w+', mapping => \%ambient,
        variables => sub {
            (AWS_CONTAINER_CREDENTIALS_FULL_URI => "$_[0]/container/x")
        } },
    { name => 'instance token', operation => 'IMDS.token', %instance },
    { name => 'instance role', operation => 'IMDS.role', %instance },
    { name => 'instance keys', operation => 'IMDS.credentials', %instance },
);
my @all = map { $_->{name} } @services;
my @json = ('API', 'role', 'web identity', 'container', 'instance keys');
my @with_options = ('API', 'role', 'web identity');
my @each_url = (@with_options, 'container', 'instance token');
# The container's service is given a second between two requests.
my @quick = grep { $_ ne 'container' } @all;

# ---- answers that go wrong ----
#
# name, rule of the mock, what comes of it, a pattern for the detail, the
# SQLSTATE where it is the API, and who is asked so if it is not all of them:
#
#     good      at once
#     again     good, with the second request
#     retried   bad, after as many requests as there may be
#     final     bad, after the first one

sub error_of
{
    my ($status, $code, @more) = @_;

    return [ status => $status, code => $code, @more ];
}

sub in_file
{
    my ($name, $content) = @_;

    return [ bodyfile => write_file("$home/$name", $content) ];
}

my @cases = (
    [ 'slow', [ latency => 300 ], 'good' ],
    [ 'byte by byte', [ drip => 1 ], 'good' ],
    [ 'chunks', [ chunked => 1 ], 'good' ],
    [ 'compressed', [ gzip => 1 ], 'good' ],
    [ 'no length', [ length => 'none' ], 'good' ],
    [ 'closed while idle', [ closeidle => 1 ], 'good' ],
    [ 'many headers', [ headers => 100_000 ], 'good' ],

    [ 'reset in the body, once', [ reset => 'body' ], 'again', undef, undef,
        @quick ],
    [ 'reset in the body', [ reset => 'body' ], 'retried', qr/reset by peer/,
        'HV00M', @quick ],
    [ 'cut in the body, once', [ cut => 3 ], 'again' ],
    [ 'cut in the body', [ cut => 3 ], 'retried', qr/bytes (?:remaining to read|missing)/,
        'HV00M', @quick ],
    [ 'a broken chunk', [ badchunk => 1 ], 'retried', qr/chunk/, 'HV00M',
        @quick ],
    [ 'no HTTP', [ http09 => 1 ], 'retried', qr/HTTP\/0\.9/, 'HV00M',
        qw(API role) ],

    [ 'half a head, once', [ stall => 'headers' ], 'again', undef, undef,
        @with_options, 'instance role' ],
    [ 'half a body, once', [ stall => 'body' ], 'again', undef, undef,
        @with_options, 'container', 'instance keys' ],
    [ 'nothing', [ stall => 'request' ], 'retried', qr/timed? ?out/i, 'HV00N',
        @with_options ],

    [ 'status 302', [ redirect => $mock->url . '/apps' ], 'final',
        qr/HTTP status 302/, 'HV00M' ],
    [ 'status 400', error_of(400, 'BadRequestException'), 'final',
        qr/BadRequestException, HTTP status 400/, '22023' ],
    [ 'status 403', error_of(403, 'AccessDeniedException'), 'final',
        qr/AccessDeniedException, HTTP status 403/, '42501' ],
    [ 'status 404', [ status => 404, body => '<html>' ], 'final',
        qr/HTTP status 404/, 'HV00M' ],
    [ 'status 999', [ status => 999 ], 'final', qr/HTTP status 999/, 'HV00M' ],
    [ 'status 500, once', [ status => 500 ], 'again', undef, undef, @quick ],
    [ 'status 500', [ status => 500 ], 'retried', qr/HTTP status 500/, '58000' ],
    [ 'status 501', [ status => 501 ], 'final', qr/HTTP status 501/, '58000' ],
    [ 'status 502, HTML', [ status => 502, type => 'text/html',
            body => '<html><h1>Bad gateway</h1></html>' ], 'retried',
        qr/HTTP status 502/, '58000', @quick ],
    [ 'status 503, once', error_of(503, 'ServiceUnavailable'), 'again', undef,
        undef, @quick ],

    [ 'status 429, once', error_of(429, 'TooManyRequestsException'), 'again' ],
    [ 'status 429', error_of(429, 'TooManyRequestsException'), 'retried',
        qr/HTTP status 429/, undef, grep { $_ ne 'API' } @quick ],
    [ '400 Throttling, once', error_of(400, 'Throttling'), 'again', undef,
        undef, @quick ],
    [ '429, come back soon, once', error_of(429, 'TooManyRequestsException',
            header => 'x-amz-retry-after:1'), 'again', undef, undef,
        @quick ],
    [ '503, come back at once, once', error_of(503, 'ServiceUnavailable',
            header => 'Retry-After:0'), 'again', undef, undef,
        @quick ],

    [ '2 MB', in_file('large', '"' . 'x' x (2 << 20) . '"'), 'final',
        qr/the rest was not read/, '54000' ],
    # compressed once, for there are time-outs of a second
    [ '20 MB, compressed', [ @{ in_file('bomb', Compress::Zlib::memGzip('"' . ' ' x (20 << 20))) },
            header => 'Content-Encoding:gzip' ], 'final',
        qr/the rest was not read/, '54000', @json ],
    [ '1 MB of headers', [ headers => 1_000_000 ], 'retried',
        qr/headers are too large/, 'HV00M', @quick ],
    [ 'only said to be compressed', [ header => 'Content-Encoding:gzip' ],
        'retried', qr/./, 'HV00M', @quick ],

    (map { [ "body $_", [ body => $_ ], 'final', undef, 'HV00M', @json ] }
        'null', '42', '"text"', '[]', '{}', '{', '}', ' ', 'OK',
        '<html></html>', '{"Credentials":null}'),
    [ 'no body', in_file('empty', ''), 'final', undef, 'HV00M' ],
    [ 'a byte that is no UTF-8', in_file('bytes', "{\"a\":\"\xff\"}"), 'final',
        undef, '22021', @json ],
    [ 'a NUL', in_file('nul', "{\"a\":\"\0\"}"), 'final', undef, '22021',
        @json ],
    [ 'nested 2,000 deep', in_file('deep', ('[' x 2000) . (']' x 2000)),
        'final', undef, '54001', @json ],
);

# ---- asking ----

# The environment that the server runs in, if another one is wanted
my $environment = '';

sub use_variables
{
    my ($service, $url) = @_;
    my %variables = $service->{variables} ?
        $service->{variables}->($url) : (AWS_EC2_METADATA_DISABLED => 'true');
    my $wanted = join ' ', map { "$_=$variables{$_}" } sort keys %variables;

    return if !$service->{variables} || $wanted eq $environment;
    restart_with($node, HOME => $home, %variables);
    $session = connect_to($node);
    $environment = $wanted;
    return;
}

# One Get over a new server; where the API is not the one that is asked at that
# URL, it is asked elsewhere.
sub ask_at
{
    my ($service, $url, $api_url, %options) = @_;
    my $name = 's' . ++$serial;

    use_variables($service, $url);
    $session->rows('SELECT amplify_fdw_disconnect_all()');
    add_server($session, $name, $service->{name} eq 'API' ? $url : $api_url,
        sts_endpoint_url => $url, max_attempts => 2, throttle_timeout => 5000, max_response_size => '1MB',
        mapping => $service->{mapping}, %options);

    my $start = time;
    my $answer = ask($session, $name);
    my $took = time - $start;

    note "$answer ($took s)";
    cmp_ok($took, '<', LONGEST, 'time');
    is(handles($session), 0, 'no handle is left');
    return $answer;
}

sub is_bad
{
    my ($service, $answer, $state, $said) = @_;

    $state = '28000' if $service->{name} ne 'API';
    like($answer, qr/^$state: /, 'SQLSTATE');
    like($answer, qr/\| .*$said/, 'detail') if $said;
    is($mock->calls('GetBackendEnvironment'), 0, 'the API is asked nothing')
        if $service->{name} ne 'API';
    return;
}

sub run_case
{
    my ($service, $rule, $outcome, $said, $state) = @_;
    my %requests = (good => 1, again => 2, final => 1,
        retried => $service->{attempts});
    my $operation = $service->{operation};
    my $once = $outcome =~ /^(?:good|again)$/;
    my %hasty = "@$rule" =~ /stall/ ? (request_timeout => 700) : ();

    $mock->reset;
    $mock->fault(op => $operation, n => $once ? 1 : -1, @$rule);
    my $answer = ask_at($service, $mock->url, $mock->url, %hasty);
    is($mock->calls($operation), $requests{$outcome}, 'requests');
    if ($once)
    {
        is($answer, GOOD, 'answer');
        like($mock->say('callers'),
            qr/^GetBackendEnvironment $service->{key} \d+$/m, 'who asks');
    }
    else
    {
        is_bad($service, $answer, $state, $said);
    }
    return;
}

for my $service (@services)
{
    for my $case (@cases)
    {
        my ($name, $rule, $outcome, $said, $state, @whom) = @$case;

        next if @whom && !grep { $_ eq $service->{name} } @whom;
        subtest "$service->{name}: $name" =>
            sub { run_case($service, $rule, $outcome, $said, $state) };
    }
}

# ---- the time ----

# What is signed is signed anew when the response tells the time; the clock of
# those who sign nothing is the API's affair.
for my $service (@services)
{
    my %signed = (API => 1, role => 1);

    subtest "$service->{name}: two hours ahead" => sub {
        $mock->reset;
        $mock->say('clock', seconds => 7200);
        is(ask_at($service, $mock->url, $mock->url), GOOD, 'answer');
        is($mock->calls($service->{operation}),
            $signed{ $service->{name} } ? 2 : 1, 'requests');
        $mock->say('clock', seconds => 0);
    };
}

# ---- a wish to be left alone ----

# For a second, in both forms: a date is by the service's own clock
for my $service (@services)
{
    for my $wish (
        [ header => 'Retry-After:1' ],
        [ header => 'Date:Fri, 19 Feb 2021 16:52:52 GMT',
            header => 'Retry-After:Fri, 19 Feb 2021 16:52:53 GMT' ])
    {
        subtest "$service->{name}: $wish->[-1]" => sub {
            $mock->reset;
            $mock->fault(op => $service->{operation}, status => 503, @$wish);
            is(ask_at($service, $mock->url, $mock->url), GOOD, 'answer');
            my @times = map { /^(\d+) \d+ \Q$service->{operation}\E / ? $1 : () }
                split /\n/, $mock->say('log');
            is(scalar @times, 2, 'requests');
            # to the millisecond, as libcurl waits
            cmp_ok($times[1] - $times[0], '>=', 999, 'ms between them');
        };
    }
}

# ---- places ----

sub listen_on_loopback
{
    my ($queue) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => $queue)
        || die "cannot listen: $!";
}

# Accepts, and says nothing; its queue is full; nobody listens any more
my $mute = listen_on_loopback(64);
my $full = listen_on_loopback(1);
my @fillers = map {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $full->sockport, Blocking => 0)
} 1 .. 5;
# bound, so that nobody else gets the port, and not listening
my $closed = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp')
    or die "no port: $@";
my $closed_port = $closed->sockport;

my %patient = (connect_timeout => '10min', request_timeout => '10min');

# name, URL, options of the server, a pattern for the detail, the name that is
# asked for, and who is asked there
my @places = (
    [ 'mute', 'http://127.0.0.1:' . $mute->sockport,
        { %patient, request_timeout => 300 }, qr/timed? ?out/i, '', @each_url ],
    [ 'mute in TLS', 'https://127.0.0.1:' . $mute->sockport,
        { %patient, connect_timeout => 300 }, qr/timed? ?out/i, '', @with_options ],
    [ 'crowded', 'http://127.0.0.1:' . $full->sockport,
        { %patient, connect_timeout => 300 }, qr/timed? ?out/i, '', @with_options ],
    [ 'closed', "http://127.0.0.1:$closed_port", \%patient,
        qr/onnect to 127\.0\.0\.1/, '', @each_url ],
    [ 'an absent name', 'https://absent.test', \%patient,
        qr/absent\.test/, 'absent.test', @each_url ],
    [ 'a name server that fails', 'https://servfail.test', \%patient,
        qr/servfail\.test/, 'servfail.test', @with_options ],
    [ 'a name that hangs', 'https://a.hang.test',
        { %patient, connect_timeout => 300 }, qr/timed? ?out/i, 'a.hang.test',
        @with_options, 'instance token' ],
);

for my $service (@services)
{
    for my $place (@places)
    {
        my ($name, $url, $options, $said, $asked, @whom) = @$place;

        next unless grep { $_ eq $service->{name} } @whom;
        subtest "$service->{name}: $name" => sub {
            $mock->reset;
            $dns->names;
            my $answer = ask_at($service, $url, $mock->url, %$options);

            is_bad($service, $answer, 'HV00N', $said);
            is($dns->names, $asked, 'the name that is asked for');
            poll_until(
                sub {
                    $dns->answer;
                    threads($session->pid) == 1;
                },
                'the resolver to end');
        };
    }
}

# ---- who proves who it is ----

my %ca = (ca_bundle => "$certs/ca.pem");
my @certificates = (
    [ 'a certificate', 'server', \%ca, undef, @with_options ],
    [ 'an unknown authority', 'server', {},
        qr/unable to get local issuer certificate/, @each_url ],
    [ 'another authority', 'otherca', \%ca,
        qr/unable to get local issuer certificate/, @with_options ],
    [ 'an expired certificate', 'expired', \%ca,
        qr/certificate has expired/, @with_options ],
    [ 'a certificate of another host', 'wronghost', \%ca,
        qr/no alternative certificate subject name matches/, @with_options ],
    [ 'a self-signed certificate', 'selfsigned', \%ca,
        qr/self-signed certificate/, @each_url ],
    [ 'no bundle there', 'server', { ca_bundle => "$certs/none.pem" },
        qr/none\.pem/, @with_options ],
);

for my $case (@certificates)
{
    my ($name, $certificate, $options, $said, @whom) = @$case;

    # it is all that is asked here
    $mock = new_mock('--cert', "$certs/$certificate.pem", '--key',
        "$certs/$certificate.key");
    for my $service (@services)
    {
        next unless grep { $_ eq $service->{name} } @whom;
        subtest "$service->{name}: $name" => sub {
            $mock->reset;
            my $answer = ask_at($service, $mock->tls_url, $mock->url, %$options);

            if ($said)
            {
                is_bad($service, $answer, 'HV00N', $said);
                is($mock->calls, 0, 'it was told nothing');
            }
            else
            {
                is($answer, GOOD, 'answer');
            }
        };
    }
}

done_testing();
