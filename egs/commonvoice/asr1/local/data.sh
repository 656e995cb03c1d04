#!/usr/bin/env bash
# A Common Voice release -> data/{train,dev,test,train_text}.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

langs=en       # languages, as in "en de fr es"
release=       # folders or archives of releases (default: COMMONVOICE of db.sh)
text_files=    # text without speech: FILE, or in several languages "en=FILE de=FILE"
held_out=0.25  # in languages without text: share of the training sentences that are taken as text only
n_train=0      # training clips of each language, at random; 0: all
n_text=0       # lines of each text, at random; 0: all
# [end of the options of run.sh]
help_message="Usage: local/data.sh [--name value ...]
$(utils/internal/show_options.sh <local/data.sh)
Lists have commas between. The official train, dev and test are used where they are, else validated.tsv is divided by
speaker."

# shellcheck source=../../../../utils/parse_options.sh
. utils/parse_options.sh
# shellcheck source=../path.sh
. ./path.sh
# shellcheck source=../db.sh
. ./db.sh
[ $# -eq 0 ] || { echo "local/data.sh: unexpected argument '$1'; see --help" >&2; exit 1; }
langs=$(jstasr languages --canonical "${langs}")

read -ra asked <<<"${release//,/ }"
read -ra named <<<"${COMMONVOICE//,/ }"
mapfile -t texts < <(utils/internal/split_texts.sh "${text_files}")

# no_release NAME: stops, with what to do.
no_release() {
    echo "local/data.sh: error: no Common Voice release at '$1'. Releases are downloaded by hand, after agreeing to" \
        "their terms (commonvoice.mozilla.org): name the folder or archive with --release, or in COMMONVOICE (db.sh)" >&2
    exit 1
}

# may_serve RELEASE: has it one of the languages, as far as can be seen? An archive may, and a folder of one language.
may_serve() {
    local lang
    if [ -f "$1" ] || [ -f "$1/validated.tsv" ] || [ -f "$1/train.tsv" ]; then return; fi
    for lang in ${langs//,/ }; do
        if [ -d "$1/${lang}" ]; then return; fi
    done
    return 1
}

for folder in "${asked[@]}"; do
    [ -e "${folder}" ] || no_release "${folder}"
done
if [ "${#asked[@]}" -gt 0 ]; then named=("${asked[@]}"); fi
there=()
releases=()
for folder in "${named[@]}"; do
    if [ -e "${folder}" ]; then there+=("${folder}"); fi
    if may_serve "${folder}"; then releases+=("${folder}"); fi
done
[ "${#there[@]}" -gt 0 ] || no_release "${named[*]}"
if [ "${#releases[@]}" -eq 0 ]; then releases=("${there[@]}"); fi # these say what they have instead

options=()
for text in "${texts[@]}"; do options+=(--text "${text}"); done
# Some samples of releases hold sentences of which the recordings were left out.
for lang in ${langs//,/ }; do
    for folder in "${releases[@]}"; do
        if [ -z "${text_files}" ] && [ -f "${folder}/${lang}/unpaired_sentences.txt" ]; then
            options+=(--text "${lang}=${folder}/${lang}/unpaired_sentences.txt")
        fi
    done
done

# A clip that a large release lacks, or a sentence without letters, is left out and listed in data/train/skipped.
jstasr import --format commonvoice --langs "${langs}" --unpack-to downloads --skip-bad --split --dev-share 0.12 \
    --test-share 0.15 --shared-sentences drop --held-out "${held_out}" --max-train "${n_train}" \
    --max-sentences "${n_text}" "${options[@]}" "${releases[@]}" data
