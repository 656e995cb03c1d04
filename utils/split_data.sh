#!/usr/bin/env bash
# Splits a data directory into parts for parallel jobs: <data-dir>/split<n>/{1,2,...}.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

help_message="Usage: utils/split_data.sh [--per-utt|--per-reco] <data-dir> <num-to-split>
e.g.: utils/split_data.sh data/train 50
Writes <data-dir>/split50/{1,2,...,50}, each speaker whole in one of them. Nothing is done if the parts are there and
newer than <data-dir>.
Options:
  --per-utt    without regard to speakers, to <data-dir>/split50utt/{1,2,...,50}
  --per-reco   each recording whole in one part, with reco2utt, to <data-dir>/split50reco/{1,2,...,50}"
kind=
case ${1:-} in
  --per-utt | --per-reco)
    kind=${1#--per-}
    shift
    ;;
  --help | -h)
    echo "$help_message"
    exit 0
    ;;
  --*) fail "invalid option '$1' (see $0 --help)" ;;
esac
if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
parts=$2
[[ $parts =~ ^[1-9][0-9]*$ ]] || fail "invalid num-split argument '$parts'"
need_file "$data/utt2spk"

for file in feats.scp text; do
  if [ -f "$data/$file" ] && [ "$(count_lines "$data/utt2spk")" != "$(count_lines "$data/$file")" ]; then
    echo "** split_data.sh: warning, #lines is (utt2spk,$file) is ($(count_lines "$data/utt2spk"),$(count_lines "$data/$file")); you can"
    echo "**  use utils/fix_data_dir.sh $data to fix this."
  fi
done

out=$data/split$parts$kind
warn=--no-warn # speakers are in several parts, by design
[ -n "$kind" ] || warn=

utterance_files="feats.scp text vad.scp utt2lang utt2dur utt2num_frames utt2num_samples phones"
speaker_files="spk2gender spk2warp cmvn.scp"
[ -f "$data/segments" ] || utterance_files+=" wav.scp"

up_to_date() {
  local file
  [ -d "$out/1" ] || return 1
  for file in utt2spk spk2utt segments wav.scp reco2file_and_channel $utterance_files $speaker_files; do
    if [ -f "$data/$file" ] && { [ ! -f "$out/1/$file" ] || [ "$out/1/$file" -ot "$data/$file" ]; }; then return 1; fi
  done
}
! up_to_date || exit 0

# Jobs that start at the same time all want the same parts; one makes them, the others wait.
exec 9>"$data/.split_lock"
flock 9 2>/dev/null || true
! up_to_date || exit 0

open_stage "$data"
utt2spks=()
for ((part = 1; part <= parts; part++)); do
  mkdir "$stage/$part"
  utt2spks+=("$stage/$part/utt2spk")
done
case $kind in
  utt) together=() ;;
  reco)
    if [ -f "$data/segments" ]; then
      "$utils/filter_scp.pl" "$data/utt2spk" "$data/segments" | awk '{print $1, $2}'
    else
      awk '{print $1, $1}' "$data/utt2spk"
    fi >"$stage/utt2reco"
    together=("--utt2spk=$stage/utt2reco")
    ;;
  *) together=("--utt2spk=$data/utt2spk") ;;
esac
case $kind in
  utt) groups=$(count_lines "$data/utt2spk") ;;
  *) groups=$(awk '!seen[$2]++' "${together[0]#--utt2spk=}" | wc -l) ;;
esac
if [ "$groups" -lt "$parts" ]; then
  of=speaker
  case $kind in utt) of=utterance ;; reco) of=recording ;; esac
  more=
  [ "$kind" = utt ] || [ "$(count_lines "$data/utt2spk")" -lt "$parts" ] || more=", or split by utterance: --per-utt"
  fail "$data has $groups $of(s), too few for $parts parts; ask for at most $groups$more"
fi
"$utils/split_scp.pl" "${together[@]}" "$data/utt2spk" "${utt2spks[@]}"
for ((part = 1; part <= parts; part++)); do
  "$utils/utt2spk_to_spk2utt.pl" "$stage/$part/utt2spk" >"$stage/$part/spk2utt"
done

# spread KEYS FILE [OPTION]: FILE's lines to the parts whose file KEYS has their id
spread() {
  if [ -f "$data/$2" ]; then
    # shellcheck disable=SC2086  # no option, no word
    (cd "$stage" && "$utils/filter_scps.pl" ${3:-} "JOB=1:$parts" "JOB/$1" "$here/$2" "JOB/$2")
  fi
}
here=$(cd "$data" && pwd)
for file in $utterance_files; do spread utt2spk "$file"; done
for file in $speaker_files; do spread spk2utt "$file" $warn; done
if [ -f "$data/segments" ]; then
  spread utt2spk segments
  for ((part = 1; part <= parts; part++)); do
    awk '{print $2}' "$stage/$part/segments" | sort -u >"$stage/$part/.reco"
  done
  spread .reco reco2file_and_channel $warn
  spread .reco wav.scp $warn
  rm "$stage"/*/.reco
fi
if [ "$kind" = reco ]; then
  for ((part = 1; part <= parts; part++)); do
    "$utils/filter_scp.pl" "$stage/$part/utt2spk" "$stage/utt2reco" |
      "$utils/utt2spk_to_spk2utt.pl" >"$stage/$part/reco2utt"
  done
  rm "$stage/utt2reco"
fi

rm -rf "$out"
chmod 755 "$stage"
mv "$stage" "$out"
