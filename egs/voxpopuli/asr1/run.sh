#!/usr/bin/env bash
# VoxPopuli: speeches in the European Parliament in up to 16 languages in one model, from the download to RESULTS.md.
# Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "sl et lt" --text_files "sl=FILE et=FILE lt=FILE" --ngpu 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"
text_sets=
if [ -n "${text_files}" ]; then text_sets=train_text; fi

# The corpus's normalised transcripts are scored as they are, as others do: no cleaner.
./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets "${text_sets}" \
    --local_data_opts "${local_data_opts}" \
    --cleaner none \
    --token_type bpe \
    --nbpe $((200 * ${#list[@]} + 100)) \
    --disk_gb $((30 * ${#list[@]})) \
    --max_wav_duration 30 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
