#!/usr/bin/env bash
# Multilingual LibriSpeech: read books in up to 8 languages in one model, other books as unpaired text; from the download
# to RESULTS.md. Any option of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "pl pt it" --asr_config conf/train_small.yaml --ngpu 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

langs="de nl fr es it pt pl"   # languages (de en es fr it nl pl pt); English alone is 651 GB
audio=opus                     # archives with opus, or with flac: four times as large
limited=false                  # train on 10 hours of each language ("limited supervision")
n_text=500000                  # sentences of each language's text, at random; 0: all
data_url=                      # --data_url URL: mirror with the files of openslr.org/94 (file:///... too)

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
read -ra list <<<"${langs}"
local_data_opts="--langs ${langs// /,} --audio ${audio} --limited ${limited} --n_text ${n_text}"
if [ -n "${data_url}" ]; then local_data_opts+=" --data_url ${data_url}"; fi

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
