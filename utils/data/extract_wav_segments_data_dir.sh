#!/usr/bin/env bash
# Copies a data directory with the sound of each segment in an archive of its own, so that no segments are needed.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/extract_wav_segments_data_dir.sh <srcdir> <destdir>
e.g.: utils/data/extract_wav_segments_data_dir.sh data/train data/train_cut
The parts of recordings that <srcdir>/segments names are written as 16-bit PCM at their sampling rate to
<destdir>/data/wav_segments.ark, and read from there by wav-copy. Recordings must have one channel. Needs jstasr's
Python (. path.sh)."
. "$utils/parse_options.sh"

if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
dest=${2%/}
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."
need_file "$source/utt2spk" "$source/wav.scp"
[ -f "$source/segments" ] || fail "no such file $source/segments: its recordings are utterances already; copy it: utils/copy_data_dir.sh $source $dest"
need_python

open_stage "$dest"
for file in "$source"/*; do
  case ${file##*/} in
    segments | wav.scp | reco2file_and_channel | reco2dur) ;; # of recordings
    *) [ ! -f "$file" ] || cp "$file" "$stage/" ;;
  esac
done
mkdir "$stage/data"
PATH=$utils:$PATH PYTHONPATH="${utils%/*}${PYTHONPATH:+:$PYTHONPATH}" "$utils/internal/extract_segments.py" "$0" "$source" \
  "$stage/data/wav_segments.ark" "$dest/data/wav_segments.ark" >"$stage/data/wav_segments.scp"
"$utils/internal/play_archive.pl" <"$stage/data/wav_segments.scp" >"$stage/wav.scp"
options=()
[ -f "$source/text" ] || options+=(--no-text)
[ -f "$source/feats.scp" ] || options+=(--no-feats)
check_stage "$source" "$dest" "${options[@]}"
move_aside "$source" "$dest"
mkdir -p "$dest/data"
mv -f "$stage"/data/* "$dest/data/"
rmdir "$stage/data"
close_stage "$dest"
echo "$0: extracted $(wc -l <"$dest/wav.scp") segments of $source to $dest/data/wav_segments.ark"
