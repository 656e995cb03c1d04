"""Data sets: what is read, and what is refused with every utterance named."""

import pickle

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.data.refusals import Refusals
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError

TEXTS = ["ab c", "fed a", "bad face", "cab"]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def load(toy, folder):
    return SpeechSet(folder, *toy.lists())


def test_a_speech_set_gives_features_labels_phones_and_texts(toy):
    data = toy.speech("train", TEXTS)
    tokenizer, phone_list = toy.lists()
    assert list(data.ids) == [f"train-{i:03}" for i in range(4)] and list(data.texts) == TEXTS
    for index, text in enumerate(TEXTS):
        assert tokenizer.decode(data.labels[index].tolist()) == text
        assert " ".join(phone_list.decode(data.phones[index].tolist())) == toy.phones(text)
        assert np.array_equal(data.features(index), toy.features(text, index))
        assert data.num_frames[index] == len(data.features(index))
    data.check(toy.dim)
    again = pickle.loads(pickle.dumps(data))  # as for a worker process
    assert np.array_equal(again.features(2), data.features(2))


def test_text_folders_become_one_set(toy):
    folders = [toy.text_set("one", TEXTS[:2]), toy.text_set("two", TEXTS[2:])]
    tokenizer, phone_list = toy.lists()
    data = TextSet.load(folders, tokenizer, phone_list)
    assert len(data) == 4 and data.ids[2] == "two-000"
    assert [tokenizer.decode(labels.tolist()) for labels in data.labels] == TEXTS
    assert phone_list.decode(data.phones[3].tolist()) == ["pc", "pa", "pb"]


@pytest.mark.parametrize("name, fault", [("text", "no transcript in text"), ("phones", "no phonemes in phones")])
def test_missing_lines_are_all_named(toy, name, fault):
    folder = toy.speech_set("train", TEXTS)
    kept = [line for line in (folder / name).read_text().splitlines(True) if "-001" not in line and "-003" not in line]
    (folder / name).write_text("".join(kept))
    with pytest.raises(JstasrError, match=rf"{fault} \(2\): train-001, train-003"):
        load(toy, folder)


def test_symbols_outside_the_token_list_are_named_with_all_their_utterances(toy):
    folder = toy.speech_set("train", TEXTS)
    edit(folder / "text", "fed a", "fed ß")
    edit(folder / "text", "cab", "ßaq")
    with pytest.raises(JstasrError) as raised:
        load(toy, folder)
    message = str(raised.value)
    assert "'ß' is not in the token list (2): train-001, train-003" in message
    assert "'q' is not in the token list (1): train-003" in message
    assert "--cleaner" in message and str(folder) in message


def test_empty_transcripts_are_named(toy):
    folder = toy.speech_set("train", TEXTS)
    edit(folder / "text", "fed a", "")
    edit(folder / "phones", toy.phones(TEXTS[3]), "")
    with pytest.raises(JstasrError, match=r"(?s)empty transcripts \(1\): train-001.*no phonemes \(1\): train-003"):
        load(toy, folder)


def test_files_in_another_order_are_joined_by_id(toy):
    folder = toy.speech_set("train", TEXTS)
    for name in ("text", "feats.scp", "utt2num_frames"):
        lines = (folder / name).read_text().splitlines(True)
        order = {"text": (2, 0, 3, 1), "feats.scp": (3, 2, 1, 0), "utt2num_frames": (1, 0, 2, 3)}[name]
        (folder / name).write_text("".join(lines[i] for i in order))
    data = load(toy, folder)
    tokenizer, phone_list = toy.lists()
    assert list(data.ids) == ["train-001", "train-000", "train-002", "train-003"]
    for index, original in enumerate((1, 0, 2, 3)):
        assert data.texts[index] == tokenizer.decode(data.labels[index].tolist()) == TEXTS[original]
        assert " ".join(phone_list.decode(data.phones[index].tolist())) == toy.phones(TEXTS[original])
        assert np.array_equal(data.features(index), toy.features(TEXTS[original], original))


def test_lengths_are_known_without_the_sequences(toy):
    data, text = toy.speech("train", TEXTS), toy.text("more", TEXTS)
    for part in (data, text):
        assert part.labels.lengths.tolist() == [len(part.labels[i]) for i in range(4)]
        assert part.phones.lengths.tolist() == [len(part.phones[i]) for i in range(4)]


def test_everything_that_is_wrong_is_told_at_once(toy):
    """Two sets, each kind of fault: one error names them all."""
    matrices = [toy.features(text, 0) for text in TEXTS]
    matrices[0] = matrices[0][:8]
    matrices[1] = matrices[1][:, :13]
    matrices[3] = np.where(np.arange(len(matrices[3]))[:, None] == 5, np.nan, matrices[3])
    train = toy.speech_set("train", TEXTS, matrices=matrices)
    edit(train / "text", TEXTS[2], "ßad")
    dev = toy.speech_set("dev", TEXTS)
    edit(dev / "text", TEXTS[2], "")
    edit(dev / "utt2num_frames", f"dev-003 {len(toy.features(TEXTS[3], 3))}", "dev-003 77")
    refusals = Refusals()
    for folder in (train, dev):
        SpeechSet(folder, *toy.lists(), refusals).check(20, read_features=4, refusals=refusals)
    TextSet.load([toy.text_set("more", ["ab", "aq"])], *toy.lists(), refusals)
    with pytest.raises(JstasrError) as raised:
        refusals.raise_all()
    for line in (
        "more labels than encoder frames (40 ms each) (1): train-000",
        "features have 13 dimensions and the model's num_mel_bins is 20 (1): train-001",
        "'ß' is not in the token list (1): train-002",
        "NaN or infinity in the features (1): train-003",
        "empty transcripts (1): dev-002",
        "features of another number of frames than utt2num_frames has (1): dev-003",
        "'q' is not in the token list (1): more-001",
    ):
        assert f"  {line}\n" in str(raised.value)


@pytest.mark.parametrize(
    "fault, remedy",
    [
        ("nan", "Extract the features again: --stage 5 --stop_stage 5"),
        ("zero", "Leave these utterances out of data/train, or mend their audio; then: --stage 2"),
        ("frames", "Extract the features again: --stage 5 --stop_stage 5"),
        ("dimensions", "Set model.num_mel_bins to what the features have, or: Extract the features again: "
                       "--stage 5 --stop_stage 5"),
    ],
)  # fmt: skip
def test_the_remedy_is_that_of_the_fault(toy, fault, remedy):
    matrices = [toy.features(text, 0) for text in TEXTS]
    matrices[1] = {
        "nan": np.where(np.arange(len(matrices[1]))[:, None] == 5, np.nan, matrices[1]),
        "zero": np.zeros_like(matrices[1]),
        "frames": matrices[1],
        "dimensions": matrices[1][:, :13],
    }[fault]
    folder = toy.speech_set("train", TEXTS, matrices=matrices)
    if fault == "frames":
        edit(folder / "utt2num_frames", f"train-001 {len(matrices[1])}", "train-001 1001")
    with pytest.raises(JstasrError) as raised:
        load(toy, folder).check(20, read_features=4)
    assert str(raised.value).splitlines()[-1] == remedy


def test_an_archive_cut_short_is_found_without_reading_its_values(toy):
    folder = toy.speech_set("train", TEXTS)
    archive = folder / "feats.ark"
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(JstasrError, match=r"in an archive that is cut short or damaged \(1\): train-003"):
        load(toy, folder).check(20, read_features=0)


def test_features_of_another_dimension_are_refused(toy):
    with pytest.raises(JstasrError, match=r"features have 20 dimensions and the model's num_mel_bins is 80 \(4\)"):
        toy.speech("train", TEXTS).check(80)
    odd = [toy.features(text, 0) for text in TEXTS]
    odd[2] = odd[2][:, :13]
    data = toy.speech("odd", TEXTS, matrices=odd)
    with pytest.raises(JstasrError, match=r"features have 13 dimensions .* is 20 \(1\): odd-002"):
        data.check(20)
    data.dimension = 20
    with pytest.raises(JstasrError, match=r"odd-002: its features .* expected \(\d+, 20\)"):
        data.features(2)


def test_more_labels_than_encoder_frames_are_named(toy):
    matrices = [toy.features(text, 0) for text in TEXTS]
    matrices[1], matrices[3] = matrices[1][:16], matrices[3][:5]
    with pytest.raises(JstasrError, match=r"more labels than encoder frames .* \(2\): train-001, train-003"):
        toy.speech("train", TEXTS, matrices=matrices).check(20)


def test_features_that_are_not_there_are_named_at_once(toy):
    folder = toy.speech_set("train", TEXTS)
    lines = (folder / "feats.scp").read_text().splitlines(True)
    (folder / "feats.scp").write_text("".join(lines[1:3]))
    with pytest.raises(JstasrError, match=r"no features in feats.scp \(2\): train-000, train-003"):
        load(toy, folder)


@pytest.mark.parametrize("value", ["x", "0", "-3", "1.5"])
def test_a_number_of_frames_that_is_none_is_refused(toy, value):
    folder = toy.speech_set("train", TEXTS)
    first = (folder / "utt2num_frames").read_text().splitlines()[0]
    edit(folder / "utt2num_frames", first, f"train-000 {value}")
    with pytest.raises(JstasrError, match=r"numbers of frames that are not 1 or more \(1\): train-000"):
        load(toy, folder)


def test_frames_that_differ_from_their_number_are_refused(toy):
    folder = toy.speech_set("train", TEXTS)
    first = (folder / "utt2num_frames").read_text().splitlines()[0]
    edit(folder / "utt2num_frames", first, "train-000 5")
    with pytest.raises(JstasrError, match="train-000: its features .* expected"):
        load(toy, folder).features(0)


class TestLanguages:
    @pytest.fixture
    def multilingual(self, toy):
        tokens = toy.token_list.read_text().replace("<unk>\n", "<unk>\n<lang:en>\n<lang:it>\n")
        toy.token_list.write_text(tokens)
        return toy

    def test_their_token_comes_first(self, multilingual):
        data = multilingual.speech("train", TEXTS, languages=["en", "it", "it", "en"])
        tokenizer, _ = multilingual.lists()
        first = [tokenizer.tokens(labels.tolist())[0] for labels in data.labels]
        assert first == ["<lang:en>", "<lang:it>", "<lang:it>", "<lang:en>"]
        assert tokenizer.decode(data.labels[1].tolist()) == "fed a"

    def test_an_utterance_without_one_is_refused(self, multilingual):
        with pytest.raises(JstasrError, match=r"no language in utt2lang, which .* \(4\): train-000"):
            multilingual.speech("train", TEXTS)

    def test_an_unknown_one_is_refused(self, multilingual):
        with pytest.raises(JstasrError, match=r"other than the token list's en it \(1\): train-002"):
            multilingual.speech("train", TEXTS, languages=["en", "it", "xx", "en"])


def test_a_raw_set_gives_what_its_extracted_features_give(toy, tmp_path, monkeypatch):
    """Both kinds of set, made by the command, seen through the data set of the training."""
    monkeypatch.chdir(tmp_path)
    audio, rng = tmp_path / "dump/audio/train", np.random.default_rng(0)
    ids = [f"train-{i:03}" for i in range(4)]
    toy.write_texts(audio, ids, TEXTS, None)
    toy.write_table(audio / "utt2spk", dict(zip(ids, ids)))
    toy.write_table(audio / "wav.scp", {utt: f"{utt}.wav" for utt in ids})
    for index, utt in enumerate(ids):
        soundfile.write(f"{utt}.wav", rng.normal(scale=0.1, size=8000 + 1000 * index), 16000)
    sets = {}
    for kind in ("fbank", "raw"):
        options = ["--feats-type", kind, "--num-mel-bins", "20", "--outdir", f"dump/{kind}/train"]
        assert main(["extract", "--data-dir", "dump/audio/train", *options]) == 0
        sets[kind] = load(toy, tmp_path / f"dump/{kind}/train")
        sets[kind].check(20, read_features=4)
    assert sets["raw"].fingerprint == sets["fbank"].fingerprint
    for index in range(4):
        assert np.array_equal(sets["raw"].features(index), sets["fbank"].features(index))
    again = pickle.loads(pickle.dumps(sets["raw"]))
    assert np.array_equal(again.features(3), sets["fbank"].features(3))
    (tmp_path / "train-001.wav").unlink()
    with pytest.raises(JstasrError, match=r"audio that is missing \(1\): train-001"):
        load(toy, tmp_path / "dump/raw/train").check(20, read_features=4)
