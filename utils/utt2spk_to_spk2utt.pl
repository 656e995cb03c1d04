#!/usr/bin/env perl
# One line per speaker, in order of first appearance, with its utterances in the order read.
use strict;
use warnings;

my $usage = "Usage: utt2spk_to_spk2utt.pl [utt2spk] > spk2utt\n"
  . "Reads standard input without an argument.\n";
if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
die $usage if @ARGV > 1;

my (@speakers, %utterances);
while (my $line = <>) {
  my ($utt, $spk, @rest) = split ' ', $line;
  if (!defined $spk || @rest) {
    chomp $line;
    die "utt2spk_to_spk2utt.pl: invalid line in utt2spk file ($ARGV:$.), expected '<utterance> <speaker>': '$line'\n";
  }
  push @speakers, $spk unless $utterances{$spk};
  push @{$utterances{$spk}}, $utt;
}
print join(' ', $_, @{$utterances{$_}}), "\n" for @speakers;
