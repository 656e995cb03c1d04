#!/usr/bin/env perl
# Splits a file into parts of nearly equal size, in order; with --utt2spk no speaker is split.
use strict;
use warnings;

my $usage = <<'END';
Usage: split_scp.pl [--utt2spk=<utt2spk>] <in.scp> <out1.scp> <out2.scp> ...
   or: split_scp.pl -j <num-jobs> <job-id> [--one-based] [--utt2spk=<utt2spk>] <in.scp> [<out.scp>]
With -j only part <job-id> is written (0 <= job-id < num-jobs; with --one-based 1 <= job-id <= num-jobs), to
<out.scp> or to standard output.
With --utt2spk the parts hold whole speakers and about the same number of lines.
END

my ($num_jobs, $job_id, $one_based, $utt2spk_path) = (0, 0, 0, undef);
while (@ARGV) {
  if    ($ARGV[0] eq '-j')              { shift; $num_jobs = shift; $job_id = shift }
  elsif ($ARGV[0] eq '--one-based')     { shift; $one_based = 1 }
  elsif ($ARGV[0] =~ /^--utt2spk=(.+)/) { shift; $utt2spk_path = $1 }
  elsif ($ARGV[0] =~ /^(--help|-h)$/)   { print $usage; exit 0 }
  elsif ($ARGV[0] =~ /^--/)             { die "split_scp.pl: invalid option $ARGV[0]\n$usage" }
  else                                  { last }
}
if ($num_jobs ne '0') {
  my $index = defined $job_id && $job_id =~ /^-?\d+$/ ? $job_id - $one_based : -1;
  die "split_scp.pl: invalid job number/index values for '-j $num_jobs " . ($job_id // '') . ($one_based ? ' --one-based' : '') . "'\n"
    unless $num_jobs =~ /^\d+$/ && $index >= 0 && $index < $num_jobs;
  $job_id = $index;
}
die $usage if $num_jobs ? @ARGV < 1 || @ARGV > 2 : @ARGV < 2;

my ($in_path, @out_paths) = @ARGV;
if ($num_jobs) {
  my $wanted = @out_paths ? $out_paths[0] : '-';
  @out_paths = map { $_ == $job_id ? $wanted : undef } 0 .. $num_jobs - 1;
}

sub read_lines {
  my $path = shift;
  return <STDIN> if $path eq '-';
  open my $in, '<', $path or die "split_scp.pl: error opening $path: $!\n";
  return <$in>;
}

# One line each for a plain split; all the lines of a speaker together with --utt2spk. In order of first appearance.
sub blocks_of {
  my @lines = @_;
  return map { [$_] } @lines unless defined $utt2spk_path;
  my %speaker_of;
  my $number = 0;
  for (read_lines($utt2spk_path)) {
    $number++;
    my ($utt, $spk, @rest) = split ' ';
    die "split_scp.pl: bad line in utt2spk file ($utt2spk_path:$number), expected '<utterance> <speaker>'\n"
      if !defined $spk || @rest;
    $speaker_of{$utt} = $spk;
  }
  my (@blocks, %block_of);
  $number = 0;
  for my $line (@lines) {
    $number++;
    my ($utt) = split ' ', $line, 2;
    die "split_scp.pl: empty or space-only line in scp file ($in_path:$number)\n" unless defined $utt;
    my $spk = $speaker_of{$utt} // die "split_scp.pl: no utterance $utt in utt2spk file $utt2spk_path ($in_path:$number)\n";
    push @blocks, $block_of{$spk} = [] unless $block_of{$spk};
    push @{$block_of{$spk}}, $line;
  }
  return @blocks;
}

# Where each part begins: part p is blocks [begin[p], begin[p+1]). As many lines as possible in each, the first parts
# taking one more when lines are left over.
sub equal_begins {
  my ($blocks, $parts) = @_;
  my ($each, $left) = (int($blocks / $parts), $blocks % $parts);
  return map { $_ * $each + ($_ < $left ? $_ : $left) } 0 .. $parts;
}

# Starts from equal numbers of speakers, then lets neighbouring parts hand over the speaker at their border as long as
# that brings their sizes closer: the sum of squared sizes falls each time, so it ends.
sub balanced_begins {
  my ($sizes, $parts) = @_;
  my @begin = map { int(($_ * @$sizes + $parts - 1) / $parts) } 0 .. $parts;
  my @size = (0) x $parts;
  for my $part (0 .. $parts - 1) { $size[$part] += $sizes->[$_] for $begin[$part] .. $begin[$part + 1] - 1 }

  my $closer = sub { my ($from, $to, $moved) = @_; return abs(($to + $moved) - ($from - $moved)) < abs($to - $from) };
  my $changed = 1;
  while ($changed) {
    $changed = 0;
    for my $part (0 .. $parts - 1) {
      if ($part < $parts - 1 && $begin[$part] < $begin[$part + 1]) {
        my $moved = $sizes->[$begin[$part + 1] - 1];
        if ($closer->($size[$part], $size[$part + 1], $moved)) {
          $begin[$part + 1]--;
          $size[$part] -= $moved;
          $size[$part + 1] += $moved;
          $changed = 1;
        }
      }
      if ($part > 0 && $begin[$part] < $begin[$part + 1]) {
        my $moved = $sizes->[$begin[$part]];
        if ($closer->($size[$part], $size[$part - 1], $moved)) {
          $begin[$part]++;
          $size[$part] -= $moved;
          $size[$part - 1] += $moved;
          $changed = 1;
        }
      }
    }
  }
  return @begin;
}

my @blocks = blocks_of(read_lines($in_path));
die "split_scp.pl: error: empty input scp file $in_path\n" unless @blocks;
if (@blocks < @out_paths) {
  die defined $utt2spk_path
    ? "split_scp.pl: refusing to split data because number of speakers " . @blocks
      . " is less than the number of output .scp files " . @out_paths . "; split without --utt2spk, or into fewer parts\n"
    : "split_scp.pl: you are splitting into too many pieces: " . @blocks . " lines of $in_path into " . @out_paths . " [reduce \$nj]\n";
}
my @begin = defined $utt2spk_path ? balanced_begins([map { scalar @$_ } @blocks], scalar @out_paths)
  : equal_begins(scalar @blocks, scalar @out_paths);

my $status = 0;
for my $part (0 .. $#out_paths) {
  my @lines = map { @$_ } @blocks[$begin[$part] .. $begin[$part + 1] - 1];
  my $path = $out_paths[$part];
  if (!@lines) {
    print STDERR "split_scp.pl: error: producing empty .scp file " . ($path // "for part $part")
      . " (too many splits and too few speakers?)\n";
    $status = 1;
  }
  next unless defined $path;
  if ($path eq '-') { print @lines; next }
  my $temporary = -f $path || !-e $path ? "$path.tmp.$$" : $path;    # /dev/stdout and the like are written in place
  open my $out, '>', $temporary or die "split_scp.pl: could not open scp file $path for writing: $!\n";
  print {$out} @lines;
  close $out or die "split_scp.pl: error closing scp file $path: $!\n";
  next if $temporary eq $path;
  rename $temporary, $path or die "split_scp.pl: could not write $path: $!\n";
}
exit $status;
