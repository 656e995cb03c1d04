# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of asr.sh, which sources this and has them
# Sourced by asr.sh: its help, and the check of its command line before anything runs. Options of ESPnet's asr.sh that it
# has not itself are in espnet_options.tsv: what they do here, or what takes their place.

espnet_table=utils/internal/espnet_options.tsv

# ESPnet's options that are accepted: every line of kind + in the table has a variable here.
skip_data_prep=false skip_train=false skip_eval=false skip_packing=false
asr_exp='' asr_stats_dir='' pretrained_model='' ignore_init_mismatch=false feats_normalize=''
audio_format=wav nlsyms_txt=none bpe_nlsyms='' bpe_train_text=''
use_ngram='' lm_train_text='' lm_dev_text='' lm_test_text='' lm_exp='' ngram_exp='' lm_args=''
use_streaming=false

# make_help: the text of --help, read from the lists of asr.sh and the table.
make_help() {
    local number name kind text
    echo "Usage: ./run.sh [--option value ...]   (run.sh passes its options on to asr.sh)"
    echo
    echo "Stages:"
    for number in "${!titles[@]}"; do
        printf '  %4d  %s\n' "${number}" "${titles[number]}"
    done
    echo
    echo "Options (booleans are true or false):"
    utils/internal/show_options.sh <asr.sh
    echo
    echo "Options of ESPnet that work here too (docs/reference/espnet.md lists all of them):"
    while IFS=$'\t' read -r name kind text; do
        if [ "${kind}" = + ]; then printf '  --%-22s %s\n' "${name}" "${text}"; fi
    done <"${espnet_table}"
}

# stage_list: the stages with their numbers, for an error.
stage_list() {
    local number list=""
    for number in "${!titles[@]}"; do list+="; ${number} ${titles[number]}"; done
    echo "${list:2}"
}

# check_options OPTION VALUE ...: stop where an option is none of asr.sh's and none that the table accepts; all such
# options are named at once. A line of the log for each of ESPnet's options that is accepted.
check_options() {
    local -A kind_of=() text_of=()
    local own name kind text near with_lm=true faults=() notes=() words=("$@")
    own=$(sed -n '/^# \[options\]/,/^# \[end of options\]/s/^\([a-z0-9_]*\)=.*/\1/p' asr.sh)
    while IFS=$'\t' read -r name kind text; do
        kind_of[${name}]=${kind} text_of[${name}]=${text}
    done < <(grep -v '^#' "${espnet_table}")
    while [ $# -ge 2 ] && [[ $1 == --* ]]; do
        case ${1//-/_} in __use_lm) with_lm=$2 ;; esac
        shift 2
    done
    set -- ${words[@]+"${words[@]}"}
    while [ $# -gt 0 ] && [[ $1 == --* ]]; do
        name=${1#--}
        name=${name//-/_}
        kind=${kind_of[${name%%=*}]:-}
        if [[ $1 == *=* ]]; then
            faults+=("$1: options are of the form --name value: ${1%%=*} '${1#*=}'")
            shift
            continue
        elif [ "${name}" = config ] || [[ $'\n'${own}$'\n' == *$'\n'"${name}"$'\n'* ]]; then
            :
        elif [ "${kind}" = + ]; then
            if [ -n "${2:-}" ]; then notes+=("$1 $2 (an option of ESPnet): ${text_of[${name}]}"); fi
        elif [ -n "${kind}" ]; then
            if [ -z "${2:-}" ]; then
                : # not set
            elif [ "${kind}" = lm ] && [ "${with_lm}" = false ]; then
                notes+=("$1 $2 (an option of ESPnet): without a language model it has no effect")
            elif [[ ${kind} != - && ${kind} != lm && $2 =~ ^(${kind})$ ]]; then
                notes+=("$1 $2 (an option of ESPnet): that is so here in any case")
            else
                faults+=("$1 $2 is an option of ESPnet that this has not: ${text_of[${name}]}")
            fi
            # Nothing to do here: it leaves the command line.
            words=("${words[@]:0:${#words[@]}-$#}" "${words[@]:${#words[@]}-$#+($# < 2 ? $# : 2)}")
        else
            # shellcheck disable=SC2086  # names
            near=$(utils/internal/nearest.pl "${name}" ${own} "${!kind_of[@]}" ${RECIPE_OPTION_NAMES:-} </dev/null)
            faults+=("invalid option $1${near:+: did you mean --${near}?}")
        fi
        if [ $# -lt 2 ]; then break; fi # parse_options.sh names an option without value
        shift 2
    done
    if [ "${#faults[@]}" -eq 1 ]; then die "${faults[0]} (see ./run.sh --help and docs/reference/espnet.md)"; fi
    if [ "${#faults[@]}" -gt 1 ]; then
        die "${#faults[@]} options cannot be used (see ./run.sh --help and docs/reference/espnet.md):$(printf '\n  %s' "${faults[@]}")"
    fi
    for text in ${notes[@]+"${notes[@]}"}; do log "${text}" 1; done
    options_left=(${words[@]+"${words[@]}"})
}

# check_stages: stop where a stage does not exist, or none is to be run.
check_stages() {
    local name number last=$((${#titles[@]} - 1))
    for name in stage stop_stage; do
        if [ -z "${!name}" ] || [ "${!name}" -gt "${last}" ]; then
            die "--${name} ${!name}: there is no such stage; the stages are $(stage_list). ESPnet's numbers differ: docs/reference/espnet.md"
        fi
    done
    for number in ${skip_stages}; do
        [[ ${number} =~ ^[0-9]+$ ]] || die "--skip_stages holds stage numbers, not '${number}'"
        [ "${number}" -le "${last}" ] || die "--skip_stages ${number}: there is no such stage; the stages are $(stage_list)"
    done
    [ "${stage}" -le "${stop_stage}" ] || die "--stage ${stage} --stop_stage ${stop_stage}: nothing lies between; the stages are $(stage_list)"
}

# check_values: stop where an option has a value that it cannot have.
check_values() {
    local name metric mode
    for name in stage stop_stage ngpu train_procs num_nodes nj inference_nj nbpe average_num ngram_num self_training_rounds; do
        [[ "${!name}" =~ ^[0-9]{0,9}$ ]] || die "--${name} must be a number, not '${!name}'"
    done
    check_stages
    for metric in ${metrics}; do
        [[ "${metric}" =~ ^(wer|cer|ter)$ ]] || die "--metrics holds wer, cer and ter, not '${metric}'"
    done
    for mode in ${inference_modes}; do
        [[ "${mode}" =~ ^(streaming|full)$ ]] || die "--inference_modes holds streaming and full, not '${mode}'"
    done
    [[ "${feats_type}" =~ ^(fbank|fbank_compressed|raw|pretrained)?$ ]] || die "--feats_type must be fbank, fbank_compressed, raw or pretrained, not '${feats_type}'"
    if [ -n "${pretrained}" ] && [[ ! "${feats_type:-pretrained}" =~ ^(pretrained|raw)$ ]]; then die "--pretrained ${pretrained} needs --feats_type pretrained or raw, not ${feats_type}"; fi
    if [ -z "${pretrained}" ] && [ "${feats_type}" = pretrained ]; then die "--feats_type pretrained needs the name of the encoder: --pretrained NAME"; fi
    [[ "${token_type}" =~ ^(bpe|char|word)$ ]] || die "--token_type must be bpe, char or word, not '${token_type}'"
    [[ "${audio_format}" =~ ^(wav|flac)(\.ark)?$ ]] || die "--audio_format must be wav or flac, not '${audio_format}'"
    [[ "${feats_normalize}" =~ ^(global_mvn|utterance_mvn)?$ ]] || die "--feats_normalize must be global_mvn or utterance_mvn, not '${feats_normalize}'"
    [ "${lang}" != noinfo ] || die "--lang noinfo: the phonemes and the reading of numbers need the language, as in --lang en"
    [[ "${use_lm}" =~ ^(true|false|neural|auto)$ ]] || die "--use_lm must be true, false, neural or auto, not '${use_lm}'"
    [[ "${use_ngram}" =~ ^(true|false)?$ ]] || die "--use_ngram must be true or false, not '${use_ngram}'"
    [[ "${self_training_share}" =~ ^(0?\.[0-9]*[1-9][0-9]*|1|1\.0*)$ ]] ||
        die "--self_training_share must be above 0 and at most 1, not '${self_training_share}'"
    [ "${self_training_rounds:-0}" -gt 0 ] || die "--self_training_rounds must be 1 or more; without --unpaired_speech_sets there is none"
    case ${inference_asr_model} in
        valid.acc* | valid.loss* | *epoch.pth | train.*)
            die "--inference_asr_model ${inference_asr_model} is a file of ESPnet; stage 7 writes valid.wer.ave.pth, the mean of the best --average_num checkpoints"
            ;;
    esac
}

# use_espnet_options: what the accepted options of ESPnet mean in terms of asr.sh's own.
use_espnet_options() {
    if "${skip_data_prep}"; then skip_stages+=" 1 2 3 4 5"; fi
    if "${skip_train}"; then skip_stages+=" 6 7"; fi
    if "${skip_eval}"; then skip_stages+=" 8 9 10"; fi
    if "${skip_packing}"; then skip_stages+=" 11"; fi
    if "${use_streaming}"; then inference_modes=streaming; fi
    audio_format=${audio_format%.ark}
    if [ -n "${asr_exp}" ]; then
        asr_exp=${asr_exp%/}
        if [[ ${asr_exp} != */* ]]; then asr_exp=./${asr_exp}; fi
        expdir=${asr_exp%/*} asr_tag=${asr_exp##*/}
    fi
    extra_train_options=()
    named_train_options='' # those that the name of the experiment does not tell
    case ${feats_normalize} in
        global_mvn) extra_train_options+=(--set model.online_cmn=0 --set model.online_variance=false) ;;
        # The weight of the global mean, in frames: a stream has no mean of its own at its beginning.
        utterance_mvn) extra_train_options+=(--set model.online_cmn=100 --set model.online_variance=true) ;;
    esac
    if [ -n "${pretrained_model}" ]; then
        extra_train_options+=(--init "${pretrained_model}")
        if "${ignore_init_mismatch}"; then extra_train_options+=(--ignore-init-mismatch); fi
    fi
    named_train_options=${extra_train_options[*]}
    use_pretrained
    symbols=()
    if [ "${nlsyms_txt}" != none ] && [ -n "${nlsyms_txt}" ]; then symbols+=("${nlsyms_txt}"); fi
    if [ -n "${bpe_nlsyms}" ]; then symbols+=("${bpe_nlsyms}"); fi
    if [ "${#symbols[@]}" -gt 0 ]; then symbols=(--nlsyms "${symbols[@]}"); fi
    if [ "${use_lm}" = auto ] && [ -n "${use_ngram}" ]; then use_lm=${use_ngram}; fi
    if [ "${use_lm}" = auto ]; then
        use_lm=false
        # a model of one's own in --inference_args takes its place
        if [[ -n "${text_sets}${lm_train_text}" && " ${inference_args} " != *" --lm "* ]]; then use_lm=true; fi
    fi
    use_nnlm=false
    if [ -n "${lm_args}" ] && [ "${use_lm}" = true ]; then die "--lm_args ${lm_args}: only the LSTM of --use_lm neural has such options"; fi
    if [ "${use_lm}" = neural ]; then use_lm=true use_nnlm=true; fi
    lm_exp=${lm_exp:-${ngram_exp}}
}

# use_pretrained: what --pretrained means for the features, the training and the decoding; the defaults without it.
use_pretrained() {
    feats_type=${feats_type:-$([ -n "${pretrained}" ] && echo pretrained || echo fbank)}
    feats_name=${feats_type}
    local conf=conf/train.yaml modes="streaming full" name=${pretrained%/}
    if [ -n "${pretrained}" ]; then
        if [[ ${name} == /* || ${name} == .* ]]; then name=${name##*/}; fi
        feats_name+=_${name//\//_}
        extra_train_options+=(--set model.encoder=pretrained --set "model.pretrained.name=${pretrained}")
        conf=conf/train_pretrained.yaml modes=full
        if [ "${feats_type}" = raw ]; then conf=conf/train_finetune.yaml; fi
    fi
    asr_config=${asr_config:-${conf}}
    inference_modes=${inference_modes:-${modes}}
}

# text_files OPTION FILE...: the files as the array found_files. A file of ESPnet's dump/raw/<set>/ that does not exist
# is that of the set here.
text_files() {
    local option=$1 file
    found_files=()
    shift
    for file in "$@"; do
        if [ ! -e "${file}" ] && [[ ${file} =~ /(raw|fbank_pitch|extracted)/(org/)?([^/]+)/text$ ]]; then
            file=${audiodir}/${BASH_REMATCH[3]}/text
            needs 2 "${file}"
        fi
        [ -e "${file}" ] || die "--${option} ${file}: no such file"
        found_files+=("${file}")
    done
}
