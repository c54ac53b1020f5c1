# Text and keys are converted between UTF-8 and the encoding of the database;
# what can't be is an error that names the column.
use strict;
use warnings;
use utf8;

use Encode qw(encode);
use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Mock;
use PostgreSQL::Test::Utils;
use Test::More;

my $mock = Mock->start(dir => PostgreSQL::Test::Utils::tempdir(),
    args => [ '--generate', '1,1' ]);
my $node = new_node('encodings');
my $session = connect_to($node);

# Environments of the one app: name and stack
my %stacks = ('dév' => 'café', '日本' => '東京', 'euro' => '12 €',
    'smile' => '😀', 'plain' => 'plain');
for my $name (sort keys %stacks)
{
    $mock->say(data => op => 'put', app => 'd00000000001',
        env => encode('UTF-8', $name),
        stackName => encode('UTF-8', $stacks{$name}));
}

# What each database can store, and how
my %databases = (
    UTF8      => { encode => 'UTF-8',      names => [ sort keys %stacks ] },
    LATIN1    => { encode => 'iso-8859-1', names => [ 'dév', 'plain' ] },
    EUC_JP    => { encode => 'euc-jp',     names => [ '日本', 'plain' ] },
    # bytes as they are
    SQL_ASCII => { encode => 'UTF-8',      names => [ sort keys %stacks ] },
);

for my $encoding (sort keys %databases)
{
    my $database = $databases{$encoding};
    my %storable = map { $_ => 1 } @{ $database->{names} };
    my $ours = sub { return encode($database->{encode}, $_[0]); };

    $session->rows("CREATE DATABASE \L$encoding\E TEMPLATE template0
        ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
    my $there = connect_to($node, database => lc $encoding,
        client_encoding => $encoding);
    $there->rows('CREATE EXTENSION amplify_fdw');
    add_server($there, 'aws', $mock->url);
    my $table = "aws.backend_environments WHERE app_id = 'd00000000001'";

    for my $name (sort keys %stacks)
    {
        my $shown = encode('UTF-8', "$encoding, $name");

        next if $name ne 'euro' && $name ne 'smile' && !$storable{$name};
        $mock->reset;
        my $result = $there->query("SELECT stack_name FROM $table AND
            environment_name = '" . $ours->($name) . "'");
        is($mock->calls, 1, "$shown: asked for by its key");
        my $target = encode('UTF-8', $name) =~ s/([^a-z])/sprintf '%%%02X',
            ord $1/gre;
        like($mock->say('log'), qr{/backendenvironments/\Q$target\E\s},
            "$shown: asked for in UTF-8");
        if ($storable{$name})
        {
            is(Session::state_of($result), '00000', "$shown: no error");
            is($result->{rows}[0][0], $ours->($stacks{$name}),
                "$shown: its value");
        }
        else
        {
            is(Session::state_of($result), '22P05', "$shown: error");
            like(Session::describe($result),
                qr/column "stack_name" of foreign table "backend_environments"/,
                "$shown: which names the column");
            is(Session::state_of($there->query("SELECT region FROM $table
                AND environment_name = '" . $ours->($name) . "'")),
                '00000', "$shown: no error where the column isn't read");
        }
    }

    # A name from a list, and as a key where pushdown is off
    my $plain = $there->rows("SELECT stack_name FROM $table AND
        environment_name IN ('plain', 'dev') ORDER BY 1");
    is($plain->[-1][0], 'plain', "$encoding: a list of keys");

    # A message of the service that can't be shown as it is
    $mock->reset;
    $mock->fault(status => 400, message => encode('UTF-8', 'größer € 東'));
    my $result = $there->query("SELECT * FROM $table");
    is(Session::state_of($result), '22023', "$encoding: an error in UTF-8");
    like($result->{error}{D}, qr/gr.+er/, "$encoding: its message is shown");
    is(ailment($there, 'aws'), '', "$encoding: the session works");
    $mock->reset;
}

# In a database without an encoding, a key may be no UTF-8: then nothing has
# that name.
my $ascii = connect_to($node, database => 'sql_ascii',
    client_encoding => 'SQL_ASCII');
$mock->reset;
is_deeply($ascii->rows("SELECT * FROM aws.backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'd\xe9v'"), [],
    'SQL_ASCII: no row for a key that is not UTF-8');
is($mock->calls, 0, '... and no request');

done_testing();
