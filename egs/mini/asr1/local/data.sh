#!/usr/bin/env bash
# Synthetic data, no corpus needed: sentences from CLDR's names (make_text.py), spoken by espeak-ng (make_speech.py).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs=en        # languages of the sentences, as in "en es it" (en es fr pt it de nl pl tr ru sv)
n_paired=3000   # training utterances, sentence and speech
n_text=20000    # training sentences without speech
n_dev=1000      # utterances of dev
n_test=2000     # utterances of each test set
# [end of the options of run.sh]
seed=1          # of the sentences, the voices and the rooms
nj=$(nproc)     # utterances that are spoken at the same time
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Writes data/{train,dev,test,test_rare} and data/train_text. Lists have commas between. Numbers are totals, split evenly
over the languages. It does nothing where that data exists already, written with the same options."

. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }

langs=${langs// /,} # however they are given, data/.made_with has them so
spoken="train dev test test_rare"
sets="${spoken} train_text"
text_options=(
    --langs "${langs}" --n-paired "${n_paired}" --n-text "${n_text}" --n-dev "${n_dev}" --n-test "${n_test}"
    --seed "${seed}"
)
code=$(cat local/*.py | cksum)
wanted="${text_options[*]} (${code% *})"
if [ "$(cat data/.made_with 2>/dev/null)" = "${wanted}" ]; then
    echo "local/data.sh: data/ is there, made with the same options: nothing to do"
    exit 0
fi

# Everything is written beside data/ and moved there at the end; data/.made_with says that the move is complete.
work=data/.local
pid=
trap 'rm -rf "${work}"' EXIT
trap 'kill ${pid} 2>/dev/null || true; wait; exit 130' INT TERM
rm -rf "${work}" data/.made_with
mkdir -p "${work}"

echo "local/data.sh: writing sentences (${langs})"
python3 local/make_text.py "${text_options[@]}" "${work}"

echo "local/data.sh: speaking $(cat "${work}"/*/utt2spk | wc -l) of them: SYNTHETIC speech by espeak-ng"
folders=()
for set in ${spoken}; do folders+=("${work}/${set}"); done
python3 local/make_speech.py --nj "${nj}" --seed "${seed}" --audio-dir "${work}/audio" \
    --listed-as data/audio "${folders[@]}" &
pid=$!   # waited for, so that a signal reaches it through the trap at once
wait "${pid}"
pid=

for set in ${sets} names audio; do
    rm -rf "data/${set}"
    mv "${work}/${set}" "data/${set}"
done
python3 local/describe.py data
echo "${wanted}" >"${work}/made_with"
mv "${work}/made_with" data/.made_with
