#!/usr/bin/env bash
# All tests, as the first command after `git clone` or at any later time: sets up the environment, then lint (types
# and API pages are part of it), unit tests, shell tests and the smoke runs of the recipes. The exit status is 0 only
# where all of them passed.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 1

usage() {
    cat <<'END'
Usage: test/run.sh [options]

  --fast             Without the slow unit tests and the recipes
  --parts "A B"      Only these of: lint pytest bats recipes
  --allow-missing    Go on without bats, shellcheck or Slurm where they are not installed (else that is a failure)
  --offline, --no-apt, --python PATH, --torch_index URL    for tools/setup.sh
END
}

fast=false
parts="lint pytest bats recipes"
allow_missing=false
setup_options=(--dev)
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --fast) fast=true ;;
        --allow-missing) allow_missing=true ;;
        --offline | --no-apt) setup_options+=("$1") ;;
        --parts | --python | --torch_index)
            [ $# -ge 2 ] || { echo "test/run.sh: error: $1 needs a value; see --help" >&2 && exit 2; }
            if [ "$1" = --parts ]; then parts=$2; else setup_options+=("$1" "$2"); fi
            shift
            ;;
        *) echo "test/run.sh: error: unknown option '$1'; see --help" >&2 && exit 2 ;;
    esac
    shift
done
for part in ${parts}; do
    [[ "${part}" =~ ^(lint|pytest|bats|recipes)$ ]] ||
        { echo "test/run.sh: error: no part '${part}': there are lint, pytest, bats and recipes" >&2 && exit 2; }
done
if "${fast}"; then parts=${parts/recipes/}; fi

shared=$(pwd)/../shared
if [ -z "${JSTASR_CORPORA+set}" ] && [ -d "${shared}/corpora" ]; then
    JSTASR_CORPORA=$(cd "${shared}/corpora" && pwd)
    export JSTASR_CORPORA
fi
if [ -z "${JSTASR_MODELS+set}" ] && [ -d "${shared}/models" ]; then
    JSTASR_MODELS=$(cd "${shared}/models" && pwd)
    export JSTASR_MODELS
fi

passed=()
failed=()
skipped=()
# part NAME COMMAND...: runs one part, takes its time and remembers how it ended.
part() {
    local name=$1 begin=${SECONDS} line
    shift
    echo
    echo "== ${name}"
    if "$@"; then
        line="ok    ${name}, $((SECONDS - begin)) s"
        passed+=("${line}")
    else
        line="FAIL  ${name}, $((SECONDS - begin)) s"
        failed+=("${line}")
    fi
    echo "== ${line}"
}

# shell_files: every shell script of the repository, links left out.
shell_files() {
    local file
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        if [ -L "${file}" ] || [ ! -f "${file}" ]; then continue; fi
        if [[ "${file}" == *.sh || "${file}" == *.bats || "${file}" == *.bash ]] ||
            head -n 1 "${file}" | LC_ALL=C grep -aqE '^#!.*\b(ba|da)?sh$'; then
            printf '%s\0' "${file}"
        fi
    done
}

# all_here PROGRAM...: are the programs installed? If not, says how to get them.
all_here() {
    local program missing=()
    for program in "$@"; do
        PATH="${PATH}:/usr/sbin:/sbin" command -v "${program}" >/dev/null || missing+=("${program}")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    echo "not installed: ${missing[*]}. As root: apt-get install bats shellcheck sctk slurmctld slurmd slurm-client munge chromium"
    "${allow_missing}"
}

# lacks NEEDS: sets lacking to the first of the folders VARIABLE/name that is not there; false where all are.
lacks() {
    local need variable
    for need in $1; do
        variable=${need%%/*}
        lacking=${need}
        if [ -z "${!variable:-}" ] || [ ! -d "${!variable}/${need#*/}" ]; then return; fi
    done
    return 1
}

# recipe DIR COMMAND OUTPUTS LIMITS CHECK: runs a recipe in a folder of links to its files and looks at what it left.
recipe() {
    local source=egs/$1 command=$2 outputs=$3 limits=$4 check=$5 work entry name pattern limit words status=0
    work=$(mktemp -d)/$(basename "$1")
    mkdir "${work}"
    for entry in "${source}"/*; do
        name=$(basename "${entry}")
        case ${name} in
            data | dump | exp | downloads | RESULTS.md) ;;
            *) ln -s "$(readlink -f "${entry}")" "${work}/${name}" ;;
        esac
    done
    (cd "${work}" && bash -c "${command}") || { echo "${source}: ${command} failed" && status=1; }
    if [ "${status}" -eq 0 ]; then
        for pattern in ${outputs}; do
            if ! compgen -G "${work}/${pattern}" >/dev/null; then
                echo "${source}: ${pattern} was not written"
                status=1
            fi
        done
        for limit in ${limits}; do
            .venv/bin/python test/check_error_rate.py "${work}" "${limit%%:*}" "${limit#*:}" || status=1
        done
        if [ -n "${check}" ]; then
            read -ra words <<<"${check}"
            .venv/bin/python "test/${words[0]}" "${work}" "${words[@]:1}" || status=1
        fi
    fi
    rm -rf "$(dirname "${work}")"
    return "${status}"
}

begin=${SECONDS}
part "set-up" tools/setup.sh "${setup_options[@]}"
if [ "${#failed[@]}" -gt 0 ]; then exit 1; fi
export PATH=${PWD}/.venv/bin:${PATH}

if [[ " ${parts} " == *" lint "* ]]; then
    part "ruff check" ruff check .
    part "ruff format" ruff format --check .
    part "pyright" env PYRIGHT_PYTHON_IGNORE_WARNINGS=1 pyright # else it looks for a newer release of itself
    part "API pages" python tools/api.py
    part "shellcheck is installed" all_here shellcheck
    if command -v shellcheck >/dev/null; then
        mapfile -d '' -t files < <(shell_files)
        part "shellcheck of ${#files[@]} files" shellcheck -x -P SCRIPTDIR "${files[@]}"
    fi
fi
if [[ " ${parts} " == *" pytest "* ]]; then
    part "sctk is installed" all_here sctk # the oracle of the scoring tests
    browser=chromium # Ubuntu has no package of it
    if ! command -v chromium >/dev/null && command -v google-chrome >/dev/null; then browser=google-chrome; fi
    part "a browser is installed" all_here "${browser}"
    if "${fast}"; then
        part "pytest, fast" python -m pytest -q --durations=5 -m "not slow"
    else
        part "pytest" python -m pytest -q --durations=10
    fi
fi
if [[ " ${parts} " == *" bats "* ]]; then
    part "bats and Slurm are installed" all_here bats slurmctld slurmd sbatch munged
    if command -v bats >/dev/null; then
        mapfile -t suites < <(find test -name '*.bats' -not -path 'test/bench/*' | sort)
        part "bats" bats "${suites[@]}"
    fi
fi
if [[ " ${parts} " == *" recipes "* ]]; then
    while IFS=, read -r folder command outputs limits check needs; do
        if lacks "${needs}"; then
            skipped+=("skip  egs/${folder}: ${command}: there is no \$${lacking}")
            continue
        fi
        part "egs/${folder}: ${command}" recipe "${folder}" "${command}" "${outputs}" "${limits}" "${check}" </dev/null
    done < <(grep -v -e '^#' -e '^recipe,' test/recipes.csv)
fi

echo
echo "== All parts, $((SECONDS - begin)) s"
printf '%s\n' "${passed[@]}" "${skipped[@]}" "${failed[@]}"
echo "parts: ${#passed[@]} passed, ${#failed[@]} failed, ${#skipped[@]} skipped"
[ "${#failed[@]}" -eq 0 ]
