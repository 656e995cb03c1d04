#!/usr/bin/env perl
# feats.scp -> "<id> <frames> " per line, as Kaldi's feat-to-len prints it, from the headers of the stored matrices.
use strict;
use warnings;

my ($me, $path) = @ARGV;
open my $scp, '<', $path or die "$me: could not open $path: $!\n";
my ($open_name, $archive) = ('');
my $number = 0;    # not $., which seek on the archive changes
while (<$scp>) {
  $number++;
  my ($id, $place) = split ' ', $_, 2;
  stop('expected "<id> <archive>:<offset>"') unless defined $place;
  $place =~ s/\s+$//;
  my ($file, $offset) = $place =~ /^(.*):(\d+)$/ ? ($1, $2) : ($place, 0);
  stop("'$id' is read through a command or a range ($place), whose length is not known from a header") if $file =~ /[|\]]$/;
  if ($file ne $open_name) {
    open $archive, '<:raw', $file or stop("'$id': could not open $file: $!");
    $open_name = $file;
  }
  seek $archive, $offset, 0;
  my $got = read $archive, my $header, 32;
  my $rows = rows_of($got ? $header : '');
  stop("'$id': there is no Kaldi matrix at $place; was the archive cut short?") unless defined $rows;
  print "$id $rows \n";
}

sub stop { die "$me: $path:$number: $_[0]\n" }

# "\0B", then "FM " or "DM " and two integers each after a byte with its size; or "CM ", "CM2 ", "CM3 " and a header of
# two floats (least value, range) and two integers.
sub rows_of {
  my $header = shift;
  return unpack 'V', $1 if $header =~ /^\0B[FD]M \x04(.{4})\x04/s;
  return unpack 'V', $1 if $header =~ /^\0BCM[23]? .{8}(.{4})/s;
  return undef;
}
