#!/usr/bin/env bash
# VoxPopuli -> data/{train,dev,test}, all languages in one set, with utt2lang; text of your own -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs="en de fr es pl it ro hu cs nl fi hr sk sl et lt"   # languages
text_files=   # text without speech, as in "sl=FILE et=FILE", one sentence a line
n_text=0      # sentences of each text, at random; 0: all
data_url=     # mirror that has data/n_files.json, data/<language>/... (file:///... too)
# [end of the options of run.sh]
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Lists have commas between.
Takes what is there of the corpus in \$JSTASR_CORPORA or downloads/ (see db.sh) and downloads the rest."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }
langs=$(jstasr languages --canonical "${langs}")

# The Hub publishes no list of checksums; the address names one revision, and gzip's own checksum is compared.
url=${data_url:-${VOXPOPULI_URL}}
jstasr fetch "${url}/data/n_files.json" "${VOXPOPULI}/data/n_files.json"
read -ra names <<<"${langs//,/ }"
for lang in "${names[@]}"; do
    folder=${VOXPOPULI}/data/${lang}
    for split in train dev test; do
        jstasr fetch "${url}/data/${lang}/asr_${split}.tsv" "${folder}/asr_${split}.tsv"
        parts=$(python3 local/make_sets.py --count-parts "${split}" --voxpopuli "${VOXPOPULI}" --langs "${lang}")
        for ((part = 0; part < parts; part++)); do
            archive=${split}/${split}_part_${part}
            jstasr fetch "${url}/data/${lang}/${archive}.tar.gz" "${folder}/${archive}.tar.gz" --unpack "${folder}/${archive}"
        done
    done
done
mapfile -t texts < <(utils/internal/split_texts.sh "${text_files}")
python3 local/make_sets.py --voxpopuli "${VOXPOPULI}" --n-text "${n_text}" --text-files "${texts[@]}" \
    --langs "${names[@]}"
