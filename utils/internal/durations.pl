#!/usr/bin/env perl
# wav.scp -> "<id> <seconds> " per line, from headers where they can be read, else by reading what a command writes.
# With a list of ids as the third argument, only for the lines whose id is in it.
# The number is printed as Kaldi's wav-to-duration prints it: a 32-bit float, 7 digits, and a space after it.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use AudioLength qw(header_duration stream_duration);

my ($me, $path, $list) = @ARGV;
my $wanted;
if (defined $list) {
  open my $ids, '<', $list or die "$me: could not open $list: $!\n";
  $wanted = {map { ((split ' ')[0] // '' => 1) } <$ids>};
}
open my $in, '<', $path or die "$me: could not open $path: $!\n";
my $failed = 0;
my $number = 0;    # not $., which seek on a sound file changes
while (<$in>) {
  $number++;
  chomp;
  my ($id, $source) = split ' ', $_, 2;
  next if $wanted && defined $id && !$wanted->{$id};
  $source =~ s/\s+$// if defined $source;
  if (!defined $source || $source eq '') { problem("'$_' has no path; expected '<id> <path or command |>'"); next }
  my $seconds;
  # sph2pipe copies the length of its last argument, so the header of the file is enough.
  if ($source =~ /^\S*sph2pipe -f wav (\S+)\s*\|$/ && defined($seconds = header_duration($1))) {
    print "$id $seconds\n";    # Kaldi reads these without wav-to-duration, and prints the number as Perl does
    next;
  }
  if    ($source =~ s/\|$//)        { $seconds = command_duration($source) }
  elsif ($source =~ /^(.*):(\d+)$/ && !-e $source) { $seconds = offset_duration($1, $2) }
  else                              { $seconds = header_duration($source) // command_duration('sox ' . quoted($source) . ' -t wav -') }
  if (defined $seconds) { printf "%s %.7g \n", $id, unpack 'f', pack 'f', $seconds }
  else { problem("could not find the duration of '$id' ($source); is the file there, and whole?") }
}
exit($failed ? 1 : 0);

sub problem { print STDERR "$me: $path:$number: $_[0]\n"; $failed = 1; return }
sub quoted { return "'" . $_[0] =~ s/'/'\\''/gr . "'" }

# Asks for the header only, unless the writer did not know the length; then all of it.
sub command_duration {
  my $command = shift;
  open my $out, '-|', 'bash', '-c', "$command 2>/dev/null" or return undef;
  binmode $out;
  my $seconds = stream_duration($out, undef);
  close $out;    # the command may end by SIGPIPE, that is no failure
  return $seconds;
}

sub offset_duration {
  my ($file, $offset) = @_;
  open my $out, '<:raw', $file or return undef;
  seek $out, $offset, 0 or return undef;
  return stream_duration($out, undef);
}
