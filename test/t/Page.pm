# Page.pm
#     The blocks of code of a page of documentation.
#
# A block is a hash:
#
#     heading    of the section that it is in
#     mark       what follows its fence: the language, and perhaps more words
#     code
#     output     the text block that follows at once, or undef
package Page;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils qw(slurp_file);

our @EXPORT = qw(page_blocks);

sub page_blocks
{
    my ($file) = @_;
    my $text = slurp_file($file);
    my ($heading, @found);

    while ($text =~ /^(?: \#+\ (?<heading>.*)\n
                        | ```(?<mark>.+)\n (?<code>(?s:.*?)) ^```\n
                          (?: \n```text\n (?<output>(?s:.*?)) ^```\n )? )/gmx)
    {
        my %found = %+;

        $heading = $found{heading} // $heading;
        push @found, { %found, heading => $heading } if defined $found{mark};
    }
    return @found;
}

1;
