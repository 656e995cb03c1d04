#!/usr/bin/env bash
# Copies a data directory with only some dimensions of its features.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

help_message="Usage: utils/data/limit_feature_dim.sh <feat-dim-range> <srcdir> <destdir>
e.g.: utils/data/limit_feature_dim.sh 0:39 data/train_hires_pitch data/train_hires
The range is that of dimensions, counted from 0, both ends included. No features are written: the lines of feats.scp get
the range in square brackets. cmvn.scp is left out."
. "$utils/parse_options.sh"

if [ $# != 3 ]; then
  echo "$help_message"
  exit 1
fi
range=$1
source=${2%/}
dest=${3%/}
if ! [[ $range =~ ^(0|[1-9][0-9]*):(0|[1-9][0-9]*)$ && ${range%:*} -le ${range#*:} ]]; then
  fail "the range of dimensions must be like 0:39, the first and the last, got '$range'"
fi
need_file "$source/feats.scp" "$source/utt2spk"
[ ! "$source" -ef "$dest" ] || fail "this script requires <srcdir> and <destdir> to be different."
need_clean "$source/feats.scp"

# First what may fail: a copy with all dimensions must not remain.
open_stage "$dest"
"$utils/internal/matrix_rows.pl" "$0" "$source/feats.scp" columns >"$stage/.columns" || exit 1
"$utils/internal/limit_columns.pl" "$0" "${range%:*}" "${range#*:}" "$stage/.columns" "$source/feats.scp" >"$stage/feats.scp" || exit 1
rm "$stage/.columns"
"$utils/copy_data_dir.sh" --validate-opts "--no-wav" "$source" "$dest"
if [ -f "$dest/cmvn.scp" ]; then
  rm "$dest/cmvn.scp"
  echo "$0: warning: removing $dest/cmvn.scp, you will have to regenerate it from the features."
fi
close_stage "$dest"
options=(--no-wav)
[ -f "$source/text" ] || options+=(--no-text)
"$utils/validate_data_dir.sh" "${options[@]}" "$dest"
