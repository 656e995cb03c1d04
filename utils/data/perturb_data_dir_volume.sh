#!/usr/bin/env bash
# Makes wav.scp of a data directory give its sound louder or softer, each recording by a factor of its own, through sox.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

reco2vol=
write_reco2vol=
scale_low=0.125
scale_high=2
help_message="Usage: utils/data/perturb_data_dir_volume.sh [options] <data-dir>
e.g.: utils/data/perturb_data_dir_volume.sh data/train_sp
wav.scp is changed in place; feats.scp and cmvn.scp go to <data-dir>/.backup. Nothing is done if the data was already
perturbed. The same directory gets the same factors each time.
Options:
  --scale-low <factor>, --scale-high <factor>   between which factors are drawn (default: $scale_low, $scale_high)
  --reco2vol <file>         take the factors from the lines '<recording> <factor>' of this file
  --write-reco2vol <file>   write the factors to this file"
. "$utils/parse_options.sh"

if [ $# != 1 ]; then
  echo "$help_message"
  exit 1
fi
data=${1%/}
need_file "$data/wav.scp"
need_clean "$data/wav.scp"
need_python
command -v sox >/dev/null || fail "sox: command not found; install it, e.g.: apt-get install sox"
[ -z "$reco2vol" ] || need_file "$reco2vol"

# The last program of a pipe, or the only one, changes the volume. One inside of another's arguments does not count.
perturbed='^[ \t]*[^ \t]+[ \t]+sox --vol |[|] *sox --vol [^ ]+ -t wav - -t wav - *[|][ \t]*$'
first=$(awk -v perturbed="$perturbed" '$0 ~ perturbed {print NR; exit}' "$data/wav.scp")
if [ -n "$first" ]; then
  echo "$0: It looks like the data was already volume perturbed ($data/wav.scp:$first). Not doing anything."
  exit 0
fi

open_stage "$data"
"$utils/internal/draw_volumes.py" "$0" "$data/wav.scp" "$scale_low" "$scale_high" ${reco2vol:+"$reco2vol"} \
  >"$stage/.reco2vol"
"$utils/internal/play_through_sox.pl" --volumes "$stage/.reco2vol" sox "-t wav -" <"$data/wav.scp" >"$stage/wav.scp" || exit 1
if [ -n "$write_reco2vol" ]; then
  cp "$stage/.reco2vol" "$write_reco2vol.tmp.$$"
  mv "$write_reco2vol.tmp.$$" "$write_reco2vol"
fi
rm "$stage/.reco2vol"
for file in feats.scp cmvn.scp; do
  if [ -f "$data/$file" ]; then
    mkdir -p "$data/.backup"
    mv "$data/$file" "$data/.backup/"
    echo "$0: $data/$file exists; moving it to $data/.backup/ as it wouldn't be valid any more."
  fi
done
close_stage "$data"
echo "$0: added volume perturbation to the data in $data"
