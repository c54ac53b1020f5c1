# The report of doc/report.md is true: it names what is gone, only that, and
# says what could not be asked.
#
# An inventory of dirty rows is made up, together with what there is in three
# accounts and three regions and so with its truth.  The blocks of the page run
# as written, but for the rows of its inventory.  Another SEED takes other
# chances.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use JSON::PP;
use Mock;
use Page;
use PostgreSQL::Test::Utils;
use Test::More;

use constant { ROWS => 300, CHANGED => 1700000000, DAY => 86400 };

srand($ENV{SEED} // 1);

my @accounts = qw(111122223333 444455556666 012345678901);
my %regions = (
    'us-east-1'      => [ 'US-EAST-1', 'N. Virginia', 'US East (N. Virginia)', 'us_east_1' ],
    'eu-west-1'      => [ 'Eu-West-1 ', 'Ireland', 'EU (Ireland)', 'eu-west-1b' ],
    'ap-southeast-2' => [ ' ap-southeast-2', 'Sydney', 'Asia Pacific (Sydney)', 'AP_SOUTHEAST_2' ]);
my %forms = (
    plain  => sub { $_[0]{app} },
    blanks => sub { " $_[0]{app}\t" },
    unseen => sub { "\xC2\xA0$_[0]{app}\xE2\x80\x8B\r\n" },
    slash  => sub { "$_[0]{app}/" },
    sheet  => sub { "=\"$_[0]{app}\"" },
    list   => sub { "[\"$_[0]{app}\"]," },
    domain => sub { "$_[0]{app}.amplifyapp.com" },
    branch => sub { "https://test.$_[0]{app}.amplifyapp.com/" },
    upper  => sub { uc $_[0]{app} },
    quoted => sub { "\"$_[0]{app}\"" },
    arn    => sub { arn($_[0]) },
    url    => sub {
        "https://$_[0]{region}.console.aws.amazon.com/amplify/apps/$_[0]{app}/overview";
    },
    old_url => sub {
        "https://console.aws.amazon.com/amplify/home?region=$_[0]{region}#/$_[0]{app}/YmFja2VuZA/x";
    });
# What is left around the name
my @names = (" %s ", "\xC2\xA0%s", "%s\xE2\x80\x8B", "\xE2\x80\x9C%s\xE2\x80\x9D", '%s,', '%s/', '[%s]',
    'refs/heads/%s', '`%s`', '="%s"', "%s\r", "%s\t");

# What is there, and the rows that people have, each with its state
my (%places, @backends, @rows);

make_places();
make_rows();

my $dir = PostgreSQL::Test::Utils::tempdir;
for my $place (sort keys %places)
{
    my ($account, $region) = split / /, $place;
    my $data = "$dir/$account-$region.json";

    append_to_file($data, encode_json({ apps => $places{$place}{apps} }));
    $places{$place}{mock} = Mock->start(
        dir  => $dir,
        args => [ '--data', $data, '--region', $region, '--account', $account ]);
}

my $node = new_node('report');
my @blocks = page_blocks("$FindBin::RealBin/../../doc/report.md");
my ($always) = map { $_->{code} } grep { $_->{mark} eq 'sql always' } @blocks;
my ($delete) = map { $_->{code} } grep { $_->{mark} eq 'sql delete' } @blocks;
my ($job) = map { $_->{code} =~ /'(INSERT .*?)'/s } grep { $_->{mark} eq 'sql cron' } @blocks;
my ($regions, $inventory, @others) = map { $_->{code} } grep { $_->{mark} eq 'sql' } @blocks;

my $session = connect_to($node);
set_up();

my $broken = is_true('all is well');
is(scalar @$broken, scalar(grep { $_->{state} eq 'uncovered' } @rows),
    'only what no server is for could not be asked');
deletes_what_is_gone();
is(state_of($job), '00000', 'the job writes it down');
is($session->value('SELECT count(*) FROM reports'), report_size(), 'the whole of it');
$session->rows('CREATE MATERIALIZED VIEW report_copy AS SELECT now() AS as_of, * FROM report');

$_->{mock}->fault(op => 'STS.AssumeRole', status => 403, code => 'AccessDenied', n => -1)
    for at(sub { $_[0] eq '444455556666' });
$_->{mock}->say('rate', rps => 40, burst => 5) for at(sub { $_[1] eq 'eu-west-1' });
is_true('a role is broken, and a region throttled', sub { $_[0] eq '444455556666' });
stays('a role is broken');
$session->rows($always);
is(state_of("DELETE FROM reports; $job"), '00000', q{with 'warn_always' it is written down});
is_report('reports', 'and is as true', sub { $_[0] eq '444455556666' });
$session->rows("DO \$\$ DECLARE t regclass; BEGIN
    FOR t IN SELECT ftrelid FROM pg_foreign_table WHERE ftrelid::regclass::text LIKE 'aws.%'
    LOOP EXECUTE format('ALTER FOREIGN TABLE %s OPTIONS (SET on_error ''warn'')', t); END LOOP; END \$\$");
$_->{mock}->reset for values %places;

# one app's lists fail, each for itself
my ($app) = map { $_->{app} } grep { $_->{place} eq '111122223333 eu-west-1' } @backends;
$places{'111122223333 eu-west-1'}{mock}->fault(
    op => $_, match => $app, status => 403, code => 'AccessDeniedException', n => -1)
    for qw(ListBackendEnvironments ListBranches);
connect_again();
is($session->value("SELECT count(*) FROM report WHERE state LIKE '%gone'
        AND account_id = '111122223333' AND region = 'eu-west-1' AND app_id = '$app'"),
    0, 'of an app whose lists fail, nothing is gone');
is($session->value("SELECT count(*) FROM report WHERE state = 'could not be asked'
        AND problem NOT LIKE 'no server%' AND app_id <> '$app'"),
    0, 'and of other apps all is known');
$_->{mock}->reset for values %places;

$_->{mock}->stop for at(sub { $_[1] eq 'ap-southeast-2' });
$session->rows("ALTER SERVER amplify OPTIONS (ADD max_attempts '1')");
is_true('a region is down', sub { $_[1] eq 'ap-southeast-2' });
stays('a region is down');

in_turkish();

done_testing();

# ---- what there is ----

sub make_places
{
    my $n = 0;

    for my $account (@accounts)
    {
        for my $region (sort keys %regions)
        {
            my $place = "$account $region";

            push @{ $places{$place}{apps} }, make_app($place, ++$n) for 1 .. 8;
        }
    }
    return;
}

# Of the first generation with environments, or of the second with backends of
# its branches; both have a branch without one
sub make_app
{
    my ($place, $n) = @_;
    my ($account, $region) = split / /, $place;
    my $app = sprintf 'd%da%05x', $n, rand 0xfffff;
    my $arn = "arn:aws:amplify:$region:$account:apps/$app";
    my $generation = 1 + ($n % 3 == 0);
    my @names = $generation == 1 ? qw(prod dev staging) : qw(main Next feature/x);
    my %app = (appId => $app, appArn => $arn, name => "app$n",
        createTime => CHANGED, updateTime => CHANGED);

    for my $name (@names[ 0 .. rand @names ])
    {
        my %backend = (place => $place, account => $account, region => $region,
            app => $app, name => $name, generation => $generation);

        push @backends, \%backend;
        push @{ $app{backendEnvironments} },
            { environmentName => $name, createTime => CHANGED, updateTime => CHANGED,
              backendEnvironmentArn => "$arn/backendenvironments/$name" }
            if $generation == 1;
        push @{ $app{branches} }, branch($arn, $name, backend => {
            stackArn => "arn:aws:cloudformation:$region:$account:stack/amplify-$app-$name/1" })
            if $generation == 2;
    }
    push @{ $app{branches} }, branch($arn, 'test');
    return \%app;
}

sub branch
{
    my ($arn, $name, @members) = @_;

    return { branchName => $name, branchArn => "$arn/branches/" . ($name =~ s{/}{%2F}gr),
        createTime => CHANGED, updateTime => CHANGED, @members };
}

sub at
{
    my ($which) = @_;

    return map { $places{$_} } grep { $which->(split / /) } sort keys %places;
}

# ---- what people have written down ----

sub make_rows
{
    for my $id (1 .. ROWS)
    {
        push @rows, { $id > 20 && rand() < .05 ? %{ $rows[ rand @rows ] } : make_row(), id => $id };
    }
    return;
}

sub make_row
{
    my $backend = $backends[ rand @backends ];
    my $chance = rand;
    my %row = (%$backend, backend => $backend, state => 'as known');

    # first what is true of it
    $row{deployed} = CHANGED + DAY;
    if ($chance < .15) { @row{qw(state deployed)} = ('drifted', CHANGED - DAY); }
    elsif ($chance < .25) { $row{deployed} = undef; }
    elsif ($chance < .35) { @row{qw(state name backend)} = ('environment gone', 'renamed', undef); }
    # branches, but no backends
    elsif ($chance < .4) { @row{qw(state name backend)} = ('environment gone', 'test', undef); }
    elsif ($chance < .5)
    {
        @row{qw(state app backend)} =
            ('app gone', sprintf('d%07x', rand 0xfffffff), undef);
    }
    elsif ($chance < .55) { @row{qw(state account backend)} = ('uncovered', '555566667777', undef); }
    elsif ($chance < .6) { @row{qw(state backend)} = ('not a key', undef); }
    # copied from another row, or two in one
    elsif ($chance < .64)
    {
        my ($other) = grep { $_ ne $row{region} } sort keys %regions;

        @row{qw(state region backend is_at)} = ('elsewhere', $other, undef, $row{place});
    }
    elsif ($chance < .68) { @row{qw(state name backend)} = ('no name', 'prod, dev', undef); }

    return (%row, write_down(%row));
}

# then what people make of it, as account_, region_, app_ and name_
sub write_down
{
    my (%row) = @_;
    my $form = (sort keys %forms)[ rand keys %forms ];
    my %written = (
        account_ => $row{account}, region_ => $row{region},
        app_ => $forms{$form}->(\%row), name_ => $row{name});

    $written{account_} =~ s/^0+// if rand() < .7;
    $written{account_} = " $written{account_}" if rand() < .2;
    $written{account_} = "'$written{account_}" if rand() < .2;
    $written{region_} = $regions{ $row{region} }[ rand 4 ] if rand() < .5;
    $written{name_} = uc $row{name} if $row{generation} == 1 && rand() < .1;
    $written{name_} = sprintf $names[ rand @names ], $written{name_} if rand() < .3;
    @written{qw(account_ region_)} = (undef, undef) if $form eq 'arn' && rand() < .7;
    # known by its app alone, which is looked for everywhere
    $written{region_} = undef if $row{state} !~ /uncovered|elsewhere/ && rand() < .1;
    if ($row{state} eq 'not a key')
    {
        my $wrong = int rand 5;

        $written{app_} = (qw(storefront -), "$row{app},$row{app}", "{\"appId\": \"$row{app}\"}")[ rand 4 ]
            if $wrong == 0;
        @written{qw(app_ name_)} = ($row{app}, rand() < .5 ? ' ' : undef) if $wrong == 1;
        @written{qw(app_ region_)} = ($row{app}, 'Atlantis') if $wrong == 2;
        @written{qw(app_ account_)} = ($row{app}, '1.23457E+11') if $wrong == 3;
        @written{qw(app_ region_)} = ($row{app}, 'us-east-1, eu-west-1') if $wrong == 4;
    }
    # where it can be, as far as the row says
    $written{in_account} = $form eq 'arn' || defined $written{account_} ? $row{account} : undef;
    $written{in_region} = $form =~ /arn|url$/ || defined $written{region_} ? $row{region} : undef;
    return %written;
}

sub arn
{
    my ($row) = @_;
    my $arn = "arn:aws:amplify:$row->{region}:$row->{account}:apps/$row->{app}";

    return $row->{generation} == 1 && rand() < .5
        ? "$arn/backendenvironments/$row->{name}" : $arn;
}

# ---- the page ----

sub set_up
{
    my $literal = sub { defined $_[0] ? "'" . ($_[0] =~ s/'/''/gr) . "'" : 'NULL' };

    $session->rows($_) for
        q{CREATE SERVER amplify FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1')},
        q{CREATE USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (access_key_id '}
            . Amplify::ACCESS_KEY_ID . q{', secret_access_key '} . Amplify::SECRET_ACCESS_KEY . q{')};
    $session->rows($regions);
    for my $place (sort keys %places)
    {
        my $server = "amplify_$place" =~ tr/ -/_/r;
        my $url = $places{$place}{mock}->url;

        $session->rows("ALTER SERVER $server
            OPTIONS (ADD endpoint_url '$url', ADD sts_endpoint_url '$url')");
    }
    $session->rows($inventory);
    $session->rows('TRUNCATE spreadsheet');
    $session->rows('INSERT INTO spreadsheet VALUES ' . join ', ', map {
        '(' . join(', ', map({ $literal->($_) } @$_{qw(account_ region_ app_ name_ id)}),
            defined $_->{deployed} ? "to_timestamp($_->{deployed})" : 'NULL') . ')'
    } @rows);
    $session->rows($_) for @others;
    my @typed = map { split /\n/ } $regions, $inventory =~ s/INSERT.*//sr, @others, $job, $delete;
    cmp_ok(scalar(@typed), '<=', 30, 'no more than 30 lines to type');
    return;
}

sub connect_again
{
    $session->close;
    $session = connect_to($node);
    $session->rows('SET client_min_messages = error');
    return;
}

sub state_of { return Session::state_of($session->query($_[0])); }

sub report_size
{
    return $session->value('SELECT count(*) FROM report');
}

# The report while that is broken; returns what could not be asked
sub is_true
{
    my ($name, $is_broken) = @_;

    connect_again();
    return is_report('report', $name, $is_broken);
}

sub is_report
{
    my ($table, $name, $is_broken) = @_;
    my @broken = grep { $is_broken && $is_broken->(split / /) } sort keys %places;
    my %state = map { $_->[0] => $_->[1] } @{ $session->rows(
        "SELECT owner, state FROM $table WHERE item IS NOT NULL") };
    my (%wrong, %known);

    for my $row (@rows)
    {
        my $expected = expected($row, @broken);

        $known{"$row->{backend}"} = 1
            if $row->{backend} && $expected !~ /could not/;
        $wrong{ join ', ', map { $_ // 'NULL' } @$row{qw(account_ region_ app_ name_)} } =
            ($state{ $row->{id} } // 'missing') . ", not $expected"
            if ($state{ $row->{id} } // '') ne $expected;
    }
    is_deeply(\%wrong, {}, "$name: the state of each row");
    is(join("\n", map { join ' ', @$_ } @{ $session->rows(
            "SELECT app_id, environment_name, generation FROM $table
             WHERE item IS NULL AND state = 'unknown to the inventory'
             ORDER BY app_id COLLATE \"C\", environment_name COLLATE \"C\"") }),
        join("\n", sort map { "$_->{app} $_->{name} $_->{generation}" }
            grep { my $place = $_->{place}; !$known{"$_"} && !grep { $_ eq $place } @broken } @backends),
        "$name: what is unknown to the inventory");
    return [ grep { $_ eq 'could not be asked' } values %state ];
}

sub expected
{
    my ($row, @broken) = @_;
    my $backend = $row->{backend};

    return $row->{state} if $row->{state} eq 'not a key';
    return 'could not be asked' if $row->{state} eq 'uncovered';
    if ($backend)
    {
        my $is_broken = grep { $_ eq $backend->{place} } @broken;

        return $is_broken ? 'could not be asked' : $row->{state};
    }
    for my $place (@broken)
    {
        my ($account, $region) = split / /, $place;

        return 'could not be asked'
            if ($row->{in_account} // $account) eq $account
            && ($row->{in_region} // $region) eq $region;
    }
    return 'app gone' if $row->{is_at} && grep { $_ eq $row->{is_at} } @broken;
    return $row->{state} eq 'no name' ? 'not a key' : $row->{state};
}

sub deletes_what_is_gone
{
    $session->rows('BEGIN');
    $session->rows($delete);
    is_deeply($session->rows('SELECT owner FROM spreadsheet ORDER BY owner::integer'),
        [ map { [ $_->{id} ] } grep { expected($_) !~ /gone/ } @rows ], 'what is gone is deleted, and no more');
    $session->rows('ROLLBACK');
    return;
}

# What is written down has no holes.
sub stays
{
    my ($name) = @_;
    my $count = 'SELECT (SELECT count(*) FROM reports), (SELECT count(*) FROM report_copy),
        (SELECT max(as_of) FROM report_copy)';
    my $before = join ' ', @{ $session->rows($count)->[0] };

    isnt(state_of($job), '00000', "$name: the job fails");
    isnt(state_of($delete), '00000', "$name: nothing is deleted");
    isnt(state_of('REFRESH MATERIALIZED VIEW report_copy'), '00000', "$name: so does a refresh");
    is(join(' ', @{ $session->rows($count)->[0] }), $before, "$name: and all is as it was");
    return;
}

# There the small letter of I is another one.
sub in_turkish
{
    my $created = state_of(q{CREATE DATABASE turkish TEMPLATE template0
        LOCALE_PROVIDER icu ICU_LOCALE 'tr'});

  SKIP:
    {
        skip 'the server has no ICU', 1 if $created eq '0A000';
        my $mock = Mock->start(
            dir  => $dir,
            args => [ '--region', 'eu-west-1', '--data', "$FindBin::RealBin/../mock/demo.json" ]);
        my $turkish = connect_to($node, database => 'turkish');

        $turkish->rows('CREATE EXTENSION amplify_fdw');
        add_server($turkish, 'aws', $mock->url, region => 'eu-west-1');
        $turkish->rows(q{CREATE TABLE inventory AS
            SELECT 'IRELAND' AS region, 'd1a2b3c4d5' AS app_id, 'STAGING' AS environment_name});
        is($turkish->value(q{SELECT concat_ws(' ', state, region, environment_name)
                FROM amplify_fdw_report('inventory', 'aws') WHERE item IS NOT NULL}),
            'as known eu-west-1 staging', 'in a Turkish database, I is the capital of i nevertheless');
        $mock->stop;
    }
    return;
}
