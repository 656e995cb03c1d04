#!/usr/bin/env bash
# All stages from a corpus to RESULTS.md, the same for every recipe: run.sh sets the options below and calls this.
# Each stage reads files that an earlier one wrote, and may be run again by its number at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" # the recipe's folder: this file is a link there

# One line per stage; --help and the log read it here.
titles=(
    "check tools, modules, disk and GPU"                          # 0
    "data preparation (local/data.sh)"                            # 1
    "speed perturbation, audio format, utterance lengths"         # 2
    "phonemization"                                               # 3
    "token list and language model"                               # 4
    "feature extraction"                                          # 5
    "training"                                                    # 6
    "checkpoint averaging"                                        # 7
    "decoding"                                                    # 8
    "scoring and RESULTS.md"                                      # 9
    "alignment analysis and report"                               # 10
    "packing the model"                                           # 11
)

# Options: `name=default # explanation`. --help prints these lines, so an option without one cannot exist.
# [options]
stage=0                # First stage to run.
stop_stage=11          # Last stage to run.
skip_stages=           # Stages to leave out, as in "3 5".
ngpu=0                 # GPUs on each node; 0 trains on the CPU.
train_procs=1          # Training processes that share the cores of a node, where there is no GPU.
num_nodes=1            # Nodes to train on; more than one needs cmd_backend=slurm.
nj=                    # Parallel jobs of the data stages (default: the machine's cores).
inference_nj=          # Parallel jobs of decoding (default: --nj).
dumpdir=dump           # Folder for formatted audio, phones and features.
expdir=exp             # Folder for experiments.
disk_gb=5              # Free disk space that stage 0 demands, GB.
train_set=train        # Paired training set, a folder of data/.
valid_set=dev          # Paired development set.
test_sets="test"       # Paired test sets, as in "test test_rare".
unpaired_speech_sets=  # Self-training: sets of data/ without transcripts, for a second experiment, <tag>_st1.
self_training_rounds=1 # Rounds of it: each decodes these sets with the model of the last, and trains another.
self_training_share=0.7 # Share of their utterances that is kept: those of the most confident hypotheses.
text_sets=             # Text-only training sets, as in "text"; none: trains on the paired set alone.
local_data_opts=       # Options for local/data.sh, as in "--n_paired 3000".
lang=en                # Language of utterances that no utt2lang names.
langs=                 # All languages of a multilingual model, as in "en es it"; sets need utt2lang.
fs=16k                 # Sampling rate of the formatted audio, Hz or as in 8k.
channel=               # Channel of recordings with several: its number from 1, or mix; none: such recordings are refused.
feats_type=            # Features: fbank (default), fbank_compressed (a quarter of the disk), raw (from audio on the fly) or pretrained.
pretrained=            # Pretrained speech encoder: a folder of $JSTASR_MODELS, a path, or an id of the Hugging Face Hub.
speed_perturb_factors= # Speeds added to the training set, as in "0.9 1.0 1.1".
min_wav_duration=0.1   # Training and development utterances below this are left out, seconds.
max_wav_duration=20    # Training and development utterances above this are left out, seconds.
cleaner=basic          # Text normalisation for training and scoring: none or basic.
g2p=auto               # Phonemes from espeak, grapheme (letters), lexicon, lexicon+grapheme, lexicon+espeak; auto: espeak or letters.
lexicon=               # Pronunciations of --g2p lexicon..., lines `word phone phone ...`; + says what reads other words.
token_type=bpe         # Tokens of the output: bpe, char or word.
nbpe=100               # Number of BPE tokens.
bpe_char_cover=1.0     # Share of the characters that BPE must cover.
asr_config=            # Model and training configuration: a file of the recipe, else of egs/TEMPLATE/asr1 (default: conf/train.yaml; with --pretrained conf/train_pretrained.yaml).
asr_args=              # More options of `jstasr train`, as in "--set optim.max_steps=1000".
asr_tag=               # Name of the experiment in --expdir (default: from the configuration and tokens).
average_num=5          # Checkpoints to average, at most: those within 5% of the lowest dev WER.
inference_config=      # Decoding configuration, found as --asr_config is (default: greedy search).
inference_args=        # More options of `jstasr decode`.
inference_tag=         # Name of the decoding run (default: from --inference_config and --inference_args).
inference_asr_model=valid.wer.ave.pth # Model file to decode with, inside the experiment.
inference_modes=       # Decoders to run and score (default: "streaming full"; with --pretrained full).
gpu_inference=false    # Decode on a GPU.
use_lm=auto            # Decode once more with an n-gram model of the training texts: true, false, neural (then with an LSTM beside it, too), or auto: true where there are --text_sets.
ngram_num=6            # Order of the n-gram model, in tokens.
lm_inference_config=conf/decode_beam.yaml # Decoding configuration with it; weights that it lacks are tuned on --valid_set.
metrics="wer cer ter"  # Scores to compute.
score_opts=            # More options of `jstasr score`.
results_note=          # Line on top of RESULTS.md, such as what data this is.
# [end of options]

# log MESSAGE [FRAME]: a line with time, file, line and function of the caller (or of its callers, by FRAME).
log() {
    local frame=${2:-0}
    local func=${FUNCNAME[frame + 1]}
    echo "$(date '+%Y-%m-%dT%H:%M:%S') (asr.sh:${BASH_LINENO[frame]}:${func}) $1"
}

# die MESSAGE: stop with an error that the user can correct.
die() {
    echo "asr.sh: error: $1" >&2
    failure_reported=true
    exit 1
}

# minutes SECONDS: 3725 -> 1h 2m 5s
minutes() {
    local hours=$(($1 / 3600)) mins=$(($1 / 60 % 60)) text=""
    if [ "${hours}" -gt 0 ]; then text="${hours}h "; fi
    if [ "$1" -ge 60 ]; then text+="${mins}m "; fi
    echo "${text}$(($1 % 60))s"
}

ran=false             # has a stage begun?
current=              # number of the stage that runs now
failure_reported=false
tail_pid=

# Runs at every exit: says where the run stopped and how to continue.
at_exit() {
    local status=$?
    if [ -n "${tail_pid}" ]; then kill "${tail_pid}" 2>/dev/null || true; fi
    if [ "${status}" -eq 0 ] || [ -z "${current}" ]; then return; fi
    if ! "${failure_reported}"; then
        echo "asr.sh: error: stage ${current} (${titles[current]}) failed; the reason is above." >&2
        echo "asr.sh: once it is corrected, continue with: ./run.sh --stage ${current}" >&2
    fi
}
trap at_exit EXIT
trap 'failure_reported=true; echo "asr.sh: interrupted in stage ${current:-0}; continue with: ./run.sh --stage ${current:-0}" >&2; exit 130' INT TERM

# wanted N: is stage N to be run?
wanted() {
    [ "${stage}" -le "$1" ] && [ "$1" -le "${stop_stage}" ] && [[ " ${skip_stages} " != *" $1 "* ]]
}

# begins N: true, with a log line, where stage N is to be run.
begins() {
    wanted "$1" || return 1
    current=$1
    ran=true
    started=${SECONDS}
    log "Stage $1: ${titles[$1]}" 1
}

# ends: the log line with the stage's time.
ends() {
    release
    log "Stage ${current}: done in $(minutes $((SECONDS - started)))" 1
    current=
}

# find_config OPTION: sets config to the file that the option names, of the recipe, else of those that the recipes share.
find_config() {
    config=${!1}
    if [ ! -f "${config}" ]; then config=$(dirname "$(readlink -f asr.sh)")/${config}; fi
    [ -f "${config}" ] || die "--$1 ${!1}: no such file in $(pwd), and none that the recipes share"
}

# needs STAGE FILE...: stop where a file that STAGE writes is missing.
needs() {
    local maker=$1 file
    shift
    for file in "$@"; do
        [ -e "${file}" ] ||
            die "stage ${current} (${titles[current]}) needs ${file}, which stage ${maker} (${titles[maker]}) writes: run ./run.sh --stage ${maker}"
    done
}

# jobs_for SCP: as many jobs as there are lines, --nj at most.
jobs_for() {
    local lines
    lines=$(wc -l <"$1")
    [ "${lines}" -gt 0 ] || die "$1 is empty"
    echo $((lines < $2 ? lines : $2))
}

# hash_of TEXT: a short name for a list of options.
hash_of() {
    printf '%s' "$1" | cksum | awk '{ printf "%08x", $1 }'
}

# shellcheck source=../../../utils/internal/asr_options.sh
. utils/internal/asr_options.sh
# shellcheck source=../../../utils/internal/asr_decoding.sh
. utils/internal/asr_decoding.sh
# shellcheck source=../../../utils/internal/asr_self_training.sh
. utils/internal/asr_self_training.sh
help_message=$(make_help)
if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
    echo "${help_message}" # needs no environment
    exit 0
fi
check_options "$@"
set -- ${options_left[@]+"${options_left[@]}"}
given=("$@") # for the experiments of self-training
# shellcheck source=utils/internal/stage_helpers.sh
. utils/internal/stage_helpers.sh
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
[ $# -eq 0 ] || die "unexpected argument '$1': options are given as --name value; see --help"
check_values
token_dir=data/token_list/${token_type}
if [ "${token_type}" = bpe ]; then token_dir=data/token_list/bpe_unigram${nbpe}; fi
use_espnet_options

cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
# shellcheck source=path.sh
. ./path.sh
export OMP_NUM_THREADS=1 # jobs run side by side; training gets all cores
# shellcheck source=cmd.sh
. ./cmd.sh
# What the jobs are given are names and values, which no shell is to read again.
for name in train_cmd cuda_cmd decode_cmd; do
    if [ -n "${!name:-}" ]; then printf -v "${name}" '%s --literal true' "${!name}"; fi # a cmd.sh may leave some out
done

nj=${nj:-${cores}}
inference_nj=${inference_nj:-${nj}}
audiodir=${dumpdir}/audio
featsdir=${dumpdir}/${feats_name}
textdir=${dumpdir}/text
langs=$(jstasr languages --canonical "${langs:-${lang}}")
g2p_options=(--g2p "${g2p}" --lexicon "${lexicon}" --cleaner "${cleaner}")
read -ra text_sets <<<"${text_sets}"
read -ra test_sets <<<"${test_sets}"
read -ra inference_modes <<<"${inference_modes}"
read -ra metrics <<<"${metrics}"
mapfile -d '' -t data_words < <(utils/internal/split_words.pl "${local_data_opts}")
mapfile -d '' -t train_words < <(utils/internal/split_words.pl "${asr_args}")
mapfile -d '' -t decode_words < <(utils/internal/split_words.pl "${inference_args}")
mapfile -d '' -t score_words < <(utils/internal/split_words.pl "${score_opts}")

# The perturbed copy is a set of its own, so that a run without it finds its files untouched.
paired_train=${train_set}
if [ -n "${speed_perturb_factors}" ]; then paired_train=${train_set}_sp; fi
name_untranscribed_sets
mapfile -t paired_sets < <(printf '%s\n' "${paired_train}" "${valid_set}" "${test_sets[@]}" "${untranscribed[@]}" | awk '!seen[$0]++')

# Names that distinguish experiments.
if [ -z "${asr_tag}" ]; then
    asr_tag=$(basename "${asr_config}" .yaml)_${feats_name}_${langs// /-}_${token_type}
    if [ "${token_type}" = bpe ]; then asr_tag+=${nbpe}; fi
    if [ -n "${speed_perturb_factors}" ]; then asr_tag+=_sp; fi
    more=${named_train_options}${asr_args}
    if [ -n "${more}" ]; then asr_tag+=_$(hash_of "${more}"); fi
fi
asr_exp=${expdir}/${asr_tag}
inference_config=${inference_config:-conf/decode_greedy.yaml}
if [ -z "${inference_tag}" ]; then
    inference_tag=$(basename "${inference_config}" .yaml)
    inference_tag=${inference_tag#decode_}
    if [ "${inference_asr_model}" != valid.wer.ave.pth ]; then inference_tag+=_${inference_asr_model%.pth}; fi
    if [ -n "${inference_args}" ]; then inference_tag+=_$(hash_of "${inference_args}"); fi
fi
decode_dir=${asr_exp}/decode_${inference_tag}
decode_dirs=("${decode_dir}")
if "${use_lm}"; then decode_dirs+=("${decode_dir}_lm"); fi
if "${use_nnlm}"; then decode_dirs+=("${decode_dir}_nnlm"); fi
asr_model=${asr_exp}/${inference_asr_model}
cmvn=${asr_stats_dir:-${featsdir}/${paired_train}}/cmvn.ark
lm_exp=${lm_exp:-${expdir}/lm_${token_dir##*/}}
job=JOB # becomes the number of a job, wherever it stands: no other name may hold it
while [[ "${decode_dir} ${dumpdir} ${paired_sets[*]} ${inference_args} ${inference_config} ${lm_exp} $(readlink -f asr.sh)" == *"${job}"* ]]; do job+=_; done

SECONDS=0

if begins 0; then
    stages=()
    for number in "${!titles[@]}"; do
        # Asked for alone, it looks for everything.
        if [ "${stop_stage}" -eq 0 ] || wanted "${number}"; then stages+=("${number}"); fi
    done
    jstasr check --stages "${stages[*]}" --token-type "${token_type}" "${g2p_options[@]}" --langs "${langs}" \
        --ngpu "${ngpu}" --num-nodes "${num_nodes}" --disk-gb "${disk_gb}" --dumpdir "${dumpdir}" --expdir "${expdir}" --speed-perturb-factors "${speed_perturb_factors}" \
        --sets "${train_set} ${valid_set} ${test_sets[*]}" --job-command "${train_cmd}" --local-dir local --pretrained "${pretrained}" || die "something that later stages need is missing: see the table above"
    if wanted 1 && grep -qs '^check=' local/data.sh; then local/data.sh --check true "${data_words[@]}"; fi
    ends
fi

if begins 1; then
    [ -x local/data.sh ] || die "local/data.sh is missing or not executable: it is what makes data/<set> from the corpus"
    hold data
    OMP_NUM_THREADS=${cores} local/data.sh "${data_words[@]}" # its nproc reads it too
    for set in "${train_set}" "${valid_set}" "${test_sets[@]}"; do
        utils/validate_data_dir.sh --no-feats "data/${set}"
    done
    for set in "${text_sets[@]}"; do [ -s "data/${set}/text" ] || die "local/data.sh made no data/${set}/text, which --text_sets names"; done
    make_untranscribed_sets
    jstasr check --summary --langs "" --sets "${train_set} ${valid_set} ${test_sets[*]}"
    ends
fi

if begins 2; then
    for set in "${train_set}" "${valid_set}" "${test_sets[@]}" "${untranscribed[@]}"; do
        needs 1 "data/${set}"/{wav.scp,text,utt2spk}
    done
    below "${audiodir}" "${paired_sets[@]}"
    hold data "${folders[@]}"
    if [ -n "${speed_perturb_factors}" ]; then
        copies=()
        for factor in ${speed_perturb_factors}; do
            if [ "${factor}" = 1.0 ] || [ "${factor}" = 1 ]; then
                copies+=("data/${train_set}")
            else
                utils/data/perturb_data_dir_speed.sh "${factor}" "data/${train_set}" "data/${train_set}_sp${factor}"
                copies+=("data/${train_set}_sp${factor}")
            fi
        done
        utils/combine_data.sh "data/${paired_train}" "${copies[@]}"
    fi
    for set in "${paired_sets[@]}"; do
        jobs=$(jobs_for "data/${set}/wav.scp" "${nj}")
        options=(
            --data-dir "data/${set}" --outdir "${audiodir}/${set}" --fs "${fs}"
            --cleaner "${cleaner}" --lang "${lang}" --num-jobs "${jobs}" --audio-format "${audio_format}" "${symbols[@]}"
        )
        if [ -n "${channel}" ]; then options+=(--channel "${channel}"); fi
        # Test sets are scored whole, utterances without words too: there, every word of a hypothesis is an insertion.
        if [[ " ${test_sets[*]} ${untranscribed[*]} " == *" ${set} "* ]] && [ "${set}" != "${valid_set}" ]; then
            options+=(--allow-empty-text)
        else
            options+=(--min-seconds "${min_wav_duration}" --max-seconds "${max_wav_duration}")
            [ "${token_type}" != char ] || options+=(--max-rate 24) # each takes an encoder frame, 25 a second
        fi
        ${train_cmd} "${job}=1:${jobs}" "${audiodir}/${set}/logdir/format.${job}.log" \
            env "JSTASR_RUN=${JSTASR_RUN}" jstasr format-audio "${options[@]}" --job "${job}"
        jstasr format-audio "${options[@]}" --merge
    done
    ends
fi

if begins 3; then
    phones=()
    options=(--lang "${lang}" "${g2p_options[@]}" --nj "${nj}" "${symbols[@]}")
    for set in "${paired_train}" "${valid_set}"; do
        needs 2 "${audiodir}/${set}/text"
        ${train_cmd} --num-threads "${nj}" "${audiodir}/${set}/logdir/phonemize.log" \
            jstasr phonemize --data-dir "${audiodir}/${set}" --outdir "${audiodir}/${set}" "${options[@]}"
        phones+=("${audiodir}/${set}/phones")
    done
    for set in "${text_sets[@]}"; do
        needs 1 "data/${set}/text"
        ${train_cmd} --num-threads "${nj}" "${textdir}/${set}/logdir/phonemize.log" \
            jstasr phonemize --data-dir "data/${set}" --outdir "${textdir}/${set}" --drop-unspoken "${options[@]}"
        phones+=("${textdir}/${set}/phones")
    done
    jstasr phonemize --make-list "${phones[@]}" --output data/token_list/phones.txt
    ends
fi

if begins 4; then
    texts=("${audiodir}/${paired_train}/text")
    needs 2 "${texts[0]}" "${audiodir}/${valid_set}/text"
    for set in "${text_sets[@]}"; do
        needs 3 "${textdir}/${set}/text"
        texts+=("${textdir}/${set}/text")
    done
    options=(--token-type "${token_type}" --nbpe "${nbpe}" --char-cover "${bpe_char_cover}" --langs "${langs}")
    if [ -n "${bpe_train_text}" ]; then
        # shellcheck disable=SC2086  # a list of files
        text_files bpe_train_text ${bpe_train_text}
        options+=(--cleaner "${cleaner}" "${symbols[@]}" --spell "${texts[@]}" "${audiodir}/${valid_set}/text")
        texts=("${found_files[@]}")
    else
        options+=(--spell "${audiodir}/${valid_set}/text")
    fi
    jstasr tokenize --text "${texts[@]}" --output-dir "${token_dir}" "${options[@]}"
    if "${use_lm}"; then make_language_models; fi
    ends
fi

if begins 5; then
    for set in "${paired_sets[@]}"; do needs 2 "${audiodir}/${set}"/{wav.scp,text,utt2spk}; done
    for set in "${paired_train}" "${valid_set}"; do needs 3 "${audiodir}/${set}/phones"; done
    find_config asr_config
    below "${featsdir}" "${paired_sets[@]}"
    hold "${folders[@]}"
    for set in "${paired_sets[@]}"; do
        jobs=$(jobs_for "${audiodir}/${set}/wav.scp" "${nj}")
        options=(--feats-type "${feats_type}"
            --data-dir "${audiodir}/${set}" --outdir "${featsdir}/${set}" --fs "${fs}" --num-jobs "${jobs}"
        )
        options+=(--train-options --config "${config}" "${extra_train_options[@]}" "${train_words[@]}") # features.kind
        ${train_cmd} "${job}=1:${jobs}" "${featsdir}/${set}/logdir/extract.${job}.log" \
            env "JSTASR_RUN=${JSTASR_RUN}" jstasr extract --job "${job}" "${options[@]}"
        if [ "${set}" = "${paired_train}" ]; then options=(--cmvn-out "${cmvn}" "${options[@]}"); fi
        jstasr extract --merge "${options[@]}"
    done
    ends
fi

if begins 6; then
    find_config asr_config
    train_options=(
        --config "${config}" --expdir "${asr_exp}"
        --train-dir "${featsdir}/${paired_train}" --valid-dir "${featsdir}/${valid_set}"
        --cmvn "${cmvn}"
        --phone-list data/token_list/phones.txt --token-list "${token_dir}/tokens.txt"
        --fs "${fs}" --ngpu "${ngpu}" --num-procs "${train_procs}" --num-nodes "${num_nodes}"
    )
    if [ "${token_type}" = bpe ]; then train_options+=(--bpe-model "${token_dir}/bpe.model"); fi
    for set in "${text_sets[@]}"; do
        needs 3 "${textdir}/${set}/phones"
        train_options+=(--text-dir "${textdir}/${set}")
    done
    needs 5 "${featsdir}/${paired_train}/utt2num_frames" "${cmvn}" "${featsdir}/${valid_set}/utt2num_frames"
    needs 3 data/token_list/phones.txt
    needs 4 "${token_dir}/tokens.txt"
    procs=$((ngpu > 0 ? ngpu : train_procs))
    launcher=(env "OMP_NUM_THREADS=$((cores > procs ? cores / procs : 1))" jstasr)
    read -ra runner <<<"${cuda_cmd}"
    if [ "${ngpu}" -gt 0 ]; then runner+=(--gpu "${ngpu}"); fi
    if [ "${num_nodes}" -gt 1 ]; then
        [ "${cmd_backend}" = slurm ] || die "--num_nodes ${num_nodes} needs cmd_backend=slurm in cmd.sh, not ${cmd_backend}"
        runner+=(--nodes "${num_nodes}" --ntasks-per-node "${procs}")
        # --wait: where a node is gone, the ends of its tasks are not told
        launcher=(srun --kill-on-bad-exit "--wait=${SLURM_WAIT:-120}" "${launcher[@]}")
    elif [ "${procs}" -gt 1 ]; then # a process that dies: all are started again, and continue from the checkpoint
        launcher=("${launcher[@]:0:2}" torchrun --standalone --max-restarts=3 "--nproc-per-node=${procs}" -m jstasr)
    fi
    hold "${asr_exp}" && release # before the log of a training that runs there is written over
    log "The experiment: ${asr_exp}, configured by ${config}; TensorBoard: tensorboard --logdir ${asr_exp}"
    mkdir -p "${asr_exp}/logdir" && rm -f "${asr_exp}/error"
    show_log "${asr_exp}/logdir/train.log"
    train_options+=("${extra_train_options[@]}" "${train_words[@]}")
    until "${runner[@]}" "${asr_exp}/logdir/train.log" "${launcher[@]}" train "${train_options[@]}"; do
        # what ended it, which lies above torchrun's report of its processes
        [ ! -s "${asr_exp}/error" ] || die "training ended: $(<"${asr_exp}/error")"
        goes_on || exit 1
    done
    hide_log
    ends
fi

if begins 7; then
    needs 6 "${asr_exp}/config.yaml" "${asr_exp}/checkpoints"
    ${train_cmd} "${asr_exp}/logdir/average.log" \
        jstasr average --expdir "${asr_exp}" --num "${average_num}" --output "${asr_exp}/valid.wer.ave.pth"
    ends
fi

if begins 8; then
    needs 7 "${asr_model}"
    find_config inference_config
    read -ra runner <<<"${decode_cmd}"
    model_options=(--expdir "${asr_exp}" --model "${asr_model}" --mode "$(IFS=, && echo "${inference_modes[*]}")")
    if "${gpu_inference}"; then runner+=(--gpu 1) model_options+=(--ngpu 1); fi
    hold "${decode_dirs[@]}"
    # `jstasr transcribe` gives the words of the last decoding: --keep-search
    decode_sets "${decode_dir}" --config "${config}" --keep-search
    if "${use_lm}"; then decode_with_language_model lm --lm "${lm_exp}/lm.arpa.gz"; fi
    if "${use_nnlm}"; then decode_with_language_model nnlm --lm "${lm_exp}/lm.arpa.gz" --nnlm "${lm_exp}/nnlm.pt"; fi
    ends
fi

if begins 9; then
    declare -A unit_of=([wer]=word [cer]=char [ter]=token)
    for folder in "${decode_dirs[@]}"; do
        for set in "${test_sets[@]}"; do
            needs 5 "${featsdir}/${set}"/{text,utt2spk}
            for mode in "${inference_modes[@]}"; do
                out=${folder}/${set}/${mode}
                needs 8 "${out}"/{text,token}
                for metric in "${metrics[@]}"; do
                    options=(
                        --ref-text "${featsdir}/${set}/text" --utt2spk "${featsdir}/${set}/utt2spk" --lang "${lang}"
                        --outdir "${out}/score_${metric}" --hyp-text "${out}/text" --token-type "${unit_of[${metric}]}"
                    )
                    if [ -f "${featsdir}/${set}/utt2lang" ]; then options+=(--utt2lang "${featsdir}/${set}/utt2lang"); fi
                    if [ -f "${audiodir}/${set}/wav.scp" ]; then options+=(--wav-scp "${audiodir}/${set}/wav.scp"); fi
                    if [ "${metric}" = ter ]; then
                        options+=(--hyp-text "${out}/token" --token-list "${token_dir}/tokens.txt")
                    fi
                    jstasr score "${options[@]}" --cleaner "${cleaner}" "${score_words[@]}"
                done
            done
        done
    done
    jstasr results "${expdir}" ${results_note:+--note "${results_note}"}
    ends
fi

if begins 10; then
    needs 7 "${asr_model}"
    needs 5 "${featsdir}/${valid_set}/utt2num_frames"
    times=() # of the phonemes, in corpora that have them
    [ ! -f "data/${valid_set}/phones.ctm" ] || times=(--phone-times "data/${valid_set}/phones.ctm")
    ${train_cmd} "${asr_exp}/logdir/analyze.log" \
        jstasr analyze --expdir "${asr_exp}" --model "${asr_model}" --data-dir "${featsdir}/${valid_set}" \
        --outdir "${asr_exp}/report" "${times[@]}"
    ${train_cmd} "${asr_exp}/logdir/report.log" jstasr report --expdir "${asr_exp}"
    log "The report: ${asr_exp}/report/index.html"
    ends
fi

if begins 11; then
    needs 7 "${asr_model}"
    find_config inference_config
    search=(--config "${config}")
    if "${use_lm}"; then find_packed_search; fi
    ${train_cmd} "${asr_exp}/logdir/pack.log" \
        jstasr pack --expdir "${asr_exp}" --model "${asr_model}" --output "${asr_exp}/${asr_tag}.zip" \
        "${search[@]}" "${decode_words[@]}"
    log "The packed model: ${asr_exp}/${asr_tag}.zip"
    ends
fi

if [ -n "${unpaired_speech_sets}" ] && "${ran}" && [ "${stop_stage}" -ge 11 ]; then self_train; fi
"${ran}" || log "Nothing was run: all stages from ${stage} to ${stop_stage} are skipped (--skip_stages ${skip_stages# })"
log "Finished in $(minutes "${SECONDS}")"
