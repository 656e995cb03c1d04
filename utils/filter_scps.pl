#!/usr/bin/env perl
# filter_scp.pl for many lists at once, in one pass over the input.
use strict;
use warnings;

my $usage = <<'END';
Usage: filter_scps.pl [-f <field>] [--no-warn] JOB=1:n <filter.JOB> <in.scp> <out.JOB.scp>
Writes to <out.j.scp> the lines of <in.scp> whose first field is the first field of a line of <filter.j>.
  -f <field>   compare this field, counted from 1, in place of the first
  --no-warn    do not warn about lines that are written to no output, or to several
END
my ($field, $warn) = (1, 1);
while (@ARGV) {
  if    ($ARGV[0] eq '-f')            { shift; $field = shift }
  elsif ($ARGV[0] eq '--no-warn')     { shift; $warn = 0 }
  elsif ($ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
  else                                { last }
}
die $usage unless @ARGV == 4 && $ARGV[0] =~ /^([A-Za-z_]\w*)=(\d+):(\d+)$/ && $2 <= $3;
my ($name, $first, $last, $filter, $in_path, $out) = ($1, $2, $3, @ARGV[1 .. 3]);
die "filter_scps.pl: the filter and the output must have $name in their names\n"
  if $first < $last && grep { index($_, $name) < 0 } $filter, $out;

my (%jobs_of, %lines_of);
for my $job ($first .. $last) {
  my $path = $filter =~ s/$name/$job/gr;
  $lines_of{$job} = [];
  open my $ids, '<', $path or die "filter_scps.pl: could not open $path: $!\n";
  while (<$ids>) {
    my ($id) = split ' ', $_, 2;
    die "filter_scps.pl: invalid line in the id list ($path:$.): it is empty\n" unless defined $id;
    push @{$jobs_of{$id}}, $job;
  }
}

my ($in_none, $in_many) = (0, 0);
open my $in, '<', $in_path eq '-' ? '/dev/stdin' : $in_path or die "filter_scps.pl: could not open $in_path: $!\n";
while (my $line = <$in>) {
  my $id = (split ' ', $line, $field + 1)[$field - 1];
  die "filter_scps.pl: bad line ($in_path:$.), it has no field $field\n" unless defined $id && $id ne '';
  my $jobs = $jobs_of{$id};
  if (!$jobs) { $in_none++; next }
  $in_many++ if @$jobs > 1;
  push @{$lines_of{$_}}, $line for @$jobs;
}
for my $job ($first .. $last) {
  my $path = $out =~ s/$name/$job/gr;
  open my $to, '>', "$path.tmp.$$" or die "filter_scps.pl: could not write $path: $!\n";
  print {$to} @{$lines_of{$job}};
  close $to && rename "$path.tmp.$$", $path or die "filter_scps.pl: could not write $path: $!\n";
  print STDERR "filter_scps.pl: warning: no lines in $path\n" if $warn && !@{$lines_of{$job}};
}
print STDERR "filter_scps.pl: warning: $in_none lines of $in_path were not written to any output\n" if $warn && $in_none;
print STDERR "filter_scps.pl: warning: $in_many lines of $in_path were written to more than one output\n" if $warn && $in_many;
