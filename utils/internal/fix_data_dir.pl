#!/usr/bin/env perl
# The work of fix_data_dir.sh: all files are read, sorted and filtered in memory, and written only if all went well.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use DataDir qw(slurp lines_of write_atomic encoding_problems);
use Segments qw(is_segment segment_fit recording_durations);

$| = 1;    # what goes to standard output keeps its place among the warnings
my ($me, $data, $utt_extra, $spk_extra) = @ARGV;
my @UTT_EXTRA = split ' ', $utt_extra;
my @SPK_EXTRA = split ' ', $spk_extra;
my @SORTED = qw(utt2spk spk2utt feats.scp text segments wav.scp cmvn.scp vad.scp reco2file_and_channel spk2gender
  utt2lang utt2uniq utt2dur reco2dur utt2num_frames utt2num_samples phones);

my $SHOWN = 3;             # ids named of those that a table lacks; the others are counted

my (%original, %lines);    # file name -> content as found; -> lines as they will be

sub stop { print STDERR "$me: @_\n"; exit 1 }

sub first_field { my ($field) = split ' ', $_[0], 2; return $field }

# Line n of the sorted table is not line n of the user's file: look the line up where the user will.
sub place_of {
  my ($name, $line) = @_;
  my @before = lines_of($original{$name});
  for my $i (0 .. $#before) { return "$data/$name:" . ($i + 1) if $before[$i] eq $line }
  return "$data/$name";
}

sub key_of_line {
  my ($name, $line) = @_;
  my $key = first_field($line);
  stop(place_of($name, $line) . ": blank line; remove it: sed -i '/^[[:space:]]*\$/d' $data/$name") unless defined $key;
  return $key;
}

# The order of sort -k1,1 -u: leading blanks count, the first of several lines with one key stays.
sub sort_unique {
  my $name = shift;
  my @found = @{$lines{$name}};
  my @keys = map { /^([ \t]*[^ \t\n]*)/ ? $1 : '' } @found;
  for my $i (1 .. $#found) {
    next if $keys[$i - 1] lt $keys[$i];
    my ($last, @sorted);
    for my $j (sort { $keys[$a] cmp $keys[$b] } 0 .. $#found) {
      next if defined $last && $keys[$j] eq $last;
      push @sorted, $found[$j];
      $last = $keys[$j];
    }
    print "$me: file $data/$name is not in sorted order or not unique, sorting it\n";
    my $dropped = @found - @sorted;
    print "$me: dropped $dropped lines of $data/$name whose id came before (they stay in $data/.backup/$name)\n" if $dropped;
    $lines{$name} = \@sorted;
    return;
  }
}

# Keeps the lines of a table whose id is in %$ids.
sub filter_table {
  my ($name, $ids) = @_;
  my $before = @{$lines{$name}};
  $lines{$name} = [grep { $ids->{key_of_line($name, $_)} } @{$lines{$name}}];
  my $after = @{$lines{$name}};
  return if $before == $after;
  print "$me: filtered $data/$name from $before to $after lines\n";
}

# Of a list of ids, those that are in %$present; names the others.
sub ids_present {
  my ($ids, $name, $present) = @_;
  my @gone = grep { !$present->{$_} } @$ids;
  return $ids unless @gone;
  my $more = @gone - $SHOWN;
  my $named = join ', ', map { "'$_'" } @gone[0 .. ($more > 0 ? $SHOWN : @gone) - 1];
  print "$me: $data/$name has no line for $named" . ($more > 0 ? " and $more more" : '') . "\n";
  return [grep { $present->{$_} } @$ids];
}

# Of a list of ids, those that have a line in every one of the tables.
sub ids_with_lines {
  my ($ids, @tables) = @_;
  for my $name (grep { $lines{$_} } @tables) {
    $ids = ids_present($ids, $name, {map { (key_of_line($name, $_) => 1) } @{$lines{$name}}});
  }
  return $ids;
}

sub set_of { return {map { ($_ => 1) } @{$_[0]}} }

sub filter_recordings {
  return unless $lines{segments};
  stop("$data/segments exists but not $data/wav.scp") unless $lines{'wav.scp'};
  my (%recordings, %channels);
  for my $line (@{$lines{segments}}) {
    my @fields = split /[ \t]+/, $line =~ s/^[ \t]+|[ \t]*\n//gr;
    stop(place_of('segments', $line) . ": expected '<utterance> <recording> <start> <end>'") if @fields < 2;
    $recordings{$fields[1]} = 1;
    $channels{$fields[4]}++ if @fields > 4;
    $line = join(' ', map { defined $_ ? $_ : '' } @fields[0 .. 3]) . "\n";
  }
  stop("empty list of recordings: is $data/segments empty?") unless %recordings;
  for my $channel (sort keys %channels) {
    print "$me: took the fifth field, '$channel' (a channel?), from $channels{$channel} lines of $data/segments; "
      . "split channels in wav.scp, as with sox\n";
  }
  drop_segments_outside();
  my $kept = set_of(ids_with_lines([sort keys %recordings], 'wav.scp'));
  my $before = @{$lines{segments}};
  $lines{segments} = [grep { $kept->{(split ' ')[1]} } @{$lines{segments}}];
  my $after = @{$lines{segments}};
  print "$me: filtered $data/segments from $before to $after lines, by the recordings of $data/wav.scp\n" if $before != $after;
  filter_table($_, $kept) for grep { $lines{$_} } qw(wav.scp reco2file_and_channel reco2dur);
}

# Drops the segments that validate_data_dir.sh would refuse.
sub drop_segments_outside {
  my ($durations, $missing) = recording_durations(map { $lines{$_} ? join('', @{$lines{$_}}) : undef } qw(reco2dur wav.scp));
  my @kept;
  for my $line (@{$lines{segments}}) {
    my ($utt, $recording, @times) = split ' ', $line;
    my $duration = $durations->{$recording};
    my $problem = @times != 2 || !is_segment(@times) ? 'is no part of a recording, with the end after the start'
      : $missing->{$recording} ? "is of recording '$recording', which is cut off or damaged"
      : defined $duration && segment_fit(@times, $duration) eq 'outside' ? "lies outside recording '$recording' ($duration s)" : '';
    if ($problem eq '') { push @kept, $line }
    else { chomp(my $shown = $line); print "$me: dropped '$shown' of $data/segments: it $problem\n" }
  }
  $lines{segments} = \@kept;
}

# utt2spk leads and spk2utt follows; a speaker without a line in a per-speaker file goes with its utterances.
sub filter_speakers {
  my (@speakers, %utterances);
  for my $line (@{$lines{utt2spk}}) {
    my ($utt, $spk, @rest) = split ' ', $line;
    stop(place_of('utt2spk', $line) . ": expected '<utterance> <speaker>'") if !defined $spk || @rest;
    push @speakers, $spk unless $utterances{$spk};
    push @{$utterances{$spk}}, $utt;
  }
  my $kept = ids_with_lines(\@speakers, 'cmvn.scp', 'spk2gender');
  $lines{spk2utt} = [map { join(' ', $_, @{$utterances{$_}}) . "\n" } @$kept];
  $lines{utt2spk} = [map { my $spk = $_; map { "$_ $spk\n" } @{$utterances{$spk}} } @$kept];
  filter_table($_, set_of($kept)) for grep { $lines{$_} } 'cmvn.scp', 'spk2gender', @SPK_EXTRA;
}

# Speaker ids that are no prefixes of their utterances put one of the two maps out of order.
sub stop_unless_sorted {
  my ($name, $key, $what) = @_;
  my $previous;
  for my $line (@{$lines{$name}}) {
    my $current = $key->($line);
    if (defined $previous && $current lt $previous) {
      my ($id, $spk) = split ' ', $line;
      stop("$data/$name is not in sorted order $what, at '$id $spk' (fix this by making speaker-ids prefixes of "
          . "utt-ids, e.g. '$spk-$id', in every file of $data); nothing was changed");
    }
    $previous = $current;
  }
}

sub filter_utterances {
  my $whole = sub { return $_[0] =~ s/\n\z//r };
  stop_unless_sorted('utt2spk', $whole, 'by utterance when grouped by speaker');
  stop_unless_sorted('utt2spk', sub { (split ' ', $_[0])[1] . "\n$_[0]" }, 'when sorted first on speaker-id');
  stop_unless_sorted('spk2utt', $whole, 'by speaker');
  stop_unless_sorted('utt2uniq', $whole, 'by line') if $lines{utt2uniq};

  my @by_utterance = $lines{segments} ? () : ('wav.scp');
  my $utts = [map { first_field($_) } @{$lines{utt2spk}}];
  $utts = ids_with_lines($utts, qw(feats.scp text segments utt2lang utt2num_samples phones), @by_utterance);
  for my $name (grep { $lines{$_} } qw(utt2dur utt2num_frames)) {    # only lines "<id> <positive number>" count
    my %measured;
    for my $line (@{$lines{$name}}) {
      my @fields = split ' ', $line;
      no warnings 'numeric';
      $measured{$fields[0]} = 1 if @fields == 2 && ($fields[1] =~ /^[-+.0-9]/ ? $fields[1] > 0 : 1);
    }
    $utts = ids_present($utts, $name, \%measured);
  }
  stop("no utterances remained: not proceeding further; nothing was changed") unless @$utts;
  my ($old, $new) = (scalar @{$lines{utt2spk}}, scalar @$utts);
  print $new == $old ? "fix_data_dir.sh: kept all $old utterances.\n" : "fix_data_dir.sh: kept $new utterances out of $old\n";

  push @by_utterance, 'reco2dur' unless $lines{segments};
  my $kept = set_of($utts);
  for my $name (qw(utt2spk utt2uniq feats.scp vad.scp text segments utt2lang utt2dur utt2num_frames utt2num_samples phones),
    @by_utterance, @UTT_EXTRA)
  {
    next unless $lines{$name};
    $lines{$name} = [grep { $kept->{key_of_line($name, $_)} } @{$lines{$name}}];
  }
}

eval {
  my %seen;
  for my $name (grep { !$seen{$_}++ && -f "$data/$_" } @SORTED, @UTT_EXTRA, @SPK_EXTRA) {
    $original{$name} = slurp("$data/$name");
    $lines{$name} = [lines_of($original{$name})];
    print STDERR "$me: warning: $_\n" for encoding_problems("$data/$name", $original{$name});
  }
  $original{spk2utt} = '' unless defined $original{spk2utt};
  for my $i (0 .. $#{$lines{'wav.scp'} // []}) {
    next unless $lines{'wav.scp'}[$i] =~ /^[ \t]*([^ \t\n]+)[ \t]*$/;
    print STDERR "$me: warning: $data/wav.scp:" . ($i + 1) . ": '$1' has no path; write one, or remove the line\n";
  }
  sort_unique($_) for grep { $lines{$_} } @SORTED;

  filter_recordings();
  filter_speakers();
  filter_utterances();
  filter_speakers();
  filter_recordings();

  # The originals first. A run that changes nothing keeps the backup of the run before it.
  my %content = map { ($_ => join '', @{$lines{$_}}) } keys %lines;
  for my $name (grep { -f "$data/$_" } keys %content) {
    next if $content{$name} eq $original{$name} && -e "$data/.backup/$name";
    write_atomic("$data/.backup/$name", $original{$name});
  }
  for my $name (keys %content) {
    write_atomic("$data/$name", $content{$name}) if $content{$name} ne $original{$name} || !-f "$data/$name";
  }
  print "fix_data_dir.sh: old files are kept in $data/.backup\n";
  1;
} or do { my $reason = $@; chomp $reason; stop($reason) };
