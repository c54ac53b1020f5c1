# What a release says of itself is true: META.json is what PGXN wants and names
# files that exist, and all who tell a version or a date tell the same.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use JSON::PP qw(decode_json);
use Test::More;

my $top = "$FindBin::RealBin/../..";

# ---- META.json, by the rules of PGXN's specification, version 1.0.0 ----

my $semantic = qr/^(?:(?:0|[1-9]\d*)\.){2}(?:0|[1-9]\d*)(?:-?[A-Za-z][0-9A-Za-z-]*)?$/;
my $phases = qr/^(?:configure|build|test|runtime|develop)$/;
my $relations = qr/^(?:requires|recommends|suggests|conflicts)$/;

# What a value must be: a pattern of a string; [RULE], a list of such; or
# { MEMBER => RULE }, where a member with "?" may be missing and one of slashes
# stands for those that match it.  A sub is asked.
my $term = qr{^[^\s/\\[:cntrl:]]{2,}$};
my $text = qr/\S/;
my $url = qr{^\w+://\S+$};
my $prerequisites = { "/$phases/" => { "/$relations/" => { "/$term/" =>
    qr/^(?:0|(?:(?:[<>!=]=?\s*)?\d+\.\d+\.\d+(?:,\s*)?)+)$/ } } };
my $distribution = {
    name => $term,
    version => $semantic,
    abstract => $text,
    maintainer => sub { one_or_more($text, @_) },
    license => sub { one_or_more(qr/^(?:postgresql|bsd|mit|apache_2_0|gpl_[123])$/, @_) },
    provides => { "/$term/" => {
        file => $text, version => $semantic, 'abstract?' => $text, 'docfile?' => $text } },
    'meta-spec' => { version => qr/^1\.0\.\d+$/, 'url?' => $url },
    'description?' => $text,
    'generated_by?' => $text,
    'tags?' => [$text],
    'release_status?' => qr/^(?:stable|testing|unstable)$/,
    'prereqs?' => $prerequisites,
    'no_index?' => { 'file?' => [$text], 'directory?' => [$text] },
    'resources?' => {
        'homepage?' => $url,
        'bugtracker?' => { 'web?' => $url, 'mailto?' => qr/@/ },
        'repository?' => { 'url?' => $url, 'web?' => $url, 'type?' => qr/^[a-z]+$/ },
        '/^[xX]_/' => $text,
    },
    '/^[xX]_/' => sub { () },
};

my $meta = decode_json(contents('META.json'));
is(join("\n", violations('META.json', $meta, $distribution)), '',
    'META.json obeys the rules');

# A check that lets everything pass would do so for these, too.
for my $wrong (
    { %$meta, version => '1.0' }, { %$meta, name => 'a name' },
    { %$meta, license => 'none' }, { %$meta, maintainer => [] },
    { %$meta, provides => { x1 => { file => 'x' } } },
    { %$meta, prereqs => { later => {} } }, { %$meta, homepage => 'http://x' },
    { map { $_ => $meta->{$_} } grep { $_ ne 'meta-spec' } keys %$meta })
{
    isnt(join("\n", violations('META.json', $wrong, $distribution)), '',
        'which would have found ' . (violations('it', $wrong, $distribution))[0]);
}

# ---- files and versions ----

my $provided = $meta->{provides}{amplify_fdw};
ok(-f "$top/$provided->{$_}", "its $_ $provided->{$_} exists") for qw(file docfile);

my $control = contents('amplify_fdw.control');
my $version = found($control, qr/^default_version = '(.*)'$/m);
is($provided->{file}, "sql/amplify_fdw--$version.sql",
    "META.json provides the script of the default version, $version");
is(found(contents('src/aws/amplify_aws.h'), qr/^#define AMPLIFY_VERSION\s+"(.*)"$/m),
    $version, 'the library is of the same version');

# The script of a version is there from the first one on, and each can be
# updated to the next one.
my @versions = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
    map { /amplify_fdw--(\d+)\.(\d+)\.sql$/ ? [ $1, $2 ] : () } glob "$top/sql/amplify_fdw--*.sql";
my @names = map { join '.', @$_ } @versions;
is($names[-1], $version, 'no script is of a later version');
ok(-f "$top/sql/amplify_fdw--$names[$_ - 1]--$names[$_].sql",
    "$names[$_ - 1] can be updated to $names[$_]") for 1 .. $#names;

# What has been released never changes again.
my %released = ('amplify_fdw--1.0.sql' =>
    '9f53851d7630772277cb883530b6842fe56b449e2ff0a42276765324614c5ace');
is(sha256_hex(contents("sql/$_")), $released{$_}, "$_ is as released")
    for sort keys %released;

my $release = $meta->{version};
like($release, qr/^\Q$version\E\.\d+$/, "the release $release is one of this version");
is($provided->{version}, $release, 'and so is what it provides');
my $changes = contents('CHANGELOG.md');
my ($heading, $date) = $changes =~ /^## (\S+) \((\d{4}-\d\d-\d\d)\)$/m;
is($heading, $release, 'it is the newest in CHANGELOG.md');
my $debian = contents('test/package/debian/changelog');
is(found($debian, qr/\Aamplify-fdw \((.*)-[^-]+\) /), $release, 'and in debian/changelog');
is(found($debian, qr/^ -- .*  \w{3}, (\d\d \w{3} \d{4}) /m), date_of($date), 'of the same day');
is(found($debian, qr/^ -- (.*) <.*>  /m), $meta->{maintainer}, 'by the same maintainer');

# ---- versions of PostgreSQL: those that compile ----

my ($oldest, $beyond) = contents('src/compat.h') =~
    /^#if PG_VERSION_NUM < (\d+)0000\n#error .*\n#elif PG_VERSION_NUM >= (\d+)0000\n#error .*\n#endif$/m;
my $newest = $beyond - 1;

ok(compiles_with($_), "$_ compiles") for $oldest, $newest;
ok(!compiles_with($_), "$_ is refused") for $oldest - 1, $beyond;
is($meta->{prereqs}{runtime}{requires}{PostgreSQL}, ">= $oldest.0.0, < $beyond.0.0",
    'META.json says so');
is(contents('test/package/debian/pgversions'), join('', map { "$_\n" } $oldest .. $newest),
    'and pgversions');
is(join(' ', contents('test/packages.sh') =~ /^(?:oldest|newest)_server=(\d+)/mg), "$oldest $newest",
    'and the scripts');
my @told = contents('README.md') =~ /PostgreSQL (\d+ (?:to|or) \w+)/g;
is("@told", join(' ', ("$oldest to $newest") x @told), 'and the README, wherever it does');
cmp_ok(scalar @told, '>', 1, '... which is on top, and where it is installed');

# ---- the form of CHANGELOG.md: entries of one line or more, newest first ----

my @dates = $changes =~ /^## \S+ \((.*)\)$/mg;
is("@dates", join(' ', reverse sort @dates), 'CHANGELOG.md has the newest first');
is($changes =~ s/^# Changelog\n(?:\n## \S+ \(\d{4}-\d\d-\d\d\)\n\n(?:- (?:Added|Changed|Fixed|Removed) .*\n(?:  \S.*\n)*)+)+\z//r,
    '', 'and nothing but headings and lists of what was added, changed, fixed and removed');

done_testing();

sub contents
{
    my ($name) = @_;

    open my $file, '<', "$top/$name" or die "$name: $!";
    local $/;
    return <$file>;
}

# What tells by its version whether PostgreSQL is a known one
sub compiles_with
{
    my ($server) = @_;
    my ($check) = contents('src/compat.h') =~ /^(#if PG_VERSION_NUM < .*?\n#endif\n)/ms;

    open my $compiler, '|-', 'cc -E -o /dev/null - 2> /dev/null' or die "cc: $!";
    print $compiler "#define PG_VERSION_NUM ${server}0000\n$check";
    return close $compiler;
}

sub found
{
    my ($text, $pattern) = @_;

    return $text =~ $pattern ? $1 : 'nothing found';
}

# As debian/changelog has it
sub date_of
{
    my ($year, $month, $day) = split /-/, shift;

    return "$day " . (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[ $month - 1 ] . " $year";
}

# ---- rules ----

sub one_or_more
{
    my ($rule, $name, $value) = @_;

    return violations($name, $value, $rule) if ref $value ne 'ARRAY';
    return @$value ? violations($name, $value, [$rule]) : "$name: empty";
}

# In what a value does not obey a rule; names say where.
sub violations
{
    my ($name, $value, $rule) = @_;
    my $kind = ref $rule;

    return $rule->($name, $value) if $kind eq 'CODE';
    return $kind eq 'HASH' ? object_violations($name, $value, $rule) : "$name: an object"
        if ref $value eq 'HASH';
    return $kind eq 'ARRAY' ? map { violations($name, $_, $rule->[0]) } @$value : "$name: a list"
        if ref $value eq 'ARRAY';
    return $kind eq 'Regexp' && $value =~ $rule ? () : "$name: '$value'";
}

sub object_violations
{
    my ($name, $object, $rules) = @_;
    my @patterns = grep { m{^/} } keys %$rules;
    my @found;

    for my $needed (grep { !m{^/} && !/\?$/ } keys %$rules)
    {
        push @found, "$name: no $needed" if !exists $object->{$needed};
    }
    for my $member (sort keys %$object)
    {
        my ($rule) = map { $rules->{$_} // () } $member, "$member?",
            grep { $member =~ substr $_, 1, -1 } @patterns;

        push @found, defined $rule ? violations("$name: $member", $object->{$member}, $rule)
            : "$name: unknown $member";
    }
    return @found;
}
