#!/usr/bin/env perl
# wav.scp lines in, lines whose sound goes through sox out:
#   play_through_sox.pl [--volumes <file>] <sox> <output and effects> [<reader>]
# A source is a command, a place in an archive, or a file. sox opens a file itself where it certainly can, judged by the
# file's first bytes or, if it is not there, by its name, unless a reader (cat) is given; all other files go through
# `jstasr to-wav`, which reads what the later stages read, whatever sox was built with. The file of volumes has a line
# "<id> <factor>" for each line of wav.scp, in the same order.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use AudioLength 'is_common_wav';
use Quoting qw(shell_quote sox_input);

my @factors;
if ($ARGV[0] eq '--volumes') {
  shift;
  open my $volumes, '<', shift or die "could not open the volumes: $!\n";
  @factors = map { (split ' ')[1] } <$volumes>;
}
my ($program, $output, $reader) = @ARGV;
$program = shell_quote($program);
my %name_of = (fLaC => qr/\.flac$/, FORM => qr/\.aiff?$/, '.snd' => qr/\.au$/, NIST => qr/\.sph$/);    # sox goes by the name
my $other_names = join '|', values %name_of;
my $needs_reader = qr/\.(ogg|oga|opus|mp3|m4a|mp4|webm|caf|w64)$/i;

while (<STDIN>) {
  my ($id, $source) = /^[ \t]*([^ \t\n]+)[ \t]+(.*?)[ \t]*$/ or die "wav.scp:$.: no path after the id\n";
  my $sox = @factors ? "$program --vol " . shift @factors : $program;
  my $rest_of_pipe = "$sox -t wav - $output |";
  my $command;
  if    ($source =~ s/[ \t]*\|$//)                                 { $command = "$source | $rest_of_pipe" }
  elsif ($source =~ /:\d+$/ && !-e $source)                        { $command = 'wav-copy ' . shell_quote($source) . " - | $rest_of_pipe" }
  else {
    my $file = shell_quote($source =~ s/^(?=-)/.\//r);
    my $kind = kind_of($source);
    if    ($kind eq 'other')  { $command = "jstasr to-wav $file | $rest_of_pipe" }
    elsif ($kind eq 'named')  { $command = "$sox " . sox_input($source) . " $output |" }
    elsif (defined $reader)   { $command = "$reader $file | $rest_of_pipe" }
    else                      { $command = "$sox " . sox_input($source, '-t wav') . " $output |" }
  }
  print "$id $command\n";
}

# How sox can open a file: as "wav", by what its name says ("named"), or not for certain ("other").
sub kind_of {
  my $path = shift;
  my ($in, $start);
  if (!open($in, '<:raw', $path) || !read $in, $start, 12) {
    return $path =~ $needs_reader ? 'other' : $path =~ /$other_names/ ? 'named' : 'wav';
  }
  seek $in, 0, 0;
  return 'wav' if is_common_wav($in);
  my $named = $name_of{substr $start, 0, 4};
  return defined $named && $path =~ $named ? 'named' : 'other';
}
