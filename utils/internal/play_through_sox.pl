#!/usr/bin/env perl
# wav.scp lines in, lines whose sound goes through sox out: play_through_sox.pl <sox> <output and effects> [<reader>]
# A source is a command, a place in an archive, or a file, which sox opens itself unless a reader (cat) is given. sox is
# told that a file is WAV unless its name says otherwise.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use Quoting qw(shell_quote sox_input);

my ($sox, $output, $reader) = @ARGV;
$sox = shell_quote($sox);
my $rest_of_pipe = "$sox -t wav - $output |";

while (<STDIN>) {
  my ($id, $source) = /^[ \t]*([^ \t\n]+)[ \t]+(.*?)[ \t]*$/ or die "wav.scp:$.: no path after the id\n";
  my $command;
  if    ($source =~ s/[ \t]*\|$//)                                 { $command = "$source | $rest_of_pipe" }
  elsif ($source =~ /:\d+$/ && !-e $source)                        { $command = 'wav-copy ' . shell_quote($source) . " - | $rest_of_pipe" }
  elsif ($source =~ /\.(flac|ogg|opus|mp3|aiff?|au|sph)$/)         { $command = "$sox " . sox_input($source) . " $output |" }
  elsif (defined $reader) { $command = "$reader " . shell_quote($source =~ s/^(?=-)/.\//r) . " | $rest_of_pipe" }
  else                    { $command = "$sox " . sox_input($source, '-t wav') . " $output |" }
  print "$id $command\n";
}
