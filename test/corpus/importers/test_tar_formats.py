"""Sets of others in tar files, written with the libraries that they are written with: lhotse's cuts and Shar,
WebDataset, NeMo's tarred sets. What is imported is what was written; damaged and missing shards are named."""

import csv
import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webdataset
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
from lhotse.features.kaldi.extractors import Fbank
from lhotse.shar import SharWriter

from jstasr.corpus.importers.formats import guess_format
from jstasr.kaldi.data_dir import DataDir

CORPUS = Path(os.environ.get("JSTASR_CORPORA", "/nowhere")) / "cv-corpus-13.0-delta-sample/en"
COUNT = 6


class Spoken:
    """A recording, with what is said in it."""

    def __init__(self, path, text, number):
        self.path, self.text, self.id = path, text, f"utt-{number}"
        self.speaker, self.language = f"spk{number % 2}", "en"
        self.samples, self.rate = soundfile.read(path, dtype="float32")

    @property
    def seconds(self):
        return len(self.samples) / self.rate

    def flac(self):
        buffer = io.BytesIO()
        soundfile.write(buffer, self.samples, self.rate, format="FLAC")
        return buffer.getvalue()


def tones(folder):
    for number in range(COUNT):
        path = folder / f"tone{number}.wav"
        length = 8000 + 1000 * number
        soundfile.write(path, 0.3 * np.sin(np.arange(length) * (0.1 + 0.05 * number)), 16000)
        yield path, f"tone number {number}"


def common_voice():
    with open(CORPUS / "validated.tsv", encoding="utf-8") as file:
        for row in list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[:COUNT]:
            yield CORPUS / "clips" / row["path"], row["sentence"]


@pytest.fixture(params=["tones", "common voice"])
def spoken(request, folder):
    """A few recordings: made-up ones, and of a corpus."""
    if request.param == "common voice" and not CORPUS.is_dir():
        pytest.skip("JSTASR_CORPORA names no store of corpora")
    (folder / "src").mkdir()
    source = tones(folder / "src") if request.param == "tones" else common_voice()
    return [Spoken(path, text, number) for number, (path, text) in enumerate(source)]


def check(spoken, name="data/x", exact=True):
    """The data directory says what was spoken, and its audio is the same samples."""
    data = DataDir(name)
    data.check()
    found = sorted(
        (data.text[utterance], data.utt2spk[utterance], *soundfile.read(data.wav_scp[utterance], dtype="float32"))
        for utterance in data.text
    )
    assert [row[:2] for row in found] == sorted((one.text, one.speaker) for one in spoken)
    for (text, _, samples, rate), one in zip(found, sorted(spoken, key=lambda one: one.text)):
        assert rate == one.rate and len(samples) == len(one.samples), text
        np.testing.assert_allclose(samples, one.samples, atol=2**-15 if exact else 1)  # 16 bits
    return data


def cuts_of(spoken, folder=Path()):
    """lhotse's cuts of whole recordings."""
    cuts = []
    for one in spoken:
        recording = Recording.from_file(one.path, recording_id=f"rec-{one.id}")
        segment = SupervisionSegment(
            one.id, recording.id, 0, recording.duration, text=one.text, speaker=one.speaker, language=one.language
        )
        cuts.append(MonoCut(f"cut-{one.id}", 0, recording.duration, 0, [segment], recording=recording))
    return CutSet.from_cuts(cuts)


@pytest.fixture
def shar(spoken, folder):
    """f(fields) -> a folder of Shar, of three shards."""

    def write(cuts=None, **fields):
        (folder / "shar").mkdir()
        with SharWriter("shar", fields=fields, shard_size=2) as writer:
            for cut in cuts_of(spoken) if cuts is None else cuts:
                writer.write(cut)
        return folder / "shar"

    return write


@pytest.fixture
def wds(spoken, folder):
    """f(sample -> members) -> a folder of WebDataset's tar files, of three samples each."""

    def write(members=lambda one: {"flac": one.flac(), "txt": one.text, "json": about(one)}):
        (folder / "wds").mkdir()
        with webdataset.ShardWriter("wds/train-%06d.tar", maxcount=3, verbose=0) as writer:
            for number, one in enumerate(spoken):
                writer.write({"__key__": f"{number % 3:06}", **members(one)})  # keys begin again in each
        return folder / "wds"

    return write


def about(one):
    return {"speaker": one.speaker, "language": one.language, "duration": one.seconds, "start": 7.0, "snr": 3}


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_cuts_of_lhotse(spoken, folder, run_import, sizes, name):
    cuts_of(spoken).to_file(folder / name)
    assert guess_format(name) == "lhotse"
    status, out, err = run_import(name, "data/x")
    assert status == 0, err
    assert sizes(out)["data/x"][:2] == (COUNT, 2) and sizes(out)["data/x"][3] == "en"
    data = check(spoken)
    assert list(data.text) == sorted(f"{one.speaker}-{one.id}" for one in spoken) and data.segments is None


def test_supervisions_inside_a_cut_are_segments_of_its_recording(spoken, folder, run_import):
    one = spoken[0]
    recording = Recording.from_file(one.path, recording_id="rec")
    parts = [SupervisionSegment(f"s{n}", "rec", 0.1 * n, 0.1, text=f"part {n}", speaker="a") for n in range(3)]
    CutSet.from_cuts([MonoCut("cut", 0.05, 0.4, 0, parts, recording=recording)]).to_file("cuts.jsonl")
    status, _, err = run_import("cuts.jsonl", "data/x")
    assert status == 0, err
    segments = DataDir("data/x").segments
    assert {name: (round(s.start, 3), round(s.end, 3)) for name, s in segments.items()} == {
        "a-s0": (0.05, 0.15), "a-s1": (0.15, 0.25), "a-s2": (0.25, 0.35),
    }  # fmt: skip
    assert DataDir("data/x").wav_scp == {"rec": str(one.path)}


def test_cuts_that_cannot_be_taken_are_named_with_the_remedy(spoken, folder, run_import):
    cuts = list(cuts_of(spoken))
    mixed = cuts[0].mix(cuts[1])
    long = cuts[2].supervisions[0].with_offset(0.3)
    crossing = MonoCut("crossing", 0, cuts[2].duration, 0, [long], recording=cuts[2].recording)
    changed = cuts[3].perturb_speed(1.1)
    silent = cuts[4].drop_supervisions()
    CutSet.from_cuts([mixed, crossing, changed, silent, cuts[5]]).to_file("cuts.jsonl")
    with open("cuts.jsonl", "a") as file:
        file.write("no JSON\n" + json.dumps({"id": "s", "recording_id": "r", "start": 0, "duration": 1}) + "\n")
    status, _, err = run_import("cuts.jsonl", "data/x")
    assert status == 1
    for words in (
        "cuts.jsonl:1: " + mixed.id + ": is a MixedCut; write each cut to a file",
        "cuts.jsonl:2: " + long.id + " begins or ends outside of its cut; cut again: CutSet.trim_to_supervisions",
        "cuts.jsonl:3: " + changed.id + ": changes its recording (transforms)",
        "cuts.jsonl:4: " + silent.id + ": has no supervision, so no transcript",
        "cuts.jsonl:6: not a cut",
        "cuts.jsonl:7: not a cut",
        "6 fault(s)",
    ):
        assert words in err
    assert run_import("cuts.jsonl", "data/x", "--skip-bad")[0] == 0
    assert list(DataDir("data/x").text.values()) == [" ".join(spoken[5].text.split())]


def test_a_manifest_that_is_cut_short_is_named(spoken, folder, run_import):
    cuts_of(spoken).to_file("cuts.jsonl.gz")
    content = (folder / "cuts.jsonl.gz").read_bytes()
    (folder / "cuts.jsonl.gz").write_bytes(content[:-20])
    status, _, err = run_import("--format", "lhotse", "cuts.jsonl.gz", "data/x")
    assert status == 1 and "cuts.jsonl.gz: is damaged or cut short" in err and "get the file again" in err


@pytest.mark.parametrize("kind", ["flac", "wav", "mp3"])
def test_shar(spoken, shar, run_import, sizes, kind):
    assert guess_format(shar(recording=kind)) == "shar"
    status, out, err = run_import("shar", "data/x")
    assert status == 0, err
    assert sizes(out)["data/x"][:2] == (COUNT, 2)
    check(spoken, exact=kind != "mp3")
    hours = sum(one.seconds for one in spoken) / 3600
    assert sizes(out)["data/x"][2] == pytest.approx(hours, abs=6e-4)


def test_shar_with_features_beside_and_parts_of_recordings(spoken, shar, folder, run_import):
    cuts = cuts_of(spoken).compute_and_store_features(Fbank(), folder / "features")
    cuts = CutSet.from_cuts([cut.truncate(offset=0.1, duration=0.3) for cut in cuts])
    shar(cuts, recording="flac", features="numpy")
    status, out, err = run_import("--skip-bad", "shar", "data/x")
    assert "begins or ends outside of its cut" in err + out  # the transcripts are longer
    cuts = CutSet.from_cuts([cut.map_supervisions(lambda s: s.trim(0.3)) for cut in cuts])
    for path in sorted((folder / "shar").iterdir()):
        path.unlink()
    (folder / "shar").rmdir()
    shar(cuts, recording="flac", features="numpy")
    status, out, err = run_import("shar", "data/x")
    assert status == 0, err
    assert "fields that are not read: features" in out
    data = DataDir("data/x")
    for one in spoken:
        samples, rate = soundfile.read(data.wav_scp[f"{one.speaker}-{one.id}"], dtype="float32")
        first = round(0.1 * rate)
        np.testing.assert_allclose(samples, one.samples[first : first + round(0.3 * rate)], atol=2**-15)


def test_shar_of_features_alone_is_refused(spoken, shar, folder, run_import):
    cuts = cuts_of(spoken).compute_and_store_features(Fbank(), folder / "features").drop_recordings()
    shar(cuts, features="numpy")
    status, _, err = run_import("shar", "data/x")
    assert status == 1 and "has no recording; features alone are not read" in err


def test_measuring_a_shar_writes_nothing(spoken, shar, folder, run_import):
    shar(recording="flac")
    before = sorted(folder.rglob("*"))
    status, out, err = run_import("--measure", "shar", "none")
    seconds = round(sum(one.seconds for one in spoken))
    assert status == 0 and out.startswith(f"utterances={COUNT} seconds={seconds} speakers=2"), err
    assert sorted(folder.rglob("*")) == before


def cut_short(path, size):
    path.write_bytes(path.read_bytes()[:size])


def members(path):
    """Name -> (offset, size) of the files of a tar file."""
    with tarfile.open(path) as tar:
        return {one.name: (one.offset_data, one.size) for one in tar}


def test_damaged_and_missing_shards_of_a_shar_are_all_named(spoken, shar, folder, run_import):
    shar(recording="flac")
    (folder / "shar/recording.000000.tar").unlink()
    first = list(members(folder / "shar/recording.000001.tar").values())[2]
    cut_short(folder / "shar/recording.000001.tar", first[0] - 512)  # between two recordings, where tar sees no fault
    content = gzip.decompress((folder / "shar/cuts.000002.jsonl.gz").read_bytes()).splitlines(keepends=True)
    (folder / "shar/cuts.000002.jsonl.gz").write_bytes(gzip.compress(content[0]))
    status, _, err = run_import("shar", "data/x")
    assert status == 1 and "3 fault(s)" in err and not (folder / "data/x").exists()
    assert "cuts.000000.jsonl.gz: has no recording of the number '000000' beside it; get the file again" in err
    assert "recording.000001.tar: is cut short: a tar file ends in zeros; get the file again" in err
    assert "recording.000002.tar: holds cut-utt-5, which shar/cuts.000002.jsonl.gz lacks" in err


def test_webdataset(spoken, wds, run_import, sizes):
    assert guess_format(wds()) == "webdataset" and guess_format("wds/train-000000.tar") == "webdataset"
    status, out, err = run_import("wds", "data/x")
    assert status == 0, err
    assert sizes(out)["data/x"][:2] == (COUNT, 2) and sizes(out)["data/x"][3] == "en"
    assert "ignored: snr" in out
    assert check(spoken).segments is None  # the times in the JSON are of another recording
    assert run_import("wds/train-000001.tar", "data/y")[0] == 0
    check(spoken[3:], "data/y")


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg"])
def test_webdataset_with_text_in_its_json_and_other_audio(spoken, wds, run_import, kind):
    def sample(one):
        buffer = io.BytesIO()
        soundfile.write(buffer, one.samples, one.rate, format=kind.upper())
        return {kind: buffer.getvalue(), "json": {"text": one.text, "speaker_id": one.speaker, "id": one.id}}

    wds(sample)
    status, _, err = run_import("wds", "data/x", "--lang", "en")
    assert status == 0, err
    data = check(spoken, exact=kind == "wav")
    assert list(data.text) == sorted(f"{one.speaker}-{one.id}" for one in spoken)


def test_webdataset_with_classes_and_two_recordings_of_each(spoken, wds, run_import):
    wds(lambda one: {"near.flac": one.flac(), "far.flac": spoken[0].flac(), "cls": one.id[-1:].encode()})
    status, _, err = run_import("wds", "data/x")
    assert status == 1 and "2 audio files, name one: --columns audio=ENDING; it holds cls, far.flac, near.flac" in err
    status, _, err = run_import("wds", "data/x", "--columns", "audio=near.flac")
    assert status == 0, err
    assert sorted(DataDir("data/x").text.values()) == [str(number) for number in range(COUNT)]


def test_damaged_shards_of_a_webdataset_are_all_named(spoken, wds, folder, run_import):
    wds()
    path = folder / "wds/train-000000.tar"
    offset, _ = next(place for name, place in members(path).items() if name == "000001.flac")
    cut_short(path, offset + 100)
    (folder / "wds/train-000001.tar").write_bytes(b"<html>not found</html>" * 100)
    status, _, err = run_import("wds", "data/x")
    assert status == 1 and not (folder / "data/x").exists()
    assert "train-000000.tar: is cut short: a tar file ends in zeros; get the file again" in err
    assert "train-000001.tar: is damaged: file could not be opened successfully" in err


def test_faulty_samples_of_a_webdataset_are_rows(spoken, wds, run_import):
    broken = {1: {"flac": b"<html>", "txt": "x"}, 2: {"txt": "x"}, 3: {"flac": b"fLaC", "txt": "x", "json": b"{"}}
    wds(lambda one: broken.get(spoken.index(one), {"flac": one.flac(), "txt": one.text, "json": about(one)}))
    status, _, err = run_import("wds", "data/x", "--lang", "en")
    assert status == 1 and "3 fault(s)" in err
    assert "train-000000.tar: 000002: no audio; it holds txt" in err
    assert "train-000001.tar: 000000: its json is not JSON" in err
    assert "cannot be read as audio" in err
    assert run_import("wds", "data/x", "--lang", "en", "--skip-bad")[0] == 0
    check([spoken[0], *spoken[4:]])


def test_names_in_tar_files_lead_nowhere(spoken, folder, run_import):
    (folder / "wds").mkdir()
    with tarfile.open("wds/0.tar", "w") as tar:
        for name, content in (("../../out.flac", spoken[0].flac()), ("../../out.txt", b"a text")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    status, _, err = run_import("wds", "data/x")
    assert status == 0, err
    assert (folder / "data/x/audio/0/out.flac").is_file() and not list(folder.glob("*.flac"))


@pytest.fixture
def nemo(spoken, folder):
    """A tarred set as NeMo's convert_to_tarred_audio_dataset.py writes it: two shards, and a recording in two parts."""
    (folder / "tarred").mkdir()
    rows = []
    for shard in range(2):
        with tarfile.open(f"tarred/audio_{shard}.tar", "w", dereference=True) as tar:
            for one in spoken[shard::2]:
                name = f"{one.id}{one.path.suffix}"
                tar.add(one.path, arcname=name)
                row = {"text": one.text, "duration": one.seconds, "speaker": one.speaker, "shard_id": shard}
                rows.append({"audio_filepath": name, **row})
    rows[0] |= {"offset": 0.0, "duration": 0.2}
    rows.insert(1, rows[0] | {"audio_filepath": rows[0]["audio_filepath"].replace(".", "-sub1."), "offset": 0.2})
    path = folder / "tarred/tarred_audio_manifest.json"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize("source", ["tarred", "tarred/tarred_audio_manifest.json"])
def test_nemo_tarred(spoken, nemo, folder, run_import, source):
    assert guess_format(source) == "nemo-tarred"
    status, _, err = run_import(source, "data/x", "--lang", "en")
    assert status == 0, err
    data = DataDir("data/x")
    data.check()
    assert sorted(data.text.values()) == sorted([spoken[0].text, *(one.text for one in spoken)])
    assert len(data.wav_scp) == COUNT and len(list((folder / "data/x/audio").glob("audio_*/*"))) == COUNT
    times = [(s.start, s.end) for s in data.segments.values() if s.end - s.start < 0.21]
    assert times == [(0.0, 0.2), (0.2, 0.4)]
    for name, text in data.text.items():
        one = next(one for one in spoken if one.text == text)
        held, rate = soundfile.read(data.wav_scp[data.segments[name].recording], dtype="float32")
        np.testing.assert_array_equal(held, one.samples)


def test_nemo_shards_in_another_folder_and_parts_of_the_manifest(spoken, nemo, folder, run_import):
    (folder / "tarred/sharded_manifests").mkdir()
    rows = nemo.read_text().splitlines(keepends=True)
    for shard in range(2):
        (folder / f"tarred/sharded_manifests/manifest_{shard}.json").write_text(
            "".join(row for row in rows if json.loads(row)["shard_id"] == shard)
        )
    nemo.unlink()
    assert run_import("tarred", "data/x")[0] == 0
    assert len(DataDir("data/x").text) == COUNT + 1
    (folder / "tarred/sharded_manifests").rename(folder / "parts")
    assert run_import("parts/manifest_1.json", "data/y", "--audio-dir", "tarred")[0] == 0
    assert len(DataDir("data/y").text) == COUNT // 2


def test_missing_shards_and_recordings_of_nemo_are_named(spoken, nemo, folder, run_import):
    (folder / "tarred/audio_1.tar").unlink()
    status, _, err = run_import("tarred", "data/x")
    assert status == 1 and "1 fault(s)" in err
    assert "tarred: lacks the tar file of shard 1, which tarred/tarred_audio_manifest.json:" in err
    row = {"audio_filepath": "gone.wav", "text": "gone", "duration": 1.0, "shard_id": 0}
    kept = [line for line in nemo.read_text().splitlines() if json.loads(line)["shard_id"] == 0]
    nemo.write_text("\n".join([*kept, json.dumps(row)]) + "\n")
    status, _, err = run_import("tarred", "data/x")
    assert status == 1 and "tarred/audio_0.tar does not hold gone.wav" in err
