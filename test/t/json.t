# What is JSON and what is not, by RFC 8259: equivalents of the files of the
# public JSON test suite, each as the body of a response and as the value of a
# member that no column shows.  And what a body of JSON may cost.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

use constant MB => 1024 * 1024;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $mock = Mock->start(dir => $dir, args => [ '--generate', '3,120' ]);
my $node = new_node('json');
my $session = connect_to($node);
my $get = q{SELECT environment_name FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev'};

add_server($session, 'aws', $mock->url, max_attempts => 1);

sub respond
{
    my ($content, @more) = @_;
    my $path = "$dir/body";

    open my $fh, '>:raw', $path or die "$path: $!";
    print $fh $content;
    close $fh or die "$path: $!";
    $mock->reset;
    $mock->fault(bodyfile => $path, n => -1, @more);
    return;
}

sub state_with
{
    my ($content) = @_;

    respond($content);
    return Session::state_of($session->query($get));
}

sub inside
{
    return qq({"backendEnvironment":{"environmentName":"dev","other":$_[0]}});
}

sub shown
{
    my ($text) = @_;

    $text =~ s/([^ -~])/sprintf '\\x%02X', ord $1/ge;
    return length $text > 60 ? substr($text, 0, 57) . '...' : $text;
}

# ---- values that are JSON ----

my @valid = (
    # numbers
    qw(0 -0 1 -1 20 123 123.456789 1e1 1E22 1E+2 1E-2 1e+2 1e-2 0e1 0e+1
        123e45 123.456e78 -0.0 -1.5e-7 1.7976931348623157e308
        -0.000000000000000000000000000000000000000000000000000000000000000000000000000000001
        123456789012345678901234567890 -123123123123123123123123123123 1e400
        -1e9999 0.4e00669999999999999999999999999999999999999999999999999999999999999
        18446744073709551616 9223372036854775808 -9223372036854775809),
    # literals
    qw(true false null),
    # strings
    '""', '" "', '"asd"', '"\""', '"\\\\"', '"\/"', '"\b\f\n\r\t"', '"\u0000"',
    '"\u0012"', '"\u0060\u012a\u12AB"', '"\uD801\udc37"', '"\ud83d\ude39\ud83d\udc8d"',
    '"\uDBFF\uDFFE"', '"\uFFFF"', '"\uFDD0"', '"\u200B"', '"\u2028"', '"\\\\u0000"',
    '"\\\\a"', '"a/*b*/c/*d//e"', "\"\x7f\"", "\"\xe2\x80\xa8\"", "\"\xf0\x9b\xbf\xbf\"",
    "\"\xef\xbf\xbf\"", "\"\xf4\x8f\xbf\xbf\"", "\"\xc2\x80\"", "\"\xe2\x8d\x82\xe3\x88\xb4\"",
    '"\u0061\u30af\u30EA\u30b9"', '"new\u000Aline"',
    # arrays and objects
    '[]', '[ ]', '[[]]', '[[]   ]', '[""]', '[1]', '[ 1 ]', "[1\n]", '[ 1,2,3]',
    '[1,null,null,null,2]', '[null, 1, "1", {}]', '{}', '{"a":[]}', '{"":0}',
    '{ "a" : 1 , "b" : 2 }', "{\n\t\"a\"\r\n: \"b\" }",
    '{"title":"\u041f\u043e"}', '{"a":{"b":{"c":[{"d":null}]}}}',
    '[' x 25 . ']' x 25,
);

# Accepted by the suite's word, and refused here on purpose: the second member
# would hide the first; a name would end at its NUL; a nesting that no response
# has; half of a character.
my @refused = (
    [ '{"a":"b","a":"c"}',              'HV00M' ],
    [ '{"a":"b","a":"b"}',              'HV00M' ],
    (map { [ $_, 'HV00M' ] } '{"a\u0000b":42}', '{"a\u0000":1,"b":2}', '{"\u0000":1}'),
    [ '[' x 500 . ']' x 500,            '54001' ],
    (map { [ "\"$_\"", '22021' ] } '\uD800', '\uDADA', '\uDd1ea', '\uD888\u1234',
        '\uDFAA', '\uD800\n', '\uDd1e\uD834', '\uD800\uD800\n', 'x\udc00'),
);

# ---- and those that are not ----

my @invalid = (
    # numbers
    qw(-01 -012 012 00 -00 -2. 2. 0.e1 2.e3 2.e+3 2.e-3 -.123 .123 1. -1. 1.e5
        .2e-3 1.0e 1.0e+ 1.0e- 0e 0e+ 0E 0E+ 0.3e 0.3e+ 1e 1e+ 1eE2 1ee2 0.1.2 - -- --1
        -foo - +1 ++1234 +Inf Inf Infinity -Infinity NaN -NaN nan inf infinity -infinity
        0x1 0x42 1x 1a 1ea 1+2 1-2 1e1.5 1_000 123.456.789 9.e+ 1.8011670033376514H-308
        -1x .-1 1.2a-3),
    "\xef\xbc\x91", '- 1', '1 000.0', '-2 .5', '0 1', '1 2',
    # literals
    qw(tru nul fals truth nulll True TRUE False NULL None undefined t n f trueX),
    # strings
    q('a'), q('single quotes'), 'a', '"', '"a', '"\\', '"\\"', '"\\\\\\"', q("\x00"), q("\a"),
    q("\u"), q("\u0"), q("\u00"), q("\u00A"), q("\u00G0"), q("\uqqqq"), q("\U0000"), q("\'"),
    q("\ "), q("\{}"), q("\v"), "\"\t\"", "\"\n\"", "\"a\nb\"", "\"\r\"", "\"\x1f\"", "\"\x01\"",
    "\"\\\t\"", "\"a\x0b\"", "\"\\\xc3\xa4\"", '"a"b', '"a""b"', '`a`', "\xe2\x80\x9ca\xe2\x80\x9d",
    # arrays
    '[', ']', '[1', '[1,', '[1,]', '[1,,]', '[,1]', '[,]', '[1,,2]', '["a" "b"]', '[1 2]',
    '[1:2]', '["": 1]', '[1]]', '[[1]', '[1}', '[*]', '[1,#]', '["a",', "[\"a\",\n4\n,1,",
    "[\x0c1]", "[1\x0b]", "[\xc2\xa01]", "[\xe2\x81\xa0]", '[<null>]', '[a]', '["x", truth]',
    '[1]/**/', '[1]//', '[/*c*/1]', "[1 # c\n]", '[3[4]]', '[-]', '["x"', '[{}',
    # objects
    '{', '}', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{"a":1,,"b":2}', '{,"a":1}', '{"a" 1}',
    '{"a","b"}', '{"a"::1}', '{a:1}', '{1:1}', q({'a':0}), '{null:1}', '{"a":1 "b":2}',
    '{[]:1}', '{"a":"a" 1}', '{"x"::"b"}', '{"a":1]', '{"a":"b"}/**/', '{"a":"b"}#', '{"a":/*c*/1}',
    '{"a":"b",', '{"id":0,,,,,}', '{;}', '{"a";1}', '{"a"=1}', "{'a'", '{"a":a}', '{"a":1}}',
    '{"a":true} "x"', '{"a" : tru}',
    # nothing, and what only looks like something
    '', ' ', '*', '#', '<.>', '<null>', '/**/', '//', "\x0c", "\x{a0}",
    '[' x 100_000, '[{"":' x 50_000,
);


for my $text (@valid)
{
    my $state = state_with(inside($text));

    is($state, '00000', 'accepted: ' . shown($text));
    $state = state_with(" $text\n");
    is($state, 'HV00M', '... and as a body it is JSON of another shape')
        if $text ne '{}';
}
for my $case (@refused)
{
    is(state_with(inside($case->[0])), $case->[1],
        'refused on purpose: ' . shown($case->[0]));
}
my %refusal = map { $_ => 1 } qw(HV00M 22021 54001);
for my $text (@invalid)
{
    my $bytes = $text;

    utf8::encode($bytes) if $bytes =~ /[^\0-\xff]/;
    for my $body (inside($bytes), $bytes)
    {
        my $state = state_with($body);

        ok($refusal{$state}, 'refused: ' . shown($body)) or diag($state);
    }
}
for my $body ("\xef\xbb\xbf" . inside('1'), inside('1') . ' x', inside('1') . '{}',
    inside('1') . "\0", "\0" . inside('1'), "\x0c" . inside('1'), inside("\"a\0b\""),
    inside("\"\xff\""), inside("\"\xc0\xaf\""), inside("\"\xed\xa0\x80\""), inside("\"\xe0\xff\""),
    substr(inside('1'), 0, -1), inside('1') =~ s/(.)/$1\0/sgr)
{
    my $state = state_with($body);

    ok($refusal{$state}, 'refused: ' . shown($body)) or diag($state);
}

# ---- a text in pieces is the same text ----

for my $shift (0 .. 40)
{
    my $pad = 'x' x (65536 - length(inside('"')) - 20 + $shift);
    my $value = qq(["$pad",-123.5e-7,true,null,false,"\\u00e4\\ud83d\\ude39",{"k\xc3\xa4y":"\xf0\x9f\x98\xb9"}]);

    respond(qq({"app":{"appId":"d00000000001","tags":$value}}));
    is($session->value(q{SELECT tags - 0 FROM aws.apps WHERE app_id = 'd00000000001'}),
        qq([-0.00001235, true, null, false, "\xc3\xa4\xf0\x9f\x98\xb9", {"k\xc3\xa4y": "\xf0\x9f\x98\xb9"}]),
        "a cut $shift bytes on");
}

# ---- numbers keep their own text ----

for my $number (qw(123456789012345678901234567890 -9223372036854775809
    18446744073709551616 9223372036854775807 -9223372036854775808
    0.1234567890123456789012345 1.10 12345678901234567890.5))
{
    respond(qq({"app":{"appId":"d00000000001","tags":[1, "-5", 0, $number, {"a": -0, "b": $number}, 7]}}));
    is($session->value(q{SELECT tags FROM aws.apps WHERE app_id = 'd00000000001'}),
        qq([1, "-5", 0, $number, {"a": 0, "b": $number}, 7]), "number $number");
}

# ---- a jsonb has the bits that PostgreSQL makes of the text ----

my $app = q{app_id = 'd00000000001'};
my $padded = join(',', map { sprintf '"%s%d":[%d,"%s"]', 'k' x ($_ % 7), $_, $_ * 1e9, "\xc3\xa4" x $_ } 1 .. 300);

$session->rows(q{CREATE FOREIGN TABLE as_text (app_id text, tags text) SERVER aws
    OPTIONS (resource 'apps')});
for my $text (@valid, "{$padded}", "[{$padded},[{$padded}]]")
{
    respond(qq({"app":{"appId":"d00000000001","tags":$text}}));
    my $state = Session::state_of($session->query("SELECT tags FROM aws.apps WHERE $app"));

    is($state, Session::state_of($session->query("SELECT tags::jsonb FROM as_text WHERE $app")),
        'a jsonb, or the same error: ' . shown($text));
    is($session->value("SELECT record_image_eq(ROW((SELECT tags FROM aws.apps WHERE $app)),
        ROW((SELECT tags::jsonb FROM as_text WHERE $app)))"), 't', '... the same bits')
        if $state eq '00000';
}

# ---- what a response may cost ----

my $list = q{SELECT count(*) FROM aws.apps};

for my $case (
    [ 'objects', '{},' ], [ 'nested arrays', '[[[[[[[[]]]]]]]],' ], [ 'arrays', '[],' ],
    [ 'members', '{"":1},' ], [ 'numbers', '1,' ], [ 'strings', '"",' ], [ 'literals', 'null,' ])
{
    my ($name, $unit) = @$case;
    my $items = $unit x (9.9 * MB / length $unit);

    for my $gzip (0, 1)
    {
        my $bomb = connect_to($node);
        my $before;

        respond('{"apps":[' . $items . '{}]}', $gzip ? (gzip => 1) : ());
        $bomb->value('SELECT amplify_fdw_version()');
        $before = most_resident($bomb->pid);
        my $result = $bomb->query($list);

        is(Session::state_of($result), '54000', "9.9 MB of $name" . ($gzip ? ', compressed' : ''));
        like(Session::describe($result), qr/more values than max_response_size allows/, '... it says why');
        cmp_ok(most_resident($bomb->pid) - $before, '<', (3 * 10 + 16) * 1024, '... in so much memory');
        $bomb->close;
    }
}

# Few values, but long ones
for my $case (
    [ 'a name', '{"apps":[],"' . 'k' x (9.8 * MB) . '":1}', '54000' ],
    [ 'names', '{"apps":[],' . join(',', map { qq("$_) . 'k' x MB . '":1' } 1 .. 8) . '}', '00000' ],
    [ 'a string', '{"apps":[],"o":"' . "\xf0\x9f\x98\xb9" x (2.4 * MB) . '"}', '00000' ],
    [ 'escapes', '{"apps":[],"o":"' . '\u0041' x (1.6 * MB) . '"}', '00000' ],
    [ 'a number', '{"apps":[],"o":' . '1' x (9.8 * MB) . '}', '00000' ],
    [ 'a fraction', '{"apps":[],"o":0.' . '1' x (9.8 * MB) . '}', '00000' ],
    [ 'a token', '{"apps":[],"nextToken":"' . 'x' x (9.8 * MB) . '"}', '54000' ],
    [ 'blanks', '{"apps":[]' . ' ' x (9.8 * MB) . '}', '00000' ],
    [ 'a string without an end', '{"apps":[],"o":"' . 'x' x (9.8 * MB), 'HV00M' ])
{
    my ($name, $body, $state) = @$case;
    my $bomb = connect_to($node);
    my $before;

    respond($body);
    $bomb->value('SELECT amplify_fdw_version()');
    $before = most_resident($bomb->pid);
    is(Session::state_of($bomb->query($list)), $state, "9.8 MB of $name");
    cmp_ok(most_resident($bomb->pid) - $before, '<', (3 * 10 + 16) * 1024, '... in so much memory');
    $bomb->close;
}

# All of it a jsonb
for my $case (
    [ 'a string', '"' . 'x' x (9.8 * MB) . '"' ],
    [ 'letters', '{"a":"' . "\xc3\xa4" x (4.9 * MB) . '"}' ],
    [ 'strings', '[' . join(',', ('"' . 'y' x 68 . '"') x 130_000) . ']' ],
    [ 'integers', '[' . join(',', ('1' x 200) x 48_000) . ']' ],
    [ 'fractions', '[' . join(',', (1.5) x 120_000) . ']' ],
    [ 'members', '{' . join(',', map { sprintf '"%s%06d":"%s"', 'k' x 60, $_, 'v' x 200 } 1 .. 30_000) . '}' ])
{
    my ($name, $value) = @$case;
    my $bomb = connect_to($node);
    my $before;

    # what a first query takes anyway is not the response's
    respond('{"app":{"appId":"d00000000001","tags":[1]}}');
    $bomb->value('SELECT pg_column_size(tags) FROM aws.apps WHERE ' . $app);
    $before = most_resident($bomb->pid);
    respond(qq({"app":{"appId":"d00000000001","tags":$value}}));
    cmp_ok($bomb->value("SELECT pg_column_size(tags) FROM aws.apps WHERE $app"), '>', 1_000_000, "a jsonb of $name");
    cmp_ok(most_resident($bomb->pid) - $before, '<', (3 * 10 + 16) * 1024, '... in so much memory');
    $bomb->close;
}

# As many as are let through cost no more, either.
for my $unit ('{}', '{"":1}', '[]', '1', '"x"')
{
    my ($low, $high) = (1000, 4 * MB);
    my $bomb = connect_to($node);
    my $before = most_resident($bomb->pid);

    while ($high - $low > 2000)
    {
        my $middle = int(($low + $high) / 2);

        last if $middle * (length($unit) + 1) > 9.9 * MB;
        respond('{"apps":[],"other":[' . join(',', ($unit) x $middle) . ']}');
        if (Session::state_of($bomb->query($list)) eq '54000') { $high = $middle; }
        else { $low = $middle; }
    }
    cmp_ok(most_resident($bomb->pid) - $before, '<', (3 * 10 + 16) * 1024, "$low times $unit");
    $bomb->close;
}

# A great response that is worth it is read.
my $long = 'x' x (9 * MB);
respond(qq({"apps":[{"appId":"d00000000001","name":"$long"}]}));
is($session->value('SELECT length(name) FROM aws.apps'), length $long, 'a string of 9 MB');

$mock->reset;
is(handles($session), 0, 'no request is left');
diag scalar(@valid) . ' valid, ' . scalar(@refused) . ' refused on purpose, '
    . scalar(@invalid) . ' invalid';
done_testing();
