#!/usr/bin/env bash
# Writes utt2dur, the duration of each utterance in seconds, if it is not there.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

frame_shift=0.01
cmd=run.pl
nj=4
read_entire_file=false
help_message="Usage: utils/data/get_utt2dur.sh [options] <data-dir>
e.g.: utils/data/get_utt2dur.sh data/train
Durations come from segments, else from utt2num_frames and the file frame_shift, else from the sound files' headers
(all of the sound is read where a command does not say how much it will write), else from utt2num_frames.
Options:
  --frame-shift <seconds>   used with utt2num_frames if there is no file frame_shift (default: $frame_shift)
  --cmd <runner> --nj <n>   accepted as in Kaldi; headers are read in one process
  --read-entire-file <bool> accepted as in Kaldi"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
: "$cmd" "$nj" "$read_entire_file"
need_file "$data/utt2spk"

if [ -s "$data/utt2dur" ] && [ "$(wc -l <"$data/utt2spk")" -eq "$(wc -l <"$data/utt2dur")" ]; then
  echo "$0: $data/utt2dur already exists with the expected length. We won't recompute it."
  exit 0
fi

open_stage "$data"
if [ -s "$data/segments" ]; then
  echo "$0: working out $data/utt2dur from $data/segments"
  awk '{print $1, $4 - $3}' "$data/segments" >"$stage/utt2dur"
elif [ -s "$data/frame_shift" ] && [ -f "$data/utt2num_frames" ]; then
  echo "$0: computing $data/utt2dur from $data/{frame_shift,utt2num_frames}."
  # 1.5 shifts are what a window of 25 ms is longer than a shift of 10 ms.
  awk -v shift_s="$(cat "$data/frame_shift")" '{$2 = ($2 + 1.5) * shift_s; print}' "$data/utt2num_frames" >"$stage/utt2dur"
elif [ -f "$data/wav.scp" ]; then
  echo "$0: segments file does not exist so getting durations from wave files"
  "$utils/internal/durations.pl" "$0" "$data/wav.scp" >"$stage/utt2dur" ||
    echo "$0: there was a problem getting the durations (named above)" >&2
elif [ -f "$data/utt2num_frames" ]; then
  echo "$0: wave file does not exist so getting durations from utt2num_frames"
  awk -v shift_s="$frame_shift" '{print $1, ($2 + 1.5) * shift_s}' "$data/utt2num_frames" >"$stage/utt2dur"
else
  fail "expected $data/wav.scp, $data/segments or $data/utt2num_frames to exist"
fi

wanted=$(wc -l <"$data/utt2spk")
have=$(wc -l <"$stage/utt2dur")
if [ "$wanted" != "$have" ]; then
  echo "$0: warning: length of utt2dur does not equal that of utt2spk, $have != $wanted" >&2
  [ "$wanted" -le $((have * 2)) ] || fail "less than half of utterances got a duration: failing."
fi
close_stage "$data"
echo "$0: computed $data/utt2dur"
