#!/usr/bin/env bash
# LibriSpeech: read English books, with the text of 14,500 other books as unpaired text; from the download to RESULTS.md.
# Any option of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

size=mini       # hours to train on: mini (5), 100 or 960
n_text=         # sentences without speech, chosen at random; 0 is all 40 million (200000, 1000000, 5000000 by size)
data_url=       # --data_url URL: mirror that has <resource>/<file>, as in 12/dev-clean.tar.gz (file:///... too)
md5sums=        # --md5sums FILE: checksums of that mirror's archives, where they are not the official ones

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
case "${size}" in
    mini) sentences=200000 nbpe=300 disk=10 speeds="0.9 1.0 1.1" ;;
    100) sentences=1000000 nbpe=500 disk=80 speeds="0.9 1.0 1.1" ;;
    *) sentences=5000000 nbpe=500 disk=350 speeds= ;;
esac
local_data_opts="--size ${size} --n_text ${n_text:-${sentences}}"
if [ -n "${data_url}" ]; then local_data_opts+=" --data_url ${data_url}"; fi
if [ -n "${md5sums}" ]; then local_data_opts+=" --md5sums ${md5sums}"; fi

# The transcripts are scored as they are, as others do (apostrophes included): no cleaner.
./asr.sh \
    --lang en \
    --train_set "train_${size}" \
    --valid_set "dev_${size}" \
    --test_sets "test_clean test_other" \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --cleaner none \
    --token_type bpe \
    --nbpe "${nbpe}" \
    --speed_perturb_factors "${speeds}" \
    --disk_gb "${disk}" \
    --max_wav_duration 35 \
    --asr_config "conf/train_${size}.yaml" \
    --inference_config conf/decode_beam4.yaml \
    "$@"
