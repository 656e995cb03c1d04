#!/usr/bin/env bash
# Makes a data directory of parts of the utterances of another.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

segment_end_padding=0.0
cmd=run.pl
nj=1
help_message="Usage: utils/data/subsegment_data_dir.sh [options] <srcdir> <subsegments-file> [<text-file>] <destdir>
e.g.: utils/data/subsegment_data_dir.sh data/train exp/resegment/segments exp/resegment/text data/train_resegmented
Lines of <subsegments-file> are '<new utterance> <old utterance> <start> <end>', in seconds from the start of the old
utterance; those of <text-file> '<new utterance> <words>', in the same order. <destdir> gets segments of the recordings,
and feats.scp and vad.scp with ranges of frames where <srcdir> has them; cmvn.scp is left out.
Options:
  --segment-end-padding <seconds>   put after the ends in <destdir>/segments; frames do not change (default: $segment_end_padding)
  --cmd <runner> --nj <n>           accepted as in Kaldi; headers are read in one process"
. "$utils/parse_options.sh"

if [ $# != 3 ] && [ $# != 4 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
subsegments=$2
new_text=
[ $# = 3 ] || new_text=$3
dest=${!#}
dest=${dest%/}
: "$cmd" "$nj"
[[ $segment_end_padding =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)$ ]] ||
  fail "--segment-end-padding must be a number of seconds, got '$segment_end_padding'"
need_file "$subsegments" "$source/utt2spk" "$source/wav.scp" ${new_text:+"$new_text"}
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."
need_clean "$subsegments" ${new_text:+"$new_text"} \
  "$source"/{utt2spk,wav.scp,segments,utt2uniq,utt2lang,feats.scp,vad.scp,spk2gender,reco2file_and_channel,reco2dur}

frame_shift=
if [ -f "$source/feats.scp" ]; then
  frame_shift=$("$utils/data/get_frame_shift.sh" "$source")
  echo "$0: note: frame shift is $frame_shift [affects feats.scp]"
  "$utils/data/get_utt2num_frames.sh" "$source"
fi

open_stage "$dest"
"$utils/internal/subsegment.pl" "$0" "$source" "$stage" "$segment_end_padding" "$frame_shift" "$subsegments" "$new_text" || exit 1
"$utils/utt2spk_to_spk2utt.pl" "$stage/utt2spk" >"$stage/spk2utt"
for file in glm stm; do
  [ ! -f "$source/$file" ] || cp "$source/$file" "$stage/"
done
if [ -f "$source/ctm" ]; then
  echo "$0: not copying $source/ctm to $dest because sub-segmenting it is not implemented."
fi
options=()
[ -n "$new_text" ] || options+=(--no-text)
[ -f "$source/feats.scp" ] || options+=(--no-feats)
check_stage "$source" "$dest" "${options[@]}"
move_aside "$source" "$dest"
close_stage "$dest"
echo "$0: subsegmented data from $source to $dest"
