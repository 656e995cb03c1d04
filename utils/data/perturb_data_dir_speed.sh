#!/usr/bin/env bash
# Copies a data directory with its recordings played faster or slower by sox, through wav.scp.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

include_spk_prefix=true
help_message="Usage: utils/data/perturb_data_dir_speed.sh [options] <warping-factor> <srcdir> <destdir>
e.g.: utils/data/perturb_data_dir_speed.sh 0.9 data/train data/train_sp0.9
Utterance, speaker and recording ids get the prefix 'sp<factor>-'.
Options:
  --include-spk-prefix <true|false>   give speaker ids the prefix too (default: true)"
. "$utils/parse_options.sh"

if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
factor=$1
source=${2%/}
dest=${3%/}
prefix=sp$factor-
if $include_spk_prefix; then spk_prefix=$prefix; else spk_prefix=; fi

[[ $factor =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)$ && ! $factor =~ ^[0.]+$ ]] || fail "the warping factor must be a number above 0, got '$factor'"
command -v sox >/dev/null || fail "sox: command not found; install it, e.g.: apt-get install sox"
need_file "$source/utt2spk"
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."

# What the sound of the copy cannot give cheaply is worked out from the source first.
if [ -f "$source/wav.scp" ]; then
  [ -f "$source/utt2dur" ] || "$utils/data/get_utt2dur.sh" "$source"
  [ -f "$source/reco2dur" ] || "$utils/data/get_reco2dur.sh" "$source"
fi

open_stage "$dest"
awk -v p="$prefix" '{print $1, p $1}' "$source/utt2spk" >"$stage/.utt_map"
awk -v p="$spk_prefix" '!seen[$2]++ {print $2, p $2}' "$source/utt2spk" >"$stage/.spk_map"
[ ! -f "$source/wav.scp" ] || awk -v p="$prefix" '{print $1, p $1}' "$source/wav.scp" >"$stage/.reco_map"

# map_ids MAP FILE...: the source's files with their first field mapped, those that exist
map_ids() {
  local map=$1 file
  shift
  for file in "$@"; do
    [ ! -f "$source/$file" ] || map_first_field "$stage/$map" <"$source/$file" >"$stage/$file"
  done
}
# play_at_factor: wav.scp lines in, lines that send the sound through sox out
play_at_factor() { "$utils/internal/play_through_sox.pl" sox "-t wav - speed $factor"; }
# shorten FILE: "<id> <seconds>" with the seconds divided by the factor
shorten() {
  awk -v factor="$factor" '{print $1, $2 / factor}' "$stage/$1" >"$stage/.shorter"
  mv "$stage/.shorter" "$stage/$1"
}

if [ -f "$source/utt2uniq" ]; then
  awk -v p="$prefix" '{print p $1, $2}' "$source/utt2uniq" >"$stage/utt2uniq"
else
  awk -v p="$prefix" '{print p $1, $1}' "$source/utt2spk" >"$stage/utt2uniq"
fi
"$utils/apply_map.pl" -f 1 "$stage/.utt_map" <"$source/utt2spk" |
  "$utils/apply_map.pl" -f 2 "$stage/.spk_map" >"$stage/utt2spk"
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"

if [ -f "$source/segments" ]; then
  need_file "$source/wav.scp"
  "$utils/apply_map.pl" -f 1 "$stage/.utt_map" <"$source/segments" |
    "$utils/apply_map.pl" -f 2 "$stage/.reco_map" |
    awk -v factor="$factor" '{
      start = $3 / factor
      end = $4 / factor
      if ($4 == -1) printf "%s %s %.2f -1\n", $1, $2, start # to the end of the recording
      else if (end > start + 0.01) printf "%s %s %.2f %.2f\n", $1, $2, start, end
    }' >"$stage/segments"
  map_ids .reco_map reco2file_and_channel
fi
if [ -f "$source/wav.scp" ]; then
  map_first_field "$stage/.reco_map" <"$source/wav.scp" | play_at_factor >"$stage/wav.scp"
  map_ids .reco_map reco2dur
  shorten reco2dur
fi
map_ids .utt_map text utt2lang utt2dur phones
map_ids .spk_map spk2gender
[ ! -f "$stage/utt2dur" ] || shorten utt2dur
rm -f "$stage"/.*_map
close_stage "$dest"

echo "$0: generated speed-perturbed version of data in $source, in $dest"
"$utils/validate_data_dir.sh" --no-feats --no-text "$dest"
