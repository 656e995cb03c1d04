#!/usr/bin/env bash
# Sets up the environment of jstasr in .venv at the top of the repository. Needs Python 3.10 to 3.13, nothing else.
# path.sh calls it each time; with nothing to do it only compares file dates. Every step that completed leaves a
# mark in .venv, so that a run that was interrupted is taken up, and mended, by the next.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

needed_gb=8 # torch with its CUDA libraries takes 4.7 GB, and the downloads pass through pip's cache

usage() {
    cat <<'END'
Usage: tools/setup.sh [options]

Makes .venv with torch, torchaudio and the other packages, builds the Cython extension and, when run by root on
Debian or Ubuntu, installs espeak-ng and sox. Takes minutes the first time, no time when all is there.

  --python PATH        Python 3.10 to 3.13 to use (default: the first one found that can make an environment)
  --torch_index URL    Package index for torch and torchaudio, for builds for another CUDA version
  --offline            Never touch the network: use what is there, or say what is lacking
  --no-apt             Install no system packages, not even as root
  --dev                The tools of test/run.sh too: ruff, pyright, pdoc, pytest, hypothesis; bats, shellcheck,
                       sctk, Slurm, Chromium
END
}

say() { echo "$(date '+%H:%M:%S') setup: $*"; }
die() {
    echo "tools/setup.sh: error: $*" >&2
    exit 1
}

python=
torch_index=
offline=false
apt=true
dev=false
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --python | --torch_index)
            [ $# -ge 2 ] || die "$1 needs a value; see --help"
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        --offline) offline=true ;;
        --no-apt | --no_apt) apt=false ;;
        --dev) dev=true ;;
        --*=*) die "options are given as --name value, not '$1'" ;;
        *) die "unknown option '$1'; see --help" ;;
    esac
    shift
done

# A caller's own settings would send packages elsewhere than into .venv.
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PYTHONPATH PYTHONHOME
if "${offline}" && [[ "${PIP_FIND_LINKS:-}" == *://* ]]; then unset PIP_FIND_LINKS; fi

mark=.venv/.setup # .done: all; .packages, .build: digests of what was installed and built; .busy: pip at work
sources=(setup.py pyproject.toml tools/setup.sh tools/requirements.txt)
mapfile -t extension_sources < <(find jstasr -name '*.pyx' -o -name '*.pxd' -o -name '*.h' | LC_ALL=C sort)

# up_to_date: nothing has changed since the last complete set-up.
up_to_date() {
    local file
    [ -z "${python}" ] && [ -z "${torch_index}" ] && [ -e "${mark}.done" ] && [ -x .venv/bin/python ] || return 1
    if "${dev}" && { [ ! -e "${mark}.dev" ] || ! command -v bats shellcheck >/dev/null; }; then return 1; fi
    for file in "${sources[@]}" "${extension_sources[@]}" tools/requirements-dev.txt; do
        if [ "${file}" -nt "${mark}.done" ]; then return 1; fi
    done
}

if up_to_date; then exit 0; fi

# One set-up at a time: others wait here, and then find nothing to do.
if command -v flock >/dev/null; then
    exec 9>.venv.lock
    if ! flock -n 9; then
        say "waiting for another set-up of this folder to end"
        flock 9
        if up_to_date; then exit 0; fi
    fi
fi

# ---- system packages ----

apt_updated=false
# can_apt: may system packages be installed here?
can_apt() { "${apt}" && ! "${offline}" && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# apt_install PACKAGE...: install; false where that fails.
apt_install() {
    can_apt || return 1
    say "apt-get install $*"
    if ! "${apt_updated}"; then
        apt-get update -qq >&2 || say "apt-get update failed; going on with the package lists that are here"
        apt_updated=true
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# ---- Python ----

# python_fault PATH: what keeps this Python from being used, or nothing.
python_fault() {
    "$1" -I - 2>/dev/null <<'END' || echo "does not run"
import importlib.util, pathlib, sys, sysconfig
version = ".".join(map(str, sys.version_info[:2]))
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    print(f"is Python {version}, not 3.10 to 3.13")
elif any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
    print(f"lacks the venv module (Debian: python{version}-venv)")
elif not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists():
    print(f"lacks the header files (Debian: python{version}-dev)")
END
}

# find_python: sets `python` to the first usable one; as root, makes one usable.
find_python() {
    local candidate fault faults=() version
    local candidates=(python3 python3.13 python3.12 python3.11 python3.10 python "${HOME:-}"/.pyenv/versions/3.1[0-3]*/bin/python3)
    if [ -n "${python}" ]; then
        command -v "${python}" >/dev/null || die "--python ${python}: no such program"
        candidates=("${python}")
    fi
    for candidate in "${candidates[@]}"; do
        command -v "${candidate}" >/dev/null || continue
        fault=$(python_fault "${candidate}")
        if [ -z "${fault}" ]; then
            python=$(command -v "${candidate}")
            return
        fi
        faults+=("${candidate} ${fault}")
    done
    if [ -z "${python}" ] || [ "$(readlink -f "$(command -v "${python}")")" = "$(readlink -f /usr/bin/python3)" ]; then
        if apt_install python3 python3-venv python3-dev && [ -z "$(python_fault /usr/bin/python3)" ]; then
            python=/usr/bin/python3
            return
        fi
    fi
    version="no Python 3.10 to 3.13 that can make an environment"
    for fault in "${faults[@]}"; do version+=$'\n  '"${fault}"; done
    die "${version}"$'\n'"Install one (Debian, Ubuntu: apt-get install python3 python3-venv python3-dev), or name one with --python PATH."
}

# ---- the steps ----

# digest WORD... : a checksum of the words.
digest() { printf '%s\n' "$@" | cksum | tr ' ' -; }

# undone NAME DIGEST: is step NAME, with this digest, still to be done?
undone() { [ "$(cat "${mark}.$1" 2>/dev/null)" != "$2" ]; }

# set_mark NAME DIGEST
set_mark() { echo "$2" >"${mark}.tmp" && mv "${mark}.tmp" "${mark}.$1"; }

# version_of PYTHON: its full version, or what the shell says of it.
version_of() { "$1" -I -c 'import sys; print(sys.version)' 2>&1; }

# make_venv: .venv as it is where it works, else a new one.
make_venv() {
    local clear=()
    if [ -n "${python}" ] && [ -e .venv ] && [ "$(version_of .venv/bin/python)" != "$(version_of "${python}")" ]; then
        say ".venv was made by another Python; making it anew"
        clear=(--clear)
    elif [ -e "${mark}.busy" ]; then
        # pip may have left a package half-copied, which it would take for complete.
        say "the last set-up was interrupted while packages were installed; making .venv anew"
        clear=(--clear)
    elif [ -z "$(python_fault .venv/bin/python)" ] && .venv/bin/python -I -m pip --version >/dev/null 2>&1; then
        return
    elif [ -e .venv ]; then
        say ".venv does not work; making it anew"
        clear=(--clear)
    fi
    find_python
    say "making .venv with ${python} ($("${python}" -I --version))"
    "${python}" -I -m venv "${clear[@]}" .venv || die "${python} -m venv failed; the reason is above"
}

pip_install() {
    local options=(--disable-pip-version-check --no-input --use-pep517)
    if [ ! -t 1 ]; then options+=(--quiet); fi # at a terminal, pip's own progress
    if "${offline}"; then options+=(--no-index); fi
    .venv/bin/python -I -m pip install "${options[@]}" "$@"
}

# enough_disk: stop before a download that cannot fit.
enough_disk() {
    local free_gb
    free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "${free_gb}" -ge "${needed_gb}" ] ||
        die "${free_gb} GB of disk space are free in $(pwd); the packages need ${needed_gb} GB"
}

# install_packages: torch and torchaudio as a pair, then the rest of tools/requirements.txt.
install_packages() {
    local wanted pair index=() lacking
    mapfile -t pair < <(grep -E '^torch(audio)?==' tools/requirements.txt)
    wanted=$(digest "${torch_index}" "$(cat tools/requirements.txt)")
    undone packages "${wanted}" || return 0
    # The same version from another index is another build, which pip would not see.
    if [ -n "${torch_index}" ]; then index=(--index-url "${torch_index}" --force-reinstall); fi
    if "${offline}"; then
        lacking=$(pip_install --dry-run -r tools/requirements.txt 2>&1) ||
            die "--offline, and packages are lacking ($(grep -o 'No matching distribution found for .*' <<<"${lacking}" | head -n 1)): run tools/setup.sh once with a network"
    fi
    if ! .venv/bin/python -I -c "import importlib.metadata as m; assert m.version('torch').split('+')[0] == '${pair[0]#*==}'" 2>/dev/null; then
        "${offline}" || enough_disk
    fi
    touch "${mark}.busy"
    say "installing ${pair[*]} (about 5 GB where they are not there yet; minutes)"
    pip_install "${index[@]}" "${pair[@]}" ||
        die "torch could not be installed; the reason is above. Run the same command again when it is mended."
    say "installing the packages of tools/requirements.txt"
    pip_install -r tools/requirements.txt ||
        die "a package could not be installed; the reason is above. Run the same command again when it is mended."
    say "checking that torch and torchaudio load"
    .venv/bin/python -I -c 'import torch, torchaudio; torchaudio.functional.rnnt_loss' ||
        die "torch and torchaudio do not load as a pair: with --torch_index, choose an index that has both ${pair[*]}"
    rm "${mark}.busy"
    set_mark packages "${wanted}"
}

# build_package: the Cython extension, and `jstasr` as a command.
build_package() {
    local wanted
    wanted=$(digest "$(cat setup.py pyproject.toml)" "$(cat "${extension_sources[@]}" /dev/null)" "$(.venv/bin/python -I --version)")
    undone build "${wanted}" || return 0
    if ! command -v "${CC:-gcc}" >/dev/null && ! command -v cc >/dev/null; then
        apt_install gcc libc6-dev || die "a C compiler is needed to build the extension: install gcc (Debian, Ubuntu: apt-get install gcc libc6-dev)"
    fi
    say "building the extension"
    .venv/bin/python -I -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --no-index -e . ||
        die "the extension could not be built; the compiler's message is above"
    set_mark build "${wanted}"
}

# system_tools: sox and espeak-ng, which no step of the set-up itself needs.
system_tools() {
    local packages=() lacking=() list
    command -v sox >/dev/null || packages+=(sox)
    command -v espeak-ng >/dev/null || packages+=(espeak-ng)
    [ "${#packages[@]}" -gt 0 ] || return 0
    if apt_install "${packages[@]}"; then return 0; fi
    command -v sox >/dev/null || lacking+=("sox (for speed perturbation and pipes in wav.scp)")
    command -v espeak-ng >/dev/null || lacking+=("espeak-ng (optional: phonemes come from the wheel espeakng-loader)")
    printf -v list '%s, ' "${lacking[@]}"
    say "not installed here: ${list%, }. To have them: apt-get install ${packages[*]}, as root"
}

# dev_tools: what the tests need beside.
dev_tools() {
    local wanted packages=(bats shellcheck sctk slurmctld slurmd slurm-client munge chromium) missing=() package
    wanted=$(digest "$(cat tools/requirements-dev.txt)")
    if undone dev "${wanted}"; then
        say "installing the packages of tools/requirements-dev.txt"
        pip_install -r tools/requirements-dev.txt || die "a development package could not be installed; the reason is above"
    fi
    local programs=(bats shellcheck sctk slurmctld slurmd sinfo munged chromium) i
    for i in "${!packages[@]}"; do
        # Daemons live in sbin, which is not on everyone's PATH.
        PATH="${PATH}:/usr/sbin:/sbin" command -v "${programs[i]}" >/dev/null || missing+=("${packages[i]}")
    done
    if [ "${#missing[@]}" -gt 0 ] && can_apt; then
        for package in "${missing[@]}"; do
            apt_install "${package}" || say "${package} could not be installed"
        done
    fi
    set_mark dev "${wanted}"
}

begin=${SECONDS}
make_venv
install_packages
build_package
system_tools
if "${dev}"; then dev_tools; fi
date >"${mark}.tmp"
mv "${mark}.tmp" "${mark}.done"
say "ready in $((SECONDS - begin)) s"
