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
(all of the sound is read where a command does not say how much it will write), else from feats.scp, else from
utt2num_frames.
Options:
  --frame-shift <seconds>   used with feats.scp and utt2num_frames if there is no file frame_shift
                            (default: $frame_shift)
  --cmd <runner> --nj <n>   accepted as in Kaldi; headers are read in one process
  --read-entire-file <bool> accepted as in Kaldi"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
: "$cmd" "$read_entire_file"
[[ $nj =~ ^[1-9][0-9]*$ ]] || fail "--nj must be a whole number above 0, got '$nj'"
need_file "$data/utt2spk"

if [ -s "$data/utt2dur" ] && [ "$(wc -l <"$data/utt2spk")" -eq "$(wc -l <"$data/utt2dur")" ]; then
  echo "$0: $data/utt2dur already exists with the expected length. We won't recompute it."
  exit 0
fi

open_stage "$data"
if [ -s "$data/frame_shift" ]; then frame_shift=$(cat "$data/frame_shift"); fi
# times_of_frames: "<id> <frames>" lines in, "<id> <seconds>" lines out. 1.5 shifts are what a window of 25 ms is longer
# than a shift of 10 ms.
times_of_frames() { awk -v shift_s="$frame_shift" '{print $1, ($2 + 1.5) * shift_s}'; }
if [ -s "$data/segments" ]; then
  echo "$0: working out $data/utt2dur from $data/segments"
  if awk '$4 == -1 {found = 1} END {exit !found}' "$data/segments"; then # to the end of the recording
    [ -s "$data/reco2dur" ] || "$utils/data/get_reco2dur.sh" "$data" >&2
    awk 'NR == FNR {seconds[$1] = $2; next} {print $1, ($4 == -1 ? seconds[$2] : $4) - $3}' \
      "$data/reco2dur" "$data/segments"
  else
    awk '{print $1, $4 - $3}' "$data/segments"
  fi >"$stage/utt2dur"
elif [ -s "$data/frame_shift" ] && [ -f "$data/utt2num_frames" ]; then
  echo "$0: computing $data/utt2dur from $data/{frame_shift,utt2num_frames}."
  times_of_frames <"$data/utt2num_frames" >"$stage/utt2dur"
elif [ -f "$data/wav.scp" ]; then
  echo "$0: segments file does not exist so getting durations from wave files"
  if reads_sphere "$data/wav.scp"; then
    "$utils/internal/durations.pl" "$0" "$data/wav.scp" sphere
  else
    "$utils/internal/durations.pl" "$0" "$data/wav.scp" wav "$data/utt2spk" | in_parts "$data/utt2spk" "$nj"
  fi >"$stage/utt2dur" || fail "there was a problem getting the durations (named above); $data/utt2dur was not written"
elif [ -f "$data/feats.scp" ]; then
  echo "$0: wave file does not exist so getting durations from feats files"
  "$utils/internal/matrix_rows.pl" "$0" "$data/feats.scp" | times_of_frames >"$stage/utt2dur"
elif [ -f "$data/utt2num_frames" ]; then
  echo "$0: wave file does not exist so getting durations from utt2num_frames"
  times_of_frames <"$data/utt2num_frames" >"$stage/utt2dur"
else
  fail "expected $data/wav.scp, $data/segments, $data/feats.scp or $data/utt2num_frames to exist"
fi

wanted=$(wc -l <"$data/utt2spk")
have=$(wc -l <"$stage/utt2dur")
if [ "$wanted" != "$have" ]; then
  echo "$0: warning: length of utt2dur does not equal that of utt2spk, $have != $wanted" >&2
  [ "$wanted" -le $((have * 2)) ] || fail "less than half of utterances got a duration: failing."
fi
close_stage "$data"
echo "$0: computed $data/utt2dur"
