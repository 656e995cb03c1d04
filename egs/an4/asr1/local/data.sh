#!/usr/bin/env bash
# AN4 -> data/{train,dev,test}.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

n_dev=100   # first utterances of the training part, in the order of their speakers, that become dev
data_url=   # mirror that has an4_sphere.tar.gz (file:///... too)
# [end of the options of run.sh]
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Takes the corpus from \$JSTASR_CORPORA or downloads/ (see db.sh), else downloads it."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }

# CMU publishes no checksum; gzip's own is compared.
jstasr fetch "${data_url:-${AN4_URL}}/an4_sphere.tar.gz" "${AN4}.tar.gz" --unpack "${AN4}" --member an4
python3 local/make_sets.py --n-dev "${n_dev}" "${AN4}" data
