package FeatureRange;
# Parts of matrices in feats.scp: "<place>[3:7]" are rows 3 to 7, "<place>[3:7,0:12]" of them columns 0 to 12, both
# ends included and counted from 0; "[:,0:12]" and "[,0:12]" are all rows.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(split_range narrow);

# (place, first row, last row, first column, last column); undef where the whole is meant.
sub split_range {
  my $entry = shift;
  return ($entry) unless $entry =~ /^(.*)\[([^\[\]]*)\]$/s;
  my ($place, $range) = ($1, $2);
  $range =~ /^(?:(\d+):(\d+)|:?)(?:,(?:(\d+):(\d+)|:?))?$/
    or die "could not make sense of the range '[$range]'; expected e.g. [0:99] or [:,0:39]\n";
  return ($place, $1, $2, $3, $4);
}

# The entry without all but these rows or columns ($kind "row" or "column") of what it gives now.
sub narrow {
  my ($entry, $kind, $first, $last) = @_;
  my ($place, @ranges) = split_range($entry);
  if ($place eq $entry) { return $kind eq 'row' ? "$entry\[$first:$last]" : "$entry\[:,$first:$last]" }
  my $at = $kind eq 'row' ? 0 : 2;
  my ($before_first, $before_last) = @ranges[$at, $at + 1];
  if (defined $before_first) {
    die "the $kind range $first:$last is too large for what '$entry' gives\n" if $before_first + $last > $before_last;
    ($first, $last) = ($first + $before_first, $last + $before_first);
  }
  @ranges[$at, $at + 1] = ($first, $last);
  my ($rows, $columns) = map { defined $ranges[$_] ? "$ranges[$_]:$ranges[$_ + 1]" : '' } 0, 2;
  return "$place\[$rows" . ($columns eq '' ? '' : ",$columns") . ']';
}

1;
