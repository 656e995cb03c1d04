package DataDir;
# Reading, checking and writing the files of a data directory, as bytes: what a line holds is never re-encoded.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(slurp lines_of ids_of write_atomic encoding_problems whitespace_problem line_number);

my $SHOWN = 3;    # problems of one kind named per file; the others are counted

sub slurp {
  my $path = shift;
  open my $in, '<:raw', $path or die "could not open $path: $!\n";
  local $/;
  my $content = <$in>;
  close $in or die "could not read $path: $!\n";
  return defined $content ? $content : '';
}

# Lines with their newline; a last line without one gets one, as sort does.
sub lines_of {
  my $content = shift;
  my @lines = $content =~ /([^\n]*\n|[^\n]+\z)/g;
  $lines[-1] .= "\n" if @lines && substr($lines[-1], -1) ne "\n";
  return @lines;
}

# First field of every line, '' for a blank one; fields are parted by spaces and tabs, as in awk.
sub ids_of {
  my $content = shift;
  chop $content if substr($content, -1) eq "\n";
  return $content =~ /^[ \t]*([^ \t\n]*)/mg;
}

# Never leaves a part of a file: a temporary name in the same folder, then a rename.
sub write_atomic {
  my ($path, $content) = @_;
  my $temporary = "$path.tmp.$$";
  open my $out, '>:raw', $temporary or die "could not write $temporary: $!\n";
  my $ok = print {$out} $content;
  $ok = close($out) && $ok;
  if ($ok) {
    my $mode = (stat $path)[2];
    chmod $mode & 07777, $temporary if defined $mode;
    return if rename $temporary, $path;
  }
  my $reason = $!;
  unlink $temporary;
  die "could not write $path: $reason (is the disk full?)\n";
}

sub line_number {
  my ($content, $offset) = @_;
  return 1 + (substr($content, 0, $offset) =~ tr/\n//);
}

# What no later tool reads well: a byte-order mark, CR line ends, bytes that are no UTF-8. Returns sentences.
sub encoding_problems {
  my ($path, $content) = @_;
  my @problems;
  if (substr($content, 0, 3) eq "\xEF\xBB\xBF") {
    push @problems, "$path:1: begins with a byte-order mark, which becomes part of the first id; "
      . "remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' $path";
  }
  if (index($content, "\r") >= 0) {
    push @problems, _where($path, [lines_of($content)], sub { index($_[0], "\r") >= 0 },
      'has a carriage return (DOS line end)', "remove them: sed -i 's/\\r\$//' $path");
  }
  if ($content =~ /[\x80-\xFF]/ && !_is_utf8($content)) {
    push @problems, _where($path, [lines_of($content)], sub { !_is_utf8($_[0]) },
      'is not valid UTF-8', "convert the file, e.g.: iconv -f ISO-8859-1 -t UTF-8 $path");
  }
  return @problems;
}

# White space other than blanks and tabs, on which some tools split and others do not. A sentence, or ''.
sub whitespace_problem {
  my ($path, $content) = @_;
  use feature 'unicode_strings';
  return '' unless $content =~ /[^\t\n\x20-\x7E]/;
  utf8::decode(my $characters = $content);
  return '' unless $characters =~ /([^\S\t\n ])/;
  my $code = ord $1;
  my $number = line_number($characters, $-[1]);
  my $id = (ids_of($content))[$number - 1];
  return sprintf "%s:%d: the line of '%s' contains disallowed Unicode whitespace (U+%04X); replace it by a space",
    $path, $number, $id, $code;
}

sub _is_utf8 {
  my $bytes = shift;
  # Surrogates and values past U+10FFFF decode in Perl, but are no UTF-8.
  # Counting first is ten times faster than the search, and most files have none of these bytes.
  return 0 if ($bytes =~ tr/\xED\xF4-\xFF//) && $bytes =~ /\xED[\xA0-\xBF]|\xF4[\x90-\xBF]|[\xF5-\xFF]/;
  return utf8::decode($bytes);
}

sub _where {
  my ($path, $lines, $is_bad, $what, $remedy) = @_;
  my @bad = grep { $is_bad->($lines->[$_]) } 0 .. $#$lines;
  my @sentences = map {
    my ($id) = $lines->[$_] =~ /^[ \t]*([^ \t\r\n]*)/;
    "$path:" . ($_ + 1) . ": the line of '$id' $what"
  } @bad[0 .. (@bad < $SHOWN ? $#bad : $SHOWN - 1)];
  $sentences[-1] .= sprintf ' (and %d more lines)', @bad - $SHOWN if @bad > $SHOWN;
  $sentences[-1] .= "; $remedy";
  return @sentences;
}

1;
