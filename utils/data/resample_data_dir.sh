#!/usr/bin/env bash
# Makes wav.scp of a data directory give its sound at another sampling rate, through sox.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/resample_data_dir.sh <frequency> <data-dir>
e.g.: utils/data/resample_data_dir.sh 8000 data/dev
wav.scp is changed in place; the old one, feats.scp with cmvn.scp, and utt2num_samples go to <data-dir>/.backup.
utt2dur is made first if it is not there: later it would take all of the sound to be resampled."
case ${1:-} in
  --help | -h)
    echo "$help_message"
    exit 0
    ;;
esac
if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
rate=$1
data=${2%/}
[[ $rate =~ ^[1-9][0-9]*$ ]] || fail "the frequency must be a whole number of Hz, got '$rate'"
sox=$(command -v sox) || fail "could not find sox in PATH; install it, e.g.: apt-get install sox"
need_file "$data/wav.scp"
[ -s "$data/utt2dur" ] || "$utils/data/get_utt2dur.sh" "$data" >&2

open_stage "$data"
"$utils/internal/play_through_sox.pl" "$sox" "-c 1 -b 16 -t wav - rate $rate" cat <"$data/wav.scp" >"$stage/wav.scp"
mkdir -p "$data/.backup"
cp "$data/wav.scp" "$data/.backup/wav.scp"
gone="utt2num_samples"
[ ! -f "$data/feats.scp" ] || gone+=" feats.scp cmvn.scp"
for file in $gone; do
  if [ -f "$data/$file" ]; then
    mv "$data/$file" "$data/.backup/"
    echo "$0: $file already exists. Moving it to $data/.backup"
  fi
done
close_stage "$data"
