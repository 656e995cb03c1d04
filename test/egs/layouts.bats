#!/usr/bin/env bats
# What the recipes make of the official layouts: ids, speakers, spelling, languages, text without speech.

setup() {
    load helper
    made= # folder of the small corpus: corpus() sets it
}

# lines FILE: the number of its lines
lines() {
    wc -l <"$1"
}

@test "AN4: speakers first in the ids, small letters, the first utterances as dev" {
    corpus an4
    recipe an4
    local/data.sh --n_dev 8 --data_url "file://${made}"
    valid train dev test
    [ "$(lines data/train/text)" -eq 24 ]
    [ "$(cut -d ' ' -f 2 data/dev/utt2spk | uniq)" = fash ]
    [ "$(cut -d ' ' -f 2 data/test/utt2spk | uniq | xargs)" = "fcaw mwhw" ]
    grep -q '^fash-an100-b [a-z ]*$' data/dev/text
    grep -q '^mwhw-an103-b downloads/an4/wav/an4test_clstk/mwhw/an103-mwhw-b.sph$' data/test/wav.scp
    # The official transcript of that recording, without its marks and in small letters.
    words=$(sed -n 's/^<s> \(.*\) <\/s> (an100-fash-b)$/\L\1/p' downloads/an4/etc/an4_train.transcription)
    grep -qx "fash-an100-b ${words}" data/dev/text
}

@test "AN4: the archive of raw files is read through sox" {
    corpus an4
    recipe an4
    mkdir downloads
    tar -xzf "${made}/an4_sphere.tar.gz" -C downloads
    find downloads -name '*.sph' | while read -r file; do
        sox "${file}" -t raw -B "${file%.sph}.raw" && rm "${file}"
    done
    local/data.sh --n_dev 8
    valid train dev test
    command=$(sed -n 's/^fcaw-an100-b //p' data/test/wav.scp)
    bash -c "${command%|}" >out.wav
    tar -xzf "${made}/an4_sphere.tar.gz" an4/wav/an4test_clstk/fcaw/an100-fcaw-b.sph
    sox an4/wav/an4test_clstk/fcaw/an100-fcaw-b.sph -t raw - | cmp - <(sox out.wav -t raw -)
}

@test "LibriSpeech: official ids, speakers, transcripts in small letters, text without speech" {
    corpus librispeech
    recipe librispeech
    local/data.sh --size mini --n_text 100 --data_url "file://${made}" --md5sums "${made}/md5sum.txt"
    valid train_mini dev_mini test_clean test_other
    [ "$(cut -d ' ' -f 1 data/train_mini/spk2utt | xargs)" = "1183 19 198" ]
    [ "$(lines data/train_mini/text)" -eq 48 ]
    grep -q '^61-100-0001 downloads/LibriSpeech/test-clean/61/100/61-100-0001.flac$' data/test_clean/wav.scp
    sed 's/^[^ ]* //' downloads/LibriSpeech/*/*/*/*.trans.txt | tr '[:upper:]' '[:lower:]' | sort >spoken
    sed 's/^[^ ]* //' data/{train_mini,dev_mini,test_clean,test_other}/text | sort | diff - spoken
    [ "$(lines data/train_text/text)" -eq 100 ]
    # A choice of the official lines, in their order.
    zcat downloads/LibriSpeech/librispeech-lm-norm.txt.gz | tr '[:upper:]' '[:lower:]' |
        grep -Fxf <(sed 's/^[^ ]* //' data/train_text/text) | diff - <(sed 's/^[^ ]* //' data/train_text/text)
}

@test "LibriSpeech: a store of corpora is used as it is, and nothing is downloaded" {
    corpus librispeech
    recipe librispeech
    store=${BATS_TEST_TMPDIR}/store
    mkdir -p "${store}"
    for archive in "${made}"/{12,31}/*.tar.gz; do tar -xzf "${archive}" -C "${store}"; done
    cp "${made}/11/librispeech-lm-norm.txt.gz" "${store}/LibriSpeech/"
    JSTASR_CORPORA=${store} local/data.sh --size mini --data_url file:///nowhere
    valid train_mini dev_mini test_clean test_other
    grep -q "^61-100-0001 ${store}/LibriSpeech/test-clean/" data/test_clean/wav.scp
    [ ! -e downloads ]
}

@test "MLS: languages, speakers and ids that sort together, text of each language" {
    corpus mls
    recipe mls
    local/data.sh --langs pl,pt --n_text 50 --data_url "file://${made}"
    valid train dev test
    [ "$(cut -d ' ' -f 2 data/test/utt2lang | sort | uniq -c | xargs)" = "8 pl 8 pt" ]
    [ "$(cut -d ' ' -f 1 data/train/spk2utt | xargs)" = "pl-101 pl-1018 pl-6892 pt-101 pt-1018 pt-6892" ]
    grep -q '^pl-101-55-000000 downloads/mls/mls_polish_opus/train/audio/101/55/101_55_000000.opus$' data/train/wav.scp
    words=$(sed -n 's/^101_55_000000\t//p' downloads/mls/mls_polish_opus/train/transcripts.txt)
    grep -qx "pl-101-55-000000 ${words}" data/train/text
    [ "$(cut -d ' ' -f 2 data/train_text/utt2lang | sort | uniq -c | xargs)" = "50 pl 50 pt" ]
    # The n-gram models of the text's archive are not kept.
    [ "$(ls downloads/mls/mls_lm_polish)" = data.txt ]
}

@test "MLS: the limited supervision is the part that the corpus sets apart" {
    corpus mls
    recipe mls
    local/data.sh --langs pl --limited true --data_url "file://${made}"
    valid train dev test
    cat downloads/mls/mls_polish_opus/train/limited_supervision/{9hr,1hr/*}/handles.txt | tr _ - | sed 's/^/pl-/' | sort |
        diff - <(cut -d ' ' -f 1 data/train/text)
}

@test "FLEURS: each utterance its own speaker, normalised or raw transcripts, the language with its country" {
    corpus fleurs
    recipe fleurs
    local/data.sh --langs en_us,cmn_hans_cn --data_url "file://${made}"
    valid train dev test
    [ "$(cut -d ' ' -f 2 data/test/utt2lang | sort | uniq -c | xargs)" = "6 cmn-Hans-CN 6 en-US" ]
    [ "$(lines data/test/spk2utt)" -eq 12 ]
    row=$(head -n 1 downloads/fleurs/data/en_us/test.tsv)
    key=en-US-$(printf %05d "$(cut -f 1 <<<"${row}")")-$(cut -f 2 <<<"${row}")
    grep -qx "${key%.wav} $(cut -f 4 <<<"${row}")" data/test/text
    local/data.sh --langs en_us,cmn_hans_cn --transcript raw
    grep -qx "${key%.wav} $(cut -f 3 <<<"${row}")" data/test/text
    [ ! -e data/train_text ]
}

@test "FLEURS: recordings that are no audio are left out and named" {
    corpus fleurs
    recipe fleurs
    local/data.sh --langs en_us --data_url "file://${made}"
    rm -r data
    junk=downloads/fleurs/data/en_us/audio/train/100000000000001003.wav
    echo "no audio" >"${junk}"
    : >downloads/fleurs/data/en_us/audio/test/100000000000003002.wav
    run local/data.sh --langs en_us
    [ "${status}" -eq 0 ]
    says "train: left out 1 recordings that are no audio: ${junk}: cannot read as audio"
    says "test: left out 1 recordings that are no audio"
    valid train dev test
    [ "$(lines data/train/text)" -eq 15 ] && [ "$(lines data/test/text)" -eq 5 ]
}

@test "FLEURS: text of one's own becomes a text set with languages" {
    corpus fleurs
    recipe fleurs
    printf 'one two\nthree\n' >text.en
    local/data.sh --langs en_us,tr_tr --text_files en=text.en --data_url "file://${made}"
    [ "$(cut -d ' ' -f 2- data/train_text/text)" = "$(cat text.en)" ]
    [ "$(cut -d ' ' -f 2 data/train_text/utt2lang | uniq)" = en-US ]
}

@test "VoxPopuli: all parts of a split, known speakers together, unknown ones alone, rows without words left out" {
    corpus voxpopuli
    recipe voxpopuli
    run local/data.sh --langs sl,lt --text_files "sl=${made}/sl.txt" --data_url "file://${made}"
    [ "${status}" -eq 0 ]
    says "left out 2 utterances without words"
    valid train dev test
    [ "$(lines data/train/text)" -eq 30 ]
    grep -c 'train_part_1' data/train/wav.scp | grep -qx 14
    [ "$(grep -c '^sl-96789 ' data/train/spk2utt)" -eq 1 ]
    grep ' sl-None-' data/train/utt2spk | awk '$1 != $2 { exit 1 }'
    [ "$(grep -c '^sl-None-' data/train/spk2utt)" -eq 5 ]
    [ "$(cut -d ' ' -f 2 data/train_text/utt2lang | uniq)" = sl ]
}

@test "a second run does nothing and needs no source" {
    for name in an4 mls fleurs voxpopuli; do
        corpus "${name}"
        recipe "${name}"
        case ${name} in
            an4) options="--n_dev 8" ;;
            mls) options="--langs pl" ;;
            fleurs) options="--langs en_us" ;;
            voxpopuli) options="--langs sl" ;;
        esac
        # shellcheck disable=SC2086
        local/data.sh ${options} --data_url "file://${made}"
        # shellcheck disable=SC2086
        run local/data.sh ${options} --data_url file:///nowhere
        [ "${status}" -eq 0 ]
        [ "${output}" = "data: made with the same options already: nothing to do" ]
        cd "${BATS_TEST_TMPDIR}" && rm -r recipe
    done
}

# data_speechocean762 OPTION...: the sets of the small corpus, with two speakers in dev.
data_speechocean762() {
    local/data.sh --n_dev 2 --data_url "file://${made}" "$@"
}

@test "speechocean762: official parts, dev of both sexes and of the ages of train, sexes of the speakers" {
    corpus speechocean762
    recipe speechocean762
    data_speechocean762 --text_files "${made}/text.txt"
    valid train dev test
    # In the order of sex and age: 0026 0048 0005 (f), 0001 0036 0006 (m); the middle one of each half is dev.
    [ "$(xargs <data/dev/spk2gender)" = "0036 m 0048 f" ]
    [ "$(cut -d ' ' -f 1 data/train/spk2utt | xargs)" = "0001 0005 0006 0026" ]
    [ "$(xargs <data/test/spk2gender)" = "0003 m 0011 f" ]
    grep -q '^000300014 downloads/speechocean762/WAVE/SPEAKER0003/000300014.WAV$' data/test/wav.scp
    tr '\t' ' ' <downloads/speechocean762/test/text | diff - data/test/text
}

@test "speechocean762: no sentence of dev or test is in the text, none of test in train, and both are counted" {
    corpus speechocean762
    recipe speechocean762
    run data_speechocean762 --text_files "${made}/text.txt"
    [ "${status}" -eq 0 ]
    says "train: left out 1 utterances of sentences that test has"
    says "train_text: left out 4 sentences that dev or test has"
    [ "$(lines data/test/text)" -eq 10 ]
    for set in test dev; do
        sed 's/^[^ ]* //; s/.*/\L&/' "data/${set}/text" | sort -u >spoken
        sed 's/^[^ ]* //; s/[.]$//; s/.*/\L&/' data/train_text/text | sort -u | comm -12 - spoken >both
        [ ! -s both ]
    done
}

@test "speechocean762: a store with tables and clips is used as it is, with Common Voice's sentences" {
    corpus speechocean762
    recipe speechocean762
    store=${BATS_TEST_TMPDIR}/store
    mkdir -p "${store}/cv-corpus-6.1-sample/en" "${store}/speechocean762/clips"
    tar -xzf "${made}/101/speechocean762.tar.gz" -C "${BATS_TEST_TMPDIR}"
    cp "${BATS_TEST_TMPDIR}"/speechocean762/WAVE/*/*.WAV "${store}/speechocean762/clips"
    for part in train test; do
        from=${BATS_TEST_TMPDIR}/speechocean762/${part}
        printf 'client_id\tpath\tsentence\tage\tgender\n' >"${store}/speechocean762/${part}.tsv"
        join -t $'\t' "${from}/utt2spk" "${from}/text" | awk -F '\t' '{ print $2 "\t" $1 ".WAV\t" $3 }' |
            join -t $'\t' - "${from}/spk2age" | join -t $'\t' - <(sed 's/m$/male/; s/f$/female/' "${from}/spk2gender") \
            >>"${store}/speechocean762/${part}.tsv"
    done
    printf 'client_id\tpath\tsentence\n1\ta.mp3\t"Quite ""so"", he said.\n' >"${store}/cv-corpus-6.1-sample/en/validated.tsv"
    printf 'And now?\n' >"${store}/cv-corpus-6.1-sample/en/unpaired_sentences.txt"
    JSTASR_CORPORA=${store} local/data.sh --n_dev 2 --data_url file:///nowhere
    valid train dev test
    [ "$(xargs <data/dev/spk2gender)" = "0036 m 0048 f" ]
    diff <(tr '\t' ' ' <"${BATS_TEST_TMPDIR}/speechocean762/test/text") data/test/text
    [ "$(lines data/train_text/text)" -eq 2 ]
    [ ! -e downloads ]
}

@test "speechocean762: without Common Voice the text is LibriSpeech's" {
    corpus speechocean762
    recipe speechocean762
    run data_speechocean762 --n_text 100
    [ "${status}" -eq 0 ]
    says "of 100 in all"
    [ -f downloads/LibriSpeech/librispeech-lm-norm.txt.gz ]
}

@test "speechocean762: stage 0 says what is missing and what would be downloaded" {
    corpus speechocean762
    recipe speechocean762
    run ./run.sh --stop_stage 1 --skip_stages 1 --data_url http://mirror
    [ "${status}" -eq 0 ]
    [[ "${output}" != *"stage 1 downloads"* ]]
    run ./run.sh --stop_stage 1 --data_url http://127.0.0.1:9
    [ "${status}" -eq 1 ]
    says "speechocean762: neither in \$JSTASR_CORPORA nor in downloads/: stage 1 downloads http://127.0.0.1:9/101/speechocean762.tar.gz"
    says "stage 1 downloads http://127.0.0.1:9/11/librispeech-lm-norm.txt.gz"
    run ./run.sh --stop_stage 1 --text_files nowhere.txt
    [ "${status}" -eq 1 ]
    says "--text_files nowhere.txt: no such file"
    says "stage 0"
    [ ! -e data/train ]
}
