#!/usr/bin/env bash
# Copies a data directory with its speakers split into smaller ones (or with new, invented ones).
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

utts_per_spk_max=-1
seconds_per_spk_max=-1
respect_speaker_info=true
respect_recording_info=true
help_message="Usage: utils/data/modify_speaker_info.sh [options] <srcdir> <destdir>
e.g.: utils/data/modify_speaker_info.sh --utts-per-spk-max 2 data/train data/train-max2
Puts consecutive utterances together to new speakers, up to a number of utterances or seconds each.
Options (one of the first two is needed):
  --utts-per-spk-max <n>                  utterances of one speaker (default: -1, any number)
  --seconds-per-spk-max <n>               seconds of one speaker (default: -1, any length)
  --respect-speaker-info <true|false>     never join utterances of different speakers (default: true)
  --respect-recording-info <true|false>   with --respect-speaker-info false: never join utterances of different
                                          recordings (default: true)"
. "$utils/parse_options.sh"

if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
dest=${2%/}
[ ! "$source" -ef "$dest" ] || fail "<srcdir> must be different from <destdir>."
[[ $utts_per_spk_max =~ ^-?[0-9]+$ ]] || fail "--utts-per-spk-max takes a whole number, got '$utts_per_spk_max'"
[[ $seconds_per_spk_max =~ ^-?[0-9]+\.?[0-9]*$ ]] || fail "--seconds-per-spk-max takes a number, got '$seconds_per_spk_max'"
if [ "$utts_per_spk_max" -le 0 ] && [[ $seconds_per_spk_max =~ ^(-.*|0|0\.0*)$ ]]; then
  fail "one or both of the --utts-per-spk-max or --seconds-per-spk-max options must be provided."
fi
need_file "$source/utt2spk"
durations=/dev/null
if [ "$seconds_per_spk_max" != -1 ]; then
  "$utils/data/get_utt2dur.sh" "$source"
  durations=$source/utt2dur
fi

open_stage "$dest"
group=true
if $respect_speaker_info; then
  cp "$source/utt2spk" "$stage/.groups"
elif $respect_recording_info && [ -f "$source/segments" ]; then
  awk '{print $1 " " $2}' "$source/segments" >"$stage/.groups"
elif $respect_recording_info; then
  awk '{print $1 " " $2}' "$source/wav.scp" >"$stage/.groups"
else
  group=false
  sort "$source/utt2spk" >"$stage/.groups"
fi
"$utils/internal/group_utterances.pl" "$0" "$group" "$utts_per_spk_max" "$seconds_per_spk_max" "$durations" \
  <"$stage/.groups" >"$stage/utt2spk"
rm "$stage/.groups"
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
for file in feats.scp segments wav.scp reco2file_and_channel text stm glm ctm utt2lang phones; do
  [ ! -f "$source/$file" ] || cp "$source/$file" "$stage/"
done
if [ -f "$dest/cmvn.scp" ]; then
  mkdir -p "$dest/.backup"
  mv "$dest/cmvn.scp" "$dest/.backup/"
  echo "$0: moving $dest/cmvn.scp to $dest/.backup/cmvn.scp"
fi
close_stage "$dest"

echo "$0: copied data from $source to $dest, number of speakers changed from $(count_lines "$source/spk2utt") to $(count_lines "$dest/spk2utt")"
options=()
[ -f "$source/feats.scp" ] || options+=(--no-feats)
[ -f "$source/text" ] || options+=(--no-text)
[ -f "$source/wav.scp" ] || options+=(--no-wav)
"$utils/validate_data_dir.sh" "${options[@]}" "$dest"
