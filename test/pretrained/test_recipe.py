"""From audio to a transcript on a pretrained encoder, by the commands of asr.sh, with tiny random weights."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jstasr.decode.transcriber import Transcriber
from jstasr.errors import JstasrError
from jstasr.features.compute import EncoderFeatures
from jstasr.features.on_the_fly import open_features
from jstasr.features.settings import PRETRAINED, FeatureSettings, settings_of
from jstasr.model.joint import JointModel

sys.path.insert(0, str(Path(__file__).parent))
from tiny import WIDTH, save_encoder  # noqa: E402

NAMED = ("--set", "model.encoder=pretrained", "--set", "model.pretrained.name=tiny")
SETTINGS = FeatureSettings(16000, 80, PRETRAINED, "tiny", -1)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """A store of models with the encoder "tiny"."""
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return save_encoder(tmp_path / "models" / "tiny", "whisper")


@pytest.fixture
def audio(toy):
    """dump/audio/set of four utterances of noise, and dump/text; returns the texts."""
    rng = np.random.default_rng(0)
    texts = dict(zip(["u0", "u1", "u2", "u3"], toy.texts(4)))
    folder = Path("dump/audio/set")
    folder.mkdir(parents=True)
    for number, utterance in enumerate(texts):
        soundfile.write(f"{utterance}.wav", rng.normal(scale=0.1, size=20000 + 1111 * number), 16000)
    toy.write_table(folder / "wav.scp", {utterance: f"{utterance}.wav" for utterance in texts})
    toy.write_table(folder / "text", texts)
    toy.write_table(folder / "phones", {utterance: toy.phones(text) for utterance, text in texts.items()})
    toy.write_table(folder / "utt2spk", {utterance: utterance for utterance in texts})
    return texts


def extract(jstasr, *more, outdir="dump/pretrained_tiny/set"):
    return jstasr(
        "extract", "--feats-type", "pretrained", "--data-dir", "dump/audio/set", "--outdir", outdir,
        "--cmvn-out", f"{outdir}/cmvn.ark", "--train-options", *NAMED, *more,
    )  # fmt: skip


def train(jstasr, toy, steps=2, *more):
    sizes = "dim=32 heads=2 ff_dim=32 kernel_size=3 audio_layers=1 shared_layers=1 full_layers=1 chunk_size=0".split()
    words = [word for size in sizes for word in ("--set", f"model.{size}")]
    for value in (f"optim.max_steps={steps}", "data.join.share=0.5", "valid.interval=2", "log_interval=1", *more):
        words += ["--set", value]
    folder = "dump/pretrained_tiny/set"
    return jstasr(
        "train", "--train-dir", folder, "--valid-dir", folder, "--cmvn", f"{folder}/cmvn.ark", "--expdir", "exp/a",
        "--token-list", toy.token_list, "--phone-list", toy.phone_list, *NAMED, *words,
    )  # fmt: skip


def test_stage_5_writes_the_layer_in_two_bytes_a_value(jstasr, audio):
    assert extract(jstasr).returncode == 0
    expected = EncoderFeatures(SETTINGS)
    reader = open_features("dump/pretrained_tiny/set")
    samples, _ = soundfile.read("u1.wav", dtype="float32")
    features = expected(samples)
    assert features.shape == (66, WIDTH)
    np.testing.assert_allclose(reader["u1"], features, atol=2 * np.ptp(features) / 65535)
    assert settings_of("dump/pretrained_tiny/set") == expected.settings
    size = Path("dump/pretrained_tiny/set/feats.1.ark").stat().st_size
    assert size < 2.2 * WIDTH * sum(reader[utterance].shape[0] for utterance in audio)


def test_train_decode_transcribe_and_pack(jstasr, toy, audio, store):
    assert extract(jstasr).returncode == 0
    done = train(jstasr, toy)
    assert done.returncode == 0, done.stderr
    config = Path("exp/a/config.yaml").read_text()
    assert f"num_mel_bins: {WIDTH}" in config and f"digest: {EncoderFeatures(SETTINGS).settings.digest}" in config
    assert jstasr("average", "--expdir", "exp/a").returncode == 0
    common = ("--expdir", "exp/a", "--data-dir", "dump/pretrained_tiny/set", "--outdir", "exp/a/decode")
    done = jstasr("decode", *common, "--mode", "streaming,full")
    assert done.returncode == 1 and "sees whole utterances" in done.stderr
    done = jstasr("decode", *common, "--mode", "full")
    assert done.returncode == 0, done.stderr
    assert jstasr("analyze", "--expdir", "exp/a", "--data-dir", "dump/pretrained_tiny/set").returncode == 0
    found = jstasr("transcribe", "exp/a", "u1.wav", "--json")
    assert found.returncode == 0, found.stderr
    assert jstasr("pack", "--expdir", "exp/a", "--output", "small.zip").returncode == 0
    assert jstasr("pack", "--expdir", "exp/a", "--output", "whole.zip", "--with-encoder").returncode == 0
    shutil.rmtree(store)
    assert json.loads(jstasr("transcribe", "whole.zip", "u1.wav", "--json").stdout) == json.loads(found.stdout)
    done = jstasr("transcribe", "small.zip", "u1.wav")
    assert done.returncode == 1 and "pretrained encoder tiny: there is no such folder" in done.stderr
    save_encoder(store, "whisper", seed=1)
    done = jstasr("transcribe", "small.zip", "u1.wav")
    assert done.returncode == 1 and "tiny: its weights have the digest" in done.stderr
    with pytest.raises(JstasrError, match="cannot stream"):
        next(Transcriber.from_pretrained("whole.zip").stream([np.zeros(1600, np.float32)]))


def test_an_encoder_that_changed_under_an_experiment_is_refused_before_the_first_step(jstasr, toy, audio, store):
    assert extract(jstasr).returncode == 0
    assert train(jstasr, toy).returncode == 0
    save_encoder(store, "whisper", seed=1)
    assert extract(jstasr).returncode == 0
    done = train(jstasr, toy, 4)
    assert done.returncode == 1 and "trained with other settings: model.pretrained.digest" in done.stderr


def test_features_of_another_layer_are_refused(jstasr, toy, audio):
    assert extract(jstasr, "--set", "model.pretrained.layer=0").returncode == 0
    done = train(jstasr, toy)
    assert done.returncode == 1 and "holds features of layer 0 of tiny" in done.stderr
    assert "this training needs layer -1 of tiny" in done.stderr


@pytest.mark.parametrize(
    "options, message",
    [
        (("--fs", "8k"), "takes audio of 16000 Hz, not of 8000 Hz. Set --fs 16000"),
        (("--train-options", *NAMED, "--set", "model.pretrained.layer=3"), "layer: 3: tiny has the layers 0 to 2"),
        (("--train-options", "--set", "model.dim=32"), "does not go with model.encoder=conformer"),
        (("--train-options", "--set", "model.encoder=pretrained"), "names no encoder"),
        (("--train-options", "--set", "model.pretrained.name=tiny"), "goes with model.encoder=pretrained"),
        (("--train-options", *NAMED, "--set", "augment.warp=0.1"), "augment.warp: is for log-mel features"),
        (("--train-options", *NAMED, "--set", "model.cepstra=20"), "model.cepstra: is for log-mel features"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_sentence(jstasr, audio, options, message):
    base = ("extract", "--feats-type", "pretrained", "--data-dir", "dump/audio/set", "--outdir", "dump/x")
    done = jstasr(*base, *options, *(() if "--train-options" in options else ("--train-options", *NAMED)))
    assert done.returncode == 1 and message in done.stderr


def test_a_recording_longer_than_whisper_takes_is_encoded_in_pieces():
    features = EncoderFeatures(SETTINGS)
    signal = np.random.default_rng(0).normal(scale=0.1, size=16000 * 65 + 123).astype(np.float32)
    found = features(signal)
    assert found.shape == (features.encoder.num_frames(len(signal)), WIDTH)
    second = 50  # frames; pieces have 26 s of their own and 2 s of context on either side
    first, next_one = signal[: 16000 * 28], signal[16000 * 24 : 16000 * 54]
    np.testing.assert_allclose(found[: 26 * second], features(first)[: 26 * second], atol=1e-5)
    np.testing.assert_allclose(
        found[26 * second : 52 * second], features(next_one)[2 * second : 28 * second], atol=1e-5
    )


@torch.inference_mode()
def test_the_model_on_an_encoder_sees_no_padding(toy):
    model = JointModel(toy.config(encoder="pretrained", num_mel_bins=WIDTH, chunk_size=0).model).eval()
    model.audio_encoder.front_end.set_cmvn(torch.full((WIDTH,), 0.5), torch.full((WIDTH,), 2.0))
    torch.manual_seed(0)
    lengths = torch.tensor([31, 20, 1])
    features = torch.randn(3, 40, WIDTH)
    together = model.encode_speech(features, lengths)
    assert together.lengths.tolist() == [16, 10, 1]
    for index, length in enumerate(lengths.tolist()):
        alone = model.encode_speech(features[index : index + 1, :length], lengths[index : index + 1])
        torch.testing.assert_close(alone.full[0], together.full[index, : alone.lengths.item()], atol=1e-5, rtol=1e-4)
