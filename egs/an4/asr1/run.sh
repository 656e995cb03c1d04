#!/usr/bin/env bash
# AN4: an hour of spelled names, addresses and numbers, from the download to RESULTS.md.
# Any option of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

n_dev=100       # first utterances of the training part that become dev
data_url=       # --data_url URL: mirror that has an4_sphere.tar.gz (file:///... too)

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
local_data_opts="--n_dev ${n_dev}"
if [ -n "${data_url}" ]; then local_data_opts+=" --data_url ${data_url}"; fi

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
