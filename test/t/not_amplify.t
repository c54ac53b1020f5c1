# Responses that are not Amplify's, one kind a row: none of them is a row, nor
# says that there is no row.  Beside them, what must stay a row, no row or
# throttling.  People act on what a query says is gone.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Compress::Zlib ();
use Http2;
use Mock;
use Proxy;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $certs = PostgreSQL::Test::Utils::tempdir();
system_or_bail("$FindBin::RealBin/../mock/make-certs.sh", $certs);
my $mock = Mock->start(dir => $dir, args => [ '--generate', '3,120',
    '--cert', "$certs/server.pem", '--key', "$certs/server.key" ]);
my $proxy = Proxy->start(dir => $dir);
my $http2 = Http2::is_there() && Http2->start(mock => $mock,
    cert => "$certs/server.pem", key => "$certs/server.key");
my $node = new_node('not_amplify');
my $session = connect_to($node);

# How a response gets here: a name, and what a server needs for it
my @tls = (url => $mock->tls_url, ca_bundle => "$certs/ca.pem");
my @transports = (
    [ 'HTTP/1.1',      url => $mock->url ],
    [ 'TLS',           @tls ],
    [ 'plain proxy',   url => $mock->url, proxy => $proxy->url ],
    [ 'CONNECT proxy', @tls, proxy => $proxy->url ],
    $http2 ? [ 'HTTP/2', @tls, url => $http2->url ] : (),
);

# ---- what is asked; %s is the server ----

my $get = q{SELECT environment_name FROM %s.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'};
my $list = q{SELECT environment_name FROM %s.backend_environments
    WHERE app_id = 'd00000000001'};
my $all = q{SELECT environment_name FROM %s.backend_environments};
my $joined = q{SELECT environment_name FROM (VALUES ('dev'), ('test')) AS v (name)
    LEFT JOIN %s.backend_environments ON app_id = 'd00000000001'
    AND environment_name = name};
my %asked = (Get => $get, List => $list, 'all Lists' => $all, join => $joined);

# ---- what responds ----

sub file
{
    my ($content) = @_;
    my $path = "$dir/body" . scalar(my @files = glob "$dir/body*");

    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh $content;
    close $fh or die "$path: $!";
    return (bodyfile => $path);
}

my @empty = file('');
my @html = (type => 'text/html', body => '<html><h1>Not here</h1></html>');
my $item = '{"backendEnvironment":{"environmentName":"dev"}}';
my $both = '{"backendEnvironments":[],"backendEnvironment":{"environmentName":"dev"},"apps":[]}';

# A body with a word on how it is compressed
sub encoded
{
    my ($encoding, $content) = @_;

    return (file($content), header => "Content-Encoding:$encoding");
}

my $zipped = Compress::Zlib::memGzip($item);

sub code_of
{
    my ($status, $code, @more) = @_;

    return (status => $status, code => $code, @more);
}

# A name, the rule of the mock, and the SQLSTATE that each query ends with
my @foreign = (
    [ '404, nothing',               [ status => 404, @empty ] ],
    [ '404, a blank line',          [ status => 404, body => "\n" ] ],
    [ '404, text',                  [ status => 404, body => '404 page not found' ] ],
    [ '404, HTML',                  [ status => 404, @html ] ],
    [ '404, {}',                    [ status => 404, body => '{}' ] ],
    [ '404, null',                  [ status => 404, body => 'null' ] ],
    [ '404, API Gateway',           [ status => 404, body => '{"message":"Not Found"}' ] ],
    [ '404, a message that is null', [ status => 404, body => '{"message":null}' ] ],
    [ '404, Kong',                  [ status => 404,
        body => '{"message":"no Route matched with those values"}' ] ],
    [ '404, FastAPI',               [ status => 404, body => '{"detail":"Not Found"}' ] ],
    [ '404, a code that is a number', [ status => 404,
        body => '{"code":404,"message":"no route"}' ] ],
    [ '404, a code of others',      [ status => 404,
        body => '{"code":"NOT_FOUND","message":"no route"}' ] ],
    [ '404, Kubernetes',            [ status => 404,
        body => '{"kind":"Status","status":"Failure","reason":"NotFound","code":404}' ] ],
    [ '404, S3',                    [ status => 404, type => 'application/xml',
        body => '<Error><Code>NoSuchKey</Code><Message>None</Message></Error>' ] ],
    [ '404, our code in XML',       [ status => 404, type => 'text/xml',
        body => '<Error><Code>NotFoundException</Code></Error>' ] ],
    [ '404, our code in HTML',      [ status => 404, type => 'text/html',
        body => '<html><Code>NotFoundException</Code></html>' ] ],
    [ '404, our code where STS has its own', [ status => 404,
        body => '{"Error":{"Code":"NotFoundException"}}' ] ],
    [ '404, our code and a NUL',    [ status => 404,
        body => '{"code":"NotFoundException\u0000x"}' ] ],
    [ '404, our code, cut off',     [ status => 404,
        body => '{"__type":"NotFoundException"' ] ],
    [ '404, our code in a list',    [ status => 404,
        body => '[{"__type":"NotFoundException"}]' ] ],
    [ '404, our code in another case', [ code_of(404, 'notfoundexception') ] ],
    [ '404, of another service',    [ code_of(404, 'com.amazonaws.lambda#NotFoundException') ] ],
    [ '404, of another service, in the body',
        [ code_of(404, 'com.amazonaws.lambda#NotFoundException', where => 'type') ] ],
    [ '404, two codes in one header', [ code_of(404,
            'NotFoundException, InternalFailureException', where => 'header') ] ],
    [ '404, another code in the body', [ status => 404,
        header => 'x-amzn-errortype:NotFoundException',
        body => '{"__type":"UnknownOperationException"}' ] ],
    [ '404, another code in the header', [ status => 404,
        header => 'x-amzn-errortype:"none"', body => '{"code":"NotFoundException"}' ] ],
    [ '404, a code and HTML',       [ status => 404,
        header => 'x-amzn-errortype:NotFoundException', @html ] ],
    [ '404, of a neighbour of Amplify',
        [ code_of(404, 'com.amazonaws.amplifybackend#NotFoundException') ] ],
    # each pair of places that have the code, one of them with another one
    (map { my ($said, $name) = @$_; (map {
            [ "404, our code, and $_ $name", [ status => 404,
                header => 'x-amzn-errortype:NotFoundException', body => qq({"$_":$said}) ] ],
        } qw(code Code __type)), (map { my ($first, $second) = @$_; (
            [ "404, our code in $first, $second $name", [ status => 404,
                body => qq({"$first":"NotFoundException","$second":$said}) ] ],
            [ "404, $second $name, our code in $first", [ status => 404,
                body => qq({"$second":$said,"$first":"NotFoundException"}) ] ]) }
            [ 'code', 'Code' ], [ 'Code', 'code' ], [ 'code', '__type' ], [ '__type', 'code' ],
            [ 'Code', '__type' ], [ '__type', 'Code' ]) }
        [ '"AccessDeniedException"', 'AccessDenied' ], [ '"com.amazonaws.lambda#NotFoundException"', 'of Lambda' ],
        [ '"no route"', 'no code' ], [ '404', 'a number' ], [ '{}', 'an object' ]),
    [ '404, two messages',          [ status => 404, body => '{"__type":"NotFoundException",'
            . '"message":"App not found","Message":"Forbidden"}' ] ],
    [ '404, another error in it',   [ status => 404,
        body => '{"__type":"NotFoundException","Error":{"Code":"AccessDenied"}}' ] ],
    [ '404, a message that is none', [ status => 404,
        body => '{"__type":"NotFoundException","message":{"a":1}}' ] ],
    [ '404, our code twice in one name', [ status => 404,
        body => '{"__type":"NotFoundException","__type":"NotFoundException"}' ] ],
    [ '404, and an odd escape of the same name', [ status => 404,
        body => '{"__type":"NotFoundException","\u005f_type":"AccessDeniedException"}' ] ],
    [ '400, two codes',             [ status => 400,
        body => '{"__type":"BadRequestException","code":"AccessDeniedException"}' ] ],
    [ '403, bad request',           [ code_of(403, 'BadRequestException') ] ],
    [ '404, another code of AWS',   [ code_of(404, 'UnknownOperationException') ] ],
    [ '400, not found',             [ code_of(400, 'NotFoundException') ] ],
    [ '403, not found',             [ code_of(403, 'NotFoundException', where => 'type') ] ],
    [ '500, not found',             [ code_of(500, 'NotFoundException', where => 'type') ],
        '58000' ],
    [ '503, not found',             [ code_of(503, 'NotFoundException') ], '58000' ],
    [ '400, nothing',               [ status => 400, @empty ] ],
    [ '400, a load balancer',       [ status => 400, @html ] ],
    [ '401, JSON',                  [ status => 401, body => '{"error":"unauthorized"}' ] ],
    [ '403, HTML',                  [ status => 403, @html ] ],
    [ '403, JSON',                  [ status => 403, body => '{"message":"Forbidden"}' ] ],
    [ '403, API Gateway',           [ status => 403,
        body => '{"message":"Missing Authentication Token"}' ] ],
    [ '403, S3',                    [ status => 403, type => 'application/xml',
        body => '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>' ] ],
    [ '403, Envoy',                 [ status => 403, type => 'text/plain',
        body => 'RBAC: access denied' ] ],
    [ '405, nothing',               [ status => 405, @empty ] ],
    [ '407, a proxy',               [ status => 407, @html ] ],
    [ '408, always',                [ status => 408, @html ] ],
    [ '410, nothing',               [ status => 410, @empty ] ],
    [ '421, always',                [ status => 421, @empty ] ],
    [ '425, always',                [ status => 425, @empty ] ],
    [ '431, nothing',               [ status => 431, @empty ] ],
    [ '451, HTML',                  [ status => 451, @html ] ],
    [ '302, to a portal',           [ status => 302, redirect => 'http://127.0.0.1:1/' ] ],
    [ '304, nothing',               [ status => 304, @empty ] ],
    [ '200, nothing',               [ @empty ] ],
    [ '200, a portal',              [ @html ] ],
    [ '200, {}',                    [ body => '{}' ] ],
    [ '200, a health check',        [ body => '{"status":"ok"}' ] ],
    [ '200, an error',              [ body => '{"__type":"NotFoundException"}' ] ],
    # an empty list and an environment at once, so that it could be each
    [ '200, with an error beside it', [ body => $both =~ s/^\{/{"__type":"AccessDeniedException",/r ] ],
    (map { [ "200, with the header $_", [ header => "x-amzn-errortype:$_", body => $both ] ] }
        qw(NotFoundException AccessDeniedException ThrottlingException InternalFailureException none),
        'BadRequestException:http://x/', '"",'),
    [ '200, nothing but the header of an error',
        [ header => 'X-Amzn-ErrorType: NotFoundException', @empty ] ],
    [ '203, with the header of throttling', [ status => 203,
        header => 'x-amzn-errortype:ThrottlingException', body => $both ] ],
    [ '203, a proxy has changed it', [ status => 203, body => $item ] ],
    [ '204, nothing',               [ status => 204, @empty ] ],
    [ '206, a part',                [ status => 206, header => 'Content-Range:bytes 0-26/300',
        body => '{"backendEnvironments":[]}' ] ],
    [ '502, HTML',                  [ status => 502, @html ], '58000' ],
    [ '503, nothing',               [ status => 503, @empty ], '58000' ],
);

# Bodies in other forms than their heads say
my @broken = (
    (map { [ "200, compressed, $_ bytes of it", [ encoded(gzip => substr($zipped, 0, $_)) ] ] }
        5, 12, 20, 30),
    [ '200, compressed, with a wrong sum', [ encoded(gzip => $zipped ^ ("\0" x (length($zipped) - 8) . "\1")) ] ],
    [ '200, compressed, and more', [ encoded(gzip => $zipped . 'more') ] ],
    [ '200, compressed twice', [ encoded(gzip => Compress::Zlib::memGzip($zipped)) ], '22021' ],
    [ '200, compressed, and not said', [ file($zipped) ], '22021' ],
    (map { [ "200, said to be $_", [ encoded($_ => $item) ] ] }
        'gzip,gzip', qw(gzip x-gzip deflate br zstd compress aws-chunked)),
    [ '200, cut, without a length', [ body => $item, length => 'none', cut => 20 ] ],
    [ '200, cut in its second chunk', [ body => $item, chunked => 1, cut => 40 ] ],
    [ '200, without its last chunk', [ body => $item, chunked => 1,
            # of two chunks, each with its size
            cut => length($item) + 12 ] ],
    [ '200, longer than it says', [ body => $item, length => -5 ] ],
    [ '200, shorter than it says', [ body => $item, length => '+5', closeidle => 1 ] ],
);

# A name, the rule, its query, the rows, and the requests
my @one = (n => 1);
my @ever = (n => -1);
my @controls = (
    [ 'a Get',                    undef, $get, 1, 1 ],
    [ 'a List',                   undef, $list, 120, 3 ],
    [ 'a body with blanks',       [ body => " $item\r\n", @ever ], $get, 1, 1 ],
    [ 'an unknown content type',  [ body => $item, type => 'text/plain', @ever ], $get, 1, 1 ],
    # libcurl takes either for the other, and both have a sum
    [ 'compressed in another way', [ encoded(gzip => Compress::Zlib::compress($item)), @ever ],
        $get, 1, 1 ],
    [ 'compressed once more for each', [ encoded('gzip, gzip' => Compress::Zlib::memGzip($zipped)), @ever ],
        $get, 1, 1 ],
    [ 'a header of an error that says nothing', [ header => 'x-amzn-errortype: ', body => $item, @ever ],
        $get, 1, 1 ],
    [ 'said to be identity',      [ encoded(identity => $item), @ever ], $get, 1, 1 ],
    [ 'compressed and cut, once', [ encoded(gzip => substr($zipped, 0, 30)), @one ], $get, 1, 2 ],
    [ 'without its last chunk, once', [ body => $item, chunked => 1, cut => length($item) + 12, @one ],
        $get, 1, 2 ],
    [ 'compressed',               [ gzip => 1, @ever ], $list, 120, 3 ],
    (map { [ "no row, code in $_", [ code_of(404, 'NotFoundException', where => $_), @ever ],
            $get, 0, 1 ] } qw(header body Code type)),
    [ 'no row, a code with namespace and URL',
        [ code_of(404, 'com.amazonaws#NotFoundException:http://x'), @ever ], $get, 0, 1 ],
    [ 'no row, a code with Amplify\'s namespace',
        [ code_of(404, 'com.amazonaws.amplify#NotFoundException'), @ever ], $get, 0, 1 ],
    [ 'no row, a code in header and body', [ status => 404,
        header => 'X-Amzn-ErrorType: NotFoundException:http://x/ ',
        body => '{"__type":"com.amazonaws.amplify#NotFoundException"}', @ever ], $get, 0, 1 ],
    [ 'no row, a code in each place', [ status => 404,
        header => 'x-amzn-errortype:NotFoundException',
        body => '{"__type":"com.amazonaws.amplify#NotFoundException","code":"NotFoundException",'
            . '"Code":"NotFoundException","message":"App not found","Message":"App not found"}', @ever ],
        $get, 0, 1 ],
    [ 'no row, null in the other places', [ status => 404, body =>
        '{"__type":"NotFoundException","code":null,"Message":null,"Error":null}', @ever ], $get, 0, 1 ],
    [ 'no row, a code and no body', [ status => 404,
        header => 'x-amzn-errortype:NotFoundException', @empty, @ever ], $get, 0, 1 ],
    [ 'no row, another name of the message', [ code_of(404, 'NotFoundException',
            messagekey => 'Message'), @ever ], $get, 0, 1 ],
    [ 'no row, of a List',        [ code_of(404, 'NotFoundException'), @ever ], $list, 0, 1 ],
    [ 'no rows of one app',       [ code_of(404, 'NotFoundException'),
            match => 'd00000000002', @ever ], $all, 240, 8 ],
    [ 'an empty list',            [ body => '{"backendEnvironments":[]}', @ever ], $list, 0, 1 ],
    [ 'throttled, HTML',          [ status => 429, @html, @one ], $get, 1, 2 ],
    [ 'throttled, nothing',       [ status => 429, @empty, @one ], $get, 1, 2 ],
    [ 'throttled, 400',           [ code_of(400, 'ThrottlingException'), @one ], $get, 1, 2 ],
    [ 'throttled, by its message', [ status => 400, message => 'Rate exceeded', @one ], $get, 1, 2 ],
    (map { [ "$_, once", [ status => $_, @html, @one ], $get, 1, 2 ] } 408, 421, 425, 502),
    [ '500 not found, once',      [ code_of(500, 'NotFoundException'), @one ], $get, 1, 2 ],
);

my %hints = (
    '58000' => qr/Try again later/,
    'HV00N' => qr/Check option "proxy" of server/,
    'HV00M' => qr/Check options "endpoint_url" and "proxy" of server/);


sub ask
{
    my ($server, $sql, $rule) = @_;

    # the throttle would remember the throttling of the case before
    $session->rows('SELECT amplify_fdw_stats_reset()');
    $mock->reset;
    $mock->fault(@$rule) if $rule;
    my $result = $session->query(sprintf $sql, $server);
    my $calls = $mock->calls;
    $mock->reset;
    return ($result, $calls);
}

sub try_foreign
{
    my ($server, $rule, $state, $hint) = @_;

    $state //= 'HV00M';
    $hint //= $hints{$state};
    for my $kind (sort keys %asked)
    {
        my ($result) = ask($server, $asked{$kind}, [ @$rule, @ever ]);
        my $text = Session::describe($result);

        is(Session::state_of($result) . ': ' . @{ $result->{rows} },
            "$state: 0", $kind);
        like($text, $hint, '... and what to look at');
        unlike($text =~ s/options "proxy_user" and "proxy_password" of the user mapping//r,
            qr/user mapping|policy/, '... and not at what is well');
        note $text;
    }
    return;
}

for my $transport (@transports)
{
    my ($name, %options) = @$transport;
    my $server = 'aws' . ($name =~ s/\W//gr);

    add_server($session, lc $server, delete $options{url}, max_attempts => 2,
        throttle_timeout => 5000, %options);
    $server = lc $server;
    for my $case (@foreign)
    {
        my ($what, @rest) = @$case;

        # that status is a proxy's, where there is one
        @rest = ($rest[0], 'HV00N') if $options{proxy} && $what =~ /^407/;
        subtest "$name: $what" => sub { try_foreign($server, @rest) };
    }
    for my $case (@broken)
    {
        my ($what, $rule, $state) = @$case;

        subtest "$name: $what" => sub {
            try_foreign($server, $rule, $state, $state ? qr/./ : qr/Try again|$hints{HV00M}/) };
    }
    for my $case (@controls)
    {
        my ($what, $rule, $sql, $rows, $requests) = @$case;
        my ($result, $calls) = ask($server, $sql, $rule);

        is(join(', ', Session::state_of($result), scalar @{ $result->{rows} }, $calls),
            "00000, $rows, $requests", "$name: $what")
            or diag(Session::describe($result));
    }

    # What was cut may have left more on its connection than it seems.
    ask($server, $get);
    ask($server, $get, [ encoded(gzip => substr($zipped, 0, 30)), @one ]);
    is($session->value("SELECT connections FROM amplify_fdw_stats()
        WHERE server_name = '$server'"), 1, "$name: compressed and cut: once more, on a new connection");

    # What a List has said so far is no less true for it, but the rest is unknown.
    my ($result) = ask($server, $list,
        [ code_of(404, 'NotFoundException'), skip => 1, @ever ]);
    is(Session::state_of($result), 'HV00M', "$name: a later page is not found");
    like(Session::describe($result), qr/gone before the end of the list/, '... which it says');

    # Of AWS's front end: no policy would help.
    ($result) = ask($server, $get, [ code_of(403, 'AccessDeniedException',
            messagekey => 'Message', message => 'Unable to determine '
                . 'service/operation name to be authorized'), @ever ]);
    is(Session::state_of($result), '42501', "$name: a path that AWS does not know");
    like(Session::describe($result), qr/HINT: Check option "endpoint_url"/, '... which is to be looked at');
    is(handles($session), 0, "$name: no request is left");
}

my @heard = $proxy->heard;
for my $method ('GET', 'CONNECT')
{
    cmp_ok(scalar(grep { /^$method / } @heard), '>', 0, "the proxy has heard $method");
}
cmp_ok(scalar @foreign, '>=', 12, 'kinds of responses that are not Amplify\'s');
cmp_ok(scalar @controls, '>=', 15, 'controls');
done_testing();
