#!/usr/bin/env bash
# Joins a data directory with copies of it at 0.9 and 1.1 times its speed.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

always_include_prefix=false
include_spk_prefix=true
help_message="Usage: utils/data/perturb_data_dir_speed_3way.sh [options] <srcdir> <destdir>
e.g.: utils/data/perturb_data_dir_speed_3way.sh data/train data/train_sp
Applies the factors 0.9, 1.0 and 1.1. If <destdir>/feats.scp already exists, this will refuse to run.
Options:
  --always-include-prefix <true|false>   put 'sp1.0-' before the ids of the unchanged copy too, which can fix the
                                         sorted order (default: false)
  --include-spk-prefix <true|false>      give speaker ids the prefixes 'sp0.9-' and 'sp1.1-' too (default: true)"
. "$utils/parse_options.sh"

if [ $# != 2 ]; then
  echo "$help_message"
  exit 1
fi
source=${1%/}
dest=${2%/}
need_file "$source/wav.scp"
[ ! -f "$dest/feats.scp" ] || fail "$dest/feats.scp already exists: refusing to run this (please delete it if you want this to run)"

echo "$0: making sure the utt2dur and the reco2dur files are present in $source, because"
echo "... obtaining them after speed-perturbing would be very slow, and you might need them."
"$utils/data/get_utt2dur.sh" "$source"
"$utils/data/get_reco2dur.sh" "$source"

parts=()
trap '[ ${#parts[@]} = 0 ] || rm -rf "${parts[@]}"' EXIT
for factor in 0.9 1.1; do
  parts+=("${dest}_speed$factor")
  "$utils/data/perturb_data_dir_speed.sh" --include-spk-prefix "$include_spk_prefix" "$factor" "$source" "${dest}_speed$factor"
done
unchanged=$source
if $always_include_prefix; then
  unchanged=${dest}_speed1.0
  parts+=("$unchanged")
  # A copy that is not valid by itself (reco2file_and_channel keeps its ids) may be no harm: the whole is validated below.
  # One of an earlier run does not count as made.
  rm -f "$unchanged/utt2spk"
  "$utils/copy_data_dir.sh" --spk-prefix sp1.0- --utt-prefix sp1.0- "$source" "$unchanged" || [ -f "$unchanged/utt2spk" ]
  if [ -f "$source/utt2uniq" ]; then
    awk '{print "sp1.0-" $1, $2}' "$source/utt2uniq" >"$unchanged/utt2uniq"
  else
    awk '{print "sp1.0-" $1, $1}' "$source/utt2spk" >"$unchanged/utt2uniq"
  fi
fi
"$utils/combine_data.sh" "$dest" "$unchanged" "${dest}_speed0.9" "${dest}_speed1.1"

echo "$0: generated 3-way speed-perturbed version of data in $source, in $dest"
if ! "$utils/validate_data_dir.sh" --no-feats --no-text "$dest"; then
  fail "validation failed. If it is a sorting issue, try the option '--always-include-prefix true'."
fi
