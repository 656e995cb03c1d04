# shellcheck shell=bash
# Loaded by the tests of recipes: a folder with the recipe's files, a small corpus made for the test, a web server.
bats_require_minimum_version 1.5.0

ROOT=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd -P)
# A test says itself where its corpus is.
unset JSTASR_CORPORA COMMONVOICE LIBRISPEECH MLS FLEURS AN4 VOXPOPULI SPEECHOCEAN762 SPEECHOCEAN762_URL LIBRISPEECH_URL MLS_URL FLEURS_URL AN4_URL VOXPOPULI_URL
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export no_proxy='*'

# corpus NAME: makes the recipe's small corpus in ${made}, once for a file of tests.
corpus() {
    made=${BATS_FILE_TMPDIR}/$1
    [ -d "${made}" ] || "${ROOT}/.venv/bin/python" "${ROOT}/test/egs/$1/make_corpus.py" "${made}"
}

# recipe NAME: enters a new folder with links to the recipe's files.
recipe() {
    local file
    mkdir "${BATS_TEST_TMPDIR}/recipe"
    cd "${BATS_TEST_TMPDIR}/recipe" || return
    for file in "${ROOT}/egs/$1/asr1"/*; do
        case ${file##*/} in
            data | dump | exp | downloads | RESULTS.md | README.md) ;;
            *) ln -s "${file}" . ;;
        esac
    done
}

# own_copy: copies the corpus to ${made}, to be damaged.
own_copy() {
    cp -r "${made}" "${BATS_TEST_TMPDIR}/copy"
    made=${BATS_TEST_TMPDIR}/copy
}

# says TEXT: does the output of `run` hold TEXT?
says() {
    # shellcheck disable=SC2154  # set by bats
    if [[ "${output}" != *"$1"* ]]; then
        printf 'not in the output: %s\nthe output:\n%s\n' "$1" "${output}" >&2
        return 1
    fi
}

# valid SET...: are these good data dirs?
valid() {
    local set
    for set in "$@"; do utils/validate_data_dir.sh --no-feats "data/${set}" || return 1; done
}

# nothing_unfinished: no part of a download, no half-unpacked folder and no half-made set is left.
nothing_unfinished() {
    local left
    left=$(find downloads data \( -name '*.part*' -o -name '.unpacking*' -o -name '.local' \) 2>/dev/null || true) # either may be absent
    [ -z "${left}" ] || { echo "left behind: ${left}" >&2; return 1; }
}
