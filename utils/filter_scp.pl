#!/usr/bin/env perl
# Keeps the lines whose key is (or, with --exclude, is not) in a list.
use strict;
use warnings;

my $usage = <<'END';
Usage: filter_scp.pl [--exclude] [-f <field>] <id-list> [<in.scp>] > out.scp
Prints the lines of <in.scp> (or of standard input) whose first field is the first field of a line of <id-list>.
  --exclude   print the lines whose field is not in the list
  -f <field>  compare this field, counted from 1, in place of the first
END

my ($exclude, $field) = (0, 1);
while (@ARGV) {
  if    ($ARGV[0] eq '--exclude')       { shift; $exclude = 1 }
  elsif ($ARGV[0] eq '-f')              { shift; $field = shift }
  elsif ($ARGV[0] =~ /^(--help|-h)$/)   { print $usage; exit 0 }
  else                                  { last }
}
die $usage if @ARGV < 1 || @ARGV > 2;
die "filter_scp.pl: -f takes a field number from 1, got '" . ($field // '') . "'\n"
  unless defined $field && $field =~ /^[1-9]\d*$/;
my ($id_list, $input) = @ARGV;

sub open_or_die {
  my $path = shift;
  return \*STDIN if $path eq '-';
  open my $handle, '<', $path or die "filter_scp.pl: could not open $path: $!\n";
  return $handle;
}

my %listed;
my $list = open_or_die($id_list);
while (my $line = <$list>) {
  my ($id) = split ' ', $line, 2;
  die "filter_scp.pl: invalid line in the id list ($id_list:$.): it is empty\n" unless defined $id;
  $listed{$id} = 1;
}

my $in = open_or_die($input // '-');
my $name = $input // 'standard input';
while (my $line = <$in>) {
  my $key = (split ' ', $line, $field + 1)[$field - 1];
  if (!defined $key || $key eq '') {
    chomp $line;
    die "filter_scp.pl: bad line ($name:$.), it has no field $field: '$line'\n";
  }
  print $line if ($listed{$key} xor $exclude);
}
