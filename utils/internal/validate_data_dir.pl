#!/usr/bin/env perl
# The checks of validate_data_dir.sh. Each file is read once; whole-file tests come first and lines are looked at one
# by one only where a test fails, so that a good directory of 100,000 utterances takes about a second.
use strict;
use warnings;
use File::Basename 'dirname';
use Cwd 'abs_path';
use lib dirname(abs_path(__FILE__));
use DataDir qw(slurp lines_of ids_of encoding_problems whitespace_problem line_number);
use Segments qw(is_segment segment_fit recording_durations);

my $SHOWN = 5;          # differences between two lists that are named

my ($me, $data, @options) = @ARGV;
my %option = map { ($_ => 1) } @options;
my (%content, %ids);

sub path_of { return "$data/$_[0]" }
sub warning { print STDERR "$me: warning: $_[0]\n" }

sub stop {
  my $message = join "\n", @_;
  $message =~ s/^/$me: /mg;
  print STDERR "$message\n";
  exit 1;
}

sub fix_it { return "fix it: utils/fix_data_dir.sh $data" }

# Reads a table, checks its encoding, that its ids are sorted and unique; false if there is no such file.
sub load_table {
  my $name = shift;
  return 0 unless -f path_of($name);
  my $path = path_of($name);
  $content{$name} = slurp($path);
  my @problems = encoding_problems($path, $content{$name});
  stop(@problems) if @problems;
  if ($content{$name} ne '' && substr($content{$name}, -1) ne "\n") {
    stop("file $path has invalid newline: the last line has no line end; " . fix_it());
  }
  $ids{$name} = [ids_of($content{$name})];
  my $list = $ids{$name};
  my $previous = '';    # below every id, so that a blank line stops at the comparison too
  for my $i (0 .. $#$list) {
    next if $previous lt $list->[$i];
    my $place = "$path:" . ($i + 1);
    stop("$place: blank line; remove it: sed -i '/^[[:space:]]*\$/d' $path") if $list->[$i] eq '';
    stop("file $path has duplicates: $place: id '$list->[$i]' is also on line $i; " . fix_it()) if $list->[$i - 1] eq $list->[$i];
    my ($earlier) = grep { $list->[$_] eq $list->[$i] } 0 .. $i - 1;
    stop("file $path is not in sorted order or has duplicates: $place: '$list->[$i]' comes after '$list->[$i - 1]'"
      . (defined $earlier ? " and is also on line " . ($earlier + 1) : '') . '; ' . fix_it());
  } continue { $previous = $list->[$i] }
  return 1;
}

# Names the ids that one of two files has and the other has not.
sub stop_unless_same_ids {
  my ($expected_name, $expected, $name) = @_;
  return if "@$expected" eq "@{$ids{$name}}";
  my %expected = map { ($_ => 1) } @$expected;
  my %present = map { ($_ => 1) } @{$ids{$name}};
  my @list = @{$ids{$name}};
  my @extra = map { path_of($name) . ':' . ($_ + 1) . ": '$list[$_]' is not in $expected_name" } grep { !$expected{$list[$_]} } 0 .. $#list;
  my @missing = map { path_of($name) . " has no line for '$_' of $expected_name" } grep { !$present{$_} } @$expected;
  my @named = (@missing, @extra);
  my $more = @named - $SHOWN;
  @named = (@named[0 .. $SHOWN - 1], "... and $more more") if $more > 0;
  stop("error: in $data, the ids of $expected_name and $name differ:", @named, "$expected_name has "
    . @$expected . " ids, $name " . @list . '; ' . fix_it());
}

# Calls $is_bad with the fields of each line; stops at the first for which it is true.
sub stop_at_bad_fields {
  my ($name, $expected, $is_bad) = @_;
  my $number = 0;
  for my $line (split /\n/, $content{$name}) {
    $number++;
    next unless $is_bad->(split ' ', $line);
    stop("bad line " . path_of($name) . ":$number: '$line', expected $expected");
  }
}

sub is_number { return $_[0] =~ /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/ }
sub is_positive { return is_number($_[0]) && $_[0] > 0 }

sub check_speakers {
  for my $name (qw(spk2utt utt2spk)) {
    stop("no such file " . path_of($name) . ($name eq 'spk2utt'
        ? "; make it: utils/utt2spk_to_spk2utt.pl $data/utt2spk > $data/spk2utt" : '')) unless -f path_of($name);
    stop("empty file " . path_of($name)) if -z path_of($name);
  }
  load_table('utt2spk');
  stop_at_bad_fields('utt2spk', "'<utterance> <speaker>'", sub { return @_ != 2 });
  my @speakers = map { (split ' ')[1] } split /\n/, $content{utt2spk};

  unless ($option{'--no-spk-sort'}) {
    for my $i (1 .. $#speakers) {
      next if $speakers[$i - 1] le $speakers[$i];
      my ($utt, $spk) = ($ids{utt2spk}[$i], $speakers[$i]);
      stop("utt2spk is not in sorted order when sorted first on speaker-id: " . path_of('utt2spk') . ':' . ($i + 1)
          . ": speaker '$spk' of '$utt' comes after '$speakers[$i - 1]'",
        "(fix this by making speaker-ids prefixes of utt-ids, e.g. '$spk-$utt', in every file; or give --no-spk-sort)");
    }
  }
  load_table('spk2utt');
  print "$me: warning: you have only one speaker; speaker-dependent steps (and --utt2spk splits) will see one group.\n"
    if @{$ids{spk2utt}} == 1;

  my $flat = join '', map { my ($spk, @utts) = split ' '; map { "$_ $spk\n" } @utts } split /\n/, $content{spk2utt};
  my $expected = join '', map { "$ids{utt2spk}[$_] $speakers[$_]\n" } 0 .. $#speakers;
  # With --no-spk-sort spk2utt lists the utterances by speaker, and Kaldi wants that order to be utt2spk's all the same.
  stop("spk2utt and utt2spk do not seem to match in $data; "
    . "make spk2utt again: utils/utt2spk_to_spk2utt.pl $data/utt2spk > $data/spk2utt") if $flat ne $expected;
}

sub check_text {
  return if $option{'--no-text'};
  my $path = path_of('text');
  stop("no such file $path (if this is by design, specify --no-text)") unless -f $path;
  stop("file $path is empty") if -z $path;
  load_table('text');
  my $text = $content{text};
  if ($text =~ /[^\t\n\x20-\x7E]/) {
    utf8::decode(my $characters = $text);
    if (!$option{'--non-print'} && $characters =~ /([^\p{Print}\s])/) {
      my $number = line_number($characters, $-[1]);
      my $count = grep { /[^\p{Print}\s]/ } split /\n/, $characters;
      stop(sprintf "%s contains %d lines with non-printable characters, first %s:%d: U+%04X in the line of '%s'; remove it, "
          . "or give --non-print", $path, $count, $path, $number, ord $1, $ids{text}[$number - 1]);
    }
  }
  my $whitespace = whitespace_problem($path, $text);
  stop($whitespace) if $whitespace ne '';
  if ((grep { index($text, $_) >= 0 } '<s>', '</s>', '#0') && $text =~ /(?<![A-Za-z0-9_])(<s>|<\/s>|#0)(?![A-Za-z0-9_])/) {
    stop("$path:" . line_number($text, $-[1]) . ": error: in $data, text contains illegal symbol $1, which decoders use for themselves");
  }
  stop_unless_same_ids('utt2spk', $ids{utt2spk}, 'text');
  if ($text =~ /^[ \t]*[^ \t\n]+[ \t]*$/m) {
    my @empty = grep { $text =~ /^[ \t]*\Q$ids{text}[$_]\E[ \t]*$/m } 0 .. $#{$ids{text}};
    warning("$path:" . ($empty[0] + 1) . ": '$ids{text}[$empty[0]]' has no words"
      . (@empty > 1 ? ' (and ' . (@empty - 1) . ' more)' : '') . '; if it should have, correct the line, else ignore this');
  }
}

sub check_segments {
  load_table('segments');
  stop_at_bad_fields('segments', "'<utterance> <recording> <start> <end>' with end after start (-1: the recording's)",
    sub { return @_ != 4 || !is_segment(@_[2, 3]) });
  stop_unless_same_ids('utt2spk', $ids{utt2spk}, 'segments') if -f path_of('text');
  my %recordings = map { ((split ' ')[1] => 1) } split /\n/, $content{segments};
  return [sort keys %recordings];
}

sub check_segment_ends {
  my ($durations, $missing) = recording_durations($content{reco2dur}, $content{'wav.scp'});
  for my $recording (sort keys %$missing) {
    stop(sprintf "%s: recording '%s' is cut off or damaged: %.2f s of what its header promises are missing; get the whole "
      . "file, or remove such recordings: utils/fix_data_dir.sh %s", path_of('wav.scp'), $recording, $missing->{$recording}, $data);
  }
  my $number = 0;
  for my $line (split /\n/, $content{segments}) {
    $number++;
    my ($utt, $recording, $start, $end) = split ' ', $line;
    my $duration = $durations->{$recording};
    next unless defined $duration;
    my $fit = segment_fit($start, $end, $duration);
    next if $fit eq 'fits';
    my $late = $duration - $start > 0 ? "ends at $end" : "starts at $start";
    my $problem = path_of('segments') . ":$number: '$utt' $late s, past the end of recording '$recording' ($duration s)";
    stop("$problem; correct the times, or remove such lines: utils/fix_data_dir.sh $data") if $fit eq 'outside';
    warning("$problem; it will be cut there");
  }
}

sub check_recordings {
  if (-f path_of('segments') && !-f path_of('wav.scp')) { stop("in directory $data, segments file exists but no wav.scp") }
  unless (-f path_of('wav.scp')) {
    return if $option{'--no-wav'};
    stop('no such file ' . path_of('wav.scp') . ' (if this is by design, specify --no-wav)');
  }
  load_table('wav.scp');
  stop_at_bad_fields('wav.scp', "'<id> <path or command |>' (the path is missing)", sub { return @_ < 2 });
  if ($content{'wav.scp'} =~ /^\s*\S+\s+(~\S*)/m) {
    stop(path_of('wav.scp') . ':' . line_number($content{'wav.scp'}, $-[1]) . ": please do not use tilde (~) in wav.scp: write the whole path of $1");
  }
  my $has_segments = -f path_of('segments');
  my $recordings = $has_segments ? check_segments() : $ids{utt2spk};
  my $source = $has_segments ? 'segments (second field)' : 'utt2spk';
  stop_unless_same_ids($source, $recordings, 'wav.scp');
  if (load_table('reco2file_and_channel')) {
    stop_at_bad_fields('reco2file_and_channel', "'<recording> <file> <A or B>'", sub { return @_ != 3 || $_[2] !~ /^[AB1]$/ });
    warning('the channel in reco2file_and_channel should be A or B, not 1; change it') if $content{reco2file_and_channel} =~ /[ \t]1[ \t]*$/m;
    stop_unless_same_ids($source, $recordings, 'reco2file_and_channel');
  }
  return ($source, $recordings);
}

# Files that give one value for each utterance (or speaker, or recording).
sub check_values {
  my ($source, $wanted, $name, $expected, $is_bad) = @_;
  return unless load_table($name);
  stop_unless_same_ids($source, $wanted, $name);
  stop_at_bad_fields($name, $expected, $is_bad) if $is_bad;
}

eval {
  stop("no such directory $data") unless -d $data;
  check_speakers();
  check_text();
  my ($source, $recordings) = check_recordings();
  ($source, $recordings) = ('utt2spk', $ids{utt2spk}) unless defined $source;

  my @by_utt = ('utt2spk', $ids{utt2spk});
  my @by_spk = ('spk2utt', $ids{spk2utt});
  my $warp = sub { return @_ != 2 || !is_number($_[1]) || $_[1] <= 0.5 || $_[1] >= 1.5 };
  my $count = sub { return @_ != 2 || !is_positive($_[1]) || $_[1] != int $_[1] };
  my $seconds = sub { return @_ != 2 || !is_positive($_[1]) };
  stop('no such file ' . path_of('feats.scp') . ' (if this is by design, specify --no-feats)')
    unless $option{'--no-feats'} || -f path_of('feats.scp');
  check_values(@by_utt, 'feats.scp');
  check_values(@by_spk, 'cmvn.scp');
  check_values(@by_spk, 'spk2gender', "'<speaker> <m or f>'", sub { return @_ != 2 || $_[1] !~ /^[mf]$/ });
  check_values(@by_spk, 'spk2warp', "'<speaker> <factor between 0.5 and 1.5>'", $warp);
  check_values(@by_utt, 'utt2warp', "'<utterance> <factor between 0.5 and 1.5>'", $warp);
  check_values(@by_utt, $_) for qw(vad.scp utt2lang utt2uniq phones);
  check_values(@by_utt, 'utt2dur', "'<utterance> <seconds above 0>'", $seconds);
  check_values(@by_utt, $_, "'<utterance> <whole number above 0>'", $count) for qw(utt2num_frames utt2num_samples);
  check_values($source, $recordings, 'reco2dur', "'<recording> <seconds above 0>'", $seconds);
  check_segment_ends() if defined $content{segments};
  print "$me: Successfully validated data-directory $data\n";
  1;
} or do { my $reason = $@; chomp $reason; stop($reason) };
