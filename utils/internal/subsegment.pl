#!/usr/bin/env perl
# The work of subsegment_data_dir.sh: subsegment.pl <tool> <srcdir> <outdir> <padding> <frame shift or ""> <subsegments>
# <text or "">. Tables are sorted by the new ids.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use DataDir qw(slurp lines_of write_atomic);
use FeatureRange 'narrow';
use Segments qw(is_segment segment_fit);

my $SHOWN = 3;    # utterances named of those that share a fault

my ($me, $source, $out, $padding, $frame_shift, $subsegments, $text) = @ARGV;

sub stop { die "$me: $_[0]\n" }

# First field -> the rest of the line, of a table of the source; undef without such a file.
sub table {
  my $name = shift;
  return undef unless -f "$source/$name";
  my %rest;
  for (lines_of(slurp("$source/$name"))) {
    my ($id, $value) = split ' ', $_, 2;
    next unless defined $id;
    $value =~ s/\s+\z//;
    stop("$source/$name: '$id' has two lines; fix it: utils/fix_data_dir.sh $source") if defined $rest{$id};
    $rest{$id} = $value;
  }
  return \%rest;
}

sub warn_of {
  my ($what, @utts) = @_;
  return unless @utts;
  my $more = @utts - $SHOWN;
  my $named = join ', ', map { "'$_'" } @utts[0 .. ($more > 0 ? $SHOWN : @utts) - 1];
  print STDERR "$me: warning: $what: $named" . ($more > 0 ? " and $more more" : '') . "\n";
}

# As awk prints a number: 6 digits, or as many as thousandths need.
sub number {
  my $value = shift;
  my $digits = length int abs $value;
  return sprintf '%.*g', $digits > 3 ? $digits + 3 : 6, $value;
}

my $speaker_of = table('utt2spk');
my $old_segments = table('segments');

my (%part, @order);    # new utterance -> [old utterance, start, end]
my $line_number = 0;
for my $line (lines_of(slurp($subsegments))) {
  $line_number++;
  chomp $line;
  my ($new, $old, @times) = split ' ', $line;
  my $where = "$subsegments:$line_number";
  stop("$where: bad line '$line', expected '<new utterance> <old utterance> <start> <end>' with 0 <= start < end")
    unless @times == 2 && is_segment(@times) && $times[1] > $times[0];
  stop("$where: '$new' has a line already") if $part{$new};
  stop("$where: there is no utterance '$old' in $source/utt2spk") unless defined $speaker_of->{$old};
  stop("$where: there is no segment '$old' in $source/segments") if $old_segments && !defined $old_segments->{$old};
  $part{$new} = [$old, @times];
  push @order, $new;
}
stop("$subsegments has no lines") unless @order;

my %words;
if ($text ne '') {
  my @lines = lines_of(slurp($text));
  for my $i (0 .. $#lines) {
    my ($id, $rest) = $lines[$i] =~ /^\s*(\S+)(.*)$/s;
    stop("$text:" . ($i + 1) . ": expected the line of '" . ($order[$i] // 'nothing') . "', as in $subsegments, got '" . ($id // '') . "'")
      unless defined $id && defined $order[$i] && $id eq $order[$i];
    $words{$id} = "$id$rest";
  }
  stop("$text has " . @lines . " lines, $subsegments " . @order . '; expected one for each, in the same order') if @lines < @order;
}

# Frames [first, last] of each new utterance, cut where the features end.
my (%frames, @cut, @without);
if ($frame_shift ne '') {
  my $count = table('utt2num_frames');
  for my $new (@order) {
    my ($old, $start, $end) = @{$part{$new}};
    stop("$source/utt2num_frames has no line for '$old'") unless defined $count->{$old};
    my ($first, $last) = (int($start / $frame_shift + 0.5), int($end / $frame_shift - 0.5));
    if ($last >= $count->{$old}) { push @cut, $new; $last = $count->{$old} - 1 }
    if ($last < $first) { push @without, $new } else { $frames{$new} = [$first, $last] }
  }
  warn_of('these end after the features of their utterances, and were cut there', grep { $frames{$_} } @cut);
  warn_of('left out, because no frame of the features is within', @without);
}
my @kept = sort grep { $frame_shift eq '' || $frames{$_} } @order;
stop("no utterance remained: the features of $source end before all of $subsegments") unless @kept;

sub write_table {
  my ($name, $value_of) = @_;
  write_atomic("$out/$name", join '', map { "$_ " . $value_of->($_) . "\n" } @kept);
}

# The value that the source has for the old utterance.
sub inherit {
  my ($name, $values) = @_;
  return unless $values;
  write_table($name, sub {
    my $old = $part{$_[0]}[0];
    return $values->{$old} // stop("$source/$name has no line for '$old'; fix it: utils/fix_data_dir.sh $source");
  });
}

inherit('utt2spk', $speaker_of);
inherit($_, table($_)) for qw(utt2uniq utt2lang);
write_atomic("$out/text", join '', map { $words{$_} } @kept) if $text ne '';

my (%used, @late);
write_table('segments', sub {
  my $new = shift;
  my ($old, $start, $end) = @{$part{$new}};
  if (!$old_segments) {
    $used{$old} = 1;
    return "$old $start " . number($end + $padding);
  }
  my ($recording, $from, $until) = split ' ', $old_segments->{$old};
  stop("$source/segments: the line of '$old' is no segment") unless defined $until && is_segment($from, $until);
  $used{$recording} = 1;
  push @late, $new if $until != -1 && segment_fit($start, $end, $until - $from) ne 'fits';
  return "$recording " . number($from + $start) . ' ' . number($from + $end + $padding);
});
warn_of('these end after the utterance that they are part of', @late);

# Of the recordings and speakers, those that are left.
sub keep {
  my ($name, $ids) = @_;
  return unless -f "$source/$name";
  write_atomic("$out/$name", join '', sort grep { my ($id) = split ' ', $_, 2; defined $id && $ids->{$id} } lines_of(slurp("$source/$name")));
}
keep($_, \%used) for qw(wav.scp reco2file_and_channel reco2dur);
keep('spk2gender', {map { ($speaker_of->{$part{$_}[0]} => 1) } @kept});

if ($frame_shift ne '') {
  for my $name (qw(feats.scp vad.scp)) {
    my $values = table($name) // next;
    write_table($name, sub {
      my $new = shift;
      my $old = $part{$new}[0];
      stop("$source/$name has no line for '$old'; fix it: utils/fix_data_dir.sh $source") unless defined $values->{$old};
      return eval { narrow($values->{$old}, 'row', @{$frames{$new}}) } // stop("$source/$name: '$old': " . $@ =~ s/\n\z//r);
    });
  }
  write_table('utt2num_frames', sub { return $frames{$_[0]}[1] - $frames{$_[0]}[0] + 1 });
}
