#!/usr/bin/env perl
# N lines of a file, spread evenly over it.
use strict;
use warnings;

my $usage = <<'END';
Usage: subset_scp.pl [--quiet] [--first|--last] <N> <in.scp> > out.scp
Prints N lines of <in.scp>, spread evenly over it.
  --first, --last   the first or the last N lines
  --quiet           print all lines, and do not stop, if there are fewer than N
END
my %option;
while (@ARGV && $ARGV[0] =~ /^--?(quiet|first|last|help|h)$/) { $option{$1} = 1; shift }
if ($option{help} || $option{h}) { print $usage; exit 0 }
die $usage if @ARGV != 2;
my ($count, $path) = @ARGV;
die "subset_scp.pl: first parameter must be a whole number above 0, got '$count'\n" unless $count =~ /^[1-9]\d*$/;

open my $in, '<', $path eq '-' ? '/dev/stdin' : $path or die "subset_scp.pl: could not open $path: $!\n";
my @lines = <$in>;
if ($count > @lines) {
  die "subset_scp.pl: you requested more elements than available: $count > " . @lines . " ($path)\n" unless $option{quiet};
  $count = @lines;
}

# Halves the range and the number wanted, both rounded down on the left, until one line is left.
sub spread {
  my ($begin, $end, $wanted) = @_;
  return () if $wanted == 0;
  return $lines[$begin] if $end - $begin == 1;
  my ($half, $half_wanted) = (int(($end - $begin) / 2), int($wanted / 2));
  return (spread($begin, $begin + $half, $half_wanted), spread($begin + $half, $end, $wanted - $half_wanted));
}

if    ($option{first}) { print @lines[0 .. $count - 1] }
elsif ($option{last})  { print @lines[@lines - $count .. $#lines] }
elsif ($count)         { print spread(0, scalar @lines, $count) }
