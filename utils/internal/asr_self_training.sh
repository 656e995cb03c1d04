# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of asr.sh, which sources this and has them
# Sourced by asr.sh: self-training with --unpaired_speech_sets. Stages 2, 5 and 8 of an experiment prepare and decode
# these sets beside the others; after stage 11, `self_train` trains a second experiment, <tag>_st1, on the paired set
# and on the hypotheses of which the first was most confident. With more rounds, <tag>_st1 is the teacher of <tag>_st2.

# name_untranscribed_sets: the array untranscribed, a set data/<set>_untranscribed for each of --unpaired_speech_sets.
name_untranscribed_sets() {
    local set
    untranscribed=()
    for set in ${unpaired_speech_sets}; do untranscribed+=("${set}_untranscribed"); done
}

# make_untranscribed_sets: the unpaired sets with empty transcripts, whatever theirs were: these are never read.
make_untranscribed_sets() {
    local set twice
    for set in ${unpaired_speech_sets}; do
        if [ ! -s "data/${set}/wav.scp" ] || [ ! -s "data/${set}/utt2spk" ]; then
            die "--unpaired_speech_sets ${set}: local/data.sh made no data/${set} with wav.scp and utt2spk"
        fi
        [[ " ${valid_set} ${test_sets[*]} " != *" ${set} "* ]] ||
            die "--unpaired_speech_sets ${set}: is a set to measure errors on; nothing may be trained on it"
        twice=$(cat "data/${set}/utt2spk" "data/${train_set}/utt2spk" | cut -d ' ' -f 1 | sort | uniq -d)
        [ -z "${twice}" ] || die "--unpaired_speech_sets ${set}: has utterances of ${train_set}: ${twice%%$'\n'*}"
        [ -f "data/${set}/utt2lang" ] || [ ! -f "data/${train_set}/utt2lang" ] ||
            die "--unpaired_speech_sets ${set}: data/${set}/utt2lang is missing, which data/${train_set} has"
        utils/copy_data_dir.sh "data/${set}" "data/${set}_untranscribed"
        cut -d ' ' -f 1 "data/${set}/utt2spk" >"data/${set}_untranscribed/text"
    done
}

# self_train: the next round, if there is one. The token list and the language model stay as they are, so that only the
# training set changes.
self_train() {
    local round=0 tag=${asr_tag} base=${train_set} student set file decoded mode=streaming sets=() rest=
    # In an experiment of an earlier round, whose training set is named after it:
    if [[ ${asr_tag} =~ ^(.*)_st([0-9]+)$ && ${train_set} == *"_${asr_tag}" ]]; then
        tag=${BASH_REMATCH[1]} round=${BASH_REMATCH[2]} base=${train_set%"_${asr_tag}"}
    fi
    round=$((round + 1))
    student=${tag}_st${round}
    if [[ " ${inference_modes[*]} " == *" full "* ]]; then mode=full; fi
    hold data
    for set in ${unpaired_speech_sets}; do
        decoded=${decode_dirs[-1]}/${set}_untranscribed/${mode}
        for file in text token score; do
            [ -f "${decoded}/${file}" ] || die "self-training needs ${decoded}/${file}, which stage 8 writes: run ./run.sh --stage 8"
        done
        jstasr pseudo-label --decoded "${decoded}" --share "${self_training_share}" --output "${decoded}/kept"
        utils/subset_data_dir.sh --utt-list <(cut -d ' ' -f 1 "${decoded}/kept") "data/${set}_untranscribed" "data/${set}_${student}"
        cp "${decoded}/kept" "data/${set}_${student}/text"
        utils/validate_data_dir.sh --no-feats "data/${set}_${student}"
        sets+=("data/${set}_${student}")
    done
    utils/combine_data.sh "data/${base}_${student}" "data/${base}" "${sets[@]}"
    release
    if [ "${round}" -lt "${self_training_rounds}" ]; then rest=${unpaired_speech_sets}; fi
    log "Self-training, round ${round} of ${self_training_rounds}: the experiment ${expdir}/${student}"
    ./asr.sh "${given[@]}" --stage 2 --stop_stage 11 --skip_stages 4 --train_set "${base}_${student}" --expdir "${expdir}" \
        --asr_exp "" --asr_stats_dir "" --asr_tag "${student}" --unpaired_speech_sets "${rest}"
}
