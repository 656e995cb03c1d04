package Fields;
# What the tools that map words to words share.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(field_range symbol_table);

# "2", "2-4", "2-", "-4" (also with ":") -> (first, last or undef), counted from 1.
sub field_range {
  my ($tool, $spec) = @_;
  $spec = '' unless defined $spec;
  return ($spec, $spec) if $spec =~ /^[1-9]\d*$/;
  if ($spec =~ /^(\d*)[-:](\d*)$/ && "$1$2" ne '') {
    return ($1 eq '' ? 1 : $1, $2 eq '' ? undef : $2);
  }
  die "$tool: bad argument to -f option: '$spec'; give 2, 2-4, 2- or -4\n";
}

# The [symbol, integer] pairs of a file.
sub symbol_table {
  my ($tool, $path) = @_;
  open my $in, '<', $path eq '-' ? '/dev/stdin' : $path or die "$tool: error opening symbol table file $path: $!\n";
  my @pairs;
  while (<$in>) {
    my @fields = split ' ';
    die "$tool: bad line in symbol table file ($path:$.), expected '<symbol> <integer>'\n" if @fields != 2;
    push @pairs, \@fields;
  }
  return @pairs;
}

1;
