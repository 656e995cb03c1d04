#!/usr/bin/env bash
# Splits a data directory into a training set and a held-out set.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

cv_spk_percent=
cv_utt_percent=10
seed=777
help_message="Usage: utils/subset_data_dir_tr_cv.sh [options] <srcdir> <traindir> <crossvaldir>
Options:
  --cv-utt-percent <P>   hold out the last P% of the utterances; the border is moved back to a change of speaker
                         (default: $cv_utt_percent)
  --cv-spk-percent <P>   hold out P% of the speakers, chosen at random, instead
  --seed <n>             of the random choice (default: $seed)"
echo "$0 $*"
. "$utils/parse_options.sh"

if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
train=${2%/}
heldout=${3%/}
percent=${cv_spk_percent:-$cv_utt_percent}
[[ $percent =~ ^[0-9]+$ && $percent -le 100 ]] || fail "the percentage must be a whole number up to 100, got '$percent'"

if [ -z "$cv_spk_percent" ]; then
  need_file "$source/utt2spk"
  total=$(wc -l <"$source/utt2spk")
  wanted=$((total - total * percent / 100))
  # As many whole runs of one speaker as fit; if not one fits, the speaker is cut.
  head=$(awk '{$1 = ""; print}' "$source/utt2spk" | uniq -c | awk -v wanted="$wanted" '
    !full {if (sum + $1 <= wanted) sum += $1; else full = 1}
    END {print sum ? sum : wanted}')
  ((head > 0 && head < total)) ||
    fail "$percent% of the $total utterances of $source leaves one of the two sets empty; give another --cv-utt-percent"
  "$utils/subset_data_dir.sh" --first "$source" "$head" "$train"
  "$utils/subset_data_dir.sh" --last "$source" $((total - head)) "$heldout"
  exit 0
fi

need_file "$source/spk2utt"
total=$(wc -l <"$source/spk2utt")
held=$((total * percent / 100))
((held > 0 && held < total)) ||
  fail "$percent% of the $total speakers of $source leaves one of the two sets empty; give another --cv-spk-percent"
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
awk '{print $1}' "$source/spk2utt" | "$utils/shuffle_list.pl" --srand "$seed" >"$lists/all"
head -n "$held" "$lists/all" >"$lists/heldout"
tail -n $((total - held)) "$lists/all" >"$lists/train"
"$utils/subset_data_dir.sh" --spk-list "$lists/train" "$source" "$train"
"$utils/subset_data_dir.sh" --spk-list "$lists/heldout" "$source" "$heldout"
