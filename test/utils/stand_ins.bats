#!/usr/bin/env bats
# Programs of others that wav.scp often calls: the stand-ins, against files whose content is known.
load helper

# sphere PATH CHANNELS BYTE...: NIST SPHERE, 16-bit samples as given
sphere() {
  perl -e '
    my ($path, $channels, $coding, @samples) = @ARGV;
    my $header = "NIST_1A\n   1024\nchannel_count -i $channels\nsample_count -i " . @samples / $channels
      . "\nsample_rate -i 8000\nsample_n_bytes -i 2\nsample_byte_format -s2 01\nsample_sig_bits -i 16\n"
      . "sample_coding -s" . length($coding) . " $coding\nend_head\n";
    open my $out, ">:raw", $path or die;
    print {$out} $header, " " x (1024 - length $header), pack "s<*", @samples;
  ' "$@"
}

# samples: the samples of the WAV on standard input, one a line
samples() { sox -t wav - -t dat - | awk '/^;/ {next} {printf "%d\n", $2 * 32768 + ($2 < 0 ? -0.5 : 0.5)}'; }

@test "sph2pipe gives one channel of a SPHERE file as WAV" {
  sphere two.sph 2 pcm 1 100 2 200 3 300 -4 -400
  "$UTILS/sph2pipe" -f wav -p -c 2 two.sph | samples >out
  is out 100 200 300 -400
  "$UTILS/sph2pipe" -p -f wav two.sph two.wav
  [ "$(soxi -c two.wav) $(soxi -r two.wav) $(soxi -s two.wav)" = "2 8000 4" ]
}

@test "sph2pipe gives a part by its times" {
  # shellcheck disable=SC2046
  sphere long.sph 1 pcm $(seq 1 8000)
  "$UTILS/sph2pipe" -f wav -p -t 0.25:0.5 long.sph long.wav
  [ "$(soxi -s long.wav)" = 2000 ]
  samples <long.wav | head -n 1 >out
  is out 2001
}

@test "sph2pipe names what it cannot do and how to go on" {
  sphere short.sph 1 pcm,embedded-shorten-v2.00 1 2 3
  run -1 "$UTILS/sph2pipe" -f wav short.sph
  [[ $output == *"short.sph is compressed with shorten"*"install the sph2pipe of LDC"* ]]
  run -1 "$UTILS/sph2pipe" -f wav nothing.sph
  [[ $output == *"could not open nothing.sph"* ]]
  run -1 "$UTILS/sph2pipe" -f mp3 short.sph
  [[ $output == *"-f takes wav"* ]]
}

@test "an installed sph2pipe, wav-copy or wav-to-duration is run in place of the stand-in" {
  mkdir bin
  for name in sph2pipe wav-copy wav-to-duration; do
    printf '#!/bin/sh\necho real "$@"\n' >"bin/$name"
    chmod +x "bin/$name"
    PATH=$UTILS:$PWD/bin:$PATH run -0 "$UTILS/$name" -x y
    [ "$output" = "real -x y" ]
  done
}

@test "stand-ins of two checkouts do not wait for each other for ever" {
  mkdir other
  cp "$UTILS"/{sph2pipe,wav-copy,wav-to-duration} other/
  for name in sph2pipe wav-copy wav-to-duration; do
    PATH=$UTILS:$PWD/other:$PATH run -0 timeout 20 "$UTILS/$name" --help
    [[ $output == "Usage: $name"* ]]
  done
}

@test "wav-copy takes one file out of an archive" {
  tone a.wav 100
  tone b.wav 250 8000
  { printf 'a '; cat a.wav; printf 'b '; cat b.wav; } >wav.ark
  "$UTILS/wav-copy" wav.ark:2 - >a.out
  cmp a.wav a.out
  "$UTILS/wav-copy" "wav.ark:$((2 + $(stat -c %s a.wav) + 2))" b.out
  cmp b.wav b.out
  "$UTILS/wav-copy" 'cat b.wav |' - | cmp b.wav -
}

@test "wav-copy refuses what is no WAV file, or half of one" {
  tone a.wav 100
  head -c 120 a.wav >half.wav
  run -1 "$UTILS/wav-copy" half.wav out.wav
  [[ $output == *"half.wav: the sound ends 124 bytes too early"* ]]
  [ ! -e out.wav ]
  run -1 "$UTILS/wav-copy" a.wav:3 -
  [[ $output == *"there is no WAV file there"* ]]
  run -1 "$UTILS/wav-copy" scp:x ark:y
  [[ $output == *Usage* ]]
}

@test "wav-copy refuses the sound of a command that failed half-way" {
  tone a.wav 100
  # As sox writes it to a pipe: the length in the header is not known.
  { printf 'RIFF\377\377\377\177'; tail -c +9 a.wav; } >piped.wav
  "$UTILS/wav-copy" 'cat piped.wav |' whole.wav
  cmp piped.wav whole.wav
  run -1 "$UTILS/wav-copy" 'cat piped.wav; exit 3 |' out.wav
  [[ $output == *"exit 3 |: the command failed (status 3)"* ]]
  [ ! -e out.wav ]
}

@test "speed perturbation of an archive needs no Kaldi" {
  tone a.wav 1600
  { printf 'ann-1 '; cat a.wav; } >wav.ark
  file data/wav.scp 'ann-1 wav.ark:6'
  file data/utt2spk 'ann-1 ann'
  file data/spk2utt 'ann ann-1'
  "$UTILS/perturb_data_dir_speed.sh" 0.5 data slow
  command=$(cut -d' ' -f2- slow/wav.scp)
  PATH=$UTILS:$PATH bash -c "${command%|}" >slow.wav
  [ "$(sox slow.wav -n stat 2>&1 | awk '/Length/ {print $3}')" = 0.200000 ]
}

@test "wav-to-duration writes the seconds of each recording" {
  tone a.wav 27043
  # shellcheck disable=SC2046
  sphere b.sph 2 pcm $(seq 1 1000)
  file wav.scp 'a a.wav' 'b sph2pipe -f wav -p -c 1 b.sph |' 'c cat a.wav |'
  PATH=$UTILS:$PATH run -0 "$UTILS/wav-to-duration" --read-entire-file=true scp:wav.scp ark,t:out
  is out 'a 1.690187 ' 'b 0.0625 ' 'c 1.690187 '
  # shellcheck disable=SC2016  # expanded by that bash
  run -0 bash -c '"$UTILS/wav-to-duration" scp:- ark,t:- <<<"a a.wav"'
  [ "$output" = 'a 1.690187 ' ]
  rm out a.wav
  run -1 "$UTILS/wav-to-duration" scp:wav.scp ark,t:out
  [[ $output == *"wav.scp:1: could not find the duration of 'a'"* ]]
  [ ! -e out ]
  run -1 "$UTILS/wav-to-duration" ark:wav.scp
  [[ $output == *Usage* ]]
}

@test "sph2pipe is where older scripts look for it in KALDI_ROOT" {
  sphere one.sph 1 pcm 5 6
  "$UTILS/internal/kaldi_root/tools/sph2pipe_v2.5/sph2pipe" -f wav one.sph | samples >out
  is out 5 6
}
