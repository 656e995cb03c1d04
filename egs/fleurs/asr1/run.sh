#!/usr/bin/env bash
# FLEURS: the same sentences read in 102 languages; any of them in one model, from the download to RESULTS.md.
# Any option of asr.sh may follow (./run.sh --help).
#   ./run.sh --langs "sw_ke lg_ug" --text_files "sw=swahili.txt lg=luganda.txt" --ngpu 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

langs="en_us fr_fr es_419 ar_eg pt_br de_de it_it hi_in ru_ru tr_tr cmn_hans_cn"   # languages, by FLEURS' names
transcript=normalised   # or raw, with capitals, punctuation and digits
text_files=             # text without speech, as in "en=FILE de=FILE" (the name without its country)
n_text=0                # sentences of each text, at random; 0: all
data_url=               # --data_url URL: mirror that has data/<language>/... (file:///... too)

# shellcheck source=../../../utils/recipe_options.sh
. utils/recipe_options.sh
langs=${langs//,/ }
codes=
for name in ${langs}; do codes+="${codes:+ }${name%%_*}"; done
read -ra list <<<"${codes}"
text_sets=
local_data_opts="--langs ${langs// /,} --transcript ${transcript} --n_text ${n_text}"
if [ -n "${text_files}" ]; then
    text_sets=train_text
    local_data_opts+=" --text_files ${text_files// /,}"
fi
if [ -n "${data_url}" ]; then local_data_opts+=" --data_url ${data_url}"; fi

./asr.sh \
    --lang "${list[0]}" \
    --langs "${codes}" \
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
