#!/usr/bin/env bash
# Copies a data directory with its recordings as utterances: without segments.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/convert_data_dir_to_whole.sh <srcdir> <destdir>
e.g.: utils/data/convert_data_dir_to_whole.sh data/dev data/dev_whole
Each recording of <srcdir>/segments becomes an utterance and a speaker of its own; its text is that of its segments, in
the order of their times. A directory without segments is copied."
. "$utils/parse_options.sh"

if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
dest=${2%/}
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."
if [ ! -f "$source/segments" ]; then
  echo "$0: Data directory already does not contain segments. So just copying it."
  exec "$utils/copy_data_dir.sh" "$source" "$dest"
fi
need_file "$source/wav.scp"
need_clean "$source"/{wav.scp,segments,text,reco2file_and_channel}

open_stage "$dest"
"$utils/internal/join_segments.pl" "$0" "$source" "$stage" || exit 1
for file in stm glm; do
  [ ! -f "$source/$file" ] || cp "$source/$file" "$stage/"
done
for file in wav.scp reco2file_and_channel; do
  [ ! -f "$source/$file" ] || "$utils/filter_scp.pl" "$stage/utt2spk" "$source/$file" | sort -k1,1 >"$stage/$file"
done
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
options=(--no-feats)
[ -f "$source/text" ] || options+=(--no-text)
check_stage "$source" "$dest" "${options[@]}"
move_aside "$source" "$dest"
close_stage "$dest"
