# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of asr.sh, which sources this and has them
# Sourced by asr.sh: decoding in jobs, and the n-gram language model of --use_lm.

# decode_sets FOLDER MODES OPTION...: decodes all test sets in jobs, to FOLDER/<set>/<mode>/{text,token,score}.
decode_sets() {
    local out jobs set mode file number parts folder=$1 modes=$2
    shift 2
    for set in "${test_sets[@]}"; do
        needs 5 "${featsdir}/${set}/utt2num_frames"
        out=${folder}/${set}
        jobs=$(jobs_for "${featsdir}/${set}/utt2num_frames" "${inference_nj}")
        log "Decoding ${set} (${folder##*/}, ${modes}) in ${jobs} jobs; logs: ${out}/logdir/decode.*.log"
        "${runner[@]}" "${job}=1:${jobs}" "${out}/logdir/decode.${modes// /_}.${job}.log" \
            jstasr decode "${model_options[@]}" --mode "${modes// /,}" --data-dir "${featsdir}/${set}" --outdir "${out}" \
            --job "${job}" --num-jobs "${jobs}" "$@" "${decode_words[@]}"
        for mode in ${modes}; do
            for file in text token score; do
                parts=()
                for number in $(seq "${jobs}"); do parts+=("${out}/${mode}/logdir/${file}.${number}"); done
                merge "${out}/${mode}/${file}" "${parts[@]}"
            done
        done
    done
}

# tune_language_model CONFIG: the weights of the language model for each decoder, by the WER on the dev set.
tune_language_model() {
    local mode pid pids=() folder=${decode_dir}_lm/weights
    needs 5 "${featsdir}/${valid_set}/utt2num_frames"
    log "Choosing the weights of the language model on ${valid_set}; logs: ${folder}/logdir/tune.*.log"
    mkdir -p "${folder}/logdir"
    for mode in "${inference_modes[@]}"; do
        "${runner[@]}" "${folder}/logdir/tune.${mode}.log" \
            jstasr tune "${model_options[@]}" --mode "${mode}" --data-dir "${featsdir}/${valid_set}" --config "$1" \
            --lm "${lm_exp}/lm.arpa.gz" --outdir "${folder}" &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do wait "${pid}"; done
    for mode in "${inference_modes[@]}"; do log "$(head -n 1 "${folder}/${mode}.yaml" | sed "s/^# /${mode}: /")" 1; done
}

# make_language_model: the n-gram model of --use_lm.
make_language_model() {
    local set texts options=(--order "${ngram_num}" --token-list "${token_dir}/tokens.txt" --output "${lm_exp}/lm.arpa.gz")
    texts=("${audiodir}/${paired_train}/text")
    for set in "${text_sets[@]}"; do texts+=("${textdir}/${set}/text"); done
    # shellcheck disable=SC2086  # lists of files
    if [ -n "${lm_train_text}" ]; then
        text_files lm_train_text ${lm_train_text}
        texts=("${found_files[@]}")
        options+=(--cleaner "${cleaner}" --lang "${lang}" "${symbols[@]}")
    else
        needs 3 "${texts[@]}"
    fi
    # shellcheck disable=SC2086
    text_files lm_dev_text ${lm_dev_text:-"${audiodir}/${valid_set}/text"} ${lm_test_text}
    jstasr lm --text "${texts[@]}" "${options[@]}" --valid-text "${found_files[@]}"
}

# decode_with_language_model: all test sets once more, with weights for each decoder.
decode_with_language_model() {
    local config mode weights
    needs 4 "${lm_exp}/lm.arpa.gz"
    config=$(config_file "${lm_inference_config}") || die "--lm_inference_config ${lm_inference_config}: no such file in $(pwd), and none that the recipes share"
    if ! grep -q '^lm_weight:' "${config}"; then tune_language_model "${config}"; fi
    for mode in "${inference_modes[@]}"; do
        weights=${decode_dir}_lm/weights/${mode}.yaml
        if grep -q '^lm_weight:' "${config}"; then weights=${config}; fi
        decode_sets "${decode_dir}_lm" "${mode}" --config "${weights}" --lm "${lm_exp}/lm.arpa.gz"
    done
}
