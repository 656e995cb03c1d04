#!/usr/bin/env bats
# What goes wrong on the way to a corpus, at the recipes' local/data.sh.

setup() {
    load helper
    made= # folder of the small corpus: corpus() sets it
    server=
}

teardown() {
    if [ -n "${server}" ]; then kill "${server}" 2>/dev/null || true; fi
}

librispeech() {
    corpus librispeech
    recipe librispeech
}

data_librispeech() {
    run local/data.sh --size mini --data_url "file://${made}" --md5sums "${made}/md5sum.txt"
}

@test "connections that break off are resumed, and the download is whole" {
    corpus an4
    recipe an4
    "${ROOT}/.venv/bin/python" "${ROOT}/test/egs/serve.py" "${made}" 1000000 >"${BATS_TEST_TMPDIR}/log" &
    server=$!
    for _ in $(seq 100); do [ -s "${BATS_TEST_TMPDIR}/log" ] && break || sleep 0.1; done
    port=$(head -n 1 "${BATS_TEST_TMPDIR}/log")
    run local/data.sh --n_dev 8 --data_url "http://127.0.0.1:${port}"
    [ "${status}" -eq 0 ]
    says "the connection ended after 1000000 of"
    grep -q '^GET /an4_sphere.tar.gz all$' "${BATS_TEST_TMPDIR}/log"
    grep -q '^GET /an4_sphere.tar.gz bytes=1000000-$' "${BATS_TEST_TMPDIR}/log"
    valid train dev test
    nothing_unfinished
}

@test "a download that was killed is resumed by the next run" {
    corpus an4
    recipe an4
    "${ROOT}/.venv/bin/python" "${ROOT}/test/egs/serve.py" "${made}" 99999999 >"${BATS_TEST_TMPDIR}/log" &
    server=$!
    for _ in $(seq 100); do [ -s "${BATS_TEST_TMPDIR}/log" ] && break || sleep 0.1; done
    url=http://127.0.0.1:$(head -n 1 "${BATS_TEST_TMPDIR}/log")
    mkdir downloads
    head -c 700000 "${made}/an4_sphere.tar.gz" >downloads/an4.tar.gz.part
    printf '%s\n"%d"\n' "${url}/an4_sphere.tar.gz" "$(stat -c %s "${made}/an4_sphere.tar.gz")" >downloads/an4.tar.gz.part.from
    run local/data.sh --n_dev 8 --data_url "${url}"
    [ "${status}" -eq 0 ]
    [ "$(sed 1d "${BATS_TEST_TMPDIR}/log")" = "GET /an4_sphere.tar.gz bytes=700000-" ]
    nothing_unfinished
}

@test "an archive with a wrong checksum is refused and removed" {
    librispeech
    own_copy
    sed -i 's/^[0-9a-f]*  test-clean/00000000000000000000000000000000  test-clean/' "${made}/md5sum.txt"
    data_librispeech
    [ "${status}" -eq 1 ]
    says "not 00000000000000000000000000000000; it is removed: run again"
    [ ! -e downloads/LibriSpeech/test-clean ] && [ ! -e downloads/LibriSpeech/test-clean.tar.gz ]
    [ ! -e data/train_mini ]
    nothing_unfinished
}

@test "the official checksums are the default, and refuse another corpus" {
    librispeech
    run local/data.sh --size mini --data_url "file://${made}"
    [ "${status}" -eq 1 ]
    says "not 5df7d4e78065366204ca6845bb08f490; it is removed"
}

@test "an archive that is missing in the list of checksums is refused" {
    librispeech
    own_copy
    sed -i '/dev-clean-2/d' "${made}/md5sum.txt"
    data_librispeech
    [ "${status}" -eq 1 ]
    says "has no line for dev-clean-2.tar.gz"
}

@test "a web page in place of a table or an archive is refused and not kept" {
    recipe fleurs
    for file in train.tsv audio/dev.tar.gz; do
        corpus fleurs
        own_copy
        echo '<!doctype html><title>Log in</title>' >"${made}/data/tr_tr/${file}"
        run local/data.sh --langs tr_tr --data_url "file://${made}"
        [ "${status}" -eq 1 ]
        says "/data/tr_tr/${file} gave is a web page"
        says "it is removed: run again"
        [ ! -e "downloads/fleurs/data/tr_tr/${file}" ]
        nothing_unfinished
        rm -r "${BATS_TEST_TMPDIR}/copy"
    done
    corpus fleurs
    run local/data.sh --langs tr_tr --data_url "file://${made}"
    [ "${status}" -eq 0 ]
    valid train dev test
}

@test "an archive cut short is refused, removed, and replaced by the next run" {
    corpus fleurs
    recipe fleurs
    whole=${made}
    own_copy
    truncate -s -1000 "${made}/data/tr_tr/audio/dev.tar.gz"
    run local/data.sh --langs tr_tr --data_url "file://${made}"
    [ "${status}" -eq 1 ]
    says "is no whole archive"
    says "is removed: run again"
    [ "$(grep -c error <<<"${output}")" -eq 1 ]
    [ ! -e downloads/fleurs/data/tr_tr/audio/dev ]
    nothing_unfinished
    run local/data.sh --langs tr_tr --data_url "file://${whole}"
    [ "${status}" -eq 0 ]
    valid train dev test
}

@test "a folder that a killed run left half unpacked is in no one's way" {
    librispeech
    mkdir -p downloads/LibriSpeech/.unpacking.dev-clean-2/LibriSpeech/dev-clean-2/84
    data_librispeech
    [ "${status}" -eq 0 ]
    valid train_mini dev_mini test_clean test_other
    nothing_unfinished
}

@test "an archive with names that lead outside is refused" {
    corpus voxpopuli
    recipe voxpopuli
    own_copy
    echo evil >"${BATS_TEST_TMPDIR}/evil"
    tar -C "${BATS_TEST_TMPDIR}" -czPf "${made}/data/sl/dev/dev_part_0.tar.gz" ../"${BATS_TEST_TMPDIR##*/}"/evil
    run local/data.sh --langs sl --data_url "file://${made}"
    [ "${status}" -eq 1 ]
    says "leads outside the archive's folder"
    [ ! -e downloads/voxpopuli/data/sl/dev/dev_part_0 ]
    nothing_unfinished
}

@test "missing transcripts are named, in every recipe" {
    librispeech
    data_librispeech
    [ "${status}" -eq 0 ]
    rm -r downloads/LibriSpeech/dev-clean-2/84/100/84-100.trans.txt data
    data_librispeech
    [ "${status}" -eq 1 ]
    says "lacks the transcripts downloads/LibriSpeech/dev-clean-2/84/100/84-100.trans.txt: remove that folder"
    [ ! -e data/train_mini ]
    nothing_unfinished
}

@test "a missing transcript of AN4 is named" {
    corpus an4
    recipe an4
    local/data.sh --n_dev 8 --data_url "file://${made}"
    sed -i '/an101-fcaw-b/d' downloads/an4/etc/an4_test.transcription
    rm -r data
    run local/data.sh --n_dev 8
    [ "${status}" -eq 1 ]
    says "an4_test.transcription lacks 1 recordings: an101-fcaw-b"
}

@test "a missing table of MLS, FLEURS and VoxPopuli is named" {
    for name in mls fleurs voxpopuli; do
        corpus "${name}"
        recipe "${name}"
        own_copy
        case ${name} in
            mls) options="--langs pl" table=downloads/mls/mls_polish_opus/dev/transcripts.txt ;;
            fleurs) options="--langs en_us" table=data/en_us/dev.tsv ;;
            voxpopuli) options="--langs sl" table=data/sl/asr_dev.tsv ;;
        esac
        if [ "${name}" = mls ]; then
            # shellcheck disable=SC2086
            local/data.sh ${options} --data_url "file://${made}"
            rm -r "${table}" data
        else
            rm "${made}/${table}"
        fi
        # shellcheck disable=SC2086
        run local/data.sh ${options} --data_url "file://${made}"
        [ "${status}" -eq 1 ]
        says "${table##*/}"
        [ ! -e data/train ]
        nothing_unfinished
        cd "${BATS_TEST_TMPDIR}" && rm -r recipe copy
    done
}

@test "missing recordings are named" {
    corpus fleurs
    recipe fleurs
    local/data.sh --langs en_us --data_url "file://${made}"
    rm "downloads/fleurs/data/en_us/audio/test/100000000000003002.wav"
    rm -r data
    run local/data.sh --langs en_us
    [ "${status}" -eq 1 ]
    says "FLEURS, test: 1 of 6 audio files are missing: downloads/fleurs/data/en_us/audio/test/100000000000003002.wav"
}

@test "a dead network is one clear sentence, in every recipe" {
    for name in an4 librispeech mls fleurs speechocean762 voxpopuli; do
        recipe "${name}"
        run local/data.sh --data_url http://127.0.0.1:9
        [ "${status}" -eq 1 ]
        [ "$(wc -l <<<"${output}")" -eq 1 ]
        says "jstasr fetch: error: cannot download http://127.0.0.1:9/"
        says "Connection refused"
        says "run again, or name another source: --data_url URL"
        nothing_unfinished
        cd "${BATS_TEST_TMPDIR}" && rm -r recipe
    done
}

@test "unknown languages and sizes are refused with those that there are" {
    recipe mls
    run local/data.sh --langs sv
    [ "${status}" -eq 1 ]
    says "MLS has no language 'sv'"
    says "pl"
    cd "${BATS_TEST_TMPDIR}" && rm -r recipe
    recipe librispeech
    run local/data.sh --size 500
    [ "${status}" -eq 1 ]
    says "--size is mini, 100 or 960"
    cd "${BATS_TEST_TMPDIR}" && rm -r recipe
    corpus voxpopuli
    recipe voxpopuli
    run local/data.sh --langs mt --data_url "file://${made}"
    [ "${status}" -eq 1 ]
    [[ "${output}" == *"mt"* ]]
}
