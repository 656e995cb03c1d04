#!/usr/bin/env perl
# The work of modify_speaker_info.sh: "<utterance> <group>" lines in, "<utterance> <new speaker>" lines out.
use strict;
use warnings;

my ($me, $keep_groups, $max_utts, $max_seconds, $durations_path) = @ARGV;
my (%seconds, %utterances);
open my $durations, '<', $durations_path or die "$me: could not open $durations_path: $!\n";
while (<$durations>) {
  my @fields = split ' ';
  die "$me: bad utt2dur line ($durations_path:$.), expected '<utterance> <seconds>'\n" if @fields != 2;
  $seconds{$fields[0]} = $fields[1];
}
while (<STDIN>) {
  my @fields = split ' ';
  die "$me: bad line $., expected '<utterance> <speaker>', got: $_" if @fields != 2;
  my ($utt, $group) = @fields;
  die "$me: utterance $utt not in $durations_path\n" if $max_seconds > 0 && !defined $seconds{$utt};
  push @{$utterances{$keep_groups eq 'true' ? $group : 'speaker'}}, $utt;
}

# Consecutive utterances, until one more would pass a limit.
sub split_into_groups {
  my (@groups, $sum);
  for my $utt (@_) {
    if (!@groups || ($max_utts > 0 && @{$groups[-1]} == $max_utts)
      || ($max_seconds > 0 && $sum + $seconds{$utt} > $max_seconds))
    {
      push @groups, [];
      $sum = 0;
    }
    push @{$groups[-1]}, $utt;
    $sum += $seconds{$utt} if $max_seconds > 0;
  }
  return @groups;
}

for my $name (sort keys %utterances) {
  my @groups = split_into_groups(@{$utterances{$name}});
  my $digits = length scalar @groups;    # leading zeros keep the new ids in order
  for my $i (0 .. $#groups) {
    my $speaker = sprintf "%s-%0${digits}d", $name, $i + 1;
    print "$_ $speaker\n" for @{$groups[$i]};
  }
}
