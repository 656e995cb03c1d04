# shellcheck shell=bash
# shellcheck disable=SC2154  # variables of asr.sh, which sources this and has them
# Sourced by asr.sh: decoding in jobs, and the n-gram language model of --use_lm.

# merge OUT FILE...: the jobs' sorted files as one, which appears whole or not at all.
merge() {
    local out=$1
    shift
    cat -- "$@" | sort >"${out}.tmp"
    mv "${out}.tmp" "${out}"
}

# decode_sets FOLDER OPTION...: decodes all test sets, and those of self-training, in jobs, to FOLDER/<set>/<mode>/{text,token,score}.
decode_sets() {
    local out jobs set mode file number parts folder=$1
    shift
    for set in "${test_sets[@]}" "${untranscribed[@]}"; do
        needs 5 "${featsdir}/${set}/utt2num_frames"
        out=${folder}/${set}
        jobs=$(jobs_for "${featsdir}/${set}/utt2num_frames" "${inference_nj}")
        log "Decoding ${set} (${folder##*/}) in ${jobs} jobs; logs: ${out}/logdir/decode.*.log"
        "${runner[@]}" "${job}=1:${jobs}" "${out}/logdir/decode.${job}.log" \
            env "JSTASR_RUN=${JSTASR_RUN}" jstasr decode "${model_options[@]}" \
            --data-dir "${featsdir}/${set}" --outdir "${out}" --job "${job}" --num-jobs "${jobs}" "$@" "${decode_words[@]}"
        for mode in "${inference_modes[@]}"; do
            for file in text token score; do
                parts=()
                for number in $(seq "${jobs}"); do parts+=("${out}/${mode}/logdir/${file}.${number}"); done
                merge "${out}/${mode}/${file}" "${parts[@]}"
            done
        done
    done
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
    jstasr lm --join --text "${texts[@]}" "${options[@]}" --valid-text "${found_files[@]}"
}

# find_lm_search: sets config to the configuration of the search with the language model: --lm_inference_config where it
# holds weights, else the file that stage 8 makes of it.
find_lm_search() {
    find_config lm_inference_config
    if ! grep -q '^lm_weight:' "${config}"; then config=${decode_dir}_lm/decode.yaml; fi
}

# decode_with_language_model: all test sets once more, with weights that are tuned on the dev set unless they are given.
decode_with_language_model() {
    local untuned jobs=1
    needs 4 "${lm_exp}/lm.arpa.gz"
    find_config lm_inference_config
    untuned=${config}
    find_lm_search
    if [ "${config}" != "${untuned}" ]; then
        needs 5 "${featsdir}/${valid_set}/utt2num_frames"
        log "Choosing the weights that ${lm_inference_config} lacks on ${valid_set}; log: ${decode_dir}_lm/logdir/tune.log"
        if ! "${gpu_inference}" && [ "${inference_nj}" -gt 1 ]; then jobs=${#inference_modes[@]}; fi # one a decoder
        "${runner[@]}" --num-threads "${jobs}" "${decode_dir}_lm/logdir/tune.log" \
            env "JSTASR_RUN=${JSTASR_RUN}" jstasr tune "${model_options[@]}" --data-dir "${featsdir}/${valid_set}" --nj "${jobs}" \
            --config "${untuned}" --lm "${lm_exp}/lm.arpa.gz" --output "${config}" "${decode_words[@]}"
        log "$(head -n 1 "${config}" | cut -c 3-)"
    fi
    decode_sets "${decode_dir}_lm" --config "${config}" --lm "${lm_exp}/lm.arpa.gz" --keep-search
}
