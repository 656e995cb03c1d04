# shellcheck shell=bash
# Sourced by run.sh, asr.sh, local/*.sh and by every cluster job: sets up the environment when it is missing
# or older than setup.py (tools/setup.sh, which takes no time when there is nothing to do), then enters it.
# JSTASR_SETUP_OPTS passes options on, for example JSTASR_SETUP_OPTS="--torch_index URL --no-apt".
# JSTASR_SETUP=no sets nothing up and enters nothing: PATH has python3, jstasr and torchrun of an environment of your own.

JSTASR_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../.." && pwd -P)
export JSTASR_ROOT

_dirs=("${JSTASR_ROOT}/utils")
# shellcheck disable=SC2086  # a list of options
if [ "${JSTASR_SETUP:-yes}" = no ]; then
    for _dir in python3 jstasr; do
        if ! command -v "${_dir}" >/dev/null; then
            echo "path.sh: JSTASR_SETUP=no, and ${_dir} is not in PATH: enter your environment first, or unset it" >&2
            # shellcheck disable=SC2317
            return 1 2>/dev/null || exit 1
        fi
    done
elif ! "${JSTASR_ROOT}"/tools/setup.sh ${JSTASR_SETUP_OPTS:-}; then
    echo "path.sh: the environment could not be set up; the reason is above" >&2
    # `return` alone would let a caller without `set -e` run on without an environment.
    # shellcheck disable=SC2317  # reached when this file is executed, not sourced
    return 1 2>/dev/null || exit 1
else
    export VIRTUAL_ENV=${JSTASR_ROOT}/.venv
    _dirs+=("${VIRTUAL_ENV}/bin")
    unset PYTHONHOME
fi
for _dir in "${_dirs[@]}"; do
    if [[ ":${PATH}:" != *":${_dir}:"* ]]; then PATH=${_dir}:${PATH}; fi
done
unset _dir _dirs
export PATH

# Where local/data.sh files written for Kaldi and ESPnet look for programs such as tools/sph2pipe_v2.5/sph2pipe.
export KALDI_ROOT=${KALDI_ROOT:-${JSTASR_ROOT}/utils/internal/kaldi_root}
export MAIN_ROOT=${MAIN_ROOT:-${JSTASR_ROOT}}

# Kaldi's tools sort by bytes; Python must read and write UTF-8 all the same.
export LC_ALL=C
export PYTHONUTF8=1
export PYTHONIOENCODING=UTF-8
