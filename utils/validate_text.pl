#!/usr/bin/env perl
# Checks the characters of a table of transcripts.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__)) . '/internal';
use DataDir qw(slurp encoding_problems whitespace_problem);

my $usage = <<'END';
Usage: validate_text.pl <text-file>
e.g.: validate_text.pl data/train/text
Status 0 if the file is valid UTF-8 in whole lines, without carriage returns and without white space other than blanks
and tabs. validate_data_dir.sh checks the same, and more.
END

if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
if (@ARGV != 1) { print STDERR $usage; exit 1 }
my $path = shift;

my @problems = problems();
print STDERR "validate_text.pl: $_\n" for @problems;
exit(@problems ? 1 : 0);

sub problems {
  return "file '$path' is empty or does not exist" unless -s $path;
  my $content = eval { slurp($path) } // return $@ =~ s/\n\z//r;
  my @found = encoding_problems($path, $content);
  return @found if @found;
  return "$path: the last line has no line end; give it one: echo >> $path" if substr($content, -1) ne "\n";
  return grep { $_ ne '' } whitespace_problem($path, $content);
}
