#!/usr/bin/env perl
# A CTM file with times within utterances becomes one with times within recordings.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use Segments qw(is_number);

my $usage = <<'END';
Usage: convert_ctm.pl [--skip-unknown] <segments> <reco2file_and_channel> [<utterance-ctm>] > real-ctm
Reads lines "<utterance> <channel> <start> <length> <word> [<confidence>]", of standard input without a file.
  --skip-unknown   leave out the lines of utterances that <segments> lacks
END

my $skip_unknown = 0;
while (@ARGV) {
  if    ($ARGV[0] eq '--skip-unknown')  { shift; $skip_unknown = 1 }
  elsif ($ARGV[0] =~ /^(--help|-h)$/)   { print $usage; exit 0 }
  else                                  { last }
}
if (@ARGV < 2 || @ARGV > 3) { print STDERR $usage; exit 1 }
my ($segments_path, $channels_path, $ctm_path) = @ARGV;

# Calls $use with the fields of each line; those of a line that is unlike the others are named.
sub each_line {
  my ($path, $expected, $counts, $use) = @_;
  open my $in, '<', $path eq '-' ? '/dev/stdin' : $path or die "convert_ctm.pl: could not open $path: $!\n";
  while (my $line = <$in>) {
    my @fields = split ' ', $line;
    my $where = $path eq '-' ? "standard input:$." : "$path:$.";
    chomp $line;
    die "convert_ctm.pl: $where: expected '$expected', got '$line'\n" unless grep { @fields == $_ } @$counts;
    $use->($where, $line, @fields);
  }
}

my (%segment, %file);
each_line($segments_path, '<utterance> <recording> <start> <end>', [4], sub {
  my ($where, $line, $utt, @part) = @_;
  die "convert_ctm.pl: $where: '$utt' has a line already\n" if $segment{$utt};
  die "convert_ctm.pl: $where: the times are no numbers: '$line'\n" if grep { !is_number($_) } @part[1, 2];
  $segment{$utt} = \@part;
});
each_line($channels_path, '<recording> <file> <channel>', [3], sub {
  my ($where, $line, $recording, @place) = @_;
  die "convert_ctm.pl: $where: '$recording' has a line already\n" if $file{$recording};
  $file{$recording} = \@place;
});

my @out;
each_line($ctm_path // '-', '<utterance> <channel> <start> <length> <word> [<confidence>]', [5, 6], sub {
  my ($where, $line, $utt, undef, $start, $length, @word) = @_;
  if (!$segment{$utt}) {
    return if $skip_unknown;
    die "convert_ctm.pl: $where: utterance '$utt' is not in $segments_path; leave such lines out with --skip-unknown\n";
  }
  my ($recording, $offset, $end) = @{$segment{$utt}};
  die "convert_ctm.pl: $where: recording '$recording' of '$utt' is not in $channels_path\n" unless $file{$recording};
  die "convert_ctm.pl: $where: the times are no numbers: '$line'\n" if grep { !is_number($_) } $start, $length;
  my ($from, $for) = map { sprintf '%.2f', $_ } $start + $offset, $length;
  push @out, join(' ', @{$file{$recording}}, $from, $for, @word) . "\n";
  print STDERR "convert_ctm.pl: warning: $where: the word ends after its utterance: $out[-1]" if $end != -1 && $from + $for > $end + 0.01;
});
print @out;
if (!@out) { print STDERR "convert_ctm.pl: no line was converted\n"; exit 1 }
