#!/usr/bin/env bash
# What only a GPU can show, by one command on a machine with one: tests, speed, memory, error rates.
# The machine needs perl, a C compiler, a python3 with torch, torchaudio and what --wheels brings; no network.
set -uo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd) || exit 1

usage() {
    cat <<'END'
Usage: test/gpu.sh OUT [options]

Writes OUT/gpu.json, OUT/gpu.md (a page made from it) and OUT/log.txt, in less than 8 minutes on a GPU. Each part has a
time limit and a line of its own; those after a failure run all the same. The status is 0 where all parts passed.

  --wheels DIR     Wheels of what python3 lacks: they are unpacked into a temporary folder
  --device NAME    cuda (default); cpu: tiny sizes, to try the script itself
  --parts "A B"    Only these of: build data tests resume processes base large align fp32 bf16
JSTASR_COMMIT: the commit, where there is no git repository.
END
}

die() {
    echo "test/gpu.sh: error: $*" >&2
    exit 1
}

out=
wheels=
device=cuda
parts="build data tests resume processes base large align fp32 bf16"
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --wheels | --device | --parts)
            [ $# -ge 2 ] || die "$1 needs a value; see --help"
            printf -v "${1#--}" '%s' "$2"
            shift
            ;;
        -*) die "unknown option '$1'; see --help" ;;
        *)
            [ -z "${out}" ] || die "one folder for the results, not two: '${out}' and '$1'"
            out=$1
            ;;
    esac
    shift
done
[ -n "${out}" ] || die "name a folder for the results; see --help"
[[ "${device}" =~ ^(cuda|cpu)$ ]] || die "--device ${device}: there are cuda and cpu"
[ -z "${wheels}" ] || wheels=$(cd "${wheels}" 2>/dev/null && pwd) || die "--wheels: no such folder"
mkdir -p "${out}" || exit 1
out=$(cd "${out}" && pwd)
cd "${root}" || exit 1
if [ "${device}" = cuda ] && ! python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>>"${out}/log.txt"; then
    die "PyTorch sees no GPU here: run it on a machine with one, or try the script with --device cpu"
fi

whole=470 # seconds of all parts together
if [ "${device}" = cpu ]; then patience=6; else patience=1; fi # a trial may share its few cores with other work
whole=$((whole * patience))
work=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; wait; rm -rf "${work}"' EXIT
trap 'exit 130' INT TERM
: >"${out}/log.txt"
JSTASR_COMMIT=${JSTASR_COMMIT:-$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)}
export JSTASR_COMMIT

# The programs that recipes call, of this python3: JSTASR_SETUP=no lets them be used.
mkdir "${work}/bin" "${work}/site"
printf '#!/bin/sh\nexec python3 -m jstasr "$@"\n' >"${work}/bin/jstasr"
printf '#!/bin/sh\nexec python3 -m torch.distributed.run "$@"\n' >"${work}/bin/torchrun"
chmod +x "${work}/bin"/*
export PATH=${work}/bin:${PATH} JSTASR_SETUP=no PYTHONPATH=${work}/site:${root}${PYTHONPATH:+:${PYTHONPATH}}
export PYTHONUNBUFFERED=1 CUBLAS_WORKSPACE_CONFIG=:4096:8 # the latter: for bitwise equal runs

# wanted NAME: is the part to be run?
wanted() { [[ " ${parts} " == *" $1 "* ]]; }

# verdict NAME STATUS SECONDS: the line of a part.
verdict() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"${work}/parts.tsv"
    printf '%-10s %s, %s s\n' "$1" "$2" "$3"
}

declare -A pids=() begins=() limits=()

# start NAME LIMIT COMMAND...: starts a part, with a limit in seconds; `finish NAME` waits for it.
start() {
    local name=$1 limit=$(($2 * patience))
    shift 2
    wanted "${name}" || return 0
    limit=$((whole - SECONDS < limit ? whole - SECONDS : limit))
    if [ "${limit}" -lt 5 ]; then
        verdict "${name}" "skipped: no time left" 0
        return 0
    fi
    begins[${name}]=${SECONDS}
    limits[${name}]=${limit}
    timeout -k 5 "${limit}" "$@" >"${work}/${name}.log" 2>&1 &
    pids[${name}]=$!
}

# finish NAME: its output goes to the log; the end of it to the terminal where it failed.
finish() {
    local name=$1 status=0 took
    [ -n "${pids[${name}]:-}" ] || return 0
    wait "${pids[${name}]}" || status=$?
    took=$((SECONDS - begins[${name}]))
    { echo "== ${name}" && cat "${work}/${name}.log"; } >>"${out}/log.txt"
    case ${status} in
        0) verdict "${name}" PASS "${took}" ;;
        124 | 137) verdict "${name}" "FAIL: longer than ${limits[${name}]} s" "${took}" ;;
        *) verdict "${name}" "FAIL: status ${status}" "${took}" ;;
    esac
    if [ "${status}" -ne 0 ]; then tail -n 25 "${work}/${name}.log"; fi
}

# part NAME LIMIT COMMAND...: both, one after the other.
part() {
    start "$@"
    finish "$1"
}

# build: the wheels and the extension.
build() {
    set -e
    if [ -n "${wheels}" ]; then
        python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "${work}/site" \
            "${wheels}"/*.whl
    fi
    python3 -c 'import jstasr.kernels.ops, jstasr.align' 2>/dev/null || python3 setup.py -q build_ext --inplace -j 4
    python3 -m jstasr --version
}

# recipe NAME: a folder of links to the files of egs/mini, which the runs write beside; those of `data` are shared.
recipe() {
    local entry name
    mkdir -p "${work}/$1"
    for entry in egs/mini/asr1/*; do
        name=$(basename "${entry}")
        case ${name} in data | dump | exp | RESULTS.md) ;; *) ln -sfn "$(readlink -f "${entry}")" "${work}/$1/${name}" ;; esac
    done
    if [ "$1" = data ]; then return; fi
    for name in data dump; do ln -sfn "${work}/data/${name}" "${work}/$1/${name}"; done
}

if [ "${device}" = cuda ]; then
    base=egs/TEMPLATE/asr1/conf/train_base.yaml
    large=egs/TEMPLATE/asr1/conf/train_large.yaml
    base_options=(--batch-frames "40000 80000 160000" --steps 20 --utterances 1000)
    large_options=(--batch-frames "40000 80000" --steps 15 --utterances 1000)
    sizes="25x10 100x40 250x100 1000x400"
    align_options=(--seconds 2)
    tests="test"
    recipe_options=()
    train_options=(--ngpu 1 --gpu_inference true --inference_nj 1 --nj 8)
    train_set="--set data.batch_frames=3200 --set data.text_batch_phones=700" # of the two processes on the CPU
    jobs=10
else
    export JSTASR_TEST_DEVICE=cpu OMP_NUM_THREADS=1
    base=egs/TEMPLATE/asr1/conf/train_smoke.yaml
    large=${base}
    base_options=(--batch-frames "1600 3000" --steps 2 --utterances 30)
    large_options=(--steps 1 --utterances 20)
    sizes="25x10 100x40"
    align_options=(--seconds 0.1 --repeats 3)
    tests="test/decode"
    recipe_options=(--n_paired 60 --n_text 200 --n_dev 10 --n_test 10 --nbpe 30)
    train_options=(--train_procs 1 --nj 2 --asr_config conf/train_smoke.yaml --nbpe 30)
    train_set="--set optim.max_steps=4 --set valid.interval=4 --set losses.consistency.start_step=0"
    jobs=2
fi

# data: the mini recipe's speech, phonemes, tokens and features, by its stages 1 to 5.
data() { "${work}/data/run.sh" --stage 1 --stop_stage 5 --use_lm false --nj "${jobs}" "${recipe_options[@]}"; }

# cuda_tests NAME FOLDER ARGUMENT...: the tests of a folder that need a GPU; their results in a file for the page.
cuda_tests() {
    local name=$1 folder=$2 files
    shift 2
    mapfile -t files < <(find "${folder}" -name test_cuda.py | sort)
    python3 -m pytest -q -p no:cacheprovider --junitxml "${work}/${name}.xml" "$@" "${files[@]}"
}

# train NAME PRECISION: the mini recipe from training to error rates.
train() {
    recipe "$1"
    "${work}/$1/run.sh" --stage 6 --stop_stage 9 --use_lm false --metrics wer --asr_tag "gpu_$1" "${train_options[@]}" \
        --asr_args "--set precision=$2 ${train_set}"
}

# `timeout` runs programs: these functions, in a shell that has read them.
export out work wheels jobs device train_set
declare -p recipe_options train_options >"${work}/options"
for name in build data recipe cuda_tests train; do declare -f "${name}" >>"${work}/options"; done
shell=(bash -c ". '${work}/options' && \"\$@\"" gpu)

part build 120 "${shell[@]}" build
recipe data
start data 300 "${shell[@]}" data # beside the tests, which leave most cores idle
part tests 200 "${shell[@]}" cuda_tests tests "${tests}" -k "not resumed and not two_processes"
part resume 60 "${shell[@]}" cuda_tests resume test/train -k resumed
part processes 60 "${shell[@]}" cuda_tests processes test/train -k two_processes
finish data
part align 40 python3 -m jstasr bench align --device "${device}" --sizes "${sizes}" "${align_options[@]}" --json "${work}/align.json"
part base 110 python3 -m jstasr bench train --device "${device}" --config "${base}" --precisions "bf16 fp32" \
    "${base_options[@]}" --json "${work}/base.json"
part large 80 python3 -m jstasr bench train --device "${device}" --config "${large}" --precisions "bf16 fp32" \
    "${large_options[@]}" --json "${work}/large.json"
# Each waits for the CPU most of the time: both at once take little longer than one.
start fp32 240 "${shell[@]}" train fp32 32-true
start bf16 240 "${shell[@]}" train bf16 bf16-mixed
finish fp32
finish bf16

python3 test/gpu_page.py collect "${work}" "${out}/gpu.json" --device "${device}" --seconds "${SECONDS}" || exit 1
python3 test/gpu_page.py page "${out}/gpu.json" >"${out}/gpu.md" || exit 1
echo "${out}/gpu.md"
! grep -q FAIL "${work}/parts.tsv"
