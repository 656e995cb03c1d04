#!/usr/bin/env perl
# join_segments.pl <tool> <srcdir> <outdir>: utt2spk, and text where <srcdir> has it, of the recordings of segments.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use DataDir qw(slurp write_atomic);
use Segments 'is_segment';

my ($me, $source, $out) = @ARGV;

my (%segments, %recording_of);
my $number = 0;
for my $line (split /\n/, slurp("$source/segments")) {
  $number++;
  my ($utt, $recording, @times) = split ' ', $line;
  die "$me: $source/segments:$number: expected '<utterance> <recording> <start> <end>', got '$line'\n"
    unless @times == 2 && is_segment(@times);
  die "$me: $source/segments:$number: '$utt' has a line already\n" if defined $recording_of{$utt};
  $recording_of{$utt} = $recording;
  push @{$segments{$recording}}, [$utt, @times];
}
die "$me: $source/segments has no segments\n" unless %segments;

my %words;
if (-f "$source/text") {
  for my $line (split /\n/, slurp("$source/text")) {
    my ($utt, @words) = split ' ', $line;
    $words{$utt} = \@words if defined $utt;
  }
}

my ($utt2spk, $text) = ('', '');
for my $recording (sort keys %segments) {
  $utt2spk .= "$recording $recording\n";
  next unless %words;
  # By number: as text, 10 would be before 9.
  my @utts = map { $_->[0] } sort { $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] || $a->[0] cmp $b->[0] } @{$segments{$recording}};
  my ($missing) = grep { !$words{$_} } @utts;
  die "$me: $source/text has no line for '$missing' of segments; fix it: utils/fix_data_dir.sh $source\n" if defined $missing;
  $text .= join(' ', $recording, map { @{$words{$_}} } @utts) . "\n";
}
write_atomic("$out/utt2spk", $utt2spk);
write_atomic("$out/text", $text) if %words;
