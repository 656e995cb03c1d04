#!/usr/bin/env bash
# Copies a data directory with short utterances joined to neighbours, by their features.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

cleanup=true
speaker_only=false
help_message="Usage: utils/data/combine_short_segments.sh [options] <srcdir> <min-segment-length-in-seconds> <dir>
e.g.: utils/data/combine_short_segments.sh data/train 1.55 data/train_comb
An utterance shorter than that is joined to a neighbour of the same speaker, or of another where that is not enough; the
new one is named after the first, as utt2-comb3, and belongs to who speaks longest. Sound is not joined: <dir> has
feats.scp, text, utt2spk, spk2utt, utt2dur and, where <srcdir> has it, utt2uniq.
Options:
  --speaker-only <true|false>   join utterances of one speaker only (default: false)
  --cleanup <true|false>        false: keep utt2utts, the utterances in each new one (default: true)"
. "$utils/parse_options.sh"

if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
least=$2
dest=${3%/}
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <dir> to be different."
for file in utt2spk feats.scp; do
  [ -s "$source/$file" ] || fail "expected file $source/$file to exist and be nonempty"
done
if ! [[ $least =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)$ ]] || ! awk -v x="$least" 'BEGIN {exit !(x > 0 && x < 100)}'; then
  fail "<min-segment-length-in-seconds> must be a number above 0 and below 100, got '$least'"
fi
need_python
options=(--no-wav)
[ -f "$source/text" ] || options+=(--no-text)
"$utils/validate_data_dir.sh" "${options[@]}" "$source" ||
  fail "failed to validate input directory $source. If needed, run utils/fix_data_dir.sh $source"
"$utils/data/get_utt2dur.sh" "$source"

open_stage "$dest"
"$utils/internal/combine_short.py" "$0" "$source" "$stage" "$least" "$speaker_only"
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
check_stage "$source" "$dest" "${options[@]}"
if $cleanup; then rm -f "$stage/utt2utts" "$dest/utt2utts"; fi
move_aside "$source" "$dest"
close_stage "$dest"
