#!/usr/bin/env perl
# Lines "<id> <archive>:<offset>" in, lines of a wav.scp that read the sound from there out.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use Quoting 'shell_quote';

while (<STDIN>) {
  my ($id, $place) = /^(\S+) (.*)$/ or die "bad line $.\n";
  print "$id wav-copy " . shell_quote($place) . " - |\n";
}
