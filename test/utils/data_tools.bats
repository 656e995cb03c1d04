#!/usr/bin/env bats
# utils/data: durations, speed, speakers, sampling rates, repeated transcripts.
load helper

wav_dir() {
  good_dir d
  mkdir -p a b
  tone a/1.wav 16000
  tone a/2.wav 27043
  tone b/1.wav 8000 8000
  file d/wav.scp 'ann-1 a/1.wav' 'ann-2 cat a/2.wav |' 'bob-1 b/1.wav'
}

@test "get_utt2dur: from headers and commands, as Kaldi's wav-to-duration prints them" {
  wav_dir
  run "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 0 ]
  # 27043/16000 = 1.6901875 exactly; seven digits of the nearest 32-bit float, and a space at the end
  is d/utt2dur 'ann-1 1 ' 'ann-2 1.690187 ' 'bob-1 1 '
}
@test "get_utt2dur: flac, and a pipe whose header does not tell the length" {
  wav_dir
  sox a/2.wav a/2.flac
  file d/wav.scp 'ann-1 sox a/2.wav -t wav - speed 0.9 |' 'ann-2 a/2.flac' 'bob-1 b/1.wav'
  run "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 0 ]
  samples=$(sox a/2.wav -t raw - speed 0.9 | wc -c)
  expected=$(perl -e 'printf "%.7g", unpack "f", pack "f", shift() / 2 / 16000' "$samples")
  is d/utt2dur "ann-1 $expected " 'ann-2 1.690187 ' 'bob-1 1 '
}
@test "get_utt2dur: from segments; from utt2num_frames and frame_shift" {
  segmented_dir d
  run "$UTILS/data/get_utt2dur.sh" d
  is d/utt2dur 'ann-1 1.5' 'ann-2 1.5' 'bob-1 2'
  good_dir e
  file e/frame_shift 0.01
  file e/utt2num_frames 'ann-1 100' 'ann-2 98' 'bob-1 1'
  run "$UTILS/data/get_utt2dur.sh" e
  is e/utt2dur 'ann-1 1.015' 'ann-2 0.995' 'bob-1 0.025'
}
@test "get_utt2dur: a complete file is kept, a short one made again" {
  segmented_dir d
  file d/utt2dur 'ann-1 9' 'ann-2 9' 'bob-1 9'
  run "$UTILS/data/get_utt2dur.sh" d
  is d/utt2dur 'ann-1 9' 'ann-2 9' 'bob-1 9'
  file d/utt2dur 'ann-1 9'
  run "$UTILS/data/get_utt2dur.sh" d
  is d/utt2dur 'ann-1 1.5' 'ann-2 1.5' 'bob-1 2'
}
@test "get_utt2dur: sound that is not there is named, and nothing is written" {
  wav_dir
  rm b/1.wav
  run "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 1 ]
  [[ $output == *"d/wav.scp:3: could not find the duration of 'bob-1'"* ]]
  [ ! -e d/utt2dur ]
}
@test "get_utt2dur: a command that never ends is stopped, and named" {
  wav_dir
  for endless in 'sleep 73.5' yes 'cat /dev/zero'; do
    file d/wav.scp "ann-1 $endless |"
    # The limit of 30 minutes as one second.
    # shellcheck disable=SC2016  # Perl's variables
    run timeout 20 perl -e 'BEGIN { *CORE::GLOBAL::alarm = sub { CORE::alarm($_[0] ? 1 : 0) } } do shift or die $@' \
      "$UTILS/internal/durations.pl" me d/wav.scp wav
    [[ $output == *"me: d/wav.scp:1: could not find the duration of 'ann-1' ($endless )"* ]]
  done
  file d/wav.scp 'ann-1 (sleep 73.5 & cat a/1.wav; sleep 73.5) |' 'ann-2 a/2.wav' 'bob-1 b/1.wav'
  run timeout 20 "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 0 ]
  is d/utt2dur 'ann-1 1 ' 'ann-2 1.690187 ' 'bob-1 1 '
  run pgrep -f 'sleep 73.5'
  [ "$status" = 1 ]
}
@test "get_utt2dur: lines of other utterances do not count; too few durations are a failure" {
  wav_dir
  file d/wav.scp 'ann-1 a/1.wav' 'ann-2 a/2.wav' 'bob-1 b/1.wav' 'eve-1 no/such.wav'
  run "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 0 ]
  is d/utt2dur 'ann-1 1 ' 'ann-2 1.690187 ' 'bob-1 1 '
  rm d/utt2dur
  file d/wav.scp 'ann-1 a/1.wav'
  run "$UTILS/data/get_utt2dur.sh" d
  [ "$status" = 1 ]
  [[ $output == *'less than half'* ]]
  [ ! -e d/utt2dur ]
}
@test "get_utt2dur: in the order in which parallel jobs would write" {
  wav_dir
  file d/utt2spk 'bob-1 bob' 'ann-2 ann' 'ann-1 ann'
  run "$UTILS/data/get_utt2dur.sh" --nj 2 d
  is d/utt2dur 'ann-2 1.690187 ' 'bob-1 1 ' 'ann-1 1 '
  run "$UTILS/data/get_utt2dur.sh" --nj none d
  [ "$status" = 1 ]
}
@test "get_utt2dur: from the features where there is no sound" {
  good_dir d
  rm d/wav.scp
  perl -e '
    open my $out, ">:raw", "feats.ark"; open my $scp, ">", "d/feats.scp";
    for (["ann-1", 98], ["ann-2", 1], ["bob-1", 30]) {
      printf {$scp} "%s feats.ark:%d\n", $_->[0], tell $out;
      print {$out} "\0BFM \4", pack("V", $_->[1]), "\4", pack("V", 1), "\0\0\0\0" x $_->[1];
    }'
  run "$UTILS/data/get_utt2dur.sh" --frame-shift 0.02 d
  is d/utt2dur 'ann-1 1.99' 'ann-2 0.05' 'bob-1 0.63'
  rm d/utt2dur
  file d/frame_shift 0.01
  run "$UTILS/data/get_utt2dur.sh" --frame-shift 0.02 d
  is d/utt2dur 'ann-1 0.995' 'ann-2 0.025' 'bob-1 0.315'
}
@test "get_reco2dur: the durations of the utterances, where these are the recordings" {
  good_dir d
  file d/utt2dur 'ann-1 1' 'ann-2 2' 'bob-1 3.5 '
  run "$UTILS/data/get_reco2dur.sh" d
  [ "$status" = 0 ]
  is d/reco2dur 'ann-1 1' 'ann-2 2' 'bob-1 3.5 '
}
@test "get_utt2dur, get_reco2dur: SPHERE files through sph2pipe, in Kaldi's two forms of a number" {
  good_dir d
  mkdir -p a
  for name in 1 2 3; do
    tone "a/$name.wav" 27043
    sox "a/$name.wav" "a/$name.sph"
  done
  file d/wav.scp 'ann-1 sph2pipe -f wav a/1.sph |' 'ann-2 /x/sph2pipe -f wav a/2.sph|' 'bob-1 sph2pipe -f wav a/3.sph |'
  run "$UTILS/data/get_utt2dur.sh" d
  is d/utt2dur 'ann-1 1.6901875' 'ann-2 1.6901875' 'bob-1 1.6901875'
  run "$UTILS/data/get_reco2dur.sh" d
  is d/reco2dur 'ann-1 1.6901875' 'ann-2 1.6901875' 'bob-1 1.6901875'
  rm d/utt2dur d/reco2dur
  file d/wav.scp 'ann-1 sph2pipe -f wav -p -c 1 a/1.sph |' 'ann-2 /x/sph2pipe -f wav a/2.sph|' 'bob-1 a/3.wav'
  run "$UTILS/data/get_utt2dur.sh" d
  is d/utt2dur 'ann-1 1.690187 ' 'ann-2 1.690187 ' 'bob-1 1.690187 '
}
@test "get_reco2dur: by recording" {
  segmented_dir d
  tone a.wav 48000
  tone b.wav 40000
  run "$UTILS/data/get_reco2dur.sh" d
  is d/reco2dur 'rec-a 3 ' 'rec-b 2.5 '
  rm a.wav d/reco2dur
  run "$UTILS/data/get_reco2dur.sh" d
  [ "$status" = 1 ]
  [ ! -e d/reco2dur ]
}
@test "get_utt2num_frames: from the archives' headers" {
  good_dir d
  perl -e '
    open my $out, ">:raw", "feats.ark"; open my $scp, ">", "d/feats.scp";
    my $at = 0;
    for (["ann-1", 7], ["ann-2", 300], ["bob-1", 1]) {
      my ($id, $rows) = @$_;
      print {$scp} "$id feats.ark:", $at + length("$id "), "\n";
      my $matrix = "$id \0BFM " . pack("CVCV", 4, $rows, 4, 2) . pack("f*", (1) x (2 * $rows));
      print {$out} $matrix; $at += length $matrix;
    }'
  run "$UTILS/data/get_utt2num_frames.sh" d
  [ "$status" = 0 ]
  is d/utt2num_frames 'ann-1 7 ' 'ann-2 300 ' 'bob-1 1 '
  truncate -s 100 feats.ark
  rm d/utt2num_frames
  run "$UTILS/data/get_utt2num_frames.sh" d
  [ "$status" != 0 ]
  [[ $output == *"d/feats.scp:3: 'bob-1'"* ]]
}
@test "get_utt2num_frames: without features, from durations" {
  segmented_dir d
  run "$UTILS/data/get_utt2num_frames.sh" d
  is d/utt2num_frames 'ann-1 148' 'ann-2 148' 'bob-1 198'
}

@test "perturb_data_dir_speed: ids, commands and durations" {
  wav_dir
  run "$UTILS/data/perturb_data_dir_speed.sh" 0.9 d p
  [ "$status" = 0 ]
  is p/wav.scp 'sp0.9-ann-1 sox -t wav a/1.wav -t wav - speed 0.9 |' \
    'sp0.9-ann-2 cat a/2.wav | sox -t wav - -t wav - speed 0.9 |' \
    'sp0.9-bob-1 sox -t wav b/1.wav -t wav - speed 0.9 |'
  is p/utt2spk 'sp0.9-ann-1 sp0.9-ann' 'sp0.9-ann-2 sp0.9-ann' 'sp0.9-bob-1 sp0.9-bob'
  is p/utt2uniq 'sp0.9-ann-1 ann-1' 'sp0.9-ann-2 ann-2' 'sp0.9-bob-1 bob-1'
  is p/text 'sp0.9-ann-1 one two' 'sp0.9-ann-2 drei ÄÖÜ 北京' 'sp0.9-bob-1 three'
  is p/utt2dur 'sp0.9-ann-1 1.11111' 'sp0.9-ann-2 1.87799' 'sp0.9-bob-1 1.11111'
  cmp p/utt2dur p/reco2dur
}
@test "perturb_data_dir_speed: the commands make sound of the right length" {
  wav_dir
  run "$UTILS/data/perturb_data_dir_speed.sh" 1.1 d p
  for line in 1 2; do
    samples=$(eval "$(sed -n "${line}s/^[^ ]* \(.*\)|\$/\1/p" p/wav.scp)" 2>/dev/null | sox -t wav - -t raw - 2>/dev/null | wc -c)
    original=$(sed -n "${line}p" d/utt2dur | cut -d' ' -f2)
    perl -e 'exit !(abs($ARGV[0] / 2 / 16000 - $ARGV[1] / 1.1) < 0.002)' "$samples" "$original"
  done
}
@test "perturb_data_dir_speed: segments, other kinds of sound, archives" {
  segmented_dir d
  file d/wav.scp 'rec-a x/a.flac' 'rec-b wav.ark:123'
  file d/reco2dur 'rec-a 3' 'rec-b 2'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b A'
  run "$UTILS/data/perturb_data_dir_speed.sh" 1.1 d p
  [ "$status" = 0 ]
  is p/segments 'sp1.1-ann-1 sp1.1-rec-a 0.00 1.36' 'sp1.1-ann-2 sp1.1-rec-a 1.36 2.73' 'sp1.1-bob-1 sp1.1-rec-b 0.00 1.82'
  is p/wav.scp 'sp1.1-rec-a sox x/a.flac -t wav - speed 1.1 |' \
    'sp1.1-rec-b wav-copy wav.ark:123 - | sox -t wav - -t wav - speed 1.1 |'
  is p/reco2dur 'sp1.1-rec-a 2.72727' 'sp1.1-rec-b 1.81818'
  is p/reco2file_and_channel 'sp1.1-rec-a a A' 'sp1.1-rec-b b A'
}
@test "perturb_data_dir_speed: a bad factor and the same folder are refused" {
  wav_dir
  for factor in 0 -1 fast 0.0; do
    run "$UTILS/data/perturb_data_dir_speed.sh" $factor d p
    [ "$status" = 1 ]
  done
  run "$UTILS/data/perturb_data_dir_speed.sh" 0.9 d d
  [ "$status" = 1 ]
}
@test "perturb_data_dir_speed_3way: three copies, the unchanged one with its own ids" {
  wav_dir
  run "$UTILS/data/perturb_data_dir_speed_3way.sh" d d_sp
  [ "$status" = 0 ]
  [ "$(cut -d' ' -f1 d_sp/utt2spk | tr '\n' ' ')" = 'ann-1 ann-2 bob-1 sp0.9-ann-1 sp0.9-ann-2 sp0.9-bob-1 sp1.1-ann-1 sp1.1-ann-2 sp1.1-bob-1 ' ]
  grep -qx 'ann-1 a/1.wav' d_sp/wav.scp
  [ ! -e d_sp_speed0.9 ]
  [ ! -e d_sp_speed1.1 ]
  run "$UTILS/data/perturb_data_dir_speed_3way.sh" --always-include-prefix true d e_sp
  [ "$status" = 0 ]
  grep -qx 'sp1.0-ann-1 a/1.wav' e_sp/wav.scp
  grep -qx 'sp1.0-ann-1 ann-1' e_sp/utt2uniq
  touch d_sp/feats.scp
  run "$UTILS/data/perturb_data_dir_speed_3way.sh" d d_sp
  [ "$status" = 1 ]
  [[ $output == *'already exists: refusing'* ]]
}

@test "perturb_data_dir_speed_3way: the prefix for all copies, where recordings have channels" {
  wav_dir
  file d/reco2file_and_channel 'ann-1 1 A' 'ann-2 2 A' 'bob-1 3 B'
  run "$UTILS/data/perturb_data_dir_speed_3way.sh" --always-include-prefix true d e
  [ "$status" = 0 ]
  [ "$(wc -l <e/utt2spk)" = 9 ]
  grep -qx 'sp1.0-ann-1 sp1.0-ann' e/utt2spk
  [ ! -e e/reco2file_and_channel ]
}
@test "remove_dup_utts: rare transcripts stay, common ones are thinned the same way each time" {
  perl -e 'printf "u%03d s\n", $_ for 1..60' >u2s
  mkdir d
  sed 's/ s/ u/' u2s | awk '{print $1, "u"}' >d/utt2spk
  awk '{print $1, (NR <= 50 ? "uh  huh" : "text " NR)}' d/utt2spk >d/text
  "$UTILS/utt2spk_to_spk2utt.pl" d/utt2spk >d/spk2utt
  run "$UTILS/data/remove_dup_utts.sh" 10 d e
  [ "$status" = 0 ]
  # the oracle: number k of the sequence is (k * 103349 mod 71147) / 71147; it is kept if below 10/50
  perl -e 'for (1..50) { printf "u%03d\n", $_ if ($_ * 103349 % 71147) / 71147 < 10 / 50 } printf "u%03d\n", $_ for 51..60' >kept
  cut -d' ' -f1 e/text | cmp - kept
  cut -d' ' -f1 e/utt2spk | cmp - kept
  [ ! -e e/.backup ]
  run "$UTILS/data/remove_dup_utts.sh" 1 d e
  [ "$status" = 1 ]
}

@test "modify_speaker_info: by number of utterances" {
  good_dir d
  file d/utt2spk 'ann-1 ann' 'ann-2 ann' 'ann-3 ann' 'bob-1 bob'
  "$UTILS/utt2spk_to_spk2utt.pl" d/utt2spk >d/spk2utt
  rm d/text d/wav.scp
  run "$UTILS/data/modify_speaker_info.sh" --utts-per-spk-max 2 d e
  [ "$status" = 0 ]
  is e/utt2spk 'ann-1 ann-1' 'ann-2 ann-1' 'ann-3 ann-2' 'bob-1 bob-1'
  is e/spk2utt 'ann-1 ann-1 ann-2' 'ann-2 ann-3' 'bob-1 bob-1'
}
@test "modify_speaker_info: by seconds, and numbers of two digits" {
  mkdir d
  perl -e 'printf "a-%02d a\n", $_ for 1..20' >d/utt2spk
  awk '{print $1, 2}' d/utt2spk >d/utt2dur
  "$UTILS/utt2spk_to_spk2utt.pl" d/utt2spk >d/spk2utt
  run "$UTILS/data/modify_speaker_info.sh" --seconds-per-spk-max 5 d e
  [ "$status" = 0 ]
  [ "$(wc -l <e/spk2utt)" = 10 ]
  [ "$(sed -n 1p e/spk2utt)" = 'a-01 a-01 a-02' ]
  [ "$(sed -n 10p e/spk2utt)" = 'a-10 a-19 a-20' ]
}
@test "modify_speaker_info: without regard to speakers" {
  good_dir d
  rm d/wav.scp
  run "$UTILS/data/modify_speaker_info.sh" --respect-speaker-info false --respect-recording-info false --utts-per-spk-max 2 d e
  [ "$status" = 0 ]
  is e/utt2spk 'ann-1 speaker-1' 'ann-2 speaker-1' 'bob-1 speaker-2'
  segmented_dir f
  run "$UTILS/data/modify_speaker_info.sh" --respect-speaker-info false --utts-per-spk-max 1 f g
  is g/utt2spk 'ann-1 rec-a-1' 'ann-2 rec-a-2' 'bob-1 rec-b-1'
}
@test "modify_speaker_info: a limit must be given" {
  good_dir d
  run "$UTILS/data/modify_speaker_info.sh" d e
  [ "$status" = 1 ]
  [[ $output == *'must be provided'* ]]
}

@test "resample_data_dir: the durations are worked out before" {
  wav_dir
  run "$UTILS/data/resample_data_dir.sh" 8000 d
  is d/utt2dur 'ann-1 1 ' 'ann-2 1.690187 ' 'bob-1 1 '
}
@test "resample_data_dir: files, pipes and flac" {
  good_dir d
  file d/wav.scp 'ann-1 a/1.wav' 'ann-2 cat a/2.wav |' 'bob-1 b/1.flac'
  file d/feats.scp 'ann-1 x'
  file d/cmvn.scp 'ann x'
  run "$UTILS/data/resample_data_dir.sh" 8000 d
  [ "$status" = 1 ] # the sound is not there, so neither are its durations
  [ -e d/feats.scp ]
  file d/utt2dur 'ann-1 1' 'ann-2 1' 'bob-1 1'
  run "$UTILS/data/resample_data_dir.sh" 8000 d
  [ "$status" = 0 ]
  sox=$(command -v sox)
  is d/wav.scp "ann-1 cat a/1.wav | $sox -t wav - -c 1 -b 16 -t wav - rate 8000 |" \
    "ann-2 cat a/2.wav | $sox -t wav - -c 1 -b 16 -t wav - rate 8000 |" \
    "bob-1 $sox b/1.flac -c 1 -b 16 -t wav - rate 8000 |"
  [ ! -e d/feats.scp ]
  [ -e d/.backup/feats.scp ]
  [ -e d/.backup/cmvn.scp ]
  run "$UTILS/data/resample_data_dir.sh" fast d
  [ "$status" = 1 ]
}
@test "extend_segment_times: room on both sides, neighbours meet, no longer than the recording's last end" {
  file segments 'u1 r1 0.05 2' 'u2 r1 2.1 3.5' 'u3 r2 10 12.345678' 'u4 r1 4 5'
  "$UTILS/data/extend_segment_times.py" --start-padding=0.15 --end-padding=0.2 <segments >out 2>messages
  is out 'u1 r1 0 2.075' 'u2 r1 2.075 3.7' 'u3 r2 9.85 12.445678' 'u4 r1 3.85 5.1'
  [[ $(cat messages) == *'extended 4 segments; fixed 1 overlapping'* ]]
  run "$UTILS/data/extend_segment_times.py" <<<'u1 r1 0'
  [ "$status" = 1 ]
  [[ $output == *'line 1 of the segments'* ]]
}
