#!/usr/bin/env perl
# Folders on several disks, and a folder with numbered links to them, over which large files can be spread.
use strict;
use warnings;
use Cwd qw(abs_path getcwd);

my $usage = <<'END';
Usage: create_split_dir.pl [--suffix <path>] <actual-storage-dir> ... <pseudo-storage-dir>
e.g.: create_split_dir.pl /disk{1,2,3}/me/egs/storage exp/egs/storage
Makes the actual folders, each with a README.txt that names all of them, and the links <pseudo-storage-dir>/1, 2, ...
to them. A link that is already there stays.
  --suffix <path>   put after each of the actual folders
END

my ($suffix, @folders) = ('');
while (@ARGV) {
  my $word = shift;
  if    ($word =~ /^(--help|-h)$/)          { print $usage; exit 0 }
  elsif ($word =~ /^--?suffix=(.*)$/s)      { $suffix = $1 }
  elsif ($word =~ /^--?suffix$/ && @ARGV)   { $suffix = shift }
  elsif ($word =~ /^-/)                     { print STDERR "create_split_dir.pl: invalid option $word\n$usage"; exit 1 }
  else                                      { push @folders, $word }
}
if (@folders < 2) { print STDERR $usage; exit 1 }
my $pseudo = pop @folders;

sub absolute {
  my $path = shift;
  $path = getcwd() . "/$path" unless $path =~ /^\//;
  $path =~ s/\/\.?(?=\/|$)//g;
  return $path eq '' ? '/' : $path;
}

sub make_folder {
  my $path = shift;
  return 1 if -d $path || system('mkdir', '-p', '--', $path) == 0;
  print STDERR "create_split_dir.pl: could not make the folder $path\n";
  return 0;
}

make_folder($pseudo) or exit 1;
my @actual = map { absolute("$_/$suffix") } @folders;
my $failed = 0;
for my $i (0 .. $#actual) {
  my $link = "$pseudo/" . ($i + 1);
  if (-l $link) { print STDERR "create_split_dir.pl: link $link already exists, not overwriting.\n"; next }
  my $reason = !make_folder($actual[$i]) ? 'no folder' : !write_readme($actual[$i]) || !symlink($actual[$i], $link) ? "$!" : '';
  next if $reason eq '';
  print STDERR "create_split_dir.pl: could not link $link to $actual[$i]: $reason\n";
  $failed = 1;
}
exit $failed;

# Who removes one of the folders must know of the others.
sub write_readme {
  my $folder = shift;
  open my $out, '>', "$folder/README.txt" or return 0;
  print {$out} "# Files of " . abs_path($pseudo) . " are spread over these folders:\n", map { "$_\n" } @actual;
  return close $out;
}
