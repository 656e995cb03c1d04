"""A synthetic corpus on disk, a tiny model, a random batch, and a tiny experiment, for tests of every part."""

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from jstasr.cli import main
from jstasr.data.batch import Batch
from jstasr.experiment.checkpoints import save_atomically
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.folder import prepare_folder
from jstasr.features.settings import KALDI
from jstasr.kaldi.audio import resample
from jstasr.model.config import DecoderConfig, ModelConfig, TextInputConfig
from jstasr.model.joint import JointModel

LETTERS = "abcdef"
DIM = 20
ON_DEVICE = "JSTASR_TEST_DEVICE"  # cpu: the tests of a GPU on the CPU, to try the tests themselves


class Toy:
    """Makes data sets whose "speech" shows each letter as its own pattern of features for 8 to 12 frames."""

    letters, dim = LETTERS, DIM

    def __init__(self, folder: Path):
        self.folder = folder
        self.patterns = np.random.default_rng(7).normal(0, 2, (len(LETTERS) + 1, DIM)).astype(np.float32)
        self.token_list = folder / "token_list" / "char" / "tokens.txt"
        self.phone_list = folder / "token_list" / "phones.txt"
        self.token_list.parent.mkdir(parents=True, exist_ok=True)
        self.token_list.write_text("".join(f"{t}\n" for t in ("<blank>", "<unk>", "<space>", *LETTERS)))
        phones = ("<pad>", "<mask>", "<unk>", "_", *(f"p{letter}" for letter in LETTERS))
        self.phone_list.write_text("".join(f"{phone}\n" for phone in phones))

    def texts(self, count: int, seed: int = 0) -> list[str]:
        """Different sentences of two or three words."""
        rng = np.random.default_rng(seed)
        found = {}
        while len(found) < count:
            words = ["".join(rng.choice(list(LETTERS), rng.integers(1, 4))) for _ in range(rng.integers(2, 4))]
            found[" ".join(words)] = None
        return list(found)

    def features(self, text: str, seed: int) -> np.ndarray:
        """(T, F) float32."""
        rng = np.random.default_rng(seed)
        parts = []
        for letter in text:
            pattern = self.patterns[LETTERS.find(letter) + 1]
            parts.append(np.repeat(pattern[None], rng.integers(8, 13), axis=0))
        frames = np.concatenate(parts)
        return (frames + rng.normal(0, 0.3, frames.shape)).astype(np.float32)

    @staticmethod
    def phones(text: str) -> str:
        return " _ ".join(" ".join(f"p{letter}" for letter in word) for word in text.split())

    @staticmethod
    def write_table(path: Path, table: dict) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{key} {value}\n" for key, value in sorted(table.items())))

    def text_set(self, name: str, texts: list[str], languages: list[str] | None = None) -> Path:
        """dump/text/<name>."""
        return self.write_texts(
            self.folder / "text" / name, [f"{name}-{i:03}" for i in range(len(texts))], texts, languages
        )

    def write_texts(self, folder, ids, texts, languages) -> Path:
        self.write_table(folder / "text", dict(zip(ids, texts)))
        self.write_table(folder / "phones", {utt: self.phones(text) for utt, text in zip(ids, texts)})
        if languages is not None:
            self.write_table(folder / "utt2lang", dict(zip(ids, languages)))
        return folder

    def speech_set(self, name: str, texts: list[str], languages: list[str] | None = None, matrices=None) -> Path:
        """dump/fbank/<name>; `matrices`: the features, else `features` of the texts."""
        import kaldiio

        folder = self.folder / "fbank" / name
        folder.mkdir(parents=True, exist_ok=True)
        ids = [f"{name}-{i:03}" for i in range(len(texts))]
        if matrices is None:
            matrices = [self.features(text, seed) for seed, text in enumerate(texts)]
        kaldiio.save_ark(str(folder / "feats.ark"), dict(zip(ids, matrices)), scp=str(folder / "feats.scp"))
        self.write_table(folder / "utt2num_frames", {utt: len(matrix) for utt, matrix in zip(ids, matrices)})
        self.write_table(folder / "utt2spk", {utt: utt for utt in ids})
        return self.write_texts(folder, ids, texts, languages)

    def lists(self):
        """Tokenizer and PhoneList."""
        from jstasr.text.tokens import PhoneList, build_tokenizer

        return build_tokenizer(self.token_list), PhoneList.load(self.phone_list)

    def speech(self, name: str, texts: list[str], **options):
        """The SpeechSet of a new speech_set."""
        from jstasr.data.speech_set import SpeechSet

        return SpeechSet(self.speech_set(name, texts, **options), *self.lists())

    def text(self, name: str, texts: list[str]):
        """The TextSet of a new text_set."""
        from jstasr.data.text_set import TextSet

        return TextSet.load([self.text_set(name, texts)], *self.lists())

    def config(self, **model):
        """A TrainConfig of a tiny model of the size of the lists."""
        from jstasr.experiment.config import TrainConfig

        tokenizer, phone_list = self.lists()
        sizes = dict(dim=32, heads=2, ff_dim=64, kernel_size=5, dropout=0.0, chunk_size=4, left_chunks=4)
        layers = dict(audio_layers=1, text_layers=1, shared_layers=1, full_layers=1)
        decoder = DecoderConfig(context=2, embed_dim=16, joint_dim=32)
        lists = dict(vocab_size=len(tokenizer), phone_size=len(phone_list), num_mel_bins=DIM)
        sizes |= layers
        return TrainConfig(precision="32-true", model=ModelConfig(**{**lists, **sizes, "decoder": decoder, **model}))


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


@pytest.fixture(scope="session")
def makers():
    """`Toy` and `calibrate`, for fixtures that many tests share."""
    return SimpleNamespace(toy=Toy, calibrate=calibrate)


@pytest.fixture
def device(monkeypatch):
    """The GPU, whose float32 is that of the CPU; without one its tests are skipped."""
    if os.environ.get(ON_DEVICE) == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    return torch.device("cuda", 0)


@pytest.fixture
def jstasr(capsys):
    """The `jstasr` command within this process, which has torch loaded already."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        output = capsys.readouterr()
        return SimpleNamespace(returncode=code or 0, stdout=output.out, stderr=output.err)

    return run


def calibrate(model, features):
    """Make a random model talkative on features (T, F): many labels, many blanks, and no label everywhere."""
    with torch.no_grad():
        model.audio_encoder.front_end.set_cmvn(features.mean(0), features.std(0))
        encoded = model.encode_speech(features[None], torch.tensor([len(features)]))
        for mode, decoder in model.decoders.items():
            for layer, scale in ((decoder.encoder_projection, 4), (decoder.blank, 8), (decoder.labels, 8)):
                layer.weight.mul_(scale)
            decoder.embedding.weight.mul_(0.3)  # what is heard decides more than what was said
            outputs = getattr(encoded, mode)[0]
            decoder.encoder_projection.bias.copy_(-decoder.encoder_projection(outputs).mean(0))
            histories = torch.randint(0, decoder.embedding.num_embeddings, (len(outputs), decoder.context))
            blank, labels = decoder.logits(decoder.encoder_projection(outputs), decoder.predict(histories))
            decoder.blank.bias.sub_(blank.median() - 1.0)
            decoder.labels.bias.sub_(labels.mean(0))


@pytest.fixture
def make_experiment(toy, tmp_path):
    def make(features, kind=KALDI):
        """exp/ of a tiny random model over the lists of `toy`, calibrated on features (T, F) of a kind."""
        torch.manual_seed(3)
        config = toy.config()
        config.features.kind = kind
        model = JointModel(config.model).eval()
        calibrate(model, torch.as_tensor(features))
        expdir = tmp_path / "exp"
        prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)
        save_atomically({"model": model.state_dict()}, expdir / AVERAGED)
        return expdir

    return make


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """(N,) float32 at 16 kHz: a second of near silence, espeak's speech, a second of near silence; where speech is."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed")
    path = tmp_path_factory.mktemp("spoken") / "a.wav"
    subprocess.run([program, "-w", path, "the quick brown fox jumps over the lazy dog"], check=True)
    samples, rate = soundfile.read(path, dtype="float32")
    samples = resample(samples, rate, 16000)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    speech = samples[loud[0] : loud[-1]]
    quiet = np.random.default_rng(0).normal(0, 1e-4, 16000).astype(np.float32)
    return np.concatenate([quiet, speech, quiet]), (1.0, 1.0 + len(speech) / 16000)


@pytest.fixture
def experiment(make_experiment, toy):
    return make_experiment(toy.features("abc def fed cab", 0))


@pytest.fixture
def small_config():
    return ModelConfig(
        vocab_size=11,
        phone_size=9,
        num_mel_bins=20,
        dim=16,
        heads=2,
        ff_dim=24,
        kernel_size=5,
        dropout=0.0,
        audio_layers=1,
        text_layers=1,
        shared_layers=2,
        full_layers=1,
        chunk_size=4,
        left_chunks=2,
        text=TextInputConfig(repeat_min=2, repeat_max=2, mask_ratio=0.3, mask_span=2),
        decoder=DecoderConfig(context=2, embed_dim=8, joint_dim=12),
    )


@pytest.fixture
def model(small_config):
    torch.manual_seed(0)
    return JointModel(small_config).eval()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)

    def symbols(rows, length, high, low=1):
        return torch.randint(low, high, (rows, length), generator=generator)

    return Batch(
        utt_ids=["a", "b", "c"],
        speech=torch.randn(3, 90, 20, generator=generator),
        speech_lengths=torch.tensor([90, 61, 34]),
        labels=symbols(3, 6, 11),
        label_lengths=torch.tensor([6, 4, 2]),
        phones=symbols(3, 9, 9, low=3),
        phone_lengths=torch.tensor([9, 7, 4]),
        text_ids=["s", "t"],
        text_phones=symbols(2, 8, 9, low=3),
        text_phone_lengths=torch.tensor([8, 5]),
        text_labels=symbols(2, 5, 11),
        text_label_lengths=torch.tensor([5, 3]),
    )
