package Fields;
# What the tools that map words to words share.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = ('field_range');

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

1;
