# Loaded by the tests of utils/: an empty folder for each test, small files, and a data directory to damage.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0

UTILS=$(cd "$BATS_TEST_DIRNAME/../../utils" && pwd)
export UTILS LC_ALL=C

setup() {
  cd "$BATS_TEST_TMPDIR" || return 1
}

# file PATH LINE...: writes the lines
file() {
  local path=$1
  shift
  mkdir -p "$(dirname "$path")"
  printf '%s\n' "$@" >"$path"
}

# is PATH LINE...: the file holds exactly these lines
is() {
  local path=$1
  shift
  printf '%s\n' "$@" | diff - "$path"
}

# good_dir DIR: two speakers, three utterances, everything in order
good_dir() {
  file "$1/utt2spk" 'ann-1 ann' 'ann-2 ann' 'bob-1 bob'
  file "$1/spk2utt" 'ann ann-1 ann-2' 'bob bob-1'
  file "$1/text" 'ann-1 one two' 'ann-2 drei ÄÖÜ 北京' 'bob-1 three'
  file "$1/wav.scp" 'ann-1 a/1.wav' 'ann-2 sox a/2.flac -t wav - |' 'bob-1 b/1.wav'
}

# segmented_dir DIR: the same, cut out of two recordings
segmented_dir() {
  good_dir "$1"
  file "$1/wav.scp" 'rec-a a.wav' 'rec-b b.wav'
  file "$1/segments" 'ann-1 rec-a 0.00 1.50' 'ann-2 rec-a 1.50 3.00' 'bob-1 rec-b 0 2'
}

# snapshot DIR: checksums of the files that a user sees
snapshot() {
  (cd "$1" && find . -maxdepth 1 -type f | sort | xargs sha256sum)
}

# tone PATH SAMPLES [RATE]: a WAV file of that length, written byte by byte
tone() {
  perl -e '
    my ($path, $samples, $rate) = @ARGV;
    open my $out, ">:raw", $path or die;
    print {$out} "RIFF", pack("V", 36 + 2 * $samples), "WAVEfmt ", pack("VvvVVvv", 16, 1, 1, $rate, 2 * $rate, 2, 16),
      "data", pack("V", 2 * $samples), "\0\1" x $samples;
  ' "$1" "$2" "${3:-16000}"
}

# ramp PATH SAMPLES [CHANNELS]: a WAV file at 16000 Hz whose samples are 0, 1, 2, ...: each tells its place
ramp() {
  perl -e '
    my ($path, $samples, $channels) = @ARGV;
    my $data = pack "s<*", map { ($_ % 30000) x $channels } 0 .. $samples - 1;
    open my $out, ">:raw", $path or die;
    print {$out} "RIFF", pack("V", 36 + length $data), "WAVEfmt ",
      pack("VvvVVvv", 16, 1, $channels, 16000, 32000 * $channels, 2 * $channels, 16), "data", pack("V", length $data), $data;
  ' "$1" "$2" "${3:-1}"
}

# features DIR COLUMNS [ID ROWS]...: DIR/feats.scp, and DIR/feats.ark with a matrix for each ID; value (row, column) is
# 100 * row + column
features() {
  perl -e '
    my ($dir, $columns, %rows) = (shift, shift);
    open my $out, ">:raw", "$dir/feats.ark" or die; open my $scp, ">", "$dir/feats.scp" or die;
    while (my ($id, $rows) = splice @ARGV, 0, 2) {
      printf {$scp} "%s %s/feats.ark:%d\n", $id, $dir, tell $out;
      print {$out} "\0BFM \4", pack("V", $rows), "\4", pack("V", $columns),
        pack("f*", map { my $row = $_; map { 100 * $row + $_ } 0 .. $columns - 1 } 0 .. $rows - 1);
    }' "$@"
}

# floats: what a matrix on standard input holds: "<rows> <columns>: <value> ..."
floats() {
  perl -e 'binmode STDIN; local $/; my $matrix = <STDIN>; print join(" ", unpack("x6Vx1V", $matrix)), ": ", join(" ", unpack "x15 f*", $matrix), "\n"'
}
