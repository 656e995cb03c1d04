package AudioLength;
# How long a sound file is, from its header: WAV (RIFF, RF64), FLAC and NIST SPHERE, without reading the samples. Where
# the header cannot tell (WAV with packets of samples: ADPCM, GSM) or says what is not so, `jstasr to-wav` is the judge.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(header_duration stream_duration is_common_wav);

my ($MIN_RATE, $MAX_RATE) = (4000, 384000);    # Hz; another rate is damage, and no length follows from it
my $MAX_BYTES = 2**32;
my $UNKNOWN_SIZE = 0x7FFFF000;    # writers to a pipe put 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000+ or 0: size not known

# Seconds, or undef when the file cannot be opened or is of another kind; in list context also how many of those that
# the header of a WAV file promises are missing.
sub header_duration {
  my $path = shift;
  open my $in, '<:raw', $path or return undef;
  my $size = -s $in;
  return stream_duration($in, $size);
}

# The same from an open handle; $size is the file's, undef for a pipe, which is read to its end if it must be.
sub stream_duration {
  my ($in, $size) = @_;
  my $magic = _take($in, 4);
  return undef unless defined $magic;
  return _wav($in, $size) if $magic eq 'RIFF' || $magic eq 'RF64';
  return _flac($in) if $magic eq 'fLaC';
  return _sphere($in, $size) if $magic eq 'NIST';
  return undef;
}

sub _take {
  my ($in, $count) = @_;
  my $bytes = '';
  while (length $bytes < $count) {
    my $got = read $in, $bytes, $count - length $bytes, length $bytes;
    return undef unless $got;
  }
  return $bytes;
}

sub _skip {
  my ($in, $count) = @_;
  return 1 if -f $in && seek $in, $count, 1;
  while ($count > 0) {
    my $part = $count > 65536 ? 65536 : $count;
    return 0 unless defined _take($in, $part);
    $count -= $part;
  }
  return 1;
}

# Bytes to the end of a pipe; dies where it goes on after more than a WAV file can state.
sub _rest {
  my ($in, $length) = (shift, 0);
  while (my $got = read $in, my $samples, 65536) { die "it has written more than 4 GiB and not ended\n" if ($length += $got) > $MAX_BYTES }
  return $length;
}

sub _wav {
  my ($in, $size) = @_;
  return undef unless ((_take($in, 8) // '') =~ /^....WAVE/s);
  my ($rate, $block, $long_size);
  while (defined(my $header = _take($in, 8))) {
    my ($id, $length) = unpack 'a4V', $header;
    if ($id eq 'data') {
      return undef unless $rate && $block && $rate >= $MIN_RATE && $rate <= $MAX_RATE;
      if ($length >= $UNKNOWN_SIZE || $length == 0) {
        if (defined $long_size) { $length = $long_size }
        elsif (defined $size)   { $length = $size - tell $in }
        else                    { $length = _rest($in) }
      }
      # Of a file that is cut off, what is there.
      my $missing = defined $size && $length > $size - tell $in ? $length - ($size - tell $in) : 0;
      my $seconds = int(($length - $missing) / $block) / $rate;
      return wantarray ? ($seconds, $missing / $block / $rate) : $seconds;
    }
    my $body = $length <= 65536 ? _take($in, $length + $length % 2) : undef;
    if (!defined $body) { return undef unless $length > 65536 && _skip($in, $length + $length % 2); next }
    ($rate, $block) = (_frames($body))[1, 2] if $id eq 'fmt ';
    $long_size = (unpack 'Q<2', $body)[1] if $id eq 'ds64';
  }
  return undef;
}

# Format (1: integers, 3: floating point, 6 and 7: A-law and mu-law, 0xFFFE: extensible, one of these), rate, bytes of a
# frame, and bits of a sample, by a fmt chunk; nothing where its blocks are not one sample of each channel.
sub _frames {
  my ($format, $channels, $rate, undef, $block, $bits) = unpack 'vvVVvv', shift;
  my $is_frame = defined $bits && $block == $channels * int(($bits + 7) / 8);
  return $is_frame && grep({ $format == $_ } 1, 3, 6, 7, 0xFFFE) ? ($format, $rate, $block, $bits) : ();
}

# Is an open file a WAV that every program reads alike: whole bytes a sample, all of them used? sox makes an empty file
# of 12 and 20 bits, refuses 24 in 32, and takes the padding of ADPCM for sound.
sub is_common_wav {
  my $in = shift;
  return 0 unless ((_take($in, 12) // '') =~ /^RIFF....WAVE/s);
  while (defined(my $header = _take($in, 8))) {
    my ($id, $length) = unpack 'a4V', $header;
    if ($id eq 'fmt ') {
      my $body = $length <= 65536 ? _take($in, $length) // '' : '';
      my ($format, undef, undef, $bits) = _frames($body);
      return 0 if !$format || $bits % 8;
      my $valid = $format == 0xFFFE ? unpack('x18v', substr($body, 0, 20) . "\0" x 20) : $bits;
      return $valid == $bits || $valid == 0;
    }
    return 0 unless _skip($in, $length + $length % 2);
  }
  return 0;
}

# STREAMINFO: 20 bits of rate, 3 of channels, 5 of sample size, 36 of sample count, after 10 bytes of block sizes.
sub _flac {
  my $in = shift;
  my $info = _take($in, 4 + 18);
  return undef unless defined $info;
  my ($high, $low) = unpack 'N2', substr $info, 14, 8;
  my $rate = $high >> 12;
  my $samples = ($high & 0xF) * 2**32 + $low;
  return $rate >= $MIN_RATE && $rate <= $MAX_RATE && $samples ? $samples / $rate : undef;
}

# Where the samples are not compressed, their count has to be that of the file's bytes.
sub _sphere {
  my ($in, $size) = @_;
  my $header = _take($in, 1020) // return undef;
  my %of = $header =~ /^(\w+) -\w+ (\S+)/mg;
  my ($rate, $samples) = @of{qw(sample_rate sample_count)};
  return undef unless $rate && defined $samples && $rate >= $MIN_RATE && $rate <= $MAX_RATE;
  my ($header_size) = $header =~ /^\s*(\d+)\n/m;
  my $frame = ($of{channel_count} // 1) * ($of{sample_n_bytes} // 0);
  my $is_plain = ($of{sample_coding} // '') !~ /,/ && $frame && $header_size;
  return undef if $is_plain && defined $size && abs($size - $header_size - $samples * $frame) > 0.05 * $rate * $frame;
  return $samples / $rate;
}

1;
