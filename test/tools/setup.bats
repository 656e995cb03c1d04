#!/usr/bin/env bats
# tools/setup.sh, in a copy of the repository's set-up files and with a stand-in for Python that records what it is
# asked to do: what is installed, in which order, and what happens after an interruption.

setup() {
    load helper
    copy=${BATS_TEST_TMPDIR}/copy
    mkdir -p "${copy}/jstasr" "${BATS_TEST_TMPDIR}/bin"
    cp -r "${ROOT}/tools" "${ROOT}/setup.py" "${ROOT}/pyproject.toml" "${copy}/"
    echo "# source" >"${copy}/jstasr/_kernel.pyx"
    mkdir "${copy}/jstasr/kernels"
    echo "// source" >"${copy}/jstasr/kernels/layers.h"
    export CALLS=${BATS_TEST_TMPDIR}/calls
    : >"${CALLS}"
    cat >"${BATS_TEST_TMPDIR}/bin/python3" <<'END'
#!/usr/bin/env bash
case "$*" in
    "-I -") ;; # no fault found
    *"-m venv"*)
        echo "venv $*" >>"${CALLS}"
        if [[ "$*" == *--clear* ]]; then rm -rf .venv; fi
        mkdir -p .venv/bin && cp "$0" .venv/bin/python
        ;;
    *"pip --version"*) ;;
    *"pip install"*)
        echo "pip ${*#*install}" >>"${CALLS}"
        if [ -n "${SLOW_PIP:-}" ]; then sleep "${SLOW_PIP}"; fi
        if [ -n "${BAD_PIP:-}" ]; then echo "ERROR: No matching distribution found for ${BAD_PIP}" && exit 1; fi
        ;;
    *version*) echo "Python 3.12.0" ;;
esac
END
    chmod +x "${BATS_TEST_TMPDIR}/bin/python3"
    export PATH=${BATS_TEST_TMPDIR}/bin:${PATH}
    cd "${copy}" || return
}

# few_programs [PROGRAM...]: a folder that holds what setup.sh itself calls and, beside, only these.
few_programs() {
    local program
    mkdir "${BATS_TEST_TMPDIR}/few"
    for program in bash sh cat cksum tr find sort date dirname readlink df awk touch rm mv mkdir cp grep flock env id "$@"; do
        ln -s "$(command -v "${program}")" "${BATS_TEST_TMPDIR}/few/${program}"
    done
}

calls() { grep -c -- "$1" "${CALLS}" || true; }

@test "a bare copy: environment, torch and torchaudio together, requirements, package" {
    run tools/setup.sh --no-apt
    [ "${status}" -eq 0 ]
    run cat "${CALLS}"
    [[ "${lines[0]}" == venv* ]]
    [[ "${lines[1]}" =~ torch==([0-9.]+)\ torchaudio==([0-9.]+) ]]
    [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
    [[ "${lines[2]}" == *tools/requirements.txt* ]]
    [[ "${lines[3]}" == *"-e ." ]]
}

@test "a second run does nothing, from any folder" {
    tools/setup.sh --no-apt
    : >"${CALLS}"
    cd / || return
    run "${copy}/tools/setup.sh" --no-apt
    [ "${status}" -eq 0 ]
    [ -z "${output}" ]
    [ ! -s "${CALLS}" ]
}

@test "a newer setup.py or extension source builds again, and installs nothing else" {
    tools/setup.sh --no-apt
    for file in setup.py jstasr/_kernel.pyx jstasr/kernels/layers.h; do
        : >"${CALLS}"
        sleep 0.02
        echo "// changed" >>"${file}"
        tools/setup.sh --no-apt
        [ "$(calls 'pip ')" -eq 1 ]
        [ "$(calls '-e \.')" -eq 1 ]
    done
}

@test "changed requirements are installed" {
    tools/setup.sh --no-apt
    : >"${CALLS}"
    sleep 0.02
    echo "another==1.0" >>tools/requirements.txt
    tools/setup.sh --no-apt
    [ "$(calls requirements.txt)" -eq 1 ]
    [ "$(calls venv)" -eq 0 ]
}

@test "a set-up killed while pip works is mended by the next run, in a new environment" {
    SLOW_PIP=30 setsid tools/setup.sh --no-apt &
    pid=$!
    for _ in $(seq 100); do
        if grep -q torch== "${CALLS}"; then break; fi
        sleep 0.05
    done
    kill -9 -- "-${pid}" 2>/dev/null || true
    wait "${pid}" || true
    [ ! -e .venv/.setup.done ]
    : >"${CALLS}"
    run tools/setup.sh --no-apt
    [ "${status}" -eq 0 ]
    says interrupted
    [ "$(calls 'venv.*--clear')" -eq 1 ]
    [ "$(calls torch==)" -eq 1 ]
    [ -e .venv/.setup.done ]
}

@test "a failing pip stops with its message; nothing is taken for done" {
    run env BAD_PIP=torch==2.11.0 tools/setup.sh --no-apt
    [ "${status}" -eq 1 ]
    says "No matching distribution found for torch"
    [ ! -e .venv/.setup.done ]
    [ ! -e .venv/.setup.packages ]
}

@test "two at once: the second waits and installs nothing" {
    SLOW_PIP=0.5 tools/setup.sh --no-apt &
    sleep 0.3
    run tools/setup.sh --no-apt
    wait
    [ "${status}" -eq 0 ]
    [ "$(calls torch==)" -eq 1 ]
}

@test "--offline without the packages fails with one sentence that names one" {
    run env BAD_PIP=torch==2.11.0 tools/setup.sh --offline
    [ "${status}" -eq 1 ]
    says "torch==2.11.0"
    says "once with a network"
    [ "$(grep -c error: <<<"${output}")" -eq 1 ]
    [ "$(calls 'pip ')" -gt 0 ]
    [ "$(calls 'pip .*--no-index')" -eq "$(calls 'pip ')" ]
}

@test "--torch_index goes to the torch pair alone" {
    tools/setup.sh --no-apt --torch_index file:///some/index
    [ "$(calls 'index-url file:///some/index.*torch==')" -eq 1 ]
    [ "$(calls index-url)" -eq 1 ]
}

@test "no usable Python: each one's fault and the remedy are told" {
    printf '#!/usr/bin/env bash\necho "is Python 3.8, not 3.10 to 3.13"\n' >"${BATS_TEST_TMPDIR}/bin/python3"
    run tools/setup.sh --no-apt --python "${BATS_TEST_TMPDIR}/bin/python3"
    [ "${status}" -eq 1 ]
    says "is Python 3.8"
    says "apt-get install python3"
}

@test "without sox and espeak-ng the set-up ends well, and says in one line what they are for" {
    few_programs gcc
    run env PATH="${BATS_TEST_TMPDIR}/bin:${BATS_TEST_TMPDIR}/few" tools/setup.sh --no-apt
    [ "${status}" -eq 0 ]
    [ "$(grep -c 'not installed here' <<<"${output}")" -eq 1 ]
    says "sox (for speed perturbation"
    says "espeakng-loader"
    says "apt-get install sox espeak-ng"
}

@test "without a C compiler the set-up says which one to install" {
    few_programs
    run env PATH="${BATS_TEST_TMPDIR}/bin:${BATS_TEST_TMPDIR}/few" tools/setup.sh --no-apt
    [ "${status}" -eq 1 ]
    says "apt-get install gcc libc6-dev"
}

@test "wrong options are refused" {
    for words in "--foo" "--python=x" "--python"; do
        run tools/setup.sh "${words}"
        [ "${status}" -eq 1 ]
        says "${words%%=*}"
    done
}
