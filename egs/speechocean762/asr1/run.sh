#!/usr/bin/env bash
# speechocean762: English read by 250 speakers of Mandarin, half of them children, with the sentences of another corpus
# as unpaired text. Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh

./asr.sh \
    --lang en \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --token_type char \
    --train_procs 2 \
    --asr_config conf/train_mini.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
