#!/usr/bin/env bash
# Joint speech-text recognition on synthetic speech, from no data at all to RESULTS.md: no corpus, no download.
# Any option of local/data.sh and of asr.sh may follow (./run.sh --help). For CI:
#   ./run.sh --n_paired 1500 --n_text 5000 --n_dev 50 --n_test 100 --asr_config conf/train_ci.yaml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"

# test: names that paired speech holds; test_rare: only names that no paired utterance holds.
./asr.sh \
    --lang "${list[0]}" \
    --langs "${langs}" \
    --train_set train \
    --valid_set dev \
    --test_sets "test test_rare" \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --token_type bpe \
    --nbpe $((100 * ${#list[@]})) \
    --train_procs 2 \
    --asr_config conf/train_mini.yaml \
    --inference_config conf/decode_beam4.yaml \
    --results_note "Synthetic speech and sentences (espeak-ng, CLDR names): comparable within this recipe only." \
    "$@"
