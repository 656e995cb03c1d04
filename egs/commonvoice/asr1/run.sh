#!/usr/bin/env bash
# Common Voice in any of its languages, one or several in one model: read sentences, by many voices. Speakers of dev
# and test are in no other set. Any option of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "en de fr es" --asr_config conf/train_smoke.yaml      a first look, in minutes
#   ./run.sh --langs en --asr_config conf/train_en.yaml                    English, half an hour on two cores
#   ./run.sh --langs "ca de es fr it pt" --speed_perturb_factors "0.9 1.0 1.1"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

langs=en       # languages, as in "en de fr es"
release=       # folders or archives of releases (default: COMMONVOICE of db.sh)
text_files=    # text without speech: FILE, or in several languages "en=FILE de=FILE"
held_out=0.25  # in languages without text: share of the training sentences that are taken as text only
n_train=0      # training clips of each language, at random; 0: all
n_text=0       # lines of each text, at random; 0: all

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"
conf=conf/train_multi.yaml
if [ "${langs}" = en ]; then conf=conf/train_en.yaml; fi

# Characters are the tokens that serve every script; for one language with an alphabet and hours of speech,
# --token_type bpe --nbpe 500 makes shorter sequences.
local_data_opts="--langs ${langs// /,} --held_out ${held_out} --n_train ${n_train} --n_text ${n_text}"
if [ -n "${release}" ]; then local_data_opts+=" --release ${release// /,}"; fi
if [ -n "${text_files}" ]; then local_data_opts+=" --text_files ${text_files// /,}"; fi

./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --channel mix \
    --token_type char \
    --train_procs 2 \
    --asr_config "${conf}" \
    --inference_config conf/decode_beam4.yaml \
    "$@"
