#!/usr/bin/env perl
# limit_columns.pl <tool> <first> <last> <columns> <feats.scp>: the lines of feats.scp with these columns of each matrix.
# <columns> has "<id> <number of columns>" for each line, in the same order.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use FeatureRange 'narrow';

my ($me, $first, $last, $columns, $path) = @ARGV;
open my $sizes, '<', $columns or die "$me: could not open $columns: $!\n";
open my $in, '<', $path or die "$me: could not open $path: $!\n";
while (<$in>) {
  my ($id, $entry) = /^\s*(\S+)\s+(.*?)\s*$/ or die "$me: $path:$.: expected '<utterance> <features>'\n";
  my $size = (split ' ', <$sizes> // '')[1];
  die "$me: $path:$.: the features of '$id' have dimensions 0:" . ($size - 1) . ", fewer than $first:$last\n" if $last >= $size;
  my $part = eval { narrow($entry, 'column', $first, $last) } // die "$me: $path:$.: '$id': $@";
  print "$id $part\n";
}
