#!/usr/bin/env bash
# Common Voice in any of its languages, one or several in one model: read sentences, by many voices. Speakers of dev
# and test are in no other set. Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "en de fr es" --asr_config conf/train_smoke.yaml      a first look, in minutes
#   ./run.sh --langs en --asr_config conf/train_en.yaml                    English, half an hour on two cores
#   ./run.sh --langs en --pretrained whisper-base-encoder                  on a pretrained encoder, in $JSTASR_MODELS
#   ./run.sh --langs "ca de es fr it pt" --speed_perturb_factors "0.9 1.0 1.1"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"
conf=conf/train_multi.yaml
if [ "${langs}" = en ]; then conf=conf/train_en.yaml; fi
inference=conf/decode_beam4.yaml
if [[ "$*" == *train_minutes* ]]; then inference=conf/decode_greedy.yaml; fi # after minutes of speech a beam leaves out more
perturb=
if [[ " $* " == *" --pretrained "* ]]; then
    conf=                 # asr.sh has one for frozen and one for trained encoders
    perturb="0.9 1.0 1.1" # what a frozen encoder hears does not change otherwise
fi

# Characters are the tokens that serve every script; for one language with an alphabet and hours of speech,
# --token_type bpe --nbpe 500 makes shorter sequences.

./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --channel mix \
    --speed_perturb_factors "${perturb}" \
    --token_type char \
    --train_procs 2 \
    --asr_config "${conf}" \
    --inference_config "${inference}" \
    "$@"
