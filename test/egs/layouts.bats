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
