#!/usr/bin/env bats
# Tools that cut utterances or join them: whole recordings, subsegments, uniform pieces, sound of segments, short ones.
load helper

# recordings_dir DIR: segments of real sound, one recording through a command, with a text for each
recordings_dir() {
  segmented_dir "$1"
  mkdir -p 'my sound'
  ramp 'my sound/a.wav' 48000
  ramp b.wav 40000
  file "$1/wav.scp" 'rec-a my sound/a.wav' 'rec-b cat b.wav |'
}

# --- convert_data_dir_to_whole.sh ---
@test "whole: recordings are utterances and speakers, texts in the order of times" {
  recordings_dir d
  file d/segments 'ann-1 rec-a 10.5 11' 'ann-2 rec-a 9 10' 'bob-1 rec-b 0 -1'
  file d/reco2dur 'rec-a 30' 'rec-b 2.5'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b A'
  file d/stm 'rec-a 1 x 0 1 words'
  file d/spk2gender 'ann f' 'bob m'
  run "$UTILS/data/convert_data_dir_to_whole.sh" d w
  [ "$status" = 0 ]
  is w/text 'rec-a drei ÄÖÜ 北京 one two' 'rec-b three'
  is w/utt2spk 'rec-a rec-a' 'rec-b rec-b'
  is w/spk2utt 'rec-a rec-a' 'rec-b rec-b'
  for name in wav.scp reco2file_and_channel stm; do cmp d/$name w/$name; done
  [ ! -e w/segments ]
  [ ! -e w/spk2gender ]
  "$UTILS/validate_data_dir.sh" --no-feats w
}
@test "whole: without a text, or recordings that no segment uses" {
  recordings_dir d
  rm d/text
  echo 'rec-c c.wav' >>d/wav.scp
  "$UTILS/data/convert_data_dir_to_whole.sh" d w
  is w/utt2spk 'rec-a rec-a' 'rec-b rec-b'
  is w/wav.scp 'rec-a my sound/a.wav' 'rec-b cat b.wav |'
  [ ! -e w/text ]
}
@test "whole: a directory without segments is copied" {
  good_dir d
  "$UTILS/data/convert_data_dir_to_whole.sh" d w
  diff -r d w
}
@test "whole: what cannot be right is named, and nothing is written" {
  for fault in 'segments ann-1_rec-a_5_3' 'segments ann-1_rec-a_1' 'segments ann-1_rec-x_0_1' 'text ann-1'; do
    rm -rf d w
    recordings_dir d
    case $fault in
      text*) sed -i /ann-1/d d/text ;;
      *) sed -i "s/^ann-1 .*/$(cut -d' ' -f2 <<<"$fault" | tr _ ' ')/" d/segments ;;
    esac
    run "$UTILS/data/convert_data_dir_to_whole.sh" d w
    [ "$status" = 1 ] || { echo "$fault"; false; }
    [[ $output == *ann-1* || $output == *rec-x* ]]
    [[ $output != *'fix_data_dir.sh w'* ]] # which is not there
    [ -z "$(ls -A w)" ]
  done
  : >d/segments
  run "$UTILS/data/convert_data_dir_to_whole.sh" d w
  [ "$status" = 1 ]
  recordings_dir e
  sed -i 's/$/\r/' e/segments
  run "$UTILS/data/convert_data_dir_to_whole.sh" e w
  [[ $status = 1 && $output == *'e/segments:1'*'carriage return'* ]]
}
@test "whole: a second run gives the same, and old files do not stay" {
  recordings_dir d
  file w/feats.scp 'old old'
  "$UTILS/data/convert_data_dir_to_whole.sh" d w
  is w/.backup/feats.scp 'old old'
  snapshot w >before
  "$UTILS/data/convert_data_dir_to_whole.sh" d w
  snapshot w | cmp - before
}

# --- subsegment_data_dir.sh ---
subsegments() {
  file sub 'ann-1-a ann-1 0 0.50' 'ann-1-b ann-1 0.5 1.5' 'bob-1-a bob-1 0.25 1.75'
  file subtext 'ann-1-a eins' 'ann-1-b zwei drei' 'bob-1-a four'
}
@test "subsegment: times of segments add up; maps follow the old utterance" {
  recordings_dir d
  file d/segments 'ann-1 rec-a 1.25 2.75' 'ann-2 rec-a 0 1' 'bob-1 rec-b 0.5 2.5'
  file d/utt2uniq 'ann-1 x' 'ann-2 y' 'bob-1 z'
  file d/utt2lang 'ann-1 en' 'ann-2 de' 'bob-1 fr'
  file d/spk2gender 'ann f' 'bob m'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b A'
  subsegments
  run "$UTILS/data/subsegment_data_dir.sh" d sub subtext s
  [ "$status" = 0 ]
  is s/segments 'ann-1-a rec-a 1.25 1.75' 'ann-1-b rec-a 1.75 2.75' 'bob-1-a rec-b 0.75 2.25'
  is s/utt2spk 'ann-1-a ann' 'ann-1-b ann' 'bob-1-a bob'
  is s/spk2utt 'ann ann-1-a ann-1-b' 'bob bob-1-a'
  is s/utt2uniq 'ann-1-a x' 'ann-1-b x' 'bob-1-a z'
  is s/utt2lang 'ann-1-a en' 'ann-1-b en' 'bob-1-a fr'
  cmp s/text subtext
  for name in wav.scp spk2gender reco2file_and_channel; do cmp d/$name s/$name; done
  "$UTILS/validate_data_dir.sh" --no-feats s
}
@test "subsegment: without segments the parts are segments; padding; thousandths late in a recording" {
  good_dir d
  file a/1.wav 'no header, so of any length'
  file sub 'ann-1-a ann-1 0 0.50' 'ann-1-b ann-1 3723.125 3724.25'
  "$UTILS/data/subsegment_data_dir.sh" --segment-end-padding 0.02 d sub s
  is s/segments 'ann-1-a ann-1 0 0.52' 'ann-1-b ann-1 3723.125 3724.27'
  is s/wav.scp 'ann-1 a/1.wav'
  is s/spk2utt 'ann ann-1-a ann-1-b'
  [ ! -e s/text ]
}
@test "subsegment: ranges of frames, cut at the end of the features" {
  recordings_dir d
  features d 2 ann-1 148 ann-2 98 bob-1 198
  file d/frame_shift 0.01
  file d/vad.scp 'ann-1 vad.ark:1' 'ann-2 vad.ark:2' 'bob-1 vad.ark:3'
  file d/cmvn.scp 'ann c.ark:1' 'bob c.ark:2'
  subsegments
  run "$UTILS/data/subsegment_data_dir.sh" --nj 4 --cmd run.pl d sub subtext s
  [ "$status" = 0 ]
  offset=$(sed -n 's/bob-1 .*://p' d/feats.scp)
  # 0.5 s is frame 50; frames 50 to 149 are cut at 147; 0.25 to 1.75 s are 25 to 174
  is s/feats.scp 'ann-1-a d/feats.ark:0[0:49]' 'ann-1-b d/feats.ark:0[50:147]' "bob-1-a d/feats.ark:${offset}[25:174]"
  is s/vad.scp 'ann-1-a vad.ark:1[0:49]' 'ann-1-b vad.ark:1[50:147]' 'bob-1-a vad.ark:3[25:174]'
  is s/utt2num_frames 'ann-1-a 50' 'ann-1-b 98' 'bob-1-a 150'
  [[ $output == *"cut there: 'ann-1-b'"* ]]
  [ ! -e s/cmvn.scp ]
  "$UTILS/validate_data_dir.sh" s
  # Parts of parts: the ranges add up.
  file sub2 'ann-1-b-1 ann-1-b 0.1 0.2'
  file d/vad.scp
  rm s/vad.scp
  cp d/frame_shift s/
  "$UTILS/data/subsegment_data_dir.sh" s sub2 s2
  is s2/feats.scp 'ann-1-b-1 d/feats.ark:0[60:69]'
  is s2/segments 'ann-1-b-1 rec-a 0.6 0.7'
}
@test "subsegment: a part behind the last frame is left out, and said" {
  recordings_dir d
  features d 2 ann-1 148 ann-2 98 bob-1 198
  file d/frame_shift 0.01
  file sub 'ann-1-a ann-1 0 1' 'ann-1-b ann-1 1.49 1.5'
  file subtext 'ann-1-a eins' 'ann-1-b zwei'
  run "$UTILS/data/subsegment_data_dir.sh" d sub subtext s
  [ "$status" = 0 ]
  [[ $output == *"left out"*"'ann-1-b'"* ]]
  is s/text 'ann-1-a eins'
  is s/segments 'ann-1-a rec-a 0 1'
}
@test "subsegment: bad lines are named by file and line, and nothing is written" {
  recordings_dir d
  while IFS='|' read -r line message; do
    file sub 'ann-1-a ann-1 0 1' "$line"
    run "$UTILS/data/subsegment_data_dir.sh" d sub s
    [ "$status" != 0 ] || { echo "$line"; false; }
    [[ $output == *"$message"* ]] || { echo "$line: $output"; false; }
    [ -z "$(ls -A s)" ]
  done <<'END'
ann-1-b ann-1 0|sub:2: bad line
ann-1-b ann-1 1 1|sub:2: bad line
ann-1-b ann-1 1 -1|sub:2: bad line
ann-1-b ann-1 x 1|sub:2: bad line
|sub:2: bad line
ann-1-a ann-1 1 2|sub:2: 'ann-1-a' has a line already
eve-1-a eve-1 0 1|sub:2: there is no utterance 'eve-1'
aaa-1-a bob-1 0 1|making speaker-ids prefixes
END
  file sub 'ann-1-a ann-1 0 1' 'ann-1-b ann-1 0 1'
  for text in ann-1-a 'ann-1-b x' ; do
    file subtext "$text"
    run "$UTILS/data/subsegment_data_dir.sh" d sub subtext s
    [ "$status" != 0 ]
    [[ $output == *subtext* ]]
  done
  : >sub
  run "$UTILS/data/subsegment_data_dir.sh" d sub s
  [[ $status != 0 && $output == *'sub has no lines'* ]]
}
@test "subsegment: unsorted lines and ids of every script give a sorted directory" {
  recordings_dir d
  file sub 'bob-1-é bob-1 0 1' 'ann-1-北 ann-1 0 1' 'ann-1-b ann-1 0.5 1'
  file subtext 'bob-1-é x' 'ann-1-北 y' 'ann-1-b z'
  "$UTILS/data/subsegment_data_dir.sh" d sub subtext s
  is s/text 'ann-1-b z' 'ann-1-北 y' 'bob-1-é x'
  is s/segments 'ann-1-b rec-a 0.5 1' 'ann-1-北 rec-a 0 1' 'bob-1-é rec-b 0 1'
}

# --- get_uniform_subsegments.py ---
@test "uniform: pieces that overlap, the last one with the rest" {
  file segments 'ann-1 rec 100 165' 'ann-2 rec 0 40' 'ann-3 rec 1 41.5'
  # 30 s every 25 s while more than 40 s are left: 65 -> 40 left at 25; 40 is not more than 40; 40.5 -> 15.5 left at 25
  "$UTILS/data/get_uniform_subsegments.py" segments >out
  is out 'ann-1-00000000-00003000 ann-1 0.000 30.000' 'ann-1-00002500-00006500 ann-1 25.000 65.000' \
    'ann-2-00000000-00004000 ann-2 0.000 40.000' \
    'ann-3-00000000-00003000 ann-3 0.000 30.000' 'ann-3-00002500-00004050 ann-3 25.000 40.500'
  "$UTILS/data/get_uniform_subsegments.py" - <segments | cmp - out
}
@test "uniform: no rest, no overlap, pieces of one length" {
  file segments 'ü-1 rec 0.25 3.5'
  "$UTILS/data/get_uniform_subsegments.py" --max-segment-duration 1.5 --overlap-duration 0 --max-remaining-duration 0 segments >out
  is out 'ü-1-00000000-00000150 ü-1 0.000 1.500' 'ü-1-00000150-00000300 ü-1 1.500 3.000' 'ü-1-00000300-00000325 ü-1 3.000 3.250'
  "$UTILS/data/get_uniform_subsegments.py" --max-segment-duration=1.5 --overlap-duration=0 --max-remaining-duration=0.5 \
    --constant-duration=True segments >out
  is out 'ü-1-00000000-00000150 ü-1 0.000 1.500' 'ü-1-00000150-00000300 ü-1 1.500 3.000' 'ü-1-00000175-00000325 ü-1 1.750 3.250'
}
@test "uniform: what would never end, or is no segment, is refused" {
  file segments 'ann-1 rec 0 65'
  run timeout 5 "$UTILS/data/get_uniform_subsegments.py" --overlap-duration 30 segments
  [ "$status" = 1 ]
  for line in 'ann-2 rec 5 -1' 'ann-2 rec 5 5' 'ann-2 rec 0 inf' 'ann-2 rec 0' ''; do
    file segments 'ann-1 rec 0 65' "$line"
    run "$UTILS/data/get_uniform_subsegments.py" segments
    [ "$status" = 1 ]
    [[ $output == *segments:2:* ]]
  done
  : >segments
  run "$UTILS/data/get_uniform_subsegments.py" segments
  [ "$status" = 0 ]
  [ "$output" = '' ]
}
@test "uniform: its output goes into subsegment_data_dir.sh" {
  recordings_dir d
  "$UTILS/data/get_uniform_subsegments.py" --max-segment-duration 1 --overlap-duration 0.5 --max-remaining-duration 0 d/segments >sub
  "$UTILS/data/subsegment_data_dir.sh" d sub s
  is s/segments 'ann-1-00000000-00000100 rec-a 0 1' 'ann-1-00000050-00000150 rec-a 0.5 1.5' \
    'ann-2-00000000-00000100 rec-a 1.5 2.5' 'ann-2-00000050-00000150 rec-a 2 3' \
    'bob-1-00000000-00000100 rec-b 0 1' 'bob-1-00000050-00000150 rec-b 0.5 1.5' 'bob-1-00000100-00000200 rec-b 1 2'
}

# --- extract_wav_segments_data_dir.sh ---
# samples WAV_SCP UTTERANCE: the sound that a line of wav.scp gives, as numbers
samples() {
  local command
  command=$(sed -n "s/^$2 \(.*\) |\$/\1/p" "$1")
  PATH=$UTILS:$PATH bash -c "$command" | sox -t wav - -t raw - | od -An -v -td2 -w2
}
# numbers FIRST LAST: as od writes them
numbers() { seq "$1" "$2" | awk '{printf "%7d\n", $1 % 30000}'; }

@test "extract: the samples of each segment, unchanged, also from a command and to the end" {
  recordings_dir d
  file d/segments 'ann-1 rec-a 0.1 0.2' 'ann-2 rec-a 2.9 -1' 'bob-1 rec-b 2.25 2.8'
  file d/reco2dur 'rec-a 3' 'rec-b 2.5'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b A'
  "$UTILS/data/extract_wav_segments_data_dir.sh" d 'my out/e'
  [ "$(cut -d' ' -f1 'my out/e/wav.scp' | tr '\n' ' ')" = 'ann-1 ann-2 bob-1 ' ]
  grep -q "^ann-1 wav-copy 'my out/e/data/wav_segments.ark:6' - |$" 'my out/e/wav.scp'
  samples 'my out/e/wav.scp' ann-1 | diff - <(numbers 1600 3199)
  samples 'my out/e/wav.scp' ann-2 | diff - <(numbers 46400 47999)
  samples 'my out/e/wav.scp' bob-1 | diff - <(numbers 36000 39999) # cut where the recording ends
  for name in text utt2spk spk2utt; do cmp "d/$name" "my out/e/$name"; done
  for name in segments reco2dur reco2file_and_channel; do [ ! -e "my out/e/$name" ]; done
  "$UTILS/validate_data_dir.sh" --no-feats 'my out/e'
  "$UTILS/data/get_utt2dur.sh" 'my out/e'
  is 'my out/e/utt2dur' 'ann-1 0.1 ' 'ann-2 0.1 ' 'bob-1 0.25 '
  # Again, from what was written: nothing is left of segments.
  run "$UTILS/data/extract_wav_segments_data_dir.sh" 'my out/e' f
  [[ $status = 1 && $output == *'copy it: utils/copy_data_dir.sh'* ]]
  "$UTILS/data/extract_wav_segments_data_dir.sh" d 'my out/e'
  samples 'my out/e/wav.scp' ann-1 | diff - <(numbers 1600 3199)
}
@test "extract: recordings in an archive, ids of every script" {
  recordings_dir d
  { printf 'rec-a ' && cat 'my sound/a.wav'; } >wavs.ark
  file d/wav.scp 'rec-a wavs.ark:6' 'rec-b b.wav'
  sed -i 's/ann/änn/g' d/{utt2spk,spk2utt,text,segments}
  for name in utt2spk text segments spk2utt; do sort -o d/$name d/$name; done
  "$UTILS/data/extract_wav_segments_data_dir.sh" d e
  samples e/wav.scp änn-2 | diff - <(numbers 24000 47999)
}
@test "extract: all that is wrong is named, and nothing is written" {
  recordings_dir d
  ramp stereo.wav 48000 2
  file d/wav.scp 'rec-a stereo.wav' 'rec-b no/such.wav'
  run "$UTILS/data/extract_wav_segments_data_dir.sh" d e
  [ "$status" = 1 ]
  [[ $output == *ann-1*channels* && $output == *bob-1*no/such.wav* && $output != *Traceback* ]]
  [ -z "$(ls -A e)" ]
  recordings_dir d
  file d/segments 'ann-1 rec-a 0 1' 'ann-2 rec-a 2.5 3.6' 'bob-1 rec-b 0 1'
  run "$UTILS/data/extract_wav_segments_data_dir.sh" d e
  [[ $status = 1 && $output == *'ann-2: segment 2.5 to 3.6 s lies outside'* ]]
  [ -z "$(ls -A e)" ]
}

# --- combine_short_segments.sh ---
short_dir() {
  file "$1/utt2spk" a-1\ a a-2\ a a-3\ a a-4\ a b-1\ b c-1\ c c-2\ c
  file "$1/spk2utt" 'a a-1 a-2 a-3 a-4' 'b b-1' 'c c-1 c-2'
  file "$1/text" 'a-1 one' 'a-2 two' 'a-3' 'a-4 four' 'b-1 fünf' 'c-1 six' 'c-2 seven'
  file "$1/utt2dur" 'a-1 6' 'a-2 0.1' 'a-3 7' 'a-4 2.5' 'b-1 0.25' 'c-1 3' 'c-2 0.5'
  awk '{print $1, "f.ark:" NR}' "$1/utt2spk" >"$1/feats.scp"
}
@test "combine short: to the neighbour that is shorter, across speakers where one says too little" {
  short_dir d
  file d/cmvn.scp 'a c.ark:1' 'b c.ark:2' 'c c.ark:3'
  # a-2 to a-1, which is shorter than a-3. c-2 to c-1. b-1 to c-1's group (3.5), not to the longer... 2.5 of a-4 is shorter.
  run "$UTILS/data/combine_short_segments.sh" --cleanup false d 1.0 k
  [ "$status" = 0 ]
  is k/utt2utts 'a-1-comb2 a-1 a-2' 'a-3 a-3' 'a-4-comb2 a-4 b-1' 'c-1-comb2 c-1 c-2'
  is k/utt2spk 'a-1-comb2 a' 'a-3 a' 'a-4-comb2 a' 'c-1-comb2 c'
  is k/spk2utt 'a a-1-comb2 a-3 a-4-comb2' 'c c-1-comb2'
  is k/utt2dur 'a-1-comb2 6.1' 'a-3 7.0' 'a-4-comb2 2.75' 'c-1-comb2 3.5'
  is k/text 'a-1-comb2 one two' 'a-3 ' 'a-4-comb2 four fünf' 'c-1-comb2 six seven'
  is k/feats.scp 'a-1-comb2 concat-feats --print-args=false f.ark:1 f.ark:2 - |' 'a-3 f.ark:3' \
    'a-4-comb2 concat-feats --print-args=false f.ark:4 f.ark:5 - |' 'c-1-comb2 concat-feats --print-args=false f.ark:6 f.ark:7 - |'
  [ ! -e k/cmvn.scp ]
  "$UTILS/validate_data_dir.sh" --no-wav k
  "$UTILS/data/combine_short_segments.sh" d 1.0 k
  [ ! -e k/utt2utts ]
}
@test "combine short: --speaker-only leaves the others alone" {
  short_dir d
  "$UTILS/data/combine_short_segments.sh" --speaker-only true d 1.0 k
  is k/utt2dur 'a-1-comb2 6.1' 'a-3 7.0' 'a-4 2.5' 'b-1 0.25' 'c-1-comb2 3.5'
}
@test "combine short: the examples of Kaldi's documentation" {
  while IFS='|' read -r least durations expected; do
    rm -rf d k
    read -ra seconds <<<"$durations"
    mkdir d
    for i in "${!seconds[@]}"; do echo "u$i ${seconds[i]}"; done >d/utt2dur
    sed 's/ .*/ u/' d/utt2dur >d/utt2spk
    "$UTILS/utt2spk_to_spk2utt.pl" d/utt2spk >d/spk2utt
    sed 's/ .*/ words/' d/utt2dur >d/text
    sed 's/ .*/ f.ark:1/' d/utt2dur >d/feats.scp
    "$UTILS/data/combine_short_segments.sh" d "$least" k
    [ "$(cut -d' ' -f1 k/utt2spk | tr '\n' ' ')" = "$expected " ]
  done <<'END'
0.1|5 6 7|u0 u1 u2
1|0.5 0.6 0.7|u0-comb3
1|0.5 0.6 1.7|u0-comb2 u2
0.5|0.1 6 7|u0-comb2 u2
0.5|6 7 0.1|u0 u1-comb2
0.5|6 0.1 7|u0-comb2 u2
0.5|7 0.1 6|u0 u1-comb2
1|1 0.5 0.1 6|u0-comb2 u2-comb2
END
}
@test "combine short: copies of one utterance stay together in utt2uniq; who speaks longest is the speaker" {
  short_dir d
  file d/utt2uniq 'a-1 p' 'a-2 q' 'a-3 q' 'a-4 r' 'b-1 s' 'c-1 p' 'c-2 t'
  "$UTILS/data/combine_short_segments.sh" d 1.0 k
  # a-1 and a-2 tie p and q; c-1 (p) and c-2 tie p and t; a-4 and b-1 tie r and s
  is k/utt2uniq 'a-1-comb2 p' 'a-3 p' 'a-4-comb2 r' 'c-1-comb2 p'
  file d/utt2dur 'a-1 0.1' 'a-2 0.1' 'a-3 0.1' 'a-4 0.1' 'b-1 0.7' 'c-1 3' 'c-2 5'
  rm -r k
  "$UTILS/data/combine_short_segments.sh" d 1.0 k
  is k/utt2spk 'a-1-comb5 b' 'c-1 c' 'c-2 c'
}
@test "combine short: features are read together, whatever their names and ranges" {
  mkdir 'my feats'
  features 'my feats' 3 a-1 2 a-2 4
  file d/utt2spk 'a-1 a' 'a-2 a'
  file d/spk2utt 'a a-1 a-2'
  file d/text 'a-1 x' 'a-2 y'
  file d/utt2dur 'a-1 0.1' 'a-2 0.2'
  sed '2s/$/[1:2]/' 'my feats/feats.scp' >d/feats.scp
  "$UTILS/data/combine_short_segments.sh" d 1 k
  PATH=$UTILS:$PATH bash -c "$(sed 's/^[^ ]* //; s/|$//' k/feats.scp)" | floats >out
  is out '4 3: 0 1 2 100 101 102 100 101 102 200 201 202'
  PATH=$UTILS:$PATH "$UTILS/data/get_utt2num_frames.sh" k
  is k/utt2num_frames 'a-1-comb2 4 '
}
@test "combine short: bad input is named, and nothing is written" {
  short_dir d
  for least in 0 -1 100 x ''; do
    run "$UTILS/data/combine_short_segments.sh" d "$least" k
    [ "$status" = 1 ]
  done
  file d/utt2spk a-1\ a a-1-comb2\ a a-2\ a
  file d/spk2utt 'a a-1 a-1-comb2 a-2'
  file d/text 'a-1 x' 'a-1-comb2 y' 'a-2 z'
  file d/utt2dur 'a-1 0.5' 'a-1-comb2 0.5' 'a-2 0.5'
  file d/feats.scp 'a-1 f' 'a-1-comb2 f' 'a-2 f'
  sed -i 's/^a-2 0.5/a-2 5/' d/utt2dur
  "$UTILS/data/combine_short_segments.sh" d 1 k # the one of that name is a part of it
  is k/utt2spk 'a-1-comb2 a' 'a-2 a'
  rm -r k
  file d/utt2dur 'a-1 0.5' 'a-1-comb2 x' 'a-2 5'
  run "$UTILS/data/combine_short_segments.sh" d 1 k
  [ "$status" = 1 ]
  [[ $output == *d/utt2dur* && $output != *Traceback* ]]
  [ -z "$(ls -A k 2>/dev/null)" ]
}
