#!/usr/bin/env bash
# FLEURS: the same sentences read in 102 languages; any of them in one model, from the download to RESULTS.md.
# Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "sw_ke lg_ug" --text_files "sw=swahili.txt lg=luganda.txt" --ngpu 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"
text_sets=
if [ -n "${text_files}" ]; then text_sets=train_text; fi

./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets "${text_sets}" \
    --local_data_opts "${local_data_opts}" \
    --token_type char \
    --disk_gb $((6 * ${#list[@]})) \
    --max_wav_duration 30 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "$@"
