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
    code=$(sed '1,/^# \[end of options\]/d' "${TEMPLATE}/asr.sh" && sed -n '/^check_values/,$p' "${ROOT}/utils/internal/asr_options.sh" && cat "${ROOT}"/utils/internal/asr_{decoding,self_training}.sh)
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
    grep -qE -- '--inference_modes .*\(default: "streaming full"; with --pretrained full\)' <<<"${output}"
}

@test "asr.sh stays under 500 lines and 50 options" {
    [ "$(wc -l <"${TEMPLATE}/asr.sh")" -lt 500 ]
    [ "$(option_names | wc -l)" -le 50 ]
}

@test "an unknown option is refused by name" {
    run ./asr.sh --foo 1
    [ "${status}" -eq 1 ]
    says "invalid option --foo"
}

@test "a misspelled option is answered with the right one, the recipe's too" {
    run ./asr.sh --nbep 3
    says "invalid option --nbep: did you mean --nbpe?"
    RECIPE_OPTION_NAMES="n_paired" run ./asr.sh --n-paird 3
    says "did you mean --n_paired?"
}

@test "options that cannot be used are named at once, those of ESPnet with what takes their place" {
    run ./asr.sh --lm_config conf/lm.yaml --nbep 3 --use_k2 true --asr_speech_fold_length 800
    [ "${status}" -eq 1 ]
    says "4 options cannot be used"
    says "--lm_config conf/lm.yaml is an option of ESPnet that this has not: the language model is an n-gram model, --ngram_num ORDER; --use_lm neural has an LSTM, configured by --lm_args"
    says "did you mean --nbpe?"
    says "--use_k2 true is an option of ESPnet"
    says "data.batch_frames"
}

@test "an option of ESPnet that says what is done anyway, or is empty, is accepted" {
    run ./asr.sh --stage 9 --use_k2 false --oov "<unk>" --bpemode unigram --num_splits_asr 1 --hf_repo "" --skip-upload-hf true \
        --use_lm false --lm_config conf/lm.yaml --lm_args "--max_epoch 3"
    says "needs dump/fbank/test/text"
    [[ "${output}" != *"of ESPnet that this has not"* ]]
    run ./asr.sh --bpemode bpe
    says "unigram"
    run ./asr.sh --lm_tag lm
    [ "${status}" -eq 1 ]
}

@test "every option of the table is accepted or refused as it says, with its text" {
    local name kind text count=0
    while IFS=$'\t' read -r name kind text; do
        count=$((count + 1))
        case ${kind} in
            =) option_names | grep -qx "${name}" || { echo "--${name} is not in asr.sh" && return 1; } ;;
            +)
                value=x
                if [[ ${text} == "Where true"* || ${name} == use_ngram ]]; then value=false; fi
                if [ "${name}" = ngram_num ]; then value=2; fi
                run ./asr.sh --stage 99 "--${name}" "${value}"
                says "--${name} ${value} (an option of ESPnet): ${text}"
                says "no such stage"
                ;;
            *)
                run ./asr.sh "--${name//_/-}" refused
                [ "${status}" -eq 1 ]
                says "${text}"
                ;;
        esac
    done < <(grep -v '^#' "${ROOT}/utils/internal/espnet_options.tsv")
    [ "${count}" -gt 100 ]
    [ "$(grep -v '^#' "${ROOT}/utils/internal/espnet_options.tsv" | cut -f1 | sort | uniq -d)" = "" ]
}

@test "a stage that does not exist is an error that names the stages" {
    for words in "--stage 13" "--stop_stage 100" "--stop-stage 12" "--skip_stages 15"; do
        # shellcheck disable=SC2086
        run ./asr.sh ${words}
        [ "${status}" -eq 1 ]
        says "${words//-stop-/-stop_}: there is no such stage; the stages are 0 check tools"
        says "11 packing the model"
    done
    run ./asr.sh --stage 7 --stop_stage 6
    [ "${status}" -eq 1 ]
    says "nothing lies between"
}

@test "--stop_stage 0 looks for what all stages need" {
    run ./asr.sh --stop_stage 0
    says "sentencepiece"
    says "rnnt_loss"
    says "All that stages 0 1 2 3 4 5 6 7 8 9 10 11 need is here."
}

@test "stage 0 tells what local/ needs and the machine has not" {
    printf '#!/usr/bin/env bash\npython3 local/prep.py | no-such-program x\n' >local/data.sh
    echo "import no_such_module" >local/prep.py
    run ./asr.sh --stop_stage 0
    [ "${status}" -eq 1 ]
    says "no_such_module (local/prep.py)"
    says "pip install no_such_module"
    says "no-such-program (local/data.sh)"
}

@test "--skip_data_prep, --skip_train, --skip_eval and --skip_packing leave out their stages" {
    run ./asr.sh --stage 1 --skip_data_prep true --skip_train true --skip_eval true --skip_packing true
    [ "${status}" -eq 0 ]
    says "Nothing was run: all stages from 1 to 11 are skipped (--skip_stages 1 2 3 4 5 6 7 8 9 10 11)"
    run ./asr.sh --stage 1 --skip_data_prep true --skip_train true
    says "Stage 8: decoding"
    run ./asr.sh --stage 6 --skip_eval true --skip_train true
    says "Stage 11: packing"
}

@test "--asr_exp is the folder of the experiment, --asr_stats_dir that of the statistics" {
    run ./asr.sh --stage 7 --asr_exp elsewhere/mine/
    says "needs elsewhere/mine/config.yaml"
    run ./asr.sh --stage 11 --asr_exp mine
    says "needs ./mine/valid.wer.ave.pth"
    mkdir -p dump/fbank/train && touch dump/fbank/train/utt2num_frames conf/train.yaml
    run ./asr.sh --stage 6 --asr_stats_dir stats
    says "needs stats/cmvn.ark, which stage 5"
}

@test "a model of ESPnet's name, and the language noinfo, are refused with what is right" {
    run ./asr.sh --inference_asr_model valid.acc.ave.pth
    says "stage 7 writes valid.wer.ave.pth"
    run ./asr.sh --lang noinfo
    says "--lang en"
}

@test "values in lists of options arrive as typed at jstasr and local/data.sh, and nothing in them is run" {
    load show_words.sh
    stand_ins
    # shellcheck disable=SC2016  # for local/data.sh
    printf '#!/usr/bin/env bash\nprintf "%%s\\0" "$@" >words.data\n' >local/data.sh
    run ./asr.sh --stage 1 --stop_stage 1 --local_data_opts "$(list_of --x=)"
    arrived words.data --x=
    mkdir -p dump/fbank/{train,dev,test} data/token_list/char exp/mine decode
    touch dump/fbank/train/{utt2num_frames,cmvn.ark} dump/fbank/dev/utt2num_frames data/token_list/{phones.txt,char/tokens.txt}
    touch conf/train.yaml exp/mine/valid.wer.ave.pth
    echo "u1 100" >dump/fbank/test/utt2num_frames
    for runner in run.pl queue.pl; do
        rm -f words.*
        if [ "${runner}" = queue.pl ]; then
            # shellcheck disable=SC2016  # for bash
            printf '#!/usr/bin/env bash\nbash "${!#}" >/dev/null 2>&1 3>&- &\necho "Your job 42 has been submitted"\n' >stand_ins/qsub
            chmod +x stand_ins/qsub
            export cmd_backend=sge
        fi
        run timeout 100 ./asr.sh --stage 6 --stop_stage 6 --token_type char --asr_tag mine --asr_args "$(list_of note=)"
        arrived words.train note=
        run timeout 100 ./asr.sh --stage 8 --stop_stage 8 --asr_tag mine --inference_args "$(list_of note=)"
        arrived words.decode note=
    done
    touch dump/fbank/test/{text,utt2spk} && mkdir -p exp/mine/decode_greedy/test/full && touch exp/mine/decode_greedy/test/full/{text,token}
    run ./asr.sh --stage 9 --stop_stage 9 --asr_tag mine --inference_modes full --metrics wer --score_opts "$(list_of note=)"
    arrived words.score note=
}

@test "weights of the language model are tuned as the test sets are decoded, and are packed, given ones too" {
    load show_words.sh
    stand_ins
    mkdir -p dump/fbank/{dev,test} exp/lm_bpe_unigram100 exp/mine/decode_greedy{,_lm}/test/full/logdir
    touch exp/mine/decode_greedy{,_lm}/test/full/logdir/{text,token,score}.1 # the stand-in decodes nothing
    touch exp/mine/valid.wer.ave.pth exp/lm_bpe_unigram100/lm.arpa.gz
    for set in dev test; do echo "u1 100" >"dump/fbank/${set}/utt2num_frames"; done
    tuned=exp/mine/decode_greedy_lm/decode.yaml
    options=(--asr_tag mine --use_lm true --inference_modes full --inference_tag greedy --inference_args "--lang utt2lang --set beam_size=3")
    echo "# tuned" >"${tuned}" # the stand-in writes none
    run timeout 100 ./asr.sh --stage 8 --stop_stage 8 "${options[@]}"
    tr '\0' ' ' <words.tune | grep -q -- "--output ${tuned} --lang utt2lang --set beam_size=3 $"
    tr '\0' ' ' <words.decode | grep -q -- "--config ${tuned} --lm exp/lm_bpe_unigram100/lm.arpa.gz"
    run ./asr.sh --stage 11 "${options[@]}"
    tr '\0' ' ' <words.pack | grep -q -- "--config ${tuned} --lm exp/lm_bpe_unigram100/lm.arpa.gz"
    rm words.*
    printf 'search: beam\nlm_weight: 0.5\n' >conf/mine.yaml
    run timeout 100 ./asr.sh --stage 8 --stop_stage 8 "${options[@]}" --lm_inference_config conf/mine.yaml
    [ ! -e words.tune ]
    tr '\0' ' ' <words.decode | grep -q -- "--config conf/mine.yaml --lm exp/lm_bpe_unigram100/lm.arpa.gz"
    run ./asr.sh --stage 11 "${options[@]}" --lm_inference_config conf/mine.yaml
    tr '\0' ' ' <words.pack | grep -q -- "--config conf/mine.yaml --lm exp/lm_bpe_unigram100/lm.arpa.gz"
}

@test "the LSTM of --use_lm neural is decoded with beside the n-gram model, and packed" {
    load show_words.sh
    stand_ins
    mkdir -p dump/fbank/{dev,test} exp/lm_bpe_unigram100 exp/mine/decode_greedy{,_lm,_nnlm}/test/full/logdir
    touch exp/mine/decode_greedy{,_lm,_nnlm}/test/full/logdir/{text,token,score}.1
    touch exp/mine/valid.wer.ave.pth exp/lm_bpe_unigram100/lm.arpa.gz
    for set in dev test; do echo "u1 100" >"dump/fbank/${set}/utt2num_frames"; done
    for end in lm nnlm; do echo "# tuned" >"exp/mine/decode_greedy_${end}/decode.yaml"; done
    options=(--asr_tag mine --use_lm neural --inference_modes full --inference_tag greedy)
    run timeout 100 ./asr.sh --stage 8 --stop_stage 8 "${options[@]}"
    says "needs exp/lm_bpe_unigram100/nnlm.pt, which stage 4"
    touch exp/lm_bpe_unigram100/nnlm.pt
    rm words.*
    run timeout 100 ./asr.sh --stage 8 --stop_stage 8 "${options[@]}"
    models="--lm exp/lm_bpe_unigram100/lm.arpa.gz --nnlm exp/lm_bpe_unigram100/nnlm.pt"
    tr '\0' ' ' <words.tune | grep -q -- "${models} --output exp/mine/decode_greedy_nnlm/decode.yaml"
    tr '\0' ' ' <words.decode | grep -q -- "--config exp/mine/decode_greedy_nnlm/decode.yaml ${models} --keep-search"
    run ./asr.sh --stage 11 "${options[@]}"
    tr '\0' ' ' <words.pack | grep -q -- "--config exp/mine/decode_greedy_nnlm/decode.yaml ${models}"
    run ./asr.sh --stage 8 --asr_tag mine --use_lm true --lm_args "--layers 2"
    [ "${status}" -eq 1 ]
    says "only the LSTM of --use_lm neural has such options"
}

@test "a folder whose name holds JOB keeps it" {
    load show_words.sh
    stand_ins
    mkdir -p dumpJOB/fbank/test exp/mine && touch exp/mine/valid.wer.ave.pth
    echo "u1 100" >dumpJOB/fbank/test/utt2num_frames
    run ./asr.sh --stage 8 --stop_stage 8 --asr_tag mine --dumpdir dumpJOB
    tr '\0' '\n' <words.decode | grep -qx dumpJOB/fbank/test
    [ -e exp/mine/decode_greedy/test/logdir/decode.1.log ]
}

@test "--option=value is refused" {
    run ./asr.sh --stage=3
    [ "${status}" -eq 1 ]
    says "--stage=3: options are of the form --name value: --stage '3'"
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

@test "local/data.sh has all cores, although jobs have one thread each" {
    printf '#!/usr/bin/env bash\nnproc >cores\nexit 3\n' >local/data.sh
    OMP_NUM_THREADS=3 run ./asr.sh --stage 1 # what nproc then says
    [ "$(cat cores)" = 3 ]
}

@test "stages outside --stage and --stop_stage and in --skip_stages do not run" {
    run ./asr.sh --stage 1 --stop_stage 2 --skip_stages "1 2"
    [ "${status}" -eq 0 ]
    [[ "${output}" != *"Stage "* ]]
    says "Nothing was run: all stages from 1 to 2 are skipped (--skip_stages 1 2)"
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

@test "a text set that local/data.sh left empty ends stage 1 without a word about running it again" {
    mkdir -p data/train data/dev data/test data/more
    for set in train dev test; do
        echo "u1 cat ${BATS_TEST_TMPDIR}/a.wav |" >"data/${set}/wav.scp"
        echo "u1 one" >"data/${set}/text"
        echo "u1 u1" | tee "data/${set}/utt2spk" >"data/${set}/spk2utt"
    done
    python3 -c 'import sys, wave
with wave.open(sys.argv[1], "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes(bytes(32000))' "${BATS_TEST_TMPDIR}/a.wav"
    for text in none empty; do
        if [ "${text}" = empty ]; then touch data/more/text; fi
        run ./asr.sh --stage 1 --stop_stage 1 --text_sets more
        [ "${status}" -eq 1 ]
        says "local/data.sh made no data/more/text, which --text_sets names"
        [[ "${output}" != *"--stage 1"* ]]
    done
    echo "t1 words" >data/more/text
    run ./asr.sh --stage 1 --stop_stage 1 --text_sets more
    [ "${status}" -eq 0 ]
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

@test "a second run is kept off the folders of a stage, until the first has ended or was killed" {
    printf 'touch started; until [ -e enough ]; do sleep 0.1; done; false\n' >local/data.sh
    ./asr.sh --stage 1 --stop_stage 1 >first.log 2>&1 &
    first=$!
    until [ -e started ]; do sleep 0.1; done
    rm started
    run ./asr.sh --stage 1 --stop_stage 1
    [ "${status}" -eq 1 ]
    says "data is in use by process ${first} on"
    says "asr.sh in ${recipe}"
    [ ! -e started ]
    kill -9 "${first}"
    touch enough
    for _ in $(seq 100); do [ ! -e data/.lock ] || sleep 0.1; done
    run ./asr.sh --stage 1 --stop_stage 1
    [ -e started ] # local/data.sh ran
}

# recorded_sets NAME...: data directories of one utterance, with its recording.
recorded_sets() {
    local set
    for set in "$@"; do
        mkdir -p "data/${set}"
        sox -n -r 16000 -c 1 "data/${set}/a.wav" synth 1 sine 300
        echo "a-1 data/${set}/a.wav" >"data/${set}/wav.scp"
        echo "a-1 hello there" >"data/${set}/text"
        echo "a-1 a" | tee "data/${set}/utt2spk" | awk '{ print $2, $1 }' >"data/${set}/spk2utt"
    done
}

@test "the dev set may be a test set as well" {
    recorded_sets train dev test
    run ./asr.sh --stage 2 --stop_stage 2 --nj 1 --test_sets "dev test"
    [ "${status}" -eq 0 ] || says nothing
    [ "$(cut -d ' ' -f 1 dump/audio/dev/wav.scp)" = a-1 ]
    [ -s dump/audio/test/wav.scp ]
}

@test "jobs share what their run holds, also where a queue passes no environment on" {
    mkdir -p data bin
    # shellcheck disable=SC2016  # for the script
    printf '#!/usr/bin/env bash\nwhile [[ "$1" != *.log ]]; do shift; done; shift\nexec env -u JSTASR_RUN "${@//JOB/1}"\n' >bin/queue
    chmod +x bin/queue
    rm cmd.sh && printf 'cmd_backend=sge\ntrain_cmd=%s/bin/queue\n' "${PWD}" >cmd.sh
    recorded_sets train dev test
    run ./asr.sh --stage 2 --stop_stage 2 --nj 1
    [ "${status}" -eq 0 ] || says nothing
    [ -s dump/audio/test/wav.scp ]
}

# speech_set NAME ID...: a data directory of one speaker, NAME.
speech_set() {
    local set=$1 id
    shift
    mkdir -p "data/${set}"
    for id in "$@"; do
        echo "${id} /nowhere/${id}.wav" >>"data/${set}/wav.scp"
        echo "${id} some words" >>"data/${set}/text"
        echo "${id} ${set}" >>"data/${set}/utt2spk"
    done
    echo "${set} $*" >"data/${set}/spk2utt"
}

# decoded_by TAG: what stages 7 and 8 leave of the unpaired set far, with the choice that the stand-in does not make.
decoded_by() {
    local folder=exp/$1/decode_greedy/far_untranscribed/full
    mkdir -p "${folder}"
    touch "exp/$1/valid.wer.ave.pth" "${folder}"/{text,token,score}
    printf 'far-1 one thing\nfar-3 another\n' >"${folder}/kept"
}

@test "self-training: transcripts of the unpaired sets are not read, and the experiment of each round has its own data" {
    load show_words.sh
    stand_ins
    speech_set train train-1 train-2
    speech_set dev dev-1
    speech_set test test-1
    speech_set far far-1 far-2 far-3
    options=(--asr_tag mine --unpaired_speech_sets far --self_training_rounds 2 --self_training_share .6 --inference_tag greedy)
    run timeout 100 ./asr.sh --stage 1 --stop_stage 1 "${options[@]}"
    [ "${status}" -eq 0 ]
    [ "$(cat data/far_untranscribed/text)" = "$(printf 'far-1\nfar-2\nfar-3')" ]
    decoded_by mine
    run timeout 100 ./asr.sh --stage 11 "${options[@]}"
    # The stand-ins write no files, so that the second experiment ends at its stage 3.
    [ "${status}" -eq 1 ]
    says "Self-training, round 1 of 2: the experiment exp/mine_st1"
    says "needs dump/audio/train_mine_st1/text"
    tr '\0' ' ' <words.pseudo-label |
        grep -q -- "--decoded exp/mine/decode_greedy/far_untranscribed/full --share .6 --output"
    [ "$(cat data/train_mine_st1/text)" = "$(printf 'far-1 one thing\nfar-3 another\ntrain-1 some words\ntrain-2 some words')" ]
    utils/validate_data_dir.sh --no-feats data/far_mine_st1
    # The next round adds to the paired set alone, and is the last.
    decoded_by mine_st1
    run timeout 100 ./asr.sh --stage 11 "${options[@]}" --asr_tag mine_st1 --train_set train_mine_st1
    says "Self-training, round 2 of 2: the experiment exp/mine_st2"
    says "needs dump/audio/train_mine_st2/text"
    [ "$(cut -d ' ' -f 1 data/train_mine_st2/text | xargs)" = "far-1 far-3 train-1 train-2" ]
}

@test "self-training: sets that cannot be used are refused" {
    load show_words.sh
    stand_ins
    for set in train dev test; do speech_set "${set}" "${set}-1"; done
    run timeout 100 ./asr.sh --stage 1 --stop_stage 1 --unpaired_speech_sets far
    says "--unpaired_speech_sets far: local/data.sh made no data/far"
    run timeout 100 ./asr.sh --stage 1 --stop_stage 1 --unpaired_speech_sets test
    says "--unpaired_speech_sets test: is a set to measure errors on"
    speech_set far train-1
    run timeout 100 ./asr.sh --stage 1 --stop_stage 1 --unpaired_speech_sets far
    says "--unpaired_speech_sets far: has utterances of train: train-1"
    for share in 0 1.5 0.0 some; do
        run ./asr.sh --self_training_share "${share}"
        says "--self_training_share must be above 0 and at most 1, not '${share}'"
    done
    run ./asr.sh --self_training_rounds 0
    says "--self_training_rounds must be 1 or more"
}
