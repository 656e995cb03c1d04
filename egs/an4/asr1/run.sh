#!/usr/bin/env bash
# AN4: an hour of spelled names, addresses and numbers, from the download to RESULTS.md.
# Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh

# The transcripts are scored as they are, as others do: no cleaner. The corpus has no text beside them.
./asr.sh \
    --lang en \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --local_data_opts "${local_data_opts}" \
    --cleaner none \
    --token_type bpe \
    --nbpe 30 \
    --speed_perturb_factors "0.9 1.0 1.1" \
    --train_procs 2 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
