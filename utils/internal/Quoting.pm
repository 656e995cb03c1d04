package Quoting;
# Names as words of a command line: whatever characters a name holds, it stays one word and is never run.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(shell_quote sox_input);

# The words as bash reads them back unchanged.
sub shell_quote {
  return join ' ', map { /^[\w.\/:=,%+\@-]+$/a ? $_ : "'" . s/'/'\\''/gr . "'" } @_;
}

# A file as an input of sox, which by itself expands wild cards, and takes names that begin with - or | for something
# else than a file. $switches (as "-t wav") belong to the file.
sub sox_input {
  my ($path, $switches) = @_;
  my $no_glob = $path =~ /[*?\[\]{}~\\]/ ? '--no-glob' : '';
  $path = "./$path" if $path =~ /^[-|~]/;
  return join ' ', grep { $_ ne '' } $no_glob, $switches // '', shell_quote($path);
}

1;
