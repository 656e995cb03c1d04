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
