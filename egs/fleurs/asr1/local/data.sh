#!/usr/bin/env bash
# FLEURS -> data/{train,dev,test}, all languages in one set, with utt2lang; text of your own -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs=en_us       # names of FLEURS with commas between, as en_us,cmn_hans_cn
transcript=normalised # or raw: with capitals, punctuation and digits
text_files=       # LANG=FILE,... one sentence a line; LANG is the name without its country
n_text=0          # sentences of each text, chosen at random; 0: all
data_url=         # mirror that has data/<language>/{<split>.tsv,audio/<split>.tar.gz}
help_message="Usage: local/data.sh [--langs en_us,de_de] [--transcript normalised|raw] [--text_files en=FILE,...]
                     [--n_text 0] [--data_url URL]
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
for lang in ${langs//,/ }; do
    for split in train dev test; do
        folder=${FLEURS}/data/${lang}
        jstasr fetch "${url}/data/${lang}/${split}.tsv" "${folder}/${split}.tsv"
        jstasr fetch "${url}/data/${lang}/audio/${split}.tar.gz" "${folder}/audio/${split}.tar.gz" \
            --unpack "${folder}/audio/${split}" --member "${split}"
    done
done
IFS=, read -ra texts <<<"${text_files}"
python3 local/make_sets.py --fleurs "${FLEURS}" --transcript "${transcript}" --n-text "${n_text}" \
    --text-files "${texts[@]}" --langs ${langs//,/ }
