#!/usr/bin/env bash
# Prints the frame shift of the features of a data directory in seconds, as nearly as durations tell it.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/get_frame_shift.sh <data-dir>
e.g.: utils/data/get_frame_shift.sh data/train
From the file frame_shift, else from the durations and the frames of the first 10 utterances of feats.scp (a value up to
0.0102 counts as 0.01). utt2dur is made if it is not there; where it cannot be, for lack of wav.scp and segments, 0.01."
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
[ -d "$data" ] || fail "no such directory $data"
if [ -s "$data/frame_shift" ]; then
  cat "$data/frame_shift"
  exit 0
fi
if [ ! -s "$data/utt2dur" ]; then
  if [ ! -e "$data/wav.scp" ] && [ ! -s "$data/segments" ]; then
    echo "$0: neither $data/wav.scp nor $data/segments exist; assuming a frame shift of 0.01." >&2
    echo 0.01
    exit 0
  fi
  echo "$0: $data/utt2dur does not exist: creating it" >&2
  "$utils/data/get_utt2dur.sh" "$data" >&2
fi
need_file "$data/feats.scp"

first=$(head -n 10 "$data/feats.scp" | "$utils/internal/matrix_rows.pl" "$0" /dev/stdin) ||
  fail "could not read the features on that line of $data/feats.scp (see above)"
awk -v me="$0" -v data="$data" '
  NR == FNR {
    frames[$1] = $2
    next
  }
  $1 in frames {
    seconds += $2
    total += frames[$1]
  }
  END {
    if (total == 0) {
      print me ": no utterance of the first 10 in " data "/feats.scp has a duration in " data "/utt2dur" >"/dev/stderr"
      exit 1
    }
    shift = seconds / total
    if (shift > 0.01 && shift < 0.0102) shift = 0.01
    print shift
  }' <(echo "$first") "$data/utt2dur"
