#!/usr/bin/env perl
# Runs a job a second time if it fails.
use strict;
use warnings;

my $TRIES = 2;
my $usage = <<'END';
Usage: retry.pl <runner> [options] <log> <command> ...
e.g.: retry.pl queue.pl --mem 4G exp/log/a.log do_something
Runs the job once more if it fails; the log of the first run is kept as <log>.bak. Arrays of jobs (JOB=1:n) run once.
END

if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
if (@ARGV < 3) { print STDERR $usage; exit 1 }

# The first word that ends in .log, else the first that is no option, no value of one, no number and no JOB=1:n.
sub log_among {
  for my $word (@_) { return $word if $word =~ /\.log$/ }
  for my $i (0 .. $#_) {
    return $_[$i] unless $_[$i] =~ /^-|=|^\d+$/ || $i > 0 && $_[$i - 1] =~ /^-/;
  }
  print STDERR "retry.pl: could not find the name of the log in: @_\n";
  exit 1;
}

my $log = log_among(@ARGV[1 .. $#ARGV]);
for my $try (1 .. $TRIES) {
  my $status = system { $ARGV[0] } @ARGV;
  exit 0 if $status == 0;
  if ($status == -1) { print STDERR "retry.pl: could not run $ARGV[0]: $!\n"; exit 1 }
  if ($status & 127) { print STDERR "retry.pl: $ARGV[0] was ended by signal " . ($status & 127) . "\n"; exit 128 + ($status & 127) }
  last if $try == $TRIES;
  if (!-f $log) { print STDERR "retry.pl: the job failed, and there is no log $log (an array of jobs?); not run again\n"; exit 1 }
  rename $log, "$log.bak" or die "retry.pl: could not rename $log: $!\n";
  print STDERR "retry.pl: the job failed; its log is now $log.bak; running it again\n";
}
print STDERR "retry.pl: the job failed $TRIES times; the log is in $log\n";
exit 1;
