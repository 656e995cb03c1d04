#!/usr/bin/env perl
# Symbolic links in a folder, by relative paths.
use strict;
use warnings;
use Cwd qw(abs_path getcwd);
use File::Basename qw(basename dirname);

my $usage = <<'END';
Usage: ln.pl <input> ... <dest-dir>
Makes a symbolic link to each <input> in <dest-dir>, by its path relative to <dest-dir>. A link of that name is replaced.
END

if (@ARGV && $ARGV[0] =~ /^(--help|-h)$/) { print $usage; exit 0 }
if (@ARGV < 2) { print STDERR $usage; exit 1 }
my $folder = pop @ARGV;
if (!-d $folder) { print STDERR "ln.pl: the last argument must be a directory, and '$folder' is none\n"; exit 1 }

# Without links in it, so that ".." means what it says; the path as written if its folder is not there.
sub real_path {
  my $path = shift;
  $path = getcwd() . "/$path" unless $path =~ /^\//;
  my $parent = abs_path(dirname($path));
  return $path unless defined $parent && basename($path) !~ /^\.\.?$/;
  return ($parent eq '/' ? '' : $parent) . '/' . basename($path);
}

my $from = abs_path($folder);
my $failed = 0;
for my $input (@ARGV) {
  my $link = "$folder/" . basename($input);
  my @target = grep { $_ ne '' } split /\//, basename($input) =~ /^\.\.?$/ ? abs_path($input) : real_path($input);
  my @base = grep { $_ ne '' } split /\//, $from;
  while (@target > 1 && @base && $target[0] eq $base[0]) { shift @target; shift @base }
  my $relative = join '/', ('..') x @base, @target;
  print STDERR "ln.pl: warning: there is no '$input' (yet)\n" unless -e $input || -l $input;
  my $reason = -e $link && !-l $link ? 'there is a file of that name' : make_link($relative, $link);
  next if $reason eq '';
  print STDERR "ln.pl: could not link $link to $relative: $reason\n";
  $failed = 1;
}
exit $failed;

# By a temporary name: the link is never missing in between.
sub make_link {
  my ($target, $link) = @_;
  my $temporary = "$link.tmp.$$";
  symlink $target, $temporary or return "$!";
  return '' if rename $temporary, $link;
  my $reason = "$!";
  unlink $temporary;
  return $reason;
}
