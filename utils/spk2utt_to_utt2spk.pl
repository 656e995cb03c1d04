#!/usr/bin/env perl
# One line "<utterance> <speaker>" per utterance, in the order read.
use strict;
use warnings;

if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) {
  print "Usage: spk2utt_to_utt2spk.pl [spk2utt ...] > utt2spk\nReads standard input without an argument.\n";
  exit 0;
}
while (my $line = <>) {
  my ($spk, @utts) = split ' ', $line;
  if (!@utts) {
    chomp $line;
    die "spk2utt_to_utt2spk.pl: invalid line in spk2utt file ($ARGV:$.), expected '<speaker> <utterance> ...': '$line'\n";
  }
  print "$_ $spk\n" for @utts;
}
