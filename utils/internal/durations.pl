#!/usr/bin/env perl
# wav.scp -> "<id> <seconds> " per line, from headers where they can be read, else by reading what a command writes.
# With a list of ids only for the lines whose id is in it.
# The number is printed as Kaldi's wav-to-duration prints it: a 32-bit float, 7 digits, and a space after it; with the
# form "sphere" as Perl does, as Kaldi does where every line of wav.scp reads a SPHERE file.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use File::Temp;
use lib dirname(abs_path(__FILE__));
use AudioLength qw(header_duration stream_duration);
use Quoting 'sox_input';

my ($me, $path, $form, $list) = @ARGV;
my $wanted;
if (defined $list) {
  open my $ids, '<', $list or die "$me: could not open $list: $!\n";
  $wanted = {map { ((split ' ')[0] // '' => 1) } <$ids>};
}
open my $in, '<', $path or die "$me: could not open $path: $!\n";
my $MAX_SECONDS = 1800;    # until a command has said how long its sound is: MAX_SECONDS of jstasr/kaldi/audio_commands.py
my $failed = 0;
my (@lines, @unread);    # what is printed; [place in it, id, path] of the files that jstasr has to read
my $number = 0;    # not $., which seek on a sound file changes
while (<$in>) {
  $number++;
  chomp;
  my ($id, $source) = split ' ', $_, 2;
  next if $wanted && defined $id && !$wanted->{$id};
  $source =~ s/\s+$// if defined $source;
  if (!defined $source || $source eq '') { problem("'$_' has no path; expected '<id> <path or command |>'"); next }
  my ($seconds, $fault);
  # sph2pipe copies the length of the file, so the header of that is enough.
  if    ($source =~ /^\S*sph2pipe(?:\s+-f\s+wav|\s+-p|\s+-c\s+[12])*\s+([^\s-]\S*)\s*\|$/ && defined($seconds = header_duration($1))) { }
  # wav-copy too, from a place in an archive; the name may be quoted.
  elsif ($source =~ /^wav-copy (?|'([^']+):(\d+)'|([^\s'"]+):(\d+)) - \|$/ && defined($seconds = offset_duration($1, $2))) { }
  elsif ($source =~ s/\|$//)        { ($seconds, $fault) = command_duration($source) }
  elsif ($source =~ /^(.*):(\d+)$/ && !-e $source) { $seconds = offset_duration($1, $2) }
  elsif (!defined($seconds = header_duration($source)) && -f $source) { push @unread, [scalar @lines, $id, $source, $number]; push @lines, ''; next }
  push @lines, line_of($id, $source, $seconds, $number, $fault);
}
lengths_by_jstasr() if @unread;
print @lines;
exit($failed ? 1 : 0);

sub line_of {
  my ($id, $source, $seconds, $line, $fault) = @_;
  if (!defined $seconds) {
    $fault //= 'is the file there, and whole?';
    problem("could not find the duration of '$id' ($source); $fault", $line);
    return '';
  }
  return $form eq 'sphere' ? "$id $seconds\n" : sprintf "%s %.7g \n", $id, unpack 'f', pack 'f', $seconds;
}

sub problem { my ($text, $line) = @_; print STDERR "$me: $path:", $line // $number, ": $text\n"; $failed = 1; return }

# Files whose headers do not say how long they are (Ogg, MP3): all of them in one process of jstasr; by sox, one by one,
# where jstasr is not installed.
sub lengths_by_jstasr {
  my $list = File::Temp->new;
  print {$list} map { "$_->[2]\n" } @unread;
  close $list or die "$me: could not write $list: $!\n";
  my @found;
  if (grep { -x "$_/jstasr" } split /:/, $ENV{PATH} // '') {
    open my $out, '-|', 'bash', '-c', 'jstasr to-wav --lengths <"$0"', "$list" or die "$me: could not run jstasr: $!\n";
    chomp(@found = <$out>);
    close $out;
  }
  for my $file (@unread) {
    my ($place, $id, $source, $line) = @$file;
    my $said = shift @found;
    my ($seconds) = defined $said ? $said =~ /^([\d.]+(?:e[+-]\d+)?)$/
      : command_duration('sox ' . sox_input($source) . ' -t wav -');
    my $fault = defined $said ? $said =~ s/^\Q$source\E: //r : undef;
    $lines[$place] = line_of($id, $source, $seconds, $line, $fault);
  }
  return;
}

# Asks for the header only, unless the writer did not know the length; then all of it. Seconds, or undef and why. The
# command is a group of processes of its own, which is ended as a whole when it has said enough.
sub command_duration {
  my $command = shift;
  my $pid = open(my $out, '-|') // return undef;
  if (!$pid) {
    setpgrp;
    open STDIN, '<', '/dev/null' or exit 1;
    exec 'bash', '-c', "$command 2>/dev/null" or exit 1;
  }
  binmode $out;
  my $seconds = eval {
    local $SIG{ALRM} = sub { die 'it has not ended after ', $MAX_SECONDS / 60, " minutes\n" };
    alarm $MAX_SECONDS;
    my $found = stream_duration($out, undef);
    alarm 0;
    $found;
  };
  chomp(my $fault = $@);
  kill(($fault ? 'KILL' : 'PIPE'), -$pid);
  close $out;
  return ($seconds, $fault || undef);
}

sub offset_duration {
  my ($file, $offset) = @_;
  open my $out, '<:raw', $file or return undef;
  seek $out, $offset, 0 or return undef;
  return eval { stream_duration($out, undef) };
}
