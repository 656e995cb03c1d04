#!/usr/bin/env perl
# Replaces symbols by their integers; fields come out one space apart.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use Fields qw(field_range symbol_table);

my $MAX_WARNINGS = 20;
my $usage = <<'END';
Usage: sym2int.pl [--map-oov <symbol or integer>] [-f <fields>] <symtab> [<input> ...] > output
Each line of <symtab> is "<symbol> <integer>". A symbol that it lacks is an error, unless --map-oov is given.
  -f <fields>   only these fields, counted from 1: 2, 2-4, 2- or -4
END

my ($first, $last, $oov) = (1, undef, undef);
while (@ARGV) {
  if    ($ARGV[0] eq '-f')            { shift; ($first, $last) = field_range('sym2int.pl', shift) }
  elsif ($ARGV[0] eq '--map-oov')     { shift; $oov = shift }
  elsif ($ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
  else                                { last }
}
if (!@ARGV) { print STDERR $usage; exit 1 }

my %integer_of = map { ($_->[0] => $_->[1] + 0) } symbol_table('sym2int.pl', shift);
if (defined $oov && $oov !~ /^\d+$/) {
  die "sym2int.pl: OOV symbol $oov not defined in the symbol table\n" unless defined $integer_of{$oov};
  $oov = $integer_of{$oov};
}

my $warnings = 0;
while (<>) {
  my @fields = split ' ';
  my $end = defined $last && $last < @fields ? $last : @fields;
  for my $i ($first - 1 .. $end - 1) {
    my $integer = $integer_of{$fields[$i]};
    if (!defined $integer) {
      die "sym2int.pl: undefined symbol $fields[$i] (in position " . ($i + 1) . " of line $.)\n" unless defined $oov;
      if ($warnings++ < $MAX_WARNINGS) {
        print STDERR "sym2int.pl: replacing $fields[$i] with $oov\n";
        print STDERR "sym2int.pl: not warning for OOVs any more times\n" if $warnings == $MAX_WARNINGS;
      }
      $integer = $oov;
    }
    $fields[$i] = $integer;
  }
  print "@fields\n";
}
