#!/usr/bin/env bats
# asr.sh: its --help against its code, and its answers to wrong use.

setup() {
    load helper
    recipe=${BATS_TEST_TMPDIR}/recipe
    make_recipe "${recipe}"
    cd "${recipe}" || return
}

# The variables that the options block assigns.
option_names() {
    sed -n '/^# \[options\]/,/^# \[end of options\]/p' "${TEMPLATE}/asr.sh" | sed -n 's/^\([a-z0-9_]*\)=.*/\1/p'
}

@test "--help tells of every option variable, with an explanation, and of no other" {
    run ./asr.sh --help
    [ "${status}" -eq 0 ]
    documented=$(grep -oE '^  --[a-z0-9_]+ +[A-Z]' <<<"${output}" | sed 's/^  --//; s/ .*//' | sort)
    accepted=$(awk -F'\t' '$2 == "+" { print $1 }' "${ROOT}/utils/internal/espnet_options.tsv")
    [ "${documented}" = "$(printf '%s\n' "$(option_names)" "${accepted}" | sort)" ]
}

@test "every option is used by the code" {
    code=$(sed '1,/^# \[end of options\]/d' "${TEMPLATE}/asr.sh" && sed -n '/^check_values/,$p' "${ROOT}/utils/internal/asr_options.sh")
    for name in $(option_names); do
        grep -qE "\\b${name}\\b" <<<"${code}" || { echo "--${name} does nothing" && return 1; }
    done
}

@test "--help tells of every stage that the code has, and of no other" {
    run ./asr.sh --help
    documented=$(awk '/^Stages:/ { on = 1; next } /^Options/ { exit } on && NF { print $1 }' <<<"${output}")
    coded=$(grep -oE '^if begins [0-9]+' "${TEMPLATE}/asr.sh" | grep -oE '[0-9]+')
    [ "${documented}" = "${coded}" ]
    [ "${coded}" = "$(seq 0 11)" ]
}

@test "--help shows default values" {
    run ./asr.sh --help
    grep -qE -- '--token_type .*\[bpe\]$' <<<"${output}"
    grep -qE -- '--inference_modes .*\[streaming full\]$' <<<"${output}"
}

@test "asr.sh stays under 500 lines and about 40 options" {
    [ "$(wc -l <"${TEMPLATE}/asr.sh")" -lt 500 ]
    [ "$(option_names | wc -l)" -le 43 ]
}

@test "an unknown option is refused by name" {
    run ./asr.sh --foo 1
    [ "${status}" -eq 1 ]
    says --foo
}

@test "--option=value is refused" {
    run ./asr.sh --stage=3
    [ "${status}" -eq 1 ]
    says --stage=3
}

@test "a bad boolean is refused" {
    run ./asr.sh --gpu_inference yes
    [ "${status}" -eq 1 ]
    says gpu_inference
}

@test "a word that is no option is refused" {
    run ./asr.sh --stage 3 train
    [ "${status}" -eq 1 ]
    says "'train'"
}

@test "numbers and names are checked before anything runs" {
    for words in "--stage two" "--nj x" "--skip_stages a" "--token_type phone" "--metrics per" "--inference_modes fast"; do
        # shellcheck disable=SC2086
        run ./asr.sh ${words}
        [ "${status}" -eq 1 ]
        says "${words%% *}"
        [[ "${output}" != *"Stage 0"* ]]
    done
}

@test "each stage run before its inputs exist names the file and the stage that makes it" {
    while read -r stage file maker; do
        touch conf/train.yaml
        run ./asr.sh --stage "${stage}" --text_sets text
        echo "${stage}: ${output}"
        [ "${status}" -eq 1 ]
        says "stage ${stage} ("
        says "needs ${file}, which stage ${maker} ("
        says "run ./run.sh --stage ${maker}"
    done <<'END'
2 data/train/wav.scp 1
3 dump/audio/train/text 2
4 dump/audio/train/text 2
5 dump/audio/train/wav.scp 2
6 dump/text/text/phones 3
7 exp/train_fbank_en_bpe100/config.yaml 6
8 exp/train_fbank_en_bpe100/valid.wer.ave.pth 7
9 dump/fbank/test/text 5
10 exp/train_fbank_en_bpe100/valid.wer.ave.pth 7
11 exp/train_fbank_en_bpe100/valid.wer.ave.pth 7
END
}

@test "a missing configuration is named" {
    run ./asr.sh --stage 6 --asr_config conf/none.yaml
    [ "${status}" -eq 1 ]
    says conf/none.yaml
}

@test "a configuration of the recipe comes before the shared one of the same name" {
    mkdir -p dump/fbank/train dump/fbank/dev data/token_list/char
    touch dump/fbank/train/{utt2num_frames,cmvn.ark} dump/fbank/dev/utt2num_frames
    touch data/token_list/phones.txt data/token_list/char/tokens.txt
    train=(./asr.sh --stage 6 --stop_stage 6 --token_type char --asr_config conf/train_smoke.yaml)
    run "${train[@]}"
    says "configured by ${TEMPLATE}/conf/train_smoke.yaml;"
    touch conf/train_smoke.yaml
    run "${train[@]}"
    says "configured by conf/train_smoke.yaml;"
    run "${train[@]}" --asr_config "${TEMPLATE}/conf/train_mini.yaml"
    says "configured by ${TEMPLATE}/conf/train_mini.yaml;"
}

@test "a missing decoding configuration is named" {
    mkdir -p exp/mine && touch exp/mine/valid.wer.ave.pth
    run ./asr.sh --stage 8 --asr_tag mine --inference_config conf/none.yaml
    [ "${status}" -eq 1 ]
    says "--inference_config conf/none.yaml: no such file in ${recipe}"
    run ./asr.sh --stage 8 --asr_tag mine --inference_config conf/decode_beam4.yaml
    says "needs dump/fbank/test/utt2num_frames"
}

@test "a failing stage says how to continue" {
    printf '#!/usr/bin/env bash\necho "no corpus here" >&2\nexit 3\n' >local/data.sh
    run ./asr.sh --stage 1
    [ "${status}" -ne 0 ]
    says "no corpus here"
    says "stage 1 (data preparation (local/data.sh)) failed"
    says "continue with: ./run.sh --stage 1"
}

@test "stages outside --stage and --stop_stage and in --skip_stages do not run" {
    run ./asr.sh --stage 1 --stop_stage 2 --skip_stages "1 2"
    [ "${status}" -eq 0 ]
    [[ "${output}" != *"Stage "* ]]
    says "Finished in"
}

@test "log lines hold time, file, line and function" {
    run ./asr.sh --stage 7 --stop_stage 7
    grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8} \(asr\.sh:[0-9]+:main\) Stage 7: checkpoint averaging$' <<<"${output}"
    line=$(grep -oE 'asr\.sh:[0-9]+:main' <<<"${output}" | head -n 1 | grep -oE '[0-9]+')
    [ "$(sed -n "${line}p" "${TEMPLATE}/asr.sh")" = "if begins 7; then" ]
}

@test "other training options make another experiment, and --asr_tag names it" {
    run ./asr.sh --stage 11 --asr_args "--set optim.max_steps=5"
    first=$(grep -oE 'exp/[^/]+' <<<"${output}" | head -n 1)
    run ./asr.sh --stage 11 --asr_args "--set optim.max_steps=6"
    second=$(grep -oE 'exp/[^/]+' <<<"${output}" | head -n 1)
    [ -n "${first}" ] && [ -n "${second}" ] && [ "${first}" != "${second}" ]
    run ./asr.sh --stage 11 --asr_tag mine
    says "exp/mine/"
}

@test "it runs from any folder" {
    cd / || return
    run "${recipe}/asr.sh" --stage 9
    says "dump/fbank/test/text"
}

@test "a job that fails shows its log's end, the log's path and the command, each once" {
    mkdir -p data/train data/dev data/test
    for set in train dev test; do
        echo "u1 missing.wav" >"data/${set}/wav.scp"
        echo "u1 one" >"data/${set}/text"
        echo "u1 u1" | tee "data/${set}/utt2spk" >"data/${set}/spk2utt"
    done
    run ./asr.sh --stage 2 --nj 1
    [ "${status}" -ne 0 ]
    says missing.wav
    [ "$(grep -cE '^run.pl: to run .*jstasr format-audio' <<<"${output}")" -eq 1 ]
    says dump/audio/train/logdir/format.1.log
}

@test "what ended a training of several processes stands below torchrun's report" {
    mkdir -p dump/fbank/train dump/fbank/dev data/token_list/char
    touch dump/fbank/train/{utt2num_frames,cmvn.ark} dump/fbank/dev/utt2num_frames
    printf '%s\n' '<blank>' '<unk>' a >data/token_list/char/tokens.txt
    printf '%s\n' '<pad>' '<mask>' '<unk>' _ a >data/token_list/phones.txt
    echo 'optim: {max_step: 5}' >conf/train.yaml
    run ./asr.sh --stage 6 --stop_stage 6 --token_type char --train_procs 2
    [ "${status}" -eq 1 ]
    says "ChildFailedError"
    [[ "$(tail -n 1 <<<"${output}")" == "asr.sh: error: training ended: "*max_step* ]]
}
