#!/usr/bin/env perl
# Lines in an order that depends only on their number and the seed.
use strict;
use warnings;

my $usage = "Usage: shuffle_list.pl [--srand N] [input file] > output\n"
  . "Shuffles the lines of its input; the same seed (default 0) gives the same order.\n";
my $seed = 0;
if (@ARGV && $ARGV[0] eq '--srand') {
  shift;
  $seed = shift;
  die 'shuffle_list.pl: bad argument to --srand option: "' . ($seed // '') . "\"\n"
    unless defined $seed && $seed =~ /\d/;
}
if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
if (@ARGV > 1 || (@ARGV && $ARGV[0] =~ /^-./)) { print $usage; exit 1 }

{
  no warnings 'numeric';
  srand $seed;
}
# The draws are compared as text, not as numbers: that is Kaldi's order, and a subset drawn with it stays the same.
my @keyed = map { [rand() . '', $_] } <>;
print map { $_->[1] } sort { $a->[0] cmp $b->[0] } @keyed;
