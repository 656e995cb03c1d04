#!/usr/bin/env perl
# nearest.pl NAME CANDIDATE...: prints the candidate that NAME is most likely a misspelling of; nothing where none is near.
use strict;
use warnings;
use List::Util 'min';

# Edits (insertion, deletion, exchange, neighbours swapped) from one word to another.
sub edits {
  my @from = split //, shift;
  my @to = split //, shift;
  my @rows = ([0 .. @to]);
  for my $i (1 .. @from) {
    $rows[$i][0] = $i;
    for my $j (1 .. @to) {
      $rows[$i][$j] = min($rows[$i - 1][$j] + 1, $rows[$i][$j - 1] + 1,
        $rows[$i - 1][$j - 1] + ($from[$i - 1] ne $to[$j - 1]));
      $rows[$i][$j] = min($rows[$i][$j], $rows[$i - 2][$j - 2] + 1)
        if $i > 1 && $j > 1 && $from[$i - 1] eq $to[$j - 2] && $from[$i - 2] eq $to[$j - 1];
    }
  }
  return $rows[@from][@to];
}

my ($name, @candidates) = map { tr/-/_/r } @ARGV;
$name = lc $name;
my ($best, $least) = ('', 1 + int(length($name) / 3));
for my $candidate (sort @candidates) {
  my $edits = edits($name, $candidate);
  # A word left out or added, as in --inference_beam_config, is a smaller slip than its letters are.
  $edits = min($edits, 1) if join('', sort split /_/, $name) eq join('', sort split /_/, $candidate);
  $edits = min($edits, 2) if length $name > 3 && ($candidate =~ /^\Q$name\E_/ || $candidate =~ /_\Q$name\E$/ || "${candidate}s" eq $name);
  ($best, $least) = ($candidate, $edits) if $edits < $least;
}
print "$best\n" if $best ne '';
