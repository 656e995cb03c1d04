#!/usr/bin/env bash
# Multilingual LibriSpeech: read books in up to 8 languages in one model, other books as unpaired text; from the
# download to RESULTS.md. Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "pl pt it" --asr_config conf/train_small.yaml --ngpu 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"

# The transcripts, in small letters with apostrophes and hyphens, are scored as they are, as others do: no cleaner.
./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --cleaner none \
    --token_type bpe \
    --nbpe $((300 * ${#list[@]})) \
    --disk_gb 100 \
    --max_wav_duration 25 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
