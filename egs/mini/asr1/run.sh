#!/usr/bin/env bash
# Joint speech-text recognition on made speech, from nothing to RESULTS.md: no corpus needed, no download.
# Any option of asr.sh may follow (./run.sh --help); the ones below are this recipe's own. For CI, in about 3 minutes:
#   ./run.sh --n_paired 1500 --n_text 5000 --n_dev 50 --n_test 100 --asr_config conf/train_ci.yaml
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

langs=en        # languages of the sentences, as in "en es it" (en es fr pt it de nl pl tr ru sv)
n_paired=3000   # training utterances, sentence and speech
n_text=20000    # training sentences without speech
n_dev=1000      # utterances of dev
n_test=2000     # utterances of each test set

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
    --local_data_opts "--langs ${langs// /,} --n_paired ${n_paired} --n_text ${n_text} --n_dev ${n_dev} --n_test ${n_test}" \
    --token_type bpe \
    --nbpe $((100 * ${#list[@]})) \
    --train_procs 2 \
    --asr_config conf/train_mini.yaml \
    --inference_config conf/decode_beam4.yaml \
    --results_note "Synthetic speech and sentences (espeak-ng, CLDR names): comparable within this recipe only." \
    "$@"
