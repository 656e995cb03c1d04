# shellcheck shell=bash
# Loaded by the tests of this folder.

ROOT=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd -P)
TEMPLATE=${ROOT}/egs/TEMPLATE/asr1

# make_recipe DIR: a recipe of links, with a local/data.sh that makes nothing.
make_recipe() {
    local name
    mkdir -p "$1/local" "$1/conf"
    for name in asr.sh path.sh cmd.sh db.sh; do ln -s "${TEMPLATE}/${name}" "$1/${name}"; done
    ln -s "${ROOT}/utils" "$1/utils"
    printf '#!/usr/bin/env bash\n' >"$1/local/data.sh"
    chmod +x "$1/local/data.sh"
}

# says TEXT: does the output of `run` hold TEXT?
says() {
    # shellcheck disable=SC2154  # set by bats
    if [[ "${output}" != *"$1"* ]]; then
        printf 'not in the output: %s\nthe output:\n%s\n' "$1" "${output}" >&2
        return 1
    fi
}
