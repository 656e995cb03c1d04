#!/usr/bin/env bash
# Writes the utterances of a list, of a data directory, as another data directory.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

help_message="Usage: utils/reduce_data_dir.sh <srcdir> <utterance-list> <destdir>
e.g.: utils/reduce_data_dir.sh data/train data/chosen data/train_chosen
The first field of a line of the list is an utterance. Recordings and speakers without an utterance are left out."
. "$utils/parse_options.sh"
if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
list=$2
dest=${3%/}
need_file "$source/utt2spk" "$list"
[ ! "$source" -ef "$dest" ] || fail "<srcdir> and <destdir> must be different."

# keep LIST NAME...: the lines of these files of the source whose first field stands in LIST
keep() {
  local list=$1 name
  shift
  for name in "$@"; do
    if [ -f "$source/$name" ]; then "$utils/filter_scp.pl" "$list" "$source/$name" >"$stage/$name"; fi
  done
}

open_stage "$dest"
keep "$list" utt2spk
[ -s "$stage/utt2spk" ] || fail "no utterance of $list is in $source/utt2spk"
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
keep "$stage/utt2spk" text segments feats.scp vad.scp utt2lang utt2dur utt2num_frames utt2num_samples utt2uniq phones
keep "$stage/spk2utt" spk2gender cmvn.scp
recordings=$stage/utt2spk
if [ -f "$stage/segments" ]; then
  recordings=$stage/.recordings
  awk '{ print $2 }' "$stage/segments" | sort -u >"$recordings"
  keep "$recordings" stm # without its comments, as sclite wants it
fi
keep "$recordings" wav.scp reco2file_and_channel reco2dur
rm -f "$stage/.recordings"
close_stage "$dest"
echo "Reduced #utt from $(count_lines "$source/utt2spk") to $(count_lines "$dest/utt2spk")"
