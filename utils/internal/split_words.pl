#!/usr/bin/env perl
# split_words.pl LIST: the words of a list of options (--asr_args and the like), each ended by a zero byte.
#
# Blanks separate words. Quotes around a word, or around all that follows its `name=`, group blanks as in the shell, and
# so do the brackets of a YAML list or mapping after `name=`. Every other character stands for itself: nothing is
# expanded, and a quote inside a word is a character.
use strict;
use warnings;

my $SINGLE = qr/'[^']*'/;
my $DOUBLE = qr/"(?:[^"\\]|\\.)*"/s;
my $QUOTED = qr/(?:$SINGLE|$DOUBLE|\\['"])+(?=\s|\z)/;    # also what quoting tools make of a quote: 'it'\''s', 'it'"'"'s'

sub unquoted {
  my $text = shift;
  $text =~ s{($SINGLE)|($DOUBLE)|\\(['"])}{
    defined $1 ? substr($1, 1, -1) : defined $2 ? substr($2, 1, -1) =~ s/\\(["\\\$`])/$1/gr : $3}ge;
  return $text;
}

# The length of the list or mapping at the start of a text: up to the bracket that closes it, if a word ends there.
sub bracketed {
  my $text = shift;
  my $depth = 0;
  while ($text =~ /\G(?:$SINGLE|$DOUBLE|([\[{])|([\]}])|.)/gs) {
    $depth++ if defined $1;
    $depth-- if defined $2;
    return pos $text if $depth == 0 && substr($text, pos $text) =~ /^(?:\s|\z)/;
    return 0 if $depth == 0;
  }
  return 0;
}

my $list = shift // '';
while ($list =~ s/^\s*(?=\S)//) {
  my ($word, $length) = ('', 0);
  if ($list =~ s/^([^\s'"=]*=)(?=[\[{'"\\])//) { $word = $1 }
  if    ($list =~ s/^($QUOTED)//)                                           { $word .= unquoted($1) }
  elsif ($word ne '' && $list =~ /^[\[{]/ && ($length = bracketed($list)))  { $word .= substr $list, 0, $length, '' }
  elsif ($list =~ s/^((?:\\[ \t](?!--)|\S)+)//)                             { $word .= $1 =~ s/\\([ \t])/$1/gr }
  print $word, "\0";
}
