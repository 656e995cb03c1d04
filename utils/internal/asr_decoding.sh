# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154  # variables of asr.sh, which sources this and has them
# Sourced by asr.sh: decoding in jobs, and the language models of --use_lm.

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

# make_language_models: the n-gram model of --use_lm, and with `neural` the LSTM that is decoded with beside it.
make_language_models() {
    local set texts words runner options=(--join --token-list "${token_dir}/tokens.txt")
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
    options+=(--text "${texts[@]}")
    # shellcheck disable=SC2086
    text_files lm_dev_text ${lm_dev_text:-"${audiodir}/${valid_set}/text"} ${lm_test_text}
    jstasr lm "${options[@]}" --valid-text "${found_files[@]}" --order "${ngram_num}" --output "${lm_exp}/lm.arpa.gz"
    if "${use_nnlm}"; then
        # shellcheck disable=SC2086
        text_files lm_dev_text ${lm_dev_text:-"${audiodir}/${valid_set}/text"} # no test text: it chooses the epoch
        options+=(--valid-text "${found_files[@]}")
        mapfile -d '' -t words < <(utils/internal/split_words.pl "${lm_args}")
        read -ra runner <<<"${cuda_cmd}"
        if [ "${ngpu}" -gt 0 ]; then runner+=(--gpu 1) options+=(--ngpu 1); fi
        log "Training the neural language model; log: ${lm_exp}/logdir/nnlm.log"
        "${runner[@]}" "${lm_exp}/logdir/nnlm.log" env "OMP_NUM_THREADS=${cores}" jstasr nnlm "${options[@]}" \
            --ngram "${lm_exp}/lm.arpa.gz" --output "${lm_exp}/nnlm.pt" "${words[@]}"
    fi
}

# find_lm_search END: sets config to the configuration of the search whose folder has that END: --lm_inference_config where
# it holds the weights, else the file that stage 8 makes of it.
find_lm_search() {
    local held=
    find_config lm_inference_config
    if grep -q '^lm_weight:' "${config}"; then held=lm; fi
    if grep -q '^nnlm_weight:' "${config}"; then held=nnlm; fi
    if [ "${held}" != "$1" ]; then config=${decode_dir}_$1/decode.yaml; fi
}

# find_packed_search: sets the array search to that of the last decoding, where it was with a language model.
find_packed_search() {
    local end=lm models=(--lm "${lm_exp}/lm.arpa.gz")
    if "${use_nnlm}"; then end=nnlm models+=(--nnlm "${lm_exp}/nnlm.pt"); fi
    find_lm_search "${end}"
    if [ -f "${config}" ]; then search=(--config "${config}" "${models[@]}"); fi
}

# decode_with_language_model END OPTION...: all test sets once more, to the folder with that END, with the language models of
# the options, at weights that are tuned on the dev set unless they are given.
decode_with_language_model() {
    local untuned jobs=1 end=$1
    shift
    needs 4 "$2" "${@:4}"
    find_config lm_inference_config
    untuned=${config}
    find_lm_search "${end}"
    if [ "${config}" != "${untuned}" ]; then
        needs 5 "${featsdir}/${valid_set}/utt2num_frames"
        log "Choosing the weights that ${lm_inference_config} lacks on ${valid_set}; log: ${decode_dir}_${end}/logdir/tune.log"
        if ! "${gpu_inference}" && [ "${inference_nj}" -gt 1 ]; then jobs=${#inference_modes[@]}; fi # one a decoder
        "${runner[@]}" --num-threads "${jobs}" "${decode_dir}_${end}/logdir/tune.log" \
            env "JSTASR_RUN=${JSTASR_RUN}" jstasr tune "${model_options[@]}" --data-dir "${featsdir}/${valid_set}" --nj "${jobs}" \
            --config "${untuned}" "$@" --output "${config}" "${decode_words[@]}"
        log "$(head -n 1 "${config}" | cut -c 3-)"
    fi
    decode_sets "${decode_dir}_${end}" --config "${config}" "$@" --keep-search
}
