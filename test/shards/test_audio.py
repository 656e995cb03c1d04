"""`jstasr shards --audio`: batches of features that are computed from shards of audio, on a disk and at a URL."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webdataset
from torch.utils.data import DataLoader

from jstasr.cli import main
from jstasr.data.batches import steps_of_process
from jstasr.data.collate import collate
from jstasr.data.speech_set import SpeechSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.experiment.data_record import PAIRED, changes, describe
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.audio_bytes import lossless_bytes
from jstasr.kaldi.data_dir import DataDir
from jstasr.shards.index import local_folder, read_index
from jstasr.shards.reader import LostShard
from jstasr.train.loader import Steps, step_sampler

URL = "memory://bucket/raw"
RATE, COUNT = 16000, 24
KINDS = (("wav", "PCM_16"), ("flac", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("ogg", "VORBIS"), ("mp3", None))


class RawToy:
    """dump/raw/train: recordings in all kinds of files, and features on the fly."""

    def __init__(self, toy, folder):
        self.toy, self.folder, self.source = toy, folder, folder / "dump/raw/train"
        self.texts = toy.texts(COUNT)
        ids = [f"utt-{number:02}" for number in range(COUNT)]
        wav_scp = {}
        rng = np.random.default_rng(0)
        for number, utterance in enumerate(ids):
            ending, subtype = KINDS[number % len(KINDS)]
            path = folder / f"audio/{utterance}.{ending}"
            path.parent.mkdir(exist_ok=True)
            signal = 0.2 * rng.standard_normal(RATE + 1000 * number).clip(-4, 4)
            soundfile.write(path, signal, RATE, subtype=subtype)
            wav_scp[utterance] = str(path)
        wav_scp[ids[0]] = f"cat {wav_scp[ids[0]]} |"
        formatted = folder / "dump/audio/train"
        toy.write_texts(formatted, ids, self.texts, None)
        toy.write_table(formatted / "wav.scp", wav_scp)
        toy.write_table(formatted / "utt2spk", {utterance: utterance for utterance in ids})
        options = ["extract", "--data-dir", formatted, "--outdir", self.source, "--feats-type", "raw"]
        assert main([*map(str, options), "--job", "1", "--num-jobs", "1"]) == 0
        assert main([*map(str, options), "--merge", "--num-jobs", "1"]) == 0

    def write(self, *options, outdir=URL, size_mb="0.1"):
        words = ["shards", "--audio", "--data-dir", self.source, "--outdir", outdir, "--shard-mb", size_mb, *options]
        return main([str(word) for word in words])

    def speech(self, folder):
        return SpeechSet(folder, *self.toy.lists())


@pytest.fixture
def raw(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return RawToy(toy, tmp_path)


@pytest.fixture(params=["folder", "url"])
def place(request, tmp_path):
    return str(tmp_path / "shards/train") if request.param == "folder" else URL


def batches(data, ranks=1, workers=0):
    """Every batch of the first epoch, of each process."""
    config = TrainConfig(seed=3)
    config.data.batch_frames, config.data.join.share = 600, 0.5
    for rank in range(ranks):
        steps = steps_of_process(iter(step_sampler(config, data, None, None)), rank, ranks)
        for epoch, _, batch in DataLoader(Steps(data, None), sampler=steps, batch_size=None, num_workers=workers):
            if epoch > 0:
                break
            yield batch


def test_batches_are_those_of_the_folder_bit_for_bit(raw, memory, place):
    assert raw.write(outdir=place) == 0
    data, source = raw.speech(local_folder(place)), raw.speech(raw.source)
    assert len(data.index.shards) > 3 and data.index.holds == "audio"
    for index in range(COUNT):
        np.testing.assert_array_equal(data.features(index), source.features(index))
    count = 0
    for found, expected in zip(batches(data, ranks=3, workers=2), batches(source, ranks=3), strict=True):
        assert found.utt_ids == expected.utt_ids and found.speech.equal(expected.speech)
        assert found.speech_lengths.equal(expected.speech_lengths)
        count += 1
    assert count > 5
    assert describe(source) == describe(data) and not changes({PAIRED: describe(source)}, {PAIRED: describe(data)})


def test_a_set_is_checked_against_the_model(raw, memory):
    assert raw.write() == 0
    data = raw.speech(local_folder(URL))
    data.check(80)
    with pytest.raises(JstasrError, match=r"features have 80 dimensions and the model's num_mel_bins is 40"):
        data.check(40)


def test_any_number_of_jobs_writes_the_same_bytes(raw, tmp_path):
    assert raw.write(outdir="one") == 0
    for job in "12":
        assert raw.write("--job", job, "--num-jobs", "2", outdir="jobs") == 0
    assert raw.write("--merge", "--num-jobs", "2", outdir="jobs") == 0
    names = [path.name for path in Path("one").iterdir() if not path.name.startswith(("part.", "."))]
    assert {"shards.json", "shards.scp", "fbank.json", "phones"} < set(names) and "wav.scp" not in names
    for name in names:
        assert Path("one", name).read_bytes() == Path("jobs", name).read_bytes(), name


def test_webdataset_reads_the_samples_and_compressed_files_stay_as_they_are(raw):
    assert raw.write(outdir="shards") == 0
    shards = [str(path) for path in sorted(Path("shards").glob("*.tar"))]
    found = {sample["json"]["id"]: sample for sample in webdataset.WebDataset(shards, shardshuffle=False).decode()}
    assert len(found) == COUNT
    scp = dict(line.split(" ", 1) for line in (raw.source / "wav.scp").read_text().splitlines())
    for utterance, sample in found.items():
        ending = KINDS[int(utterance[4:]) % len(KINDS)]
        stored = next(name for name in ("flac", "au", "ogg", "mp3") if name in sample)
        assert stored == {"PCM_16": "flac", "PCM_24": "flac", "FLOAT": "au"}.get(ending[1], ending[0])
        if ending[0] in ("flac", "ogg", "mp3"):
            assert sample[stored] == Path(scp[utterance]).read_bytes()
        samples, rate = read_audio(scp[utterance])
        held, _ = soundfile.read(io.BytesIO(sample[stored]), dtype="float32")
        # What libsndfile makes of an mp3 depends on the sizes of the blocks in which it is read.
        np.testing.assert_allclose(held, samples, rtol=0, atol=1e-6 if stored == "mp3" else 0)
        assert rate == RATE


def test_import_reads_the_shards_again(raw):
    assert raw.write(outdir="shards") == 0
    assert main(["import", "shards", "data/again"]) == 0
    data = DataDir("data/again")
    assert sorted(data.text.values()) == sorted(raw.texts)
    assert sorted(data.text) == [f"utt-{number:02}" for number in range(COUNT)]


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_samples_of_any_number_of_bits_are_kept(bits):
    values = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 1000)
    samples = (values / 2 ** (bits - 1)).astype(np.float32)
    content, ending = lossless_bytes(samples, 44100)
    assert ending == "flac" and soundfile.info(io.BytesIO(content)).subtype == f"PCM_{max(bits, 16)}"
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(content), dtype="float32")[0], samples)


def test_samples_that_no_integers_hold_are_kept_as_floating_point():
    for samples in (np.float32([0.1, 0.2, -0.3]), np.float32([1.0, -1.0])):
        content, ending = lossless_bytes(samples, 8000)
        assert ending == "au"
        np.testing.assert_array_equal(soundfile.read(io.BytesIO(content), dtype="float32")[0], samples)


def test_flac_that_was_damaged_later_is_named(raw, memory):
    assert raw.write() == 0
    data = raw.speech(local_folder(URL))
    name, offset, *_ = data.reader.table.value(1).split()
    content = bytearray(memory.cat_file(f"/bucket/raw/{name}"))
    content[int(offset) + 300] ^= 1
    memory.pipe_file(f"/bucket/raw/{name}", bytes(content))
    with pytest.raises(LostShard, match=rf"{URL}/{name}: is damaged: another checksum at utt-01\. Copy or write"):
        data.features(1)
    batch = collate(data, [1, 2], None, [], skip=True, skip_lost=True)
    assert batch.utt_ids == ["utt-02"] and batch.lost[0].startswith(f"{URL}/{name}: ")


def test_flac_that_was_written_damaged_is_named(raw):
    """The checksums are right: those of what another program put there."""
    assert raw.write(outdir="shards") == 0
    scp = dict(line.split(" ", 1) for line in Path("shards/shards.scp").read_text().splitlines())
    name, offset, size, _ = scp["utt-01"].split()
    shard = Path("shards", name)
    content = bytearray(shard.read_bytes())
    content[int(offset) : int(offset) + int(size)] = b"<html>".ljust(int(size))
    shard.write_bytes(bytes(content))
    crc = zlib.crc32(content[int(offset) : int(offset) + int(size)])
    scp["utt-01"] = f"{name} {offset} {size} {crc:08x}"
    Path("shards/shards.scp").write_text("".join(f"{key} {value}\n" for key, value in scp.items()))
    with pytest.raises(JstasrError, match=rf"utt-01: shards/{name}: cannot read as audio"):
        raw.speech(Path("shards")).features(1)


def test_audio_that_cannot_be_written_is_named_and_leaves_no_shard(raw, capsys):
    path = raw.folder / "audio/utt-01.flac"
    path.write_bytes(path.read_bytes()[:4000])
    assert raw.write(outdir="shards", size_mb="100") == 1
    assert "utt-01: " in capsys.readouterr().err and not list(Path("shards").glob("*.tar"))
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 2 * RATE), RATE)
    assert raw.write(outdir="shards", size_mb="100") == 1
    assert "utt-01.flac: 200 frames long, not 10" in capsys.readouterr().err
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, RATE), 8000)
    assert raw.write(outdir="shards", size_mb="100") == 1
    assert "utt-01.flac: 8000 Hz, not 16000; run stage 2 with this --fs" in capsys.readouterr().err


def test_what_audio_needs_is_told(raw, sharded, capsys):
    assert sharded.write("--audio") == 1
    assert "has no wav.scp; --audio writes dump/raw/<set> into shards" in capsys.readouterr().err
    assert raw.write("--half") == 1
    assert "--half is of features" in capsys.readouterr().err
    (raw.source / "utt2num_frames").unlink()
    assert raw.write() == 1
    assert "has no utt2num_frames; --audio writes dump/raw/<set>" in capsys.readouterr().err


def test_jobs_of_features_and_of_audio_are_not_joined(raw, capsys):
    assert raw.write("--job", "1", "--num-jobs", "1", outdir="shards") == 0
    words = ["shards", "--data-dir", str(raw.source), "--outdir", "shards", "--shard-mb", "0.1"]
    assert main([*words, "--merge", "--num-jobs", "1"]) == 1
    assert "of another set or --shard-mb; run job 1 of 1 again" in capsys.readouterr().err


def test_an_index_of_audio_is_of_a_version_that_others_refuse(raw):
    assert raw.write(outdir="shards") == 0
    assert json.loads(Path("shards/shards.json").read_text())["version"] == 2
    assert read_index("shards").utterances == COUNT
