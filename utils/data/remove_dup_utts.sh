#!/usr/bin/env bash
# Copies a data directory with fewer of the utterances whose transcript is very common.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/remove_dup_utts.sh <max-count> <src-data-dir> <dest-data-dir>
e.g.: utils/data/remove_dup_utts.sh 10 data/train data/train_nodup
Keeps about <max-count> utterances of each transcript that more utterances than that have, chosen the same way each
time."
case ${1:-} in
  --help | -h)
    echo "$help_message"
    exit 0
    ;;
esac
if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
max_count=$1
source=${2%/}
dest=${3%/}
need_file "$source/text"
[[ $max_count =~ ^[0-9]+$ && $max_count -gt 1 ]] || fail "invalid max-count '$max_count', it must be a number above 1"
[ ! "$source" -ef "$dest" ] || fail "<src-data-dir> and <dest-data-dir> must be different."

open_stage "$dest"
for file in "$source"/*; do
  [ ! -f "$file" ] || cp "$file" "$stage/"
done
# Kaldi's own sequence of numbers below 1 (k -> k + 103349 modulo 71147), so that the same utterances stay.
awk -v max_count="$max_count" '
  function next_number() {
    state = (state + 103349) % 71147
    return state / 71147
  }
  {
    lines[NR] = $0
    words = ""
    for (i = 2; i <= NF; i++) words = words " " $i
    transcript[NR] = words
    count[words]++
  }
  END {
    for (n = 1; n <= NR; n++) {
      c = count[transcript[n]]
      if (c < max_count || next_number() < max_count / c) print lines[n]
    }
  }' "$source/text" >"$stage/text"
close_stage "$dest"

echo "Reduced number of utterances from $(wc -l <"$source/text") to $(wc -l <"$dest/text")"
echo "Using fix_data_dir.sh to reconcile the other files."
"$utils/fix_data_dir.sh" "$dest"
rm -r "$dest/.backup"
