#!/usr/bin/env bash
# FLEURS -> data/{train,dev,test}, all languages in one set, with utt2lang; text of your own -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs="en_us fr_fr es_419 ar_eg pt_br de_de it_it hi_in ru_ru tr_tr cmn_hans_cn"   # languages, by FLEURS' names
transcript=normalised   # or raw, with capitals, punctuation and digits
text_files=             # text without speech, as in "en=FILE de=FILE"
n_text=0                # sentences of each text, at random; 0: all
data_url=               # mirror that has data/<language>/{<split>.tsv,audio/<split>.tar.gz} (file:///... too)
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

# The Hub publishes no list of checksums; the address names one revision, and gzip's own checksum is compared.
url=${data_url:-${FLEURS_URL}}
read -ra names <<<"${langs//,/ }"
for lang in "${names[@]}"; do
    for split in train dev test; do
        folder=${FLEURS}/data/${lang}
        jstasr fetch "${url}/data/${lang}/${split}.tsv" "${folder}/${split}.tsv"
        jstasr fetch "${url}/data/${lang}/audio/${split}.tar.gz" "${folder}/audio/${split}.tar.gz" \
            --unpack "${folder}/audio/${split}" --member "${split}"
    done
done
mapfile -t texts < <(utils/internal/split_texts.sh "${text_files}")
python3 local/make_sets.py --fleurs "${FLEURS}" --transcript "${transcript}" --n-text "${n_text}" \
    --text-files "${texts[@]}" --langs "${names[@]}"
