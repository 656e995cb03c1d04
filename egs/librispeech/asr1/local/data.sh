#!/usr/bin/env bash
# LibriSpeech -> data/{train_<size>,dev_<size>,test_clean,test_other}, and its text -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

size=mini   # hours to train on: mini (5), 100 or 960
n_text=0    # sentences of the text, chosen at random; 0: all 40 million, which need some 20 GB of memory here
data_url=   # mirror that has <resource>/<file>, as in 12/dev-clean.tar.gz
md5sums=local/md5sum.txt
help_message="Usage: local/data.sh [--size mini|100|960] [--n_text 0] [--data_url URL] [--md5sums FILE]
Takes what is there of the corpus in \$JSTASR_CORPORA or downloads/ (see db.sh) and downloads the rest.
--md5sums names the checksums of the archives (default: those that openslr publishes)."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }

corpus=${LIBRISPEECH}/LibriSpeech
url=${data_url:-${LIBRISPEECH_URL}}
# local/md5sum.txt: www.openslr.org/resources/12/md5sum.txt and /31/md5sum.txt; resource 11 has no such list.
case "${size}" in
    mini) sets=("train_${size}=train-clean-5" "dev_${size}=dev-clean-2") ;;
    100) sets=("train_${size}=train-clean-100" "dev_${size}=dev-clean+dev-other") ;;
    960) sets=("train_${size}=train-clean-100+train-clean-360+train-other-500" "dev_${size}=dev-clean+dev-other") ;;
    *) echo "local/data.sh: --size is mini, 100 or 960, not '${size}'" >&2; exit 1 ;;
esac
sets+=("test_clean=test-clean" "test_other=test-other")

for set in "${sets[@]}"; do
    splits=${set#*=}
    for split in ${splits//+/ }; do
        case "${split}" in train-clean-5 | dev-clean-2) resource=31 ;; *) resource=12 ;; esac
        jstasr fetch "${url}/${resource}/${split}.tar.gz" "${corpus}/${split}.tar.gz" --md5-list "${md5sums}" \
            --unpack "${corpus}/${split}" --member "LibriSpeech/${split}"
    done
done
text=${corpus}/librispeech-lm-norm.txt.gz
jstasr fetch "${url}/11/librispeech-lm-norm.txt.gz" "${text}"
python3 local/make_sets.py --librispeech "${corpus}" --text "${text}" --n-text "${n_text}" "${sets[@]}"
