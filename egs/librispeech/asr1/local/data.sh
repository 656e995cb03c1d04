#!/usr/bin/env bash
# LibriSpeech -> data/{train_<size>,dev_<size>,test_clean,test_other}, and its text -> data/train_text.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

size=mini       # hours to train on: mini (5), 100 or 960
n_text=         # sentences without speech, chosen at random; 0 is all 40 million (200000, 1000000, 5000000 by size)
data_url=       # mirror that has <resource>/<file>, as in 12/dev-clean.tar.gz (file:///... too)
md5sums=local/md5sum.txt # checksums of the archives, for a mirror whose archives are not the official ones
# [end of the options of run.sh]
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Takes what is there of the corpus in \$JSTASR_CORPORA or downloads/ (see db.sh) and downloads the rest."

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
    mini) sentences=200000 sets=("train_${size}=train-clean-5" "dev_${size}=dev-clean-2") ;;
    100) sentences=1000000 sets=("train_${size}=train-clean-100" "dev_${size}=dev-clean+dev-other") ;;
    960)
        sentences=5000000
        sets=("train_${size}=train-clean-100+train-clean-360+train-other-500" "dev_${size}=dev-clean+dev-other")
        ;;
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
python3 local/make_sets.py --librispeech "${corpus}" --text "${text}" --n-text "${n_text:-${sentences}}" "${sets[@]}"
