#!/usr/bin/env bash
# Multilingual LibriSpeech -> data/{train,dev,test}, and its text -> data/train_text; all languages in one set, with utt2lang.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs="de nl fr es it pt pl"   # languages (de en es fr it nl pl pt); English alone is 651 GB
audio=opus                     # archives with opus, or with flac: four times as large
limited=false                  # train on 10 hours of each language ("limited supervision")
n_text=500000                  # sentences of each language's text, at random; 0: all
data_url=                      # mirror with the files of openslr.org/94 (file:///... too)
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

declare -A names=([de]=german [en]=english [es]=spanish [fr]=french [it]=italian [nl]=dutch [pl]=polish [pt]=portuguese)
declare -A ends=([opus]=_opus [flac]="")
[ -n "${ends[${audio}]+set}" ] || { echo "local/data.sh: --audio is opus or flac, not '${audio}'" >&2; exit 1; }

url=${data_url:-${MLS_URL}}
folders=()
for lang in ${langs//,/ }; do
    name=${names[${lang}]:-}
    [ -n "${name}" ] || { echo "local/data.sh: MLS has no language '${lang}', but: ${!names[*]}" >&2; exit 1; }
    speech=mls_${name}${ends[${audio}]}
    text=mls_lm_${name}
    if [ ! -d "${MLS}/${speech}" ] || [ ! -f "${MLS}/${text}/data.txt" ]; then
        jstasr fetch "${url}/md5sum.txt" "${MLS}/md5sum.txt" # published beside the archives
    fi
    jstasr fetch "${url}/${speech}.tar.gz" "${MLS}/${speech}.tar.gz" --md5-list "${MLS}/md5sum.txt" \
        --unpack "${MLS}/${speech}" --member "${speech}"
    # That archive holds n-gram models too, many times as large; only the sentences are kept.
    jstasr fetch "${url}/${text}.tar.gz" "${MLS}/${text}.tar.gz" --md5-list "${MLS}/md5sum.txt" \
        --unpack "${MLS}/${text}/data.txt" --member "${text}/data.txt"
    folders+=("${lang}=${MLS}/${speech}=${MLS}/${text}/data.txt")
done
options=()
if "${limited}"; then options+=(--limited); fi
python3 local/make_sets.py "${options[@]}" --n-text "${n_text}" "${folders[@]}"
