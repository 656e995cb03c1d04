#!/usr/bin/env bash
# Spoken digits of the Free Spoken Digit Dataset: real speech, and a speaker in dev and another in test whom
# nobody trained on. Any option of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

n_joined=1000   # training utterances of several digits, joined from recordings
n_text=5000     # digit strings without speech
data_url=       # --data_url file:///...: archive of the corpus instead of the public one

own="n_joined n_text data_url"
rest=()
while [ $# -gt 0 ]; do
    name=${1#--}
    if [[ $1 == --* && " ${own} " == *" ${name} "* ]]; then
        [ $# -ge 2 ] || { echo "run.sh: error: option $1 needs a value" >&2; exit 1; }
        printf -v "${name}" '%s' "$2"
        shift 2
    else
        if [[ $1 == --help ]]; then
            echo "Options of this recipe (below: those of every recipe):"
            sed -n 's/^\([a-z_]*\)=\([^ ]*\) *# \(.*\)/  --\1  \3  [\2]/p' run.sh
        fi
        rest+=("$1")
        shift
    fi
done
local_data_opts="--n_joined ${n_joined} --n_text ${n_text}"
if [ -n "${data_url}" ]; then local_data_opts+=" --data_url ${data_url}"; fi

./asr.sh \
    --lang en \
    --fs 8k \
    --train_set train \
    --valid_set dev \
    --test_sets test \
    --text_sets train_text \
    --local_data_opts "${local_data_opts}" \
    --token_type word \
    --train_procs 2 \
    --asr_config conf/train.yaml \
    --inference_config conf/decode_beam4.yaml \
    "${rest[@]}"
