#!/usr/bin/env bash
# Joins data directories into one.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

extra_files=
skip_fix=false
help_message="Usage: utils/combine_data.sh [options] <dest-data-dir> <src-data-dir1> <src-data-dir2> ...
e.g.: utils/combine_data.sh data/train data/train_clean data/train_other
A file is joined if all of the sources have it. utt2uniq and segments are made for the sources that lack them if one
source has them. <dest-data-dir> is replaced.
Options:
  --extra-files 'file ...'   other files to join
  --skip-fix <true|false>    do not run fix_data_dir.sh at the end (default: false)"
echo "$0 $*"
. "$utils/parse_options.sh"

if [ $# -lt 2 ]; then
  echo "$help_message"
  exit 1
fi
dest=${1%/}
shift
for source in "$@"; do
  need_file "$source/utt2spk"
  [ ! "$source" -ef "$dest" ] || fail "$dest is both a source and the destination"
done

# any_has FILE, all_have FILE: of the sources
any_has() {
  local source
  for source in "${sources[@]}"; do [ ! -f "$source/$1" ] || return 0; done
  return 1
}
all_have() {
  local source
  for source in "${sources[@]}"; do [ -f "$source/$1" ] || return 1; done
}
# whole_lines FILE: as cat, but a last line without a newline gets one
whole_lines() { awk 1 "$1"; }

sources=("$@")
shift_from=
for source in "${sources[@]}"; do
  if [ ! -f "$source/feats.scp" ] || [ ! -f "$source/frame_shift" ]; then continue; fi
  if [ -n "$shift_from" ] && ! cmp -s "$shift_from/frame_shift" "$source/frame_shift"; then
    fail "$shift_from/frame_shift and $source/frame_shift differ: features of different frame shifts cannot be joined"
  fi
  shift_from=$source
done
mkdir -p "$(dirname "$dest")"
open_stage "$(dirname "$dest")"
[ -z "$shift_from" ] || cp "$shift_from/frame_shift" "$stage/"

if any_has utt2uniq; then
  for source in "${sources[@]}"; do
    if [ -f "$source/utt2uniq" ]; then whole_lines "$source/utt2uniq"; else awk '{print $1, $1}' "$source/utt2spk"; fi
  done | sort -k1 >"$stage/utt2uniq"
  echo "$0: combined utt2uniq"
else
  echo "$0 [info]: not combining utt2uniq as it does not exist"
fi

if any_has segments; then
  for source in "${sources[@]}"; do
    if [ -f "$source/segments" ]; then
      whole_lines "$source/segments"
    else
      echo "$0 [info]: will generate missing segments for $source" >&2
      "$utils/data/get_segments_for_data.sh" "$source"
    fi
  done | sort -k1 >"$stage/segments"
  echo "$0: combined segments"
else
  echo "$0 [info]: not combining segments as it does not exist"
fi

read -r -a extras <<<"$extra_files"
for file in utt2spk utt2lang utt2dur utt2num_frames reco2dur feats.scp text cmvn.scp vad.scp reco2file_and_channel \
  wav.scp spk2gender utt2num_samples phones "${extras[@]}"; do
  [ "$file" != utt2uniq ] || continue # joined above
  if all_have "$file"; then
    for source in "${sources[@]}"; do whole_lines "$source/$file"; done | sort -k1 >"$stage/$file"
    echo "$0: combined $file"
  elif any_has "$file"; then
    echo "$0 [info]: **not combining $file as it does not exist everywhere**"
  else
    echo "$0 [info]: not combining $file as it does not exist"
  fi
done
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"

rm -rf "$dest"
mkdir "$dest"
close_stage "$dest"
if ! $skip_fix; then
  "$utils/fix_data_dir.sh" "$dest"
fi
