#!/usr/bin/env bash
# Copies a part of a data directory.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

help_message="Usage:
  subset_data_dir.sh [--speakers|--shortest|--first|--last|--per-spk] <srcdir> <num-utt> <destdir>
  subset_data_dir.sh --spk-list <speaker-list-file> <srcdir> <destdir>
  subset_data_dir.sh --utt-list <utterance-list-file> <srcdir> <destdir>
Without an option, <num-utt> utterances spread evenly over <srcdir>.
  --first, --last   the first or the last <num-utt> utterances
  --shortest        the <num-utt> shortest (needs feats.scp)
  --speakers        randomly chosen speakers (always the same), until there are <num-utt> utterances
  --per-spk         up to <num-utt> utterances of each speaker, spread evenly
  --spk-list, --utt-list   the speakers or utterances named in a file, or on standard input for -"

mode=even
list=
case ${1:-} in
  --first | --last | --shortest | --speakers | --per-spk)
    mode=${1#--}
    shift
    ;;
  --spk-list | --utt-list)
    mode=${1#--}
    list=${2:-}
    shift $(($# < 2 ? $# : 2))
    ;;
  --help | -h)
    echo "$help_message"
    exit 0
    ;;
  --*) fail "invalid option '$1' (see $0 --help)" ;;
esac

if [ $# != "$([ -n "$list" ] && echo 2 || echo 3)" ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
if [ -n "$list" ]; then
  dest=${2%/}
  [ "$list" = - ] || [ -r "$list" ] || fail "could not open the list $list"
else
  num_utt=$2
  dest=${3%/}
fi

need_file "$source/utt2spk"
[ ! "$source" -ef "$dest" ] || fail "<srcdir> and <destdir> must be different."
if [ -z "$list" ]; then
  [[ $num_utt =~ ^[0-9]+$ ]] || fail "<num-utt> must be a whole number, got '$num_utt'"
  case $mode in
    speakers) ;; # as many as there are
    per-spk) [[ $num_utt =~ [1-9] ]] || fail "--per-spk needs a number above 0" ;;
    *) [ "$num_utt" -le "$(wc -l <"$source/utt2spk")" ] || fail "cannot subset to more utterances than you originally had." ;;
  esac
fi
if [ "$mode" = shortest ] && [ ! -f "$source/feats.scp" ]; then
  fail "you selected --shortest but no feats.scp exist."
fi
case $mode in spk-list | speakers | per-spk) need_file "$source/spk2utt" ;; esac

open_stage "$dest"
filter=$utils/filter_scp.pl

# keep KEYS FILE...: those lines of the source's files whose id is in $stage/KEYS
keep() {
  local keys=$1 file
  shift
  for file in "$@"; do
    [ ! -f "$source/$file" ] || "$filter" "$stage/$keys" "$source/$file" >"$stage/$file"
  done
}

case $mode in
  spk-list) "$filter" "$list" "$source/spk2utt" >"$stage/spk2utt" ;;
  utt-list) "$filter" "$list" "$source/utt2spk" >"$stage/utt2spk" ;;
  speakers)
    "$utils/shuffle_list.pl" "$source/spk2utt" |
      awk -v wanted="$num_utt" 'total < wanted + 0 {print} {total += NF - 1}' | sort >"$stage/spk2utt"
    ;;
  per-spk)
    # Every step-th utterance, with the largest step that still gives as many as wanted.
    awk -v wanted="$num_utt" '{
      step = 1
      while (wanted * (step + 1) <= NF - 1) step++
      printf "%s ", $1
      for (i = 2; i <= NF && i <= wanted * step + 1; i += step) printf "%s ", $i
      printf "\n"
    }' "$source/spk2utt" >"$stage/spk2utt"
    ;;
  shortest)
    if [ -f "$source/utt2num_frames" ]; then
      cp "$source/utt2num_frames" "$stage/.lengths"
    else
      "$utils/internal/matrix_rows.pl" "$0" "$source/feats.scp" >"$stage/.lengths"
    fi
    sort -n -k2 "$stage/.lengths" | awk -v wanted="$num_utt" 'NR <= wanted {print $1}' >"$stage/.shortest"
    "$filter" "$stage/.shortest" "$source/utt2spk" >"$stage/utt2spk"
    rm "$stage/.shortest" "$stage/.lengths"
    ;;
  first | last) "$utils/subset_scp.pl" "--$mode" "$num_utt" "$source/utt2spk" >"$stage/utt2spk" ;;
  even) "$utils/subset_scp.pl" "$num_utt" "$source/utt2spk" >"$stage/utt2spk" ;;
esac
case $mode in
  spk-list | speakers | per-spk) "$utils/spk2utt_to_utt2spk.pl" "$stage/spk2utt" >"$stage/utt2spk" ;;
  *) "$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt" ;;
esac

[ -s "$stage/utt2spk" ] || fail "no utterance of $source is chosen${list:+: none of its ids is in $list}"

keep utt2spk feats.scp vad.scp utt2lang utt2dur utt2num_frames utt2num_samples utt2uniq utt2warp text phones
keep spk2utt spk2warp spk2gender cmvn.scp
if [ -f "$source/segments" ]; then
  keep utt2spk segments
  awk '{print $2}' "$stage/segments" | sort -u >"$stage/.reco"
else
  keep utt2spk wav.scp
  if [ -f "$stage/wav.scp" ]; then awk '{print $1}' "$stage/wav.scp" | sort -u; fi >"$stage/.reco"
fi
[ ! -f "$source/segments" ] || keep .reco wav.scp
keep .reco reco2file_and_channel reco2dur
if [ -f "$source/stm" ]; then
  { grep '^;;' "$source/stm" || true; "$filter" "$stage/.reco" "$source/stm"; } >"$stage/stm"
fi
rm "$stage/.reco"
[ ! -f "$source/frame_shift" ] || cp "$source/frame_shift" "$stage/"

echo "$0: reducing #utt from $(wc -l <"$source/utt2spk") to $(wc -l <"$stage/utt2spk")"
close_stage "$dest"
