# The shared files as people write them, with blanks, tabs, comments and odd
# headers: of each, botocore of this machine's Python and amplify_fdw make the
# same access key id, or both refuse it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Amplify;
use Identity;
use IPC::Run;
use Test::More;

my $python = '/usr/bin/python3';

plan skip_all => 'botocore is not installed'
    unless -x $python && system("$python -c 'import botocore.session' 2>/dev/null") == 0;

my $secret = Amplify::SECRET_ACCESS_KEY;
my $mock = new_mock(map { ('--credential', "$_:$secret") } qw(AKIDONE AKIDTWO));
my $home = new_place();
my $url = $mock->url;
my $node = new_node('profile_files');
my $session = connect_to($node);

add_server($session, 'aws', $url, sts_endpoint_url => $url);

# Keys of a profile, each line between two texts
sub keys_of
{
    my ($id, $before, $after) = @_;

    return join '', map { ($before // '') . $_ . ($after // "\n") }
        "aws_access_key_id = $id", "aws_secret_access_key = $secret";
}

my $one = keys_of('AKIDONE');
my $two = keys_of('AKIDTWO');
my ($id_line, $secret_line) = $one =~ /(.*\n)(.*\n)/;

# What stands below a header, for a profile of either file
my %bodies = (
    plain => $one,
    (map { ("indented by $_->[0]" => keys_of('AKIDONE', $_->[1])) }
        [ 'four blanks', '    ' ], [ 'a tab', "\t" ], [ 'a form feed', "\f" ],
        [ 'a no-break space', "\xc2\xa0" ], [ 'an ideographic space', "\xe3\x80\x80" ]),
    (map { ("ends $_->[0]" => keys_of('AKIDONE', '', $_->[1])) }
        [ 'with CR LF', "\r\n" ], [ 'with CR', "\r" ], [ 'with blanks', " \t \n" ],
        [ 'with a no-break space', "\xc2\xa0\n" ], [ 'with an empty line', "\n\n" ]),
    'only the first indented'   => "  $id_line$secret_line",
    'only the second indented'  => "$id_line  $secret_line",
    'the second indented less'  => "    $id_line  $secret_line",
    'the second indented more'  => "  $id_line    $secret_line",
    'one tab below two blanks'  => "  $id_line\t$secret_line",
    'no end of the last line'   => $one =~ s/\n\z//r,
    'no blanks around ='        => $one =~ s/ = /=/gr,
    'many blanks around ='      => $one =~ s/ = /  \t=\t  /gr,
    'colons'                    => $one =~ s/ = /: /gr,
    'a colon before ='          => $one =~ s/ = /:= /gr,
    'a header with a blank'     => "$id_line \n$secret_line",
    'capitals'                  => "AWS_ACCESS_KEY_ID = AKIDONE\nAws_Secret_Access_Key = $secret\n",
    'a comment between'         => "$id_line# x\n$secret_line",
    'a comment with ;'          => "; x\n$one",
    'an indented comment'       => "$id_line    # x\n$secret_line",
    'a comment, then indented'  => "$id_line# x\n  y\n$secret_line",
    'a comment behind a value'  => "aws_access_key_id = AKIDONE # x\n$secret_line",
    'a header as a comment'     => "#[other]\n$one",
    'quotes'                    => "aws_access_key_id = \"AKIDONE\"\n$secret_line",
    'an empty id'               => "aws_access_key_id =\n$secret_line",
    'an empty secret'           => "${id_line}aws_secret_access_key =\n",
    'no secret'                 => $id_line,
    'no id'                     => $secret_line,
    'nothing'                   => '',
    'an empty token'            => "${one}aws_session_token =\n",
    'the id on the next line'   => "aws_access_key_id =\n  AKIDONE\n$secret_line",
    'the id goes on'            => "$id_line  x\n$secret_line",
    'empty lines after the id'  => "$id_line\n\n  \n$secret_line",
    'an empty line, then more'  => "$id_line\n  x\n$secret_line",
    'the id twice'              => "$id_line$one",
    'the id twice, in capitals' => "AWS_ACCESS_KEY_ID = AKIDTWO\n$one",
    'another setting twice'     => "region = x\nregion = y\n$one",
    'a line without ='          => "export\n$one",
    'a line without = at last'  => "${one}export\n",
    'a value without a name'    => "= x\n$one",
    'export'                    => "export aws_access_key_id = AKIDTWO\n$one",
    'unknown settings'          => "foo = bar\ncli_pager =\n$one",
    'settings of s3'            => "s3 =\n  aws_access_key_id = AKIDTWO\n$one",
    'settings of s3 by tabs'    => "s3 =\n\tmax_queue_size = 1\n\n\tx=y\n$one",
    'settings of s3 without ='  => "s3 =\n  addressing_style\n$one",
    'settings of s3 with :'     => "s3 =\n  addressing_style: path\n$one",
    's3 with a value'           => "s3 = x\n  addressing_style\n$one",
    's3, and a comment'         => "s3 =\n  # x\n  a = b\n$one",
    's3 at the end'             => "${one}s3 =\n  a = b\n",
    's3, not indented'          => "s3 =\na = b\n$one",
    'another section of others' => "$one\[other]\n$two",
    'another section twice'     => "$one\[other]\na = b\n[other]\nc = d\n",
    'an indented section'       => "$id_line  [other]\n$secret_line",
    'a section, not indented'   => "$id_line\[other]\n$secret_line",
    'a bracket alone'           => "$one\[other\n",
    'an empty section'          => "$one\[]\n",
    'bytes that are no text'    => "# \xe4\n$one",
    'letters of others'         => "# \xc3\xa4\nn\xc3\xa4me = \xe6\x97\xa5\n$one",
);

# What stands around the profile's name
my %headers = (
    'as it is'            => sub { "[$_[0]]\n" },
    'indented'            => sub { "    [$_[0]]\n" },
    'blanks within'       => sub { "[ $_[0] ]\n" },
    'a blank behind'      => sub { "[$_[0] ]\n" },
    'text behind'         => sub { "[$_[0]] # x\n" },
    'another ] behind'    => sub { "[$_[0]] # [x]\n" },
    'two brackets'        => sub { "[[$_[0]]]\n" },
    'a BOM'               => sub { "\xef\xbb\xbf[$_[0]]\n" },
    'a line before'       => sub { "region = x\n[$_[0]]\n" },
    'a comment before'    => sub { "# x\n\n  ; y\n[$_[0]]\n" },
    'capitals'            => sub { "[\U$_[0]\E]\n" },
    'it stands twice'     => sub { "[$_[0]]\nregion = x\n[$_[0]]\n" },
    'DEFAULT before'      => sub { "[DEFAULT]\naws_session_token =\nregion = x\n[$_[0]]\n" },
    'DEFAULT twice'       => sub { "[DEFAULT]\na = b\n[DEFAULT]\nc = d\n[$_[0]]\n" },
    'DEFAULT twice, same' => sub { "[DEFAULT]\na = b\n[DEFAULT]\na = d\n[$_[0]]\n" },
    'DEFAULT instead'     => sub { "[DEFAULT]\n" },
    'DEFAULT has an id'   => sub { "[DEFAULT]\naws_access_key_id = AKIDTWO\n[$_[0]]\n" },
    'CR LF'               => sub { "[$_[0]]\r\n" },
    'nothing'             => sub { '' },
);

# Names of the configuration file's sections, for profile "p"
my @spellings = ('profile p', "profile\tp", 'profile  p', 'profile p ', 'profile "p"',
    "profile 'p'", 'profile \\p', '"profile" p', 'profile p q', 'profile "p', 'profilep',
    'profiles p', 'profile-x p', 'p', 'Profile p', "profile ''p", 'profile "\\p"',
    "profile\xc2\xa0p", 'profile #p', '');

# name, profile (undef: ambient), config, credentials
my @cases;

for my $body (sort keys %bodies)
{
    push @cases,
        [ "credentials: $body", undef, undef, "[default]\n$bodies{$body}" ],
        [ "config: $body", 'p', "[profile p]\n$bodies{$body}", undef ],
        [ "below an indented header: $body", undef, undef,
            "  [default]\n$bodies{$body}" ],
        [ "config's, and $body", undef, "[default]\n$two", "[default]\n$bodies{$body}" ];
}
for my $header (sort keys %headers)
{
    push @cases,
        [ "header of credentials, $header", 'p', undef, $headers{$header}->('p') . $one ],
        [ "header of config, $header", 'p', $headers{$header}->('profile p') . $one, undef ],
        [ "header of default, $header", undef, $headers{$header}->('default') . $one, undef ];
}
for my $name (@spellings)
{
    push @cases, [ "[$name] in config", 'p', "[$name]\n$one", undef ],
        [ "[$name] in credentials", 'p', undef, "[$name]\n$one" ],
        [ "[profile p], then [$name]", 'p', "[profile p]\n$two\[$name]\n$one", undef ];
}
push @cases,
    [ '[default], then [profile default]', undef, "[default]\n$one\[profile default]\n$two", undef ],
    [ '[profile default], then [default]', undef, "[profile default]\n$one\[default]\n$two", undef ],
    [ 'the later spelling has no keys', undef, "[default]\n$one\[profile default]\na = b\n", undef ],
    [ 'the id in one file, the secret in the other', 'p', "[profile p]\n$secret_line", "[p]\n$id_line" ],
    [ 'the other way round', 'p', "[profile p]\n$id_line", "[p]\n$secret_line" ],
    [ 'config cannot be read', 'p', "x\n", "[p]\n$one" ],
    [ 'credentials cannot be read', 'p', "[profile p]\n$one", "x\n" ],
    [ 'a program before keys', 'p', "[profile p]\ncredential_process = /bin/false\n$one", undef ],
    [ 'a program after keys', 'p', "[profile p]\ncredential_process = /bin/false\n", "[p]\n$one" ],
    [ 'a person before keys', 'p', "[profile p]\nsso_account_id = 1\nsso_role_name = x\n", "[p]\n$one" ],
    [ 'an empty role', 'p', "[profile p]\nrole_arn =\n$one", undef ],
    [ 'a token file without a name', 'p', "[profile p]\nweb_identity_token_file =\n$one", undef ];

for my $i (0 .. $#cases)
{
    mkdir "$home/$i" or die "$home/$i: $!";
    write_file("$home/$i/config", $cases[$i][2]) if defined $cases[$i][2];
    write_file("$home/$i/credentials", $cases[$i][3]) if defined $cases[$i][3];
}

# What botocore makes of all of them: a line each, the known id or "error"
my $judge = <<'PYTHON';
import os, sys, botocore.session
home, secret = sys.argv[1:3]
os.environ['AWS_EC2_METADATA_DISABLED'] = 'true'
for number, profile in enumerate(sys.argv[3:]):
    os.environ['AWS_CONFIG_FILE'] = '%s/%d/config' % (home, number)
    os.environ['AWS_SHARED_CREDENTIALS_FILE'] = '%s/%d/credentials' % (home, number)
    try:
        keys = botocore.session.Session(profile=profile or None).get_credentials()
        known = keys.access_key in ('AKIDONE', 'AKIDTWO') and keys.secret_key == secret
        print(keys.access_key if known and not keys.token else 'error')
    except Exception as error:
        print('error')
PYTHON

sub judged
{
    my ($out, $err) = ('', '');

    local %ENV = (PATH => $ENV{PATH}, HOME => $home, LC_ALL => 'C.UTF-8');
    IPC::Run::run([ $python, '-c', $judge, $home, $secret, map { $_->[1] // '' } @cases ],
        '<', \undef, '>', \$out, '2>', \$err) or die "python: $err";
    return split /\n/, $out;
}

my @theirs = judged();
is(scalar @theirs, scalar @cases, 'botocore has judged all');

restart_with($node, HOME => $home, AWS_EC2_METADATA_DISABLED => 'true');
$session = connect_to($node);
my %seen;

for my $i (0 .. $#cases)
{
    my ($what, $profile) = @{ $cases[$i] };

    for my $file ('config', 'credentials')
    {
        unlink "$home/.aws/$file";
        link "$home/$i/$file", "$home/.aws/$file" if -e "$home/$i/$file";
    }
    set_mapping($session, 'aws', defined $profile ? (profile => $profile)
        : (ambient_credentials => 'true'));
    $mock->reset;
    my $answer = ask($session, 'aws');
    my $ours = $answer eq GOOD ? used_key($mock) : 'error';

    $seen{$ours}++;
    is($ours, $theirs[$i], $what =~ s/[^ -~]/?/gr) or diag($answer);
    unlike($answer, qr/\Q$secret\E/, '... and no secret is told');
}
cmp_ok($seen{$_}, '>=', 10, "$_: $seen{$_}") for 'AKIDONE', 'AKIDTWO', 'error';
done_testing();
