#!/usr/bin/env perl
# Replaces integers by their symbols; every field is followed by a space, as in Kaldi.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use Fields qw(field_range symbol_table);

my $usage = <<'END';
Usage: int2sym.pl [-f <fields>] <symtab> [<input> ...] > output
Each line of <symtab> is "<symbol> <integer>".
  -f <fields>   only these fields, counted from 1: 2, 2-4, 2- or -4
END

my ($first, $last) = (1, undef);
while (@ARGV) {
  if    ($ARGV[0] eq '-f')            { shift; ($first, $last) = field_range('int2sym.pl', shift) }
  elsif ($ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
  else                                { last }
}
if (!@ARGV) { print STDERR $usage; exit 1 }

my $table = shift;
my %symbol_of = map { ($_->[1] => $_->[0]) } symbol_table('int2sym.pl', $table);
while (<>) {
  my @fields = split ' ';
  my $end = defined $last && $last < @fields ? $last : @fields;
  for my $i ($first - 1 .. $end - 1) {
    my $place = '[in position ' . ($i + 1) . " of line $.]";
    die "int2sym.pl: found noninteger token $fields[$i] $place\n" unless $fields[$i] =~ /^\d+$/;
    $fields[$i] = $symbol_of{$fields[$i]} // die "int2sym.pl: integer $fields[$i] not in symbol table $table $place\n";
  }
  print map({ "$_ " } @fields), "\n";
}
