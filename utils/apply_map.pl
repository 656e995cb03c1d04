#!/usr/bin/env perl
# Replaces the fields of standard input by what a map says; fields come out one space apart.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use Fields 'field_range';

my $usage = <<'END';
Usage: apply_map.pl [-f <fields>] [--permissive] <map> < input > output
Each line of <map> is "<word> [<replacement> ...]". A word without an entry is an error.
  -f <fields>    only these fields, counted from 1: 2, 2-4, 2- or -4
  --permissive   leave a word without an entry as it is, with a warning
END

my ($first, $last, $permissive) = (1, undef, 0);
while (@ARGV) {
  if    ($ARGV[0] eq '-f')            { shift; ($first, $last) = field_range('apply_map.pl', shift) }
  elsif ($ARGV[0] eq '--permissive')  { shift; $permissive = 1 }
  elsif ($ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
  else                                { last }
}
if (@ARGV != 1) { print STDERR $usage; exit 1 }

my $map_path = shift;
my %replacement;
open my $map, '<', $map_path eq '-' ? '/dev/stdin' : $map_path or die "apply_map.pl: error opening map file $map_path: $!\n";
while (<$map>) {
  my ($word, @words) = split ' ';
  die "apply_map.pl: empty line in the map ($map_path:$.)\n" unless defined $word;
  $replacement{$word} = "@words";
}

while (<STDIN>) {
  my @fields = split ' ';
  my $end = defined $last && $last < @fields ? $last : @fields;
  for my $i ($first - 1 .. $end - 1) {
    my $new = $replacement{$fields[$i]};
    if    (defined $new) { $fields[$i] = $new }
    elsif ($permissive)  { print STDERR "apply_map.pl: warning: missing key $fields[$i] (input line $.)\n" }
    else                 { die "apply_map.pl: undefined key $fields[$i] (input line $., map $map_path)\n" }
  }
  print "@fields\n";
}
