#!/usr/bin/env bash
# Writes utt2num_frames, the number of feature frames of each utterance, if it is not there.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

cmd=run.pl
nj=4
frame_shift=0.01
frame_overlap=0.015
help_message="Usage: utils/data/get_utt2num_frames.sh [options] <data-dir>
e.g.: utils/data/get_utt2num_frames.sh data/train
The numbers come from the archives of feats.scp, or without it from the durations.
Options, used without feats.scp:
  --frame-shift <seconds>     from one frame to the next (default: $frame_shift)
  --frame-overlap <seconds>   by which a frame is longer than a shift (default: $frame_overlap)
  --cmd <runner> --nj <n>     accepted as in Kaldi; headers are read in one process"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
: "$cmd"
[[ $nj =~ ^[1-9][0-9]*$ ]] || fail "--nj must be a whole number above 0, got '$nj'"
need_file "$data/utt2spk"
if [ -s "$data/utt2num_frames" ] && [ "$(count_lines "$data/utt2spk")" -eq "$(count_lines "$data/utt2num_frames")" ]; then
  echo "$0: $data/utt2num_frames already present!"
  exit 0
fi
[ -f "$data/feats.scp" ] || "$utils/data/get_utt2dur.sh" "$data"
open_stage "$data"
if [ -f "$data/feats.scp" ]; then
  "$utils/internal/matrix_rows.pl" "$0" "$data/feats.scp" | in_parts "$data/utt2spk" "$nj" >"$stage/utt2num_frames"
else
  awk -v fs="$frame_shift" -v overlap="$frame_overlap" '{print $1 " " int(($2 - overlap) / fs)}' "$data/utt2dur" >"$stage/utt2num_frames"
fi
close_stage "$data"
echo "$0: Computed and wrote $data/utt2num_frames"
