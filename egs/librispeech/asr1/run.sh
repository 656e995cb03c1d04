#!/usr/bin/env bash
# LibriSpeech: read English books, the text of 14,500 other books as unpaired text; from the download to RESULTS.md.
# Any option of local/data.sh and of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
# shellcheck disable=SC2154  # declared by local/data.sh
case "${size}" in
    mini) nbpe=300 disk=10 speeds="0.9 1.0 1.1" ;;
    100) nbpe=500 disk=80 speeds="0.9 1.0 1.1" ;;
    *) nbpe=500 disk=350 speeds= ;;
esac

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
