#!/usr/bin/env bash
# The line with the lowest error rate.
set -euo pipefail

usage="Usage: grep WER exp/*/decode*/wer_* | utils/best_wer.sh
   or: grep Sum exp/*/decode*/score_*/*.sys | utils/best_wer.sh
Of lines from compute-wer (%WER or %SER) or sclite's tables of sums, the first with the lowest error rate, as
'%WER <rate> ... <file>'. Other lines do not matter."
if [ $# != 0 ]; then
  case $1 in
    --help | -h) echo "$usage" && exit 0 ;;
  esac
  echo "$usage" >&2
  exit 1
fi

exec perl -e '
  my ($lowest, $best);
  while (my $line = <STDIN>) {
    $line =~ s/\r?\n?$//;
    $line =~ s/\|(\d)/| $1/g;    # sclite leaves no blank where a number is long
    $line =~ s/(\d)\|/$1 |/g;
    my $rate;
    if ($line =~ /[WS]ER (\S+)/) { $rate = $1 }
    elsif ($line =~ m{ (?:Mean|Sum/Avg|)\s*\|\s*\S+\s+\S+\s+\|\s+(?:\S+\s+){4}(\S+)\s+\S+\s+\|}) { $rate = $1 }
    next unless defined $rate && $rate =~ /^\d+\.?\d*$|^\.\d+$/;
    ($lowest, $best) = ($rate, $line) if !defined $lowest || $rate < $lowest;
  }
  exit 0 unless defined $best;
  # The name of the file goes to the end.
  for my $mark ("%WER", "Sum/Avg") {
    my @parts = split /\Q$mark\E/, $best, -1;
    $best = ($mark eq "%WER" ? $mark : "") . "$parts[1] $parts[0]" if @parts == 2;
  }
  my @fields = split " ", $best;
  $best = "%WER " . ($fields[8] // "") . " $best" if ($fields[0] // "") !~ /%WER/;
  $best =~ s/\s+/ /g;
  $best =~ s/:$//;
  $best =~ s/:\s*\|\s*$//;
  print "$best\n";
'
