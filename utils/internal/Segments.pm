package Segments;
# What a segment may be, for all tools here. jstasr/kaldi/data_dir.py has the same rule for the Python tools, and
# test/utils/test_segments.py gives the same data to both.
use strict;
use warnings;
use Exporter 'import';
use AudioLength 'header_duration';
our @EXPORT_OK = qw(is_number is_segment segment_fit recording_durations);

my $MAX_OVERSHOOT = 0.5;   # seconds by which a segment may end after its recording: it is cut there, as in Kaldi
my $SHORTEST = 0.0005;     # seconds: at the lowest sampling rate still a sample
my $CUT_OFF = 0.05;        # seconds that a sound file may lack of what its header promises: CUT_OFF of jstasr/kaldi/audio.py
my $ROUNDED = 0.001;       # seconds that rounding adds: not worth a word

# A finite number, as the Python tools read it.
sub is_number { return $_[0] =~ /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/ && abs $_[0] < 9**9**9 }

# Times in seconds, 0 <= start < end; an end of -1 is that of the recording.
sub is_segment {
  my ($start, $end) = @_;
  return is_number($start) && is_number($end) && $start >= 0 && ($end == -1 || $end - $start >= $SHORTEST);
}

# How a segment fits a recording of so many seconds: 'fits', 'cut' or 'outside'.
sub segment_fit {
  my ($start, $end, $duration) = @_;
  return 'outside' if $duration - $start < $SHORTEST || $end > $duration + $MAX_OVERSHOOT;
  return $end > $duration + $ROUNDED ? 'cut' : 'fits';
}

# Recording -> seconds, of the contents of reco2dur (or undef) and wav.scp: by reco2dur, else by the headers of plain
# sound files. A recording without either cannot be judged. In list context also recording -> seconds that are missing,
# of those that are cut off, which no tool reads.
sub recording_durations {
  my ($reco2dur, $wav_scp) = @_;
  my (%duration, %missing);
  if (defined $reco2dur) {
    %duration = map { (split ' ')[0, 1] } split /\n/, $reco2dur;
    return wantarray ? (\%duration, \%missing) : \%duration;
  }
  for my $line (split /\n/, $wav_scp) {
    my ($recording, $file) = split ' ', $line, 2;
    next unless defined $file && $file !~ /\|\s*$/;
    ($duration{$recording}, my $missing) = header_duration($file =~ s/\s+$//r);
    $missing{$recording} = $missing if defined $missing && $missing > $CUT_OFF;
  }
  return wantarray ? (\%duration, \%missing) : \%duration;
}

1;
