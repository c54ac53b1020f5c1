#!/usr/bin/env perl
# mutants.pl - small changes of C files that could be mistakes.
#
#     mutants.pl list FILE...        all there are, one a line:
#                                    file, line, column, length, new text
#     mutants.pl pick SEED FILE...   one for each line of code, in an order that
#                                    the seed chooses
#     mutants.pl make FILE LINE COLUMN LENGTH NEW
#                                    prints that file with that change
#
# Fields are separated by tabs.  It reads lines, not C: what does not compile
# is found out by compiling.  Comments, strings, declarations, assertions and
# messages are left alone.
use strict;
use warnings;

use List::Util qw(shuffle);

# Operators, and what they could be mistaken for
my %operators = (
    '&&' => ['||'], '||' => ['&&'],
    '==' => ['!='], '!=' => ['=='],
    '<'  => ['<=', '>'], '<=' => ['<'],
    '>'  => ['>=', '<'], '>=' => ['>'],
    '+'  => ['-'], '-' => ['+'], '*' => ['/'], '/' => ['*'],
    '+=' => ['-='], '-=' => ['+='],
    '|=' => ['='],
);
my $operator = join '|', map { quotemeta } sort { length $b <=> length $a }
    keys %operators;
my $no_code = qr/^\s*(?:\#|Assert|StaticAssert|elog|ereport|err(?:msg|detail|hint|code)|extern|typedef|case\b)/;

# The text with comments, strings and characters blanked out
sub code_of
{
    my ($text) = @_;

    $text =~ s{(/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')}
        {$1 =~ s/[^\n]/ /gr}gse;
    return $text;
}

# The changes of one line, as [column, length, new text]
sub changes_of
{
    my ($code) = @_;
    my @changes;

    while ($code =~ / ($operator)(?= |$)/g)
    {
        push @changes, [ $-[1], length $1, $_ ] for @{ $operators{$1} };
    }
    # conditions
    if ($code =~ /^\s*(?:else )?if (\((?:[^()]|(?1))*\))$/)
    {
        push @changes, [ $-[1], length $1, '(!' . "\0" . ')' ];
    }
    elsif ($code =~ /\bif \((?!!)(?=\w)/)
    {
        push @changes, [ $+[0], 0, '!' ];
    }
    # whole statements: calls, assignments, steps, jumps
    if ($code =~ /^\s+((?:\(void\) )?\w+\((?:[^;{}]*)\);)$/
        || $code =~ /^\s+(\*?[\w.>\[\]-]+ (?:[-+|&]?=) [^;{}]*;)$/
        || $code =~ /^\s+((?:\+\+|--)?[\w.>-]+(?:\+\+|--)?;)$/)
    {
        push @changes, [ $-[1], length $1, ';' ] if $1 !~ /^(?:return|break)\b/;
    }
    push @changes, [ $-[1], length $1, $1 eq '++' ? '--' : '++' ]
        while $code =~ /(\+\+|--)/g;
    push @changes, [ $-[0], 8, 'break' ] if $code =~ /\bcontinue(?=;)/;
    # values
    push @changes, [ $-[1], length $1, $1 eq 'true' ? 'false' : 'true' ]
        while $code =~ /\b(true|false)\b/g;
    while ($code =~ /(?<![\w.])(\d+)(?![\w.])/g)
    {
        push @changes, [ $-[1], length $1, $_ ]
            for $1 == 0 ? 1 : ($1 - 1, $1 + 1);
    }
    push @changes, [ $-[1], length $1, $1 eq 'Min' ? 'Max' : 'Min' ]
        while $code =~ /\b(Min|Max)\(/g;
    push @changes, [ $-[1], length $1, $2 eq '*' ? '/' : '*' ]
        while $code =~ /( (\*) )(?=\d)/g;
    push @changes, [ $-[0], 1, '' ] while $code =~ /!(?=[\w(])/g;
    return @changes;
}

# All of a file, as fields
sub changes_in
{
    my ($file) = @_;
    my @all;
    my @lines = split /\n/, code_of(slurp($file));
    my $within = 0;    # a function's body
    my $message = 0;   # parentheses of a report that are open

    for my $i (0 .. $#lines)
    {
        my $code = $lines[$i];

        $within = 1 if $code =~ /^\{/;
        $within = 0 if $code =~ /^\}/;
        if ($message > 0 || $code =~ $no_code)
        {
            $message += ($code =~ tr/(//) - ($code =~ tr/)//);
            next;
        }
        $message = 0;
        next unless $within || $code =~ /^\t+\{.*\},?$/;
        next if $code =~ /^\t+(?:const |static |struct |unsigned )?[A-Za-z]\w*\s+\**\w+(?:\[\w*\])?;$/;
        for my $change (changes_of($code))
        {
            my ($column, $length, $new) = @$change;
            my $old = substr $code, $column, $length;

            $new =~ s/\0/$old/;
            push @all, [ $file, $i + 1, $column, $length, $new ];
        }
    }
    return @all;
}

sub print_changes
{
    print join("\t", @$_), "\n" for @_;
    return;
}

sub pick
{
    my ($seed, @files) = @_;
    my %of_line;

    srand $seed;
    push @{ $of_line{"$_->[0]:$_->[1]"} }, $_ for map { changes_in($_) } @files;
    print_changes(map { $of_line{$_}[ rand @{ $of_line{$_} } ] }
            shuffle(sort keys %of_line));
    return;
}

sub make
{
    my ($file, $line, $column, $length, $new) = @_;
    my @lines = split /^/, slurp($file);

    # a condition is put between from the file: blanked strings are in there
    if ($new =~ /^\(!\(/)
    {
        $new = '(!' . substr($lines[ $line - 1 ], $column, $length) . ')';
    }
    substr($lines[ $line - 1 ], $column, $length) = $new;
    print @lines;
    return;
}

sub slurp
{
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

my $what = shift // '';
if    ($what eq 'list') { print_changes(map { changes_in($_) } @ARGV) }
elsif ($what eq 'pick' && @ARGV > 1) { pick(@ARGV) }
elsif ($what eq 'make' && @ARGV == 5) { make(@ARGV) }
else  { die "usage: mutants.pl list FILE... | pick SEED FILE... |\n"
    . "       make FILE LINE COLUMN LENGTH NEW\n" }
