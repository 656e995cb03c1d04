#!/usr/bin/env bash
# Spoken digits of the Free Spoken Digit Dataset: real speech, and a speaker in dev and another in test whom
# nobody trained on. Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh

./asr.sh \
    --lang en \
    --fs 8k \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --token_type word \
    --train_procs 2 \
    --average_num 6 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
