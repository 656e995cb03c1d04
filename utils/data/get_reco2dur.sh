#!/usr/bin/env bash
# Writes reco2dur, the duration of each recording in seconds, if it is not there.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

frame_shift=0.01
cmd=run.pl
nj=4
read_entire_file=false
help_message="Usage: utils/data/get_reco2dur.sh [options] <data-dir>
e.g.: utils/data/get_reco2dur.sh data/train
Durations come from utt2dur where utterances are recordings (no segments), else from the headers of the sound files in
wav.scp; all of the sound is read where a command does not say how much it will write.
Options:
  --frame-shift, --cmd, --nj, --read-entire-file   accepted as in Kaldi; headers are read in one process"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
: "$frame_shift" "$cmd" "$nj" "$read_entire_file"
if [ -s "$data/reco2dur" ] && [ "$(count_lines "$data/wav.scp")" -eq "$(wc -l <"$data/reco2dur")" ]; then
  echo "$0: $data/reco2dur already exists with the expected length. We won't recompute it."
  exit 0
fi
if [ -s "$data/utt2dur" ] && [ ! -s "$data/segments" ] &&
  [ "$(count_lines "$data/utt2spk")" -eq "$(wc -l <"$data/utt2dur")" ]; then
  echo "$0: $data/wav.scp indexed by utt-id; copying utt2dur to reco2dur"
  open_stage "$data"
  cp "$data/utt2dur" "$stage/reco2dur"
  close_stage "$data"
  exit 0
fi
need_file "$data/wav.scp"
open_stage "$data"
form=wav
if reads_sphere "$data/wav.scp"; then form=sphere; fi
"$utils/internal/durations.pl" "$0" "$data/wav.scp" "$form" >"$stage/reco2dur" ||
  fail "there was a problem getting the durations (named above); $data/reco2dur was not written"
close_stage "$data"
echo "$0: computed $data/reco2dur"
