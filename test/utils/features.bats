#!/usr/bin/env bats
# Tools that read feats.scp: limit_feature_dim.sh, get_frame_shift.sh, lengths of ranges and commands, concat-feats.
load helper

feature_dir() {
  good_dir "$1"
  features "$1" 4 ann-1 7 ann-2 98 bob-1 1
}

@test "limit_feature_dim: a range of columns on each line, and nothing else changes" {
  feature_dir d
  file d/cmvn.scp 'ann c.ark:1' 'bob c.ark:2'
  file d/utt2num_frames 'ann-1 7' 'ann-2 98' 'bob-1 1'
  run "$UTILS/data/limit_feature_dim.sh" 0:2 d l
  [ "$status" = 0 ]
  [[ $output == *'removing l/cmvn.scp'* ]]
  sed 's/$/[:,0:2]/' d/feats.scp | cmp - l/feats.scp
  for name in text utt2spk spk2utt wav.scp utt2num_frames; do cmp d/$name l/$name; done
  [ ! -e l/cmvn.scp ]
  "$UTILS/validate_data_dir.sh" l
  "$UTILS/data/limit_feature_dim.sh" 0:2 d l # again
  sed 's/$/[:,0:2]/' d/feats.scp | cmp - l/feats.scp
}
@test "limit_feature_dim: ranges within ranges" {
  feature_dir d
  # the examples that Kaldi's normalize_data_range.pl gives: columns within columns add up, rows stay
  file d/feats.scp 'ann-1 d/feats.ark:0[2:5]' 'ann-2 d/feats.ark:0[1:6,1:3]' 'bob-1 d/feats.ark:0[,1:3]'
  "$UTILS/data/limit_feature_dim.sh" 1:2 d l
  is l/feats.scp 'ann-1 d/feats.ark:0[2:5,1:2]' 'ann-2 d/feats.ark:0[1:6,2:3]' 'bob-1 d/feats.ark:0[,2:3]'
  "$UTILS/data/get_utt2num_frames.sh" l
  is l/utt2num_frames 'ann-1 4 ' 'ann-2 6 ' 'bob-1 7 '
}
@test "limit_feature_dim: dimensions that are not there, bad ranges and lines are named; nothing is written" {
  feature_dir d
  run "$UTILS/data/limit_feature_dim.sh" 0:4 d l
  [ "$status" = 1 ]
  [[ $output == *"d/feats.scp:1: the features of 'ann-1' have dimensions 0:3"* ]]
  [ -z "$(ls -A l)" ]
  for range in 3 3: :3 3:1 a:b 0:03 '0:1]' ''; do
    run "$UTILS/data/limit_feature_dim.sh" "$range" d l
    [ "$status" = 1 ]
  done
  for entry in 'd/feats.ark:0[0:7]' 'd/feats.ark:0[5:2]' 'd/feats.ark:0[x]' 'd/none.ark:0' ''; do
    file d/feats.scp "ann-1 $entry" 'ann-2 d/feats.ark:0' 'bob-1 d/feats.ark:0'
    run "$UTILS/data/limit_feature_dim.sh" 0:1 d l
    [ "$status" = 1 ]
    [[ $output == *d/feats.scp:1* ]]
    [ -z "$(ls -A l)" ]
  done
  run "$UTILS/data/limit_feature_dim.sh" 0:1 d d
  [ "$status" = 1 ]
  rm d/feats.scp
  run "$UTILS/data/limit_feature_dim.sh" 0:1 d l
  [[ $status = 1 && $output == *'no such file d/feats.scp'* ]]
}

@test "get_frame_shift: from the durations and frames of the first ten utterances" {
  good_dir d
  features d 2 ann-1 100 ann-2 50 bob-1 50
  file d/utt2dur 'ann-1 2.03' 'ann-2 1.01' 'bob-1 1.02'
  run "$UTILS/data/get_frame_shift.sh" d
  [ "$output" = 0.0203 ]
  file d/utt2dur 'ann-1 1.005' 'ann-2 .51' 'bob-1 .51' # 2.025 s / 200 frames, which counts as 0.01
  run "$UTILS/data/get_frame_shift.sh" d
  [ "$output" = 0.01 ]
  ids=()
  for number in $(seq -w 1 12); do ids+=("u$number" 10); done
  features d 2 "${ids[@]}"
  awk '{print $1, NR <= 10 ? 0.3 : 99}' d/feats.scp >d/utt2dur
  run "$UTILS/data/get_frame_shift.sh" d
  [ "$output" = 0.03 ]
}
@test "get_frame_shift: the file of that name; no utt2dur; nothing to make it of" {
  feature_dir d
  file d/frame_shift 0.0125
  run "$UTILS/data/get_frame_shift.sh" d
  [ "$output" = 0.0125 ]
  rm d/frame_shift d/wav.scp
  run --separate-stderr "$UTILS/data/get_frame_shift.sh" d
  [[ $status = 0 && $output = 0.01 ]]
  file d/segments 'ann-1 r 0 0.21' 'ann-2 r 1 3.94' 'bob-1 r 5 5.03'
  run --separate-stderr "$UTILS/data/get_frame_shift.sh" d # 3.18 s, 106 frames
  [[ $status = 0 && $output = 0.03 ]]
  is d/utt2dur 'ann-1 0.21' 'ann-2 2.94' 'bob-1 0.03'
  file d/utt2dur 'eve-1 3'
  run "$UTILS/data/get_frame_shift.sh" d
  [[ $status = 1 && $output == *'no utterance of the first 10'* ]]
  rm d/feats.scp
  run "$UTILS/data/get_frame_shift.sh" d
  [[ $status = 1 && $output == *'no such file d/feats.scp'* ]]
}

@test "get_utt2num_frames: of ranges and of commands" {
  feature_dir d
  file d/feats.scp 'ann-1 d/feats.ark:0[1:3]' 'ann-2 tail -c +1 d/feats.ark |' 'bob-1 cat d/feats.ark |[2:6]'
  "$UTILS/data/get_utt2num_frames.sh" d
  is d/utt2num_frames 'ann-1 3 ' 'ann-2 7 ' 'bob-1 5 '
  rm d/utt2num_frames
  file d/feats.scp 'ann-1 d/feats.ark:0' 'ann-2 cat no/such.ark |' 'bob-1 d/feats.ark:0'
  run "$UTILS/data/get_utt2num_frames.sh" d
  [ "$status" != 0 ]
  [[ $output == *"d/feats.scp:2: 'ann-2'"* ]]
  [ ! -e d/utt2num_frames ]
}

@test "concat-feats: matrices one after the other" {
  mkdir 'my feats'
  features 'my feats' 2 a 2 b 3
  offset=$(sed -n 's/^b .*://p' 'my feats/feats.scp')
  "$UTILS/concat-feats" --print-args=false 'my feats/feats.ark:0' "my feats/feats.ark:${offset}[1:2,:]" - | floats >out
  is out '4 2: 0 1 100 101 100 101 200 201'
  "$UTILS/concat-feats" 'my feats/feats.ark:0' 'my feats/feats.ark:0' 'my feats/both.mat'
  floats <'my feats/both.mat' >out
  is out '4 2: 0 1 100 101 0 1 100 101'
}
@test "concat-feats: what cannot be joined is named; Kaldi's own is run where it is installed" {
  mkdir f g bin
  features f 2 a 2
  features g 3 a 2
  run "$UTILS/concat-feats" f/feats.ark:0 g/feats.ark:0 out
  [[ $status = 1 && $output == *'g/feats.ark:0 3'* && ! -e out ]]
  run "$UTILS/concat-feats" f/feats.ark:0 no.ark:0 out
  [[ $status = 1 && $output == *no.ark* && $output != *Traceback* ]]
  printf '#!/bin/sh\necho real "$@"\n' >bin/concat-feats
  chmod +x bin/concat-feats
  PATH=$UTILS:$PWD/bin:$PATH run concat-feats --print-args=false a b c
  [ "$output" = 'real --print-args=false a b c' ]
}
