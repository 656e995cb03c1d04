#!/usr/bin/env perl
# feats.scp -> "<id> <frames> " per line, as Kaldi's feat-to-len prints it, from the headers of the stored matrices:
# matrix_rows.pl <tool> <feats.scp> [columns]. With "columns" the dimensions in place of the frames.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use FeatureRange 'split_range';

my ($me, $path, $columns) = @ARGV;
open my $scp, '<', $path or die "$me: could not open $path: $!\n";
my ($open_name, $archive) = ('');
my $number = 0;    # not $., which seek on the archive changes
while (<$scp>) {
  $number++;
  my ($id, $entry) = split ' ', $_, 2;
  stop('expected "<id> <archive>:<offset>"') unless defined $entry && $entry =~ /\S/;
  $entry =~ s/\s+$//;
  my ($place, @range) = eval { split_range($entry) };
  stop("'$id': $@") if $@;
  my ($rows, $dimensions) = $place =~ /^(.*)\|\s*$/s ? of_command($id, $1) : of_archive($id, $place);
  stop("'$id': there is no Kaldi matrix at $place; was the archive cut short?") unless defined $rows;
  $rows = length_of($id, $entry, $rows, @range[0, 1]);
  $dimensions = length_of($id, $entry, $dimensions, @range[2, 3]);
  print $id, ' ', $columns ? $dimensions : $rows, " \n";
}

sub stop { my $reason = shift; chomp $reason; die "$me: $path:$number: $reason\n" }

sub length_of {
  my ($id, $entry, $whole, $first, $last) = @_;
  return $whole unless defined $first;
  stop("'$id': the range of $entry is not within the matrix, which is $whole long") unless $first <= $last && $last < $whole;
  return $last - $first + 1;
}

sub of_archive {
  my ($id, $place) = @_;
  my ($file, $offset) = $place =~ /^(.*):(\d+)$/ ? ($1, $2) : ($place, 0);
  if ($file ne $open_name) {
    open $archive, '<:raw', $file or stop("'$id': could not open $file: $!");
    $open_name = $file;
  }
  seek $archive, $offset, 0;
  return shape_of($archive);
}

sub of_command {
  my ($id, $command) = @_;
  open my $out, '-|', 'bash', '-c', $command or stop("'$id': could not run $command: $!");
  binmode $out;
  my @shape = shape_of($out);
  1 while read $out, my $rest, 65536;
  close $out or stop("'$id': the command failed: $command");
  return @shape;
}

# "\0B", then "FM " or "DM " and two integers each after a byte with its size; or "CM ", "CM2 ", "CM3 " and a header of
# two floats (least value, range) and two integers.
sub shape_of {
  my $in = shift;
  my $header = '';
  read $in, $header, 32;
  return unpack 'Vx1V', $1 if $header =~ /^\0B[FD]M \x04(.{4}\x04.{4})/s;
  return unpack 'VV', $1 if $header =~ /^\0BCM[23]? .{8}(.{8})/s;
  return ();
}
