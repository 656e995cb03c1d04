#!/usr/bin/env bash
# Copies a data directory, with a prefix or a suffix on its utterance and speaker ids.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

spk_prefix=
utt_prefix=
spk_suffix=
utt_suffix=
validate_opts=
help_message="Usage: utils/copy_data_dir.sh [options] <srcdir> <destdir>
e.g.: utils/copy_data_dir.sh --spk-prefix 1- --utt-prefix 1- data/train data/train_1
Recording ids stay as they are, so with segments wav.scp is copied unchanged.
Options:
  --spk-prefix, --spk-suffix <text>   put before or after each speaker id
  --utt-prefix, --utt-suffix <text>   put before or after each utterance id
  --validate-opts '<options>'         options for validate_data_dir.sh, e.g. '--non-print'"
. "$utils/parse_options.sh"

if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
dest=${2%/}
need_file "$source/utt2spk"
for affix in "$utt_prefix" "$utt_suffix" "$spk_prefix" "$spk_suffix"; do
  # awk below takes a backslash for an escape
  [[ $affix != *[[:space:]\\]* ]] || fail "invalid prefix or suffix '$affix': a blank or backslash is no part of an id"
done
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."

# map_ids MAP FILE: FILE with its first field mapped, if there is such a file
map_ids() {
  if [ -f "$source/$2" ]; then
    map_first_field "$stage/$1" <"$source/$2" >"$stage/$2" || fail "$source/$2 has an id that utt2spk lacks; fix it: utils/fix_data_dir.sh $source"
  fi
}
# copy_as_is FILE...: those of them that exist
copy_as_is() {
  local file
  for file in "$@"; do
    [ ! -f "$source/$file" ] || cp "$source/$file" "$stage/$file"
  done
}

open_stage "$dest"
awk -v p="$utt_prefix" -v s="$utt_suffix" '{print $1, p $1 s}' "$source/utt2spk" >"$stage/utt_map"
awk -v p="$spk_prefix" -v s="$spk_suffix" '!seen[$2]++ {print $2, p $2 s}' "$source/utt2spk" >"$stage/spk_map"

"$utils/apply_map.pl" -f 1 "$stage/utt_map" <"$source/utt2spk" |
  "$utils/apply_map.pl" -f 2 "$stage/spk_map" >"$stage/utt2spk"
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
if [ -f "$source/utt2uniq" ]; then
  awk -v p="$utt_prefix" -v s="$utt_suffix" '{print p $1 s, $2}' "$source/utt2uniq" >"$stage/utt2uniq"
fi
for file in feats.scp vad.scp text utt2dur utt2num_frames utt2num_samples utt2lang phones; do
  map_ids utt_map "$file"
done
for file in spk2gender cmvn.scp; do
  map_ids spk_map "$file"
done
if [ -f "$source/segments" ]; then
  map_ids utt_map segments
  copy_as_is wav.scp reco2dur
else
  map_ids utt_map wav.scp
  map_ids utt_map reco2dur
fi
copy_as_is reco2file_and_channel frame_shift stm glm ctm
rm "$stage/utt_map" "$stage/spk_map"

move_aside "$source" "$dest"
close_stage "$dest"
echo "$0: copied data from $source to $dest"

read -r -a options <<<"$validate_opts"
[ -f "$source/feats.scp" ] || options+=(--no-feats)
[ -f "$source/text" ] || options+=(--no-text)
"$utils/validate_data_dir.sh" "${options[@]}" "$dest"
