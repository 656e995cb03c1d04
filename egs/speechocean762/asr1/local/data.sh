#!/usr/bin/env bash
# speechocean762 -> data/{train,dev,test}, sentences of another corpus -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

n_dev=15        # speakers of the official training part that become dev
text_files=     # text without speech, one sentence a line (default: Common Voice's English, else LibriSpeech's text)
n_text=200000   # sentences without speech, at random; 0: all
data_url=       # mirror that has 101/speechocean762.tar.gz and 11/librispeech-lm-norm.txt.gz (file:///... too)
# [end of the options of run.sh]
check=false     # only say what is there and what would be downloaded: stage 0 calls it so
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Takes what is there in \$JSTASR_CORPORA or downloads/ (see db.sh) and downloads the rest."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }

url=${data_url:-${SPEECHOCEAN762_URL}}
archive=${url}/101/speechocean762.tar.gz

# The text without speech: the first of these that there is.
librispeech_text=${LIBRISPEECH}/LibriSpeech/librispeech-lm-norm.txt.gz
read -ra texts <<<"${text_files//,/ }"
if [ "${#texts[@]}" -eq 0 ]; then
    read -ra releases <<<"${COMMONVOICE//,/ }"
    for release in "${releases[@]}"; do
        for file in "${release}/en/unpaired_sentences.txt" "${release}/en/validated.tsv"; do
            if [ -f "${file}" ]; then texts+=("${file}"); fi
        done
    done
fi
if [ "${#texts[@]}" -eq 0 ]; then texts=("${librispeech_text}"); fi

if "${check}"; then
    missing=0
    for file in "${texts[@]}"; do
        if [ -f "${file}" ]; then
            echo "text without speech: ${file}"
        elif [ "${file}" = "${librispeech_text}" ]; then
            echo "text without speech: no English release of Common Voice (COMMONVOICE in db.sh): stage 1 downloads" \
                "${url}/11/librispeech-lm-norm.txt.gz (1.5 GB)"
        else
            echo "local/data.sh: error: --text_files ${file}: no such file" >&2
            missing=1
        fi
    done
    if [ -d "${SPEECHOCEAN762}" ]; then
        echo "speechocean762: ${SPEECHOCEAN762}"
    else
        echo "speechocean762: neither in \$JSTASR_CORPORA nor in downloads/: stage 1 downloads ${archive} (0.5 GB)"
    fi
    exit "${missing}"
fi

# No checksums are published; gzip's own is compared.
jstasr fetch "${archive}" "${SPEECHOCEAN762}.tar.gz" --unpack "${SPEECHOCEAN762}" --member speechocean762
if [ "${texts[0]}" = "${librispeech_text}" ]; then
    jstasr fetch "${url}/11/librispeech-lm-norm.txt.gz" "${librispeech_text}"
fi
python3 local/make_sets.py --n-dev "${n_dev}" --n-text "${n_text}" --text "${texts[@]}" --data data "${SPEECHOCEAN762}"
