#!/usr/bin/env perl
# encoding.pl <name of the tool> <file>...: names what no tool reads well in the files that exist; status 1 if anything.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use DataDir qw(slurp encoding_problems);

my ($me, @paths) = @ARGV;
my @problems = map { encoding_problems($_, slurp($_)) } grep { -f } @paths;
print STDERR "$me: $_\n" for @problems;
exit(@problems ? 1 : 0);
