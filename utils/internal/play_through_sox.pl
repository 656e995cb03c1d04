#!/usr/bin/env perl
# wav.scp lines in, lines whose sound goes through sox out:
#   play_through_sox.pl [--volumes <file>] <sox> <output and effects> [<reader>]
# A source is a command, a place in an archive, or a file, which sox opens itself unless a reader (cat) is given. sox
# takes a file for WAV unless its name says otherwise. The file of volumes has a line "<id> <factor>" for each line of
# wav.scp, in the same order.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use Quoting qw(shell_quote sox_input);

my @factors;
if ($ARGV[0] eq '--volumes') {
  shift;
  open my $volumes, '<', shift or die "could not open the volumes: $!\n";
  @factors = map { (split ' ')[1] } <$volumes>;
}
my ($program, $output, $reader) = @ARGV;
$program = shell_quote($program);

while (<STDIN>) {
  my ($id, $source) = /^[ \t]*([^ \t\n]+)[ \t]+(.*?)[ \t]*$/ or die "wav.scp:$.: no path after the id\n";
  my $sox = @factors ? "$program --vol " . shift @factors : $program;
  my $rest_of_pipe = "$sox -t wav - $output |";
  my $command;
  if    ($source =~ s/[ \t]*\|$//)                                 { $command = "$source | $rest_of_pipe" }
  elsif ($source =~ /:\d+$/ && !-e $source)                        { $command = 'wav-copy ' . shell_quote($source) . " - | $rest_of_pipe" }
  elsif ($source =~ /\.(flac|ogg|opus|mp3|aiff?|au|sph)$/)         { $command = "$sox " . sox_input($source) . " $output |" }
  elsif (defined $reader) { $command = "$reader " . shell_quote($source =~ s/^(?=-)/.\//r) . " | $rest_of_pipe" }
  else                    { $command = "$sox " . sox_input($source, '-t wav') . " $output |" }
  print "$id $command\n";
}
