#!/usr/bin/env bash
# Free Spoken Digit Dataset -> data/{train,dev,test}, with strings of digits in words as unpaired text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

n_joined=1000   # training utterances of several digits, joined from one speaker's recordings
n_text=5000     # digit strings without speech
data_url=       # archive of the corpus instead of the public one (file:///... too)
# [end of the options of run.sh]
seed=1          # of the joined utterances and the digit strings
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Takes the corpus from \$JSTASR_CORPORA or downloads/ (see db.sh), else downloads it."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }

jstasr fetch "${data_url:-${FSDD_URL}}" "${FSDD}/master.tar.gz" --unpack "${FSDD}/recordings" --member "*/recordings"

wanted="--n_joined ${n_joined} --n_text ${n_text} --seed ${seed} of ${FSDD} ($(cksum <local/make_sets.py))"
if [ "$(cat data/.made_with 2>/dev/null)" = "${wanted}" ]; then
    echo "local/data.sh: data/ is there, made with the same options: nothing to do"
    exit 0
fi
# Everything is written beside data/ and moved there at the end; data/.made_with says that the move is complete.
work=data/.local
trap 'rm -rf "${work}"' EXIT
rm -rf "${work}" data/.made_with
mkdir -p "${work}"
python3 local/make_sets.py --n-joined "${n_joined}" --n-text "${n_text}" --seed "${seed}" "${FSDD}/recordings" \
    "${work}" --listed-as data
for set in train dev test train_text audio; do
    rm -rf "data/${set}"
    mv "${work}/${set}" "data/${set}"
done
echo "${wanted}" >"${work}/made_with"
mv "${work}/made_with" data/.made_with
