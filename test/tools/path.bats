#!/usr/bin/env bats
# path.sh, cmd.sh and db.sh: what a recipe's scripts find after sourcing them.

setup() {
    load helper
    recipe=${BATS_TEST_TMPDIR}/recipe
    make_recipe "${recipe}"
    cd "${recipe}" || return
}

@test "path.sh enters the environment under strict shell options" {
    # shellcheck disable=SC2016
    run bash -euo pipefail -c '. ./path.sh; command -v jstasr validate_data_dir.sh; echo "${LC_ALL}"'
    [ "${status}" -eq 0 ]
    says "${ROOT}/.venv/bin/jstasr"
    says "${ROOT}/utils/validate_data_dir.sh"
    says $'\nC'
}

@test "an environment that is active already does not keep utils from the PATH" {
    run env PATH="${ROOT}/.venv/bin:/usr/bin:/bin" bash -euc '. ./path.sh; command -v run.pl'
    [ "${status}" -eq 0 ]
    says "${ROOT}/utils/run.pl"
}

@test "path.sh can be sourced twice without a longer PATH" {
    # shellcheck disable=SC2016
    run bash -euo pipefail -c '. ./path.sh; first=${PATH}; . ./path.sh; [ "${PATH}" = "${first}" ]'
    [ "${status}" -eq 0 ]
}

@test "Python reads and writes UTF-8 though LC_ALL is C" {
    run env -i HOME="${HOME}" PATH="${PATH}" bash -euo pipefail -c '. ./path.sh; python -c "print(open(\"x\").read())"' <<<""
    echo "żółć" >x
    run env -i HOME="${HOME}" PATH="${PATH}" bash -euo pipefail -c '. ./path.sh; python -c "print(open(\"x\").read())"'
    [ "${status}" -eq 0 ]
    says "żółć"
}

@test "with nothing to set up, path.sh does and says nothing" {
    bash -c '. ./path.sh'
    touch marker
    run bash -c '. ./path.sh' 2>&1
    [ "${status}" -eq 0 ]
    [ -z "${output}" ]
    [ -z "$(find "${BATS_TEST_DIRNAME}/../../.venv" -newer marker -not -name '__pycache__' -not -name '*.pyc' | head -1)" ]
    rm marker
}

@test "JSTASR_SETUP=no enters no environment and sets nothing up" {
    mkdir own && printf '#!/bin/sh\n' >own/jstasr && cp own/jstasr own/python3 && chmod +x own/*
    # shellcheck disable=SC2016
    run env -u VIRTUAL_ENV JSTASR_SETUP=no PATH="${PWD}/own:/usr/bin:/bin" \
        bash -euo pipefail -c '. ./path.sh; command -v jstasr run.pl; echo "${VIRTUAL_ENV:-none}"'
    [ "${output}" = "${PWD}/own/jstasr"$'\n'"${ROOT}/utils/run.pl"$'\n'none ]
}

@test "JSTASR_SETUP=no without jstasr in PATH says so" {
    run env JSTASR_SETUP=no PATH=/usr/bin:/bin bash -euc '. ./path.sh; echo went on'
    [ "${status}" -ne 0 ]
    says "jstasr is not in PATH"
    [[ "${output}" != *"went on"* ]]
}

@test "cmd_backend chooses the job runner" {
    for pair in local:run.pl slurm:slurm.pl sge:queue.pl; do
        # shellcheck disable=SC2016
        run env cmd_backend="${pair%%:*}" bash -euc '. ./cmd.sh; echo "${train_cmd} ${cuda_cmd} ${decode_cmd}"'
        [ "${output}" = "${pair#*:} ${pair#*:} ${pair#*:}" ]
    done
}

@test "an unknown cmd_backend is refused" {
    run env cmd_backend=pbs bash -euc '. ./cmd.sh; echo went on'
    [ "${status}" -ne 0 ]
    says "local, slurm or sge"
    [[ "${output}" != *"went on"* ]]
}

@test "conf/cmd.sh of the recipe has the last word" {
    echo 'export train_cmd="run.pl --max-jobs-run 1"' >conf/cmd.sh
    # shellcheck disable=SC2016
    run bash -euc '. ./cmd.sh; echo "${train_cmd}"'
    [ "${output}" = "run.pl --max-jobs-run 1" ]
}

# fsdd_by COMMANDS: the folder that db.sh finds after COMMANDS.
fsdd_by() { env -u JSTASR_CORPORA -u FSDD bash -euc "$1; . ./db.sh; echo \"\${FSDD}\""; }

@test "db.sh: the store of corpora comes before downloads" {
    mkdir -p store/free-spoken-digit-dataset downloads/free-spoken-digit-dataset
    [ "$(fsdd_by 'export JSTASR_CORPORA=store')" = store/free-spoken-digit-dataset ]
    rm -r store/free-spoken-digit-dataset
    [ "$(fsdd_by 'export JSTASR_CORPORA=store')" = downloads/free-spoken-digit-dataset ]
}

@test "db.sh: a corpus that is nowhere is to go to downloads, and has a source" {
    [ "$(fsdd_by true)" = downloads/free-spoken-digit-dataset ]
    # shellcheck disable=SC2016
    run bash -euc '. ./db.sh; echo "${FSDD_URL}"'
    says .tar.gz
}

@test "db.sh: a variable that is set is left alone" {
    [ "$(fsdd_by 'export FSDD=/my/copy')" = /my/copy ]
}

@test "db.sh: the corpora of ESPnet's local/data.sh have names, which may be set and do not hide those of the recipes" {
    # shellcheck disable=SC2016
    run env -u JSTASR_CORPORA -u AN4 TIMIT=/my/timit bash -euc '. ./db.sh; echo "${AISHELL} ${WSJ0} ${TIMIT} ${AN4} ${CSJVER}"'
    [ "${output}" = "downloads  /my/timit downloads/an4 dvd" ]
}

@test "db.sh: a store that does not exist is refused" {
    run env JSTASR_CORPORA=nowhere bash -euc '. ./db.sh; echo went on'
    [ "${status}" -ne 0 ]
    says nowhere
    [[ "${output}" != *"went on"* ]]
}

@test "the recipes' shared files are links to the template" {
    for folder in "${ROOT}"/egs/*/asr1; do
        for name in asr.sh path.sh cmd.sh db.sh; do
            [ "$(readlink -f "${folder}/${name}")" = "${TEMPLATE}/${name}" ]
        done
        [ "$(readlink -f "${folder}/utils")" = "${ROOT}/utils" ]
    done
}

@test "db.sh has every corpus that local/data.sh files of ESPnet read" {
    # shellcheck disable=SC2016
    run bash -euo pipefail -c '. ./db.sh; echo "${AISHELL}|${WSJ0}|${BABEL_101}|${FISHER_CALLHOME_SPANISH}|${LIBRIMIX}|${HOW2_FEATS}|${REVERB_OUT}|${KSPONSPEECH}|${ESC50}"'
    [ "${status}" -eq 0 ]
    says "downloads||||downloads|downloads/fbank_pitch_181516|${recipe}/REVERB||"
    # shellcheck disable=SC2016
    run env BABEL_101=/b CSJVER=usb bash -euo pipefail -c '. ./db.sh; echo "${BABEL_101} ${CSJVER}"'
    says "/b usb"
}
