#!/usr/bin/env bash
# Sorts the files of a data directory and keeps only the utterances and speakers that all of them have.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

utt_extra_files=
spk_extra_files=
help_message="Usage: utils/fix_data_dir.sh [options] <data-dir>
e.g.: utils/fix_data_dir.sh data/train
Sorts the files of <data-dir> as LC_ALL=C and drops repeated ids, then drops every utterance that some file lacks,
and every recording and speaker left without utterances; spk2utt is made from utt2spk. The old files are kept in
<data-dir>/.backup. If an error is reported, nothing was changed.
Options:
  --utt-extra-files 'file ...'   other files of <data-dir> to filter whose first field is an utterance
  --spk-extra-files 'file ...'   the same for speakers"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
[ -d "$data" ] || fail "no such directory $data"
need_file "$data/utt2spk"
mkdir -p "$data/.backup"

exec perl "$utils/internal/fix_data_dir.pl" "$0" "$data" "$utt_extra_files" "$spk_extra_files"
