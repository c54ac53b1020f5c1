# What a server or the network can do wrong, one case a row: the SQLSTATE, the
# number of rows and the number of requests are as they should be, and the
# session is as good as before.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use constant LONGEST => 30;    # seconds, on a loaded machine

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '3,120' ]);
my $node = new_node('faults');
my $session = connect_to($node);

my %options = (max_attempts => 2, max_response_size => '1MB',
    throttle_timeout => 300);
add_server($session, 'aws', $mock->url, %options);
add_server($session, 'hasty', $mock->url, %options, request_timeout => 300);
add_server($session, 'single', $mock->url, %options, max_attempts => 1);
add_server($session, 'lenient', $mock->url, %options);
$session->rows(q{ALTER FOREIGN TABLE lenient.backend_environments
    OPTIONS (ADD on_error 'warn')});

# ---- queries ----

# One request; one row
my $get = q{SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'};
my $hasty_get = $get =~ s/aws/hasty/r;
# Three pages; 120 rows
my $list = q{SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001'};
# ListApps and three times three pages; 360 rows
my $all = 'SELECT * FROM aws.backend_environments';
my $lenient = 'SELECT * FROM lenient.backend_environments';
# One page in place of so many Gets
my $some = q{SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name IN ('dev', 'test', 'nil')};
my $app = q{SELECT * FROM aws.apps WHERE app_id = 'd00000000001'};
my $app_environments = q{SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001'};
my $count = q{SELECT count(*) FROM aws.backend_environments
    WHERE app_id = 'd00000000001'};
my $twice = "SELECT FROM ($get) a JOIN ($get) b USING (environment_name)";
my $job = q{SELECT * FROM aws.jobs
    WHERE app_id = 'd00000000001' AND branch_name = 'main' AND job_id = '12'};
my $domain = q{SELECT * FROM aws.domain_associations
    WHERE app_id = 'd00000000001' AND domain_name = 'example.com'};
my $steps = $job =~ s/jobs/job_steps/r;
my $of_domain = $domain =~ s/domain_associations/sub_domains/r;
my $webhooks = q{SELECT * FROM aws.webhooks WHERE app_id = 'd00000000001'};
my $sub_domains = q{SELECT * FROM aws.sub_domains WHERE app_id = 'd00000000001'};

# ---- answers ----

# The response to $get with members changed; values are JSON
sub environment
{
    my (%member) = @_;

    %member = (environmentName => '"dev"', stackName => '"stack"',
        createTime => 1613753573.153, %member);
    return '{"backendEnvironment":{'
        . join(',', map { "\"$_\":$member{$_}" } sort keys %member) . '}}';
}

# The ARN of an environment of that app, as a member
sub arn
{
    return (backendEnvironmentArn =>
        qq("arn:aws:amplify:us-east-1:111122223333:apps/$_[0]/backendenvironments/dev"));
}

sub with
{
    return (body => environment(@_));
}

# ... in a file, where a parameter of the mock would be too long
sub in_file
{
    my ($name, $content) = @_;
    my $path = "$dir/$name";

    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh $content;
    close $fh or die "$path: $!";
    return (bodyfile => $path);
}

sub error_of
{
    my ($status, $code, @more) = @_;

    return (status => $status, code => $code, @more);
}

my @always = (n => -1);
my $elsewhere = $mock->url . '/apps';

# ---- the table ----
#
# name, query, rule of the mock (or several, in their order), SQLSTATE, rows, requests (a number or, where
# it depends on chance, a pattern), and a pattern for the rest that is said

my @cases = (
    # F7: connection reset
    [ 'reset in the head, once', $get, [ reset => 'headers' ], '00000', 1, 2 ],
    # libcurl asks again by itself where a kept connection gives nothing
    [ 'reset in the head', $get, [ reset => 'headers', @always ], 'HV00M', 0, 3 ],
    [ 'reset in the body, once', $get, [ reset => 'body' ], '00000', 1, 2 ],
    [ 'reset in the body', $get, [ reset => 'body', @always ], 'HV00M', 0, 2,
        qr/broke before/ ],
    [ 'reset in a list\'s 2nd page, once', $list,
        [ reset => 'body', skip => 1 ], '00000', 120, 4 ],
    [ 'reset in a list\'s 3rd page', $list,
        [ reset => 'body', skip => 2, @always ], 'HV00M', 0, 4 ],

    # F8, F9: cut and lying bodies
    [ 'cut before the body', $get, [ cut => 0, @always ], 'HV00M', 0, 2 ],
    [ 'cut in the body, once', $get, [ cut => 20 ], '00000', 1, 2 ],
    [ 'cut in the body', $get, [ cut => 20, @always ], 'HV00M', 0, 2 ],
    [ 'cut in the 2nd page, once', $list, [ cut => 500, skip => 1 ],
        '00000', 120, 4 ],
    [ 'cut one byte before the end', $get,
        [ with(), cut => length(environment()) - 1, @always ],
        'HV00M', 0, 2 ],
    [ 'length too great, then closed', $get,
        [ length => '+10', closeidle => 1, @always ], 'HV00M', 0, 2 ],
    [ 'length too great', $hasty_get, [ length => '+10', @always ],
        'HV00N', 0, 2 ],
    [ 'length too small', $get, [ length => -10, @always ], 'HV00M', 0, 1,
        qr/not valid JSON/ ],
    [ 'no length', $get, [ length => 'none' ], '00000', 1, 1 ],

    # later libcurls see that before we do
    (map { [ "two lengths, $_ as well", $get, [ header => "Content-Length:$_", @always ],
        'HV00M', 0, 2, qr/two headers of one name|Invalid Content-Length/ ] } 10, 9999),
    [ 'two lengths, once', $get, [ header => 'Content-Length:10' ], '00000', 1, 2 ],
    [ 'one length twice', $get, [ with(), header => 'Content-Length:'
            . length environment() ], '00000', 1, 1 ],

    # F10: chunks
    [ 'chunks', $get, [ chunked => 1 ], '00000', 1, 1 ],
    [ 'chunks of a list', $list, [ chunked => 1, @always ], '00000', 120, 3 ],
    [ 'a broken chunk, once', $get, [ badchunk => 1 ], '00000', 1, 2 ],
    [ 'a broken chunk', $get, [ badchunk => 1, @always ], 'HV00M', 0, 2 ],

    # F11, F12: time
    [ 'byte by byte', $get, [ drip => 1 ], '00000', 1, 1 ],
    [ 'byte by byte, too slowly', $hasty_get, [ drip => 50, @always ],
        'HV00N', 0, 2, qr/no response in time/ ],
    [ 'nothing', $hasty_get, [ stall => 'request', @always ], 'HV00N', 0, 2 ],
    [ 'half a head', $hasty_get, [ stall => 'headers', @always ],
        'HV00N', 0, 2 ],
    [ 'half a body', $hasty_get, [ stall => 'body', @always ],
        'HV00N', 0, 2 ],
    [ 'half a body, once', $hasty_get, [ stall => 'body' ], '00000', 1, 2 ],
    [ 'too late, once', $hasty_get, [ latency => 2000 ], '00000', 1, 2 ],

    # F13, F14: the end of a kept connection
    [ 'closed while idle', $list, [ closeidle => 1, @always ],
        '00000', 120, 3 ],
    [ 'half closed', $list, [ halfclose => 1, @always ], '00000', 120, 3 ],

    # F15: not HTTP
    [ 'HTTP/0.9', $get, [ http09 => 1, @always ], 'HV00M', 0, qr/^[12]$/ ],
    [ 'no status', $get, [ badstatus => 1, @always ], 'HV00M', 0, qr/^[12]$/ ],

    # F16: redirects
    (map { [ "redirect $_", $get,
            [ status => $_, redirect => $elsewhere, @always ],
            'HV00M', 0, 1, qr/redirects/ ] } 301, 302, 303, 307, 308),

    # F17: errors of the service, wherever their code is
    (map { [ "400, code in $_", $get,
            [ error_of(400, 'BadRequestException', where => $_), @always ],
            '22023', 0, 1, qr/BadRequestException, HTTP status 400/ ] }
        qw(header body Code type)),
    [ '400, no code', $get,
        [ error_of(400, 'X', where => 'none'), @always ], 'HV00M', 0, 1,
        qr/HTTP status 400: A fault/ ],
    [ '400, a code with namespace and URL', $get,
        [ error_of(400, 'com.amazonaws#BadRequestException:http://x'),
            @always ], '22023', 0, 1, qr/DETAIL: BadRequestException,/ ],
    [ '400, an unknown code', $get, [ error_of(400, 'OddException'), @always ],
        '22023', 0, 1, qr/OddException/ ],
    [ '400, another name of the message', $get,
        [ error_of(400, 'BadRequestException', messagekey => 'Message',
            message => 'Look here'), @always ], '22023', 0, 1,
        qr/Look here/ ],
    [ '404, keyed', $get, [ error_of(404, 'NotFoundException'), @always ],
        '00000', 0, 1 ],
    [ '404, list', $list, [ error_of(404, 'NotFoundException'), @always ],
        '00000', 0, 1 ],
    [ '404, no code', $get, [ error_of(404, 'X', where => 'none'), @always ],
        'HV00M', 0, 1, qr/not Amplify's response/ ],
    [ '404, HTML', $get, [ status => 404, type => 'text/html',
            body => '<html>no such page</html>', @always ], 'HV00M', 0, 1 ],
    [ '404, no apps', $all,
        [ error_of(404, 'NotFoundException', op => 'ListApps'), @always ],
        'HV00M', 0, 1 ],
    [ '404, one app of three', $all,
        [ error_of(404, 'NotFoundException'), match => 'd00000000002',
            @always ], '00000', 240, 8 ],

    [ '404, two codes', $get, [ status => 404, header => 'x-amzn-errortype:NotFoundException',
        header => 'x-amzn-errortype:AccessDeniedException', @always ], 'HV00M', 0, 2,
        qr/two headers of one name/ ],
    [ '404, one code twice', $get, [ status => 404, body => '{}',
        (header => 'x-amzn-errortype:NotFoundException') x 2, @always ], '00000', 0, 1 ],

    # F18: who asks
    (map { [ $_->[1], $get, [ error_of(@$_[0, 1]), @always ], $_->[2], 0, 1 ] }
        [ 401, 'UnauthorizedException', '28000' ],
        [ 403, 'UnrecognizedClientException', '28000' ],
        [ 403, 'ExpiredTokenException', '28000' ],
        [ 403, 'InvalidSignatureException', '28000' ],
        [ 403, 'MissingAuthenticationTokenException', '28000' ],
        [ 403, 'AccessDeniedException', '42501' ]),
    [ '403, no code', $get, [ error_of(403, 'X', where => 'none'), @always ],
        'HV00M', 0, 1 ],

    # F19: later
    (map { [ "$_->[0] $_->[1], once", $get, [ error_of(@$_) ], '00000', 1, 2 ] }
        [ 429, 'TooManyRequestsException' ], [ 400, 'ThrottlingException' ],
        [ 429, 'LimitExceededException' ],
        [ 500, 'InternalFailureException' ],
        [ 503, 'DependentServiceFailureException' ]),
    [ '400 "Rate exceeded", once', $get,
        [ status => 400, message => 'Rate exceeded' ], '00000', 1, 2 ],
    [ 'status 429', $get, [ error_of(429, 'TooManyRequestsException'), @always ],
        '53400', 0, qr/^([2-9]|\d\d)$/ ],
    [ 'status 429, come back after 1 ms', $get,
        [ error_of(429, 'TooManyRequestsException'),
            header => 'x-amz-retry-after:1' ], '00000', 1, 2 ],
    # what is no number is nothing
    (map { [ "status 429, come back after $_", $get, [ error_of(429, 'TooManyRequestsException'),
            header => "Retry-After:$_" ], '00000', 1, 2 ] }
        0, -5, 'soon', 'Fri, 19 Feb 2021 16:52:53 GMT', '-9223372036854775809'),
    [ 'status 500', $get, [ error_of(500, 'InternalFailureException'), @always ],
        '58000', 0, 2, qr/Attempts: 2/ ],
    [ 'status 501', $get, [ status => 501, @always ], '58000', 0, 1 ],
    [ '502, HTML', $get, [ status => 502, type => 'text/html',
            body => '<html><h1>Bad gateway</h1></html>', @always ],
        '58000', 0, 2, qr/HTTP status 502/ ],
    [ '502, HTML, once', $get, [ status => 502, type => 'text/html',
            body => '<html><h1>Bad gateway</h1></html>' ], '00000', 1, 2 ],
    [ '503, no JSON but bytes', $get,
        [ status => 503, body => "\xff\xfe\x00\x80", @always ],
        '58000', 0, 2 ],
    [ '500 in the midst of a list, once', $list,
        [ status => 500, skip => 1 ], '00000', 120, 4 ],
    [ '500 in the midst of a full scan, once', $all,
        [ status => 500, match => 'd00000000002', skip => 1 ],
        '00000', 360, 11 ],
    [ 'status 999', $get, [ status => 999, @always ], 'HV00M', 0, 1 ],
    [ '500 for one app, on_error warn', $lenient,
        [ status => 500, match => 'd00000000002', @always ],
        '00000', 240, 9, qr/WARNING: 58000/ ],
    [ '403 for one app', $all,
        [ error_of(403, 'AccessDeniedException'), match => 'd00000000002',
            @always ], '42501', 0, qr/^\d+$/ ],

    # F20 to F23: too much
    [ '2 MB', $get, [ repeat => 2, @always ], '54000', 0, 1,
        qr/max_response_size/ ],
    [ '2 GB in one chunk', $get, [ repeat => 2048, chunked => 1, @always ],
        '54000', 0, 1 ],
    [ 'compressed', $get, [ gzip => 1 ], '00000', 1, 1 ],
    [ 'a compressed list', $list, [ gzip => 1, @always ], '00000', 120, 3 ],
    [ '100 MB, compressed', $get, [ repeat => 100, gzip => 1, @always ],
        '54000', 0, 1 ],
    [ 'only said to be compressed', $get,
        [ header => 'Content-Encoding:gzip', @always ], 'HV00M', 0, 2 ],
    [ 'compressed in an unknown way', $get,
        [ header => 'Content-Encoding:x-own', @always ], 'HV00M', 0, 2 ],
    [ '100 kB of headers', $get, [ headers => 100_000 ], '00000', 1, 1 ],
    [ '1 MB of headers', $get, [ headers => 1_000_000, @always ],
        'HV00M', 0, 2 ],
    [ 'a header of 90 kB', $get, [ line => 90_000 ], '00000', 1, 1 ],
    # libcurl calls that a lack of memory, which would end all other calls
    [ 'a header of 1 MB', $get, [ line => 1_000_000, @always ], 'HV00M', 0, 2 ],
    [ 'a header of 1 MB, once', $get, [ line => 1_000_000 ], '00000', 1, 2 ],
    [ 'a header of 1 MB, for one app', $lenient, [ line => 1_000_000, match => 'd00000000002',
            @always ], '00000', 240, 9, qr/WARNING: HV00M/ ],
    [ 'nested 20 deep', $get, [ nest => 20 ], '00000', 1, 1 ],
    [ 'nested 2,000 deep', $get, [ nest => 2000, @always ], '54001', 0, 1 ],
    [ 'nested 400,000 deep', $get, [ nest => 400_000, @always ],
        '54001', 0, 1 ],

    [ '100 kB of trailers', $get, [ trailers => 100_000 ], '00000', 1, 1 ],
    [ '1 MB of trailers', $get, [ trailers => 1_000_000, @always ],
        'HV00M', 0, 2 ],

    # Lines that are not of the response's own head say nothing
    (map { my ($line, $state) = @$_; (
            [ "503 after an interim \"$line\"", $get,
                [ status => 503, early => $line, @always ], '58000', 0, 2 ],
            [ "503 with a trailer \"$line\"", $get,
                [ status => 503, trailer => $line, @always ], '58000', 0, 2 ],
            [ "503 without a body, with a trailer \"$line\"", $get,
                [ status => 503, in_file('empty', ''), trailer => $line,
                    @always ], '58000', 0, 2 ]) }
        [ 'x-amzn-ErrorType: NotFoundException' ],
        [ 'x-amzn-errortype:ThrottlingException' ],
        [ 'HTTP/1.1 404: x' ]),
    [ 'an interim response before the environment', $get,
        [ early => 'x-amzn-ErrorType: NotFoundException' ], '00000', 1, 1 ],
    [ 'a trailer after the environment', $get,
        [ trailer => 'x-amzn-ErrorType: NotFoundException' ], '00000', 1, 1 ],
    [ 'a missing one after an interim response', $get,
        [ error_of(404, 'NotFoundException'), early => 'x-amzn-ErrorType: X' ],
        '00000', 0, 1 ],

    # F24 to F27: tokens and items
    [ 'always the same token', $list, [ token => 'same', @always ],
        '54000', 0, qr/^[2-5]$/, qr/endless list/ ],
    [ 'three tokens in turn', $list, [ token => 'cycle', @always ],
        '54000', 0, qr/^(\d|1\d)$/, qr/endless list/ ],
    [ 'ever new tokens of empty pages', $list, [ token => 'new', @always ],
        '54000', 0, qr/^10\d$/, qr/endless list/ ],
    [ 'a token of 1 MB', $list, [ token => 'long', @always ],
        '54000', 0, 1 ],
    (map { [ "a token of $_->[0] characters", $list,
        [ in_file("token $_->[0]", sprintf '{"backendEnvironments":[],"nextToken":"%s"}', 'x' x $_->[0]), @always ],
        '54000', 0, $_->[1], $_->[2] ] }
        [ 9000, 1, qr/token of the next page is too long/ ],
        [ 900_000, 1, qr/token of the next page is too long/ ]),
    [ 'no environments', $list, [ body => '{"backendEnvironments":[]}' ],
        '00000', 0, 1 ],
    [ '5,000 items', $list,
        [ in_file('many', '{"backendEnvironments":['
                . join(',', map { qq({"environmentName":"e$_"}) } 1 .. 5000) . ']}') ], '00000', 5000, 1 ],
    [ 'a string of 500 kB', $get,
        [ in_file('long', environment(stackName => '"' . 's' x 500_000 . '"')) ],
        '00000', 1, 1 ],
    [ 'a token that is a number', $list,
        [ body => '{"backendEnvironments":[],"nextToken":5}' ],
        'HV00M', 0, 1 ],
    [ 'a token with a NUL', $list,
        [ body => '{"backendEnvironments":[],"nextToken":"a\u0000b"}' ],
        'HV00M', 0, 1 ],
    [ 'no token, but null', $list,
        [ body => '{"backendEnvironments":[],"nextToken":null}' ],
        '00000', 0, 1 ],

    # The children of an item that a list has twice, on one page or two
    [ 'an app that is listed twice', $all, [ op => 'ListApps', body =>
        '{"apps":[{"appId":"d00000000001"},{"appId":"d00000000002"},{"appId":"d00000000001"}]}' ],
        '00000', 240, 7 ],
    [ 'all apps that are listed twice', $all,
        [ map { [ op => 'ListApps', status => 200, in_file("page$_->[0]", sprintf '{"apps":[%s]%s}',
            join(',', map { qq({"appId":"d0000000000$_"}) } 1 .. 3), $_->[1]) ] }
            [ 1, ',"nextToken":"more"' ], [ 2, '' ] ], '00000', 360, 11 ],

    # F28: not the response
    (map { [ "body $_", $get, [ body => $_ ], 'HV00M', 0, 1 ] }
        'null', '42', '"text"', 'true', '[]', '{}', '{', '}', ' ',
        '{"backendEnvironment":null}', '{"backendEnvironment":[]}',
        '{"backendEnvironment":"dev"}', '<html></html>', 'OK',
        environment() . ' x', environment() . environment(),
        substr(environment(), 0, -1)),
    [ 'no body', $get, [ in_file('empty', '') ], 'HV00M', 0, 1 ],
    (map { [ "body $_", $list, [ body => $_ ], 'HV00M', 0, 1 ] }
        '{"backendEnvironments":null}', '{"backendEnvironments":{}}',
        '{"backendEnvironments":[1]}', '{"backendEnvironments":[null]}',
        '{"nextToken":"t"}'),
    [ 'apps without an id', $all,
        [ body => '{"apps":[{}]}', op => 'ListApps' ], 'HV00M', 0, 1 ],

    (map { [ "sub-domains $_", $sub_domains, [ body => $_ ], 'HV00M', 0, 1 ] }
        '{"domainAssociations":{}}', '{"domainAssociations":[{"subDomains":5}]}'),
    [ 'sub-domains left out', $sub_domains,
        [ body => '{"domainAssociations":[{}]}' ], '00000', 0, 1 ],
    [ 'blanks after the body', $get, [ body => environment() . " \t\r\n" ],
        '00000', 1, 1 ],
    [ 'a list in place of Gets that is refused', $some,
        [ error_of(400, 'BadRequestException'), op => 'ListBackendEnvironments' ],
        '00000', 2, 4 ],
    [ 'a list in place of Gets, a name missing', $some,
        [ body => '{"backendEnvironments":[{},{"environmentName":"dev"}]}' ],
        'HV00M', 0, 1 ],
    (map { [ "a list in which one has a name that is $_", $app_environments,
        [ body => qq({"backendEnvironments":[{"environmentName":"dev"},{"environmentName":$_}]}) ],
        'HV00M', 0, 1 ] } 'null', '5'),
    (map { [ "a list in which one has $_, not needed", $count,
        [ body => qq({"backendEnvironments":[{$_},{"environmentName":"dev"}]}) ],
        'HV00M', 0, 1 ] } '"stackName":"s"', map { qq("environmentName":$_) } 'null', '5', '["dev"]'),
    [ 'an environment without its name', $get, [ body => '{"backendEnvironment":{"stackName":"s"}}' ],
        '00000', 1, 1 ],

    # F29: members
    [ 'a switch that is a number', $app,
        [ body => '{"app":{"enableBranchAutoBuild":1}}' ], 'HV00M', 0, 1,
        qr/"enable_branch_auto_build"/ ],
    [ 'a number in place of an object', $app,
        [ body => '{"app":{"appId":"d00000000001","productionBranch":5}}' ], '00000', 1, 1 ],
    (map { [ "stackName $_", $get, [ with(stackName => $_) ], 'HV00M', 0, 1,
            qr/"stack_name"/ ] } 1, 'true', '[]', '{}'),
    (map { [ "createTime $_", $get, [ with(createTime => $_) ], 'HV00M', 0, 1,
            qr/"create_time"/ ] } 'true', '[]', '{}', '"yesterday"',
        '"2021-02-19T16:52:53+1x:00"', '"2021-02-19T16:52:53+16:00"',
        '"2021-02-19T16:52:53~01:00"', '"2021-02-19T16:52:53.Z"', '"1613753573"',
        '"infinity"', '"now"', '""', '"2021-02-19"', '"10000-01-01T00:00:00Z"',
        '"2021-02-19T16:52:53"', '"Fri, 19 Feb 2021 16:52:53 GMT"'),
    [ 'createTime with a NUL', $get, [ with(createTime => '"2021-02-19T16:52:53Z\u0000"') ],
        '22P05', 0, 1, qr/"create_time"/ ],
    [ 'null for a member', $get, [ with(stackName => 'null') ],
        '00000', 1, 1 ],
    [ 'an unknown member', $get, [ with(other => '[{"a":null}]') ],
        '00000', 1, 1 ],
    # A response belongs to its request, as far as what the path has bound; it
    # gets another chance on a connection of its own, one of them
    (map { my ($name, $query, $rows, $pages, @wrong) = @$_; (
            [ "$name, once", $query, [ status => 200, @wrong ], '00000', $rows, $pages + 1 ],
            [ "$name, always", $query, [ status => 200, @wrong, @always ], 'HV00M', 0, 2,
                qr/something else than was asked for.*Attempts: 2/s ],
            [ "$name, without attempts", $query =~ s/aws/single/gr,
                [ status => 200, @wrong ], '00000', $rows, $pages + 1 ]) }
        [ 'another environment', $get, 1, 1, with(environmentName => '"test"') ],
        [ 'an environment of another app', $get, 1, 1, with(arn('d9')) ],
        [ 'another environment, for two scans', $twice, 1, 1, with(environmentName => '"test"') ],
        [ 'another app', $app, 1, 1, body => '{"app":{"appId":"d00000000002"}}' ],
        [ 'another job', $job, 0, 1, body => '{"job":{"summary":{"jobId":"13"}}}' ],
        [ 'another domain', $domain, 0, 1,
            body => '{"domainAssociation":{"domainName":"example.org"}}' ],
        [ 'another job, with steps', $steps, 0, 1,
            body => '{"job":{"summary":{"jobId":"13"},"steps":[{"stepName":"BUILD"}]}}' ],
        (map { (
            [ "a name that is $_", $get, 1, 1, with(environmentName => $_) ],
            [ "a job's number that is $_, with steps", $steps, 0, 1,
                body => qq({"job":{"summary":{"jobId":$_},"steps":[{"stepName":"BUILD"}]}}) ],
            [ "a domain's name that is $_, with sub-domains", $of_domain, 0, 1, body =>
                qq({"domainAssociation":{"domainName":$_,"subDomains":[{"verified":true}]}}) ]) }
            '5', '{}', '["dev"]', '"dev\u0000"'),
        [ 'another job, without steps', $steps, 0, 1,
            body => '{"job":{"summary":{"jobId":"13"},"steps":[]}}' ],
        [ 'another job, whose steps are left out', $steps, 0, 1,
            body => '{"job":{"summary":{"jobId":"13"}}}' ],
        [ 'a job of another app, without steps', $steps, 0, 1, body => '{"job":{"summary":'
            . '{"jobArn":"arn:aws:amplify:us-east-1:111122223333:apps/d9/branches/main/jobs/12"}}}' ],
        [ 'another domain, without sub-domains', $of_domain, 0, 1,
            body => '{"domainAssociation":{"domainName":"example.org","subDomains":[]}}' ],
        [ 'webhooks of another app, that say so', $webhooks, 1, 1,
            body => '{"webhooks":[{"webhookId":"w","appId":"d9"}]}' ],
        [ 'a list of another app', $app_environments, 120, 3, body => sprintf
            '{"backendEnvironments":[{"environmentName":"dev","%s":%s}]}', arn('d9') ],
        [ 'a list in place of Gets, of another app', $some, 2, 3, body => sprintf
            '{"backendEnvironments":[{"environmentName":"dev","%s":%s}]}', arn('d9') ]),
    [ 'an app of three, of another one', $all, [ match => 'd00000000002', body => sprintf
        '{"backendEnvironments":[{"environmentName":"dev","%s":%s}]}', arn('d9') ],
        # another call may have been sent on the suspect connection meanwhile
        '00000', 360, qr/^1[12]$/ ],
    [ 'an app of three, of another one, on_error warn', $lenient,
        [ match => 'd00000000002', @always, body => sprintf
        '{"backendEnvironments":[{"environmentName":"dev","%s":%s}]}', arn('d9') ],
        '00000', 240, qr/^(9|1\d)$/, qr/WARNING: HV00M/ ],
    # ... and no more: these are the right response, or nobody's row
    [ 'its own ARN', $get, [ with(arn('d00000000001')) ], '00000', 1, 1 ],
    [ 'an ARN of another name, region and account', $get,
        [ with(backendEnvironmentArn => '"arn:aws:amplify:local:000000000000:apps/d00000000001/backendenvironments/x"') ],
        '00000', 1, 1 ],
    (map { [ "an odd ARN, $_", $get, [ with(backendEnvironmentArn => $_) ],
        '00000', 1, 1 ] } '""', '"none"', 'null', '"arn:aws:amplify:x:y:apps"'),
    [ 'a name in another case', $get, [ with(environmentName => '"DEV"') ],
        '00000', 0, 1 ],
    [ 'the steps of a job with zeros', $steps, [ status => 200, body =>
        '{"job":{"summary":{"jobId":"0000000012"},"steps":[{"stepName":"BUILD"}]}}' ], '00000', 1, 1 ],
    [ 'no steps', $steps, [ status => 200, body => '{"job":{"summary":{"jobId":"12"}}}' ],
        '00000', 0, 1 ],
    [ 'webhooks, with and without their app', $webhooks, [ body =>
        '{"webhooks":[{"webhookId":"w","appId":"d00000000001"},{"webhookId":"x"}]}' ], '00000', 2, 1 ],
    [ 'a job with zeros', $job, [ status => 200, body => '{"job":{"summary":{"jobId":"0000000012"}}}' ],
        '00000', 1, 1 ],
    [ 'a domain in another case', $domain, [ status => 200, body =>
        '{"domainAssociation":{"domainName":"Example.COM."}}' ], '00000', 0, 1 ],

    # F30: the same name twice
    [ 'a member twice', $get,
        [ body => environment() =~ s/("stackName")/"stackName":"a",$1/r ],
        'HV00M', 0, 1 ],

    # F31, F32: numbers and times
    (map { [ "createTime $_", $get, [ with(createTime => $_) ], '22008', 0, 1,
            qr/"create_time"/ ] }
        '1613753573153', '253402300800', '-62135596801', '"0000-12-31T00:00:00Z"',
        '"9999-12-31T23:59:59-01:00"', '1e999', '1e300', '-1e300', '1e14',
        '-3e11', '9223372036854775807', '99999999999999999999999',
        '"2021-02-30T00:00:00Z"', '"2021-13-01T00:00:00Z"'),
    (map { [ "createTime $_", $get, [ with(createTime => $_) ],
            '00000', 1, 1 ] }
        0, -1, '253402300799', '-62135596800', '1.6137535731530E9', '1e10', '"2021-02-19T16:52:53.153Z"'),

    (map { [ "createTime $_", $get, [ with(createTime => $_) ], 'HV00M', 0, 1,
            qr/not valid JSON/ ] } 'NaN', 'Infinity', '-Infinity', '-01', '1.', "'1'"),

    # F33: characters that no text can hold
    [ '\u0000', $get, [ with(stackName => '"a\u0000b"') ], '22P05', 0, 1,
        qr/"stack_name"/ ],
    [ 'a NUL', $get, [ in_file('nul', environment(stackName => "\"a\0b\"")) ],
        '22021', 0, 1 ],
    (map { [ "half a pair: $_", $get, [ with(stackName => "\"$_\"") ],
            '22021', 0, 1 ] }
        '\ud83d', '\ude00', '\ud83dx\ude00', '\ude00\ud83d',
        '\ud83d\u00zz'),
    [ 'a whole pair', $get, [ with(stackName => '"\ud83d\ude00"') ],
        '00000', 1, 1 ],

    # F34: not UTF-8
    (map { [ "bytes $_->[0]", $get,
            [ in_file("bytes $_->[0]",
                    environment(stackName => "\"a$_->[1]b\"")) ],
            '22021', 0, 1 ] }
        [ 'FF', "\xff" ], [ 'C0 AF', "\xc0\xaf" ],
        [ 'ED A0 80', "\xed\xa0\x80" ], [ 'C3', "\xc3" ],
        [ 'F5 80 80 80', "\xf5\x80\x80\x80" ], [ '80', "\x80" ]),
    [ 'cut in a letter', $get, [ in_file('cut', "{\"a\":\"\xc3") ],
        '22021', 0, 1 ],
    [ 'a byte order mark', $get, [ in_file('bom', "\xef\xbb\xbf"
                . environment()) ], 'HV00M', 0, 1 ],
    [ 'UTF-16', $get,
        [ in_file('utf16', environment() =~ s/(.)/$1\0/sgr) ],
        '22021', 0, 1 ],
    [ 'bytes in an error', $get,
        [ status => 400, in_file('error',
                "{\"message\":\"a\xff\",\"code\":\"BadRequestException\"}"),
            @always ], 'HV00M', 0, 1 ],
    [ 'a long message', $get,
        [ status => 400, in_file('message',
                "{\"message\":\"" . "\xc3\xa4" x 5000 . "\"}"), @always ],
        'HV00M', 0, 1 ],
);

# ---- the runs ----

my $before = warm_up($session, 'aws');

sub run_case
{
    my ($name, $sql, $rule, $state, $rows, $requests, $said) = @_;

    # the throttle would remember the throttling of the case before
    $session->rows('SELECT amplify_fdw_stats_reset()');
    $mock->reset;
    $mock->fault(@$_) for ref $rule->[0] ? @$rule : $rule;
    my $start = time;
    my $result = $session->query($sql);
    my $time = time - $start;
    my $calls = $mock->calls;
    $mock->reset;
    my $text = Session::describe($result);

    is(Session::state_of($result), $state, 'SQLSTATE');
    is(scalar @{ $result->{rows} }, $rows, 'rows') if $state eq '00000';
    like($calls, ref $requests ? $requests : qr/^$requests$/, 'requests');
    like($text, $said, 'what is said') if $said;
    cmp_ok($time, '<', LONGEST, 'time');
    is(harm($session, 'aws', $before), '', 'the session is unharmed');
    note $text;
    return;
}

for my $case (@cases)
{
    subtest $case->[0] => \&run_case, @$case;
}

# No number is so great that it becomes another one.  A server that is not to be
# asked for so long is not asked again: each of these is one of its own.
my $away = 0;
for my $wish (60, '18446744073711', '9223372036854775808', '9' x 30,
    'Fri, 31 Dec 9999 23:59:59 GMT')
{
    subtest "status 429, come back after $wish" => sub {
        my $server = 'away' . ++$away;
        my $busy = Mock->start(dir => $dir, args => [ '--generate', '3,1' ]);
        my $sql = $get =~ s/aws/$server/r;

        add_server($session, $server, $busy->url, %options);
        $busy->fault(error_of(429, 'TooManyRequestsException'),
            header => "Retry-After:$wish", @always);
        is(Session::state_of($session->query($sql)), '53400', 'SQLSTATE');
        is(Session::state_of($session->query($sql)), '53400', 'and again');
        is($busy->calls, 1, 'requests');
        $session->rows('SELECT amplify_fdw_disconnect_all()');
        is(harm($session, 'aws', $before), '', 'the session is unharmed');
    };
}

# Connections that end as soon as they are made, or before we know that
for my $mode (qw(refuse reset))
{
    for my $rule ([ qr/^00000$/, n => 1 ], [qr/^HV00[MN]$/])
    {
        my ($state, @n) = @$rule;

        subtest "$mode @n" => sub {
            $session->rows('SELECT amplify_fdw_disconnect_all()');
            $mock->say('accept', $mode => 1, @n);
            my $result = $session->query($get);
            $mock->reset;
            like(Session::state_of($result), $state, 'SQLSTATE');
            is(harm($session, 'aws', $before), '',
                'the session is unharmed');
        };
    }
}

cmp_ok(resident($session->pid), '<', 100_000, 'memory');
diag scalar(@cases) + $away + 4, ' cases';

done_testing();
