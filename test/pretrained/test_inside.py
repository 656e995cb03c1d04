"""A pretrained encoder within the model: which weights are trained, stored and loaded."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.model.joint import JointModel
from jstasr.pretrained.encoder import load_encoder

sys.path.insert(0, str(Path(__file__).parent))
from tiny import LAYERS, save_encoder  # noqa: E402

SAMPLES = 320  # of a frame
PREFIX = "audio_encoder.front_end."


@pytest.fixture
def make_model(toy, tmp_path):
    folders = {}

    def make(family="whisper", **pretrained):
        if family not in folders:
            folders[family] = save_encoder(tmp_path / family, family)
        config = toy.config(encoder="pretrained", num_mel_bins=SAMPLES, chunk_size=0).model
        for name, value in {"name": family, "inside": True, **pretrained}.items():
            setattr(config.pretrained, name, value)
        torch.manual_seed(0)
        return JointModel(config, load_encoder(folders[family]))

    return make


def trained(model) -> set[str]:
    return {name.removeprefix(PREFIX) for name, value in model.named_parameters() if value.requires_grad}


def loss_of(model):
    torch.manual_seed(1)
    return model.encode_speech(torch.randn(2, 40, SAMPLES) / 10, torch.tensor([40, 25])).full.square().mean()


@pytest.mark.parametrize(
    "options, wanted",
    [
        ({}, set()),
        ({"weighted": True}, set()),
        ({"train_layers": 1}, {1}),
        ({"train_layers": -1}, {0, 1}),
        ({"train_layers": 5}, {0, 1}),
        ({"train_layers": 1, "layer": 1}, {0}),
    ],
)
def test_the_layers_asked_for_are_trained_and_no_other(make_model, options, wanted):
    model = make_model(**options)
    loss_of(model).backward()
    in_encoder = {name for name in trained(model) if name.startswith("encoder.")}
    assert {int(name.split("layers.")[1].split(".")[0]) for name in in_encoder} == wanted
    for name, value in model.audio_encoder.front_end.named_parameters():
        assert (value.grad is not None and bool(value.grad.any())) == value.requires_grad or "k_proj.bias" in name, name


@pytest.mark.parametrize("family", ["whisper", "wav2vec2", "hubert", "data2vec", "w2v-bert"])
def test_lora_alone_is_trained_and_changes_nothing_at_first(make_model, family):
    plain, model = make_model(family).eval(), make_model(family, lora_rank=2).eval()
    in_encoder = {name for name in trained(model) if name.startswith("encoder.")}
    assert len(in_encoder) == LAYERS * 2 * 2 and all("lora_" in name for name in in_encoder)
    assert loss_of(model).item() == pytest.approx(loss_of(plain).item(), rel=1e-5)
    loss_of(model).backward()
    assert any(value.grad.any() for name, value in model.named_parameters() if "lora_B" in name)


def test_lora_is_refused_where_it_would_do_nothing(make_model):
    with pytest.raises(JstasrError, match="lora_rank: does not work in wavlm. Set train_layers"):
        make_model("wavlm", lora_rank=2)


@pytest.mark.parametrize("options", [{"weighted": True}, {"train_layers": 1}, {"lora_rank": 2}])
def test_the_state_holds_what_is_trained_and_is_loaded_strictly(make_model, options):
    model = make_model(**options)
    state = {name: value + 0.01 for name, value in model.state_dict().items()}
    assert {name.removeprefix(PREFIX) for name in state if name.startswith(PREFIX)} == {
        name for name in trained(model) if name.startswith(("encoder.", "layer_weights"))
    }
    other = make_model(**options)
    other.load_state_dict(state)
    torch.testing.assert_close(other.state_dict(), state)
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict(dict(list(state.items())[1:]))


def test_the_weighted_sum_begins_as_the_mean_of_the_normalised_layers(make_model):
    model = make_model(weighted=True).eval()
    front_end = model.audio_encoder.front_end
    samples = torch.randn(1, 30, SAMPLES) / 10
    layers, _ = front_end.encoder(samples.flatten(1), torch.tensor([30 * SAMPLES]))
    expected = sum(
        (one - one.mean(-1, True)) / (one.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt() for one in layers
    )
    found, lengths = front_end(samples, torch.tensor([30]))
    torch.testing.assert_close(found, expected / len(layers), atol=1e-5, rtol=1e-4)
    assert lengths.tolist() == [30]


@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
@torch.inference_mode()
def test_padding_changes_nothing(make_model, family):
    model = make_model(family, weighted=True).eval()
    torch.manual_seed(2)
    samples, lengths = torch.randn(2, 50, SAMPLES) / 10, torch.tensor([50, 33])
    together = model.encode_speech(samples, lengths)
    alone = model.encode_speech(samples[1:, :33], lengths[1:])
    count = alone.lengths.item()
    assert together.lengths[1] == count
    torch.testing.assert_close(alone.full[0], together.full[1, :count], atol=2e-5, rtol=1e-4)


@pytest.fixture
def run(toy, tmp_path, monkeypatch):
    """Stage 5 with --feats_type raw; a function that trains to a step and returns its checkpoint."""
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    save_encoder(tmp_path / "models" / "tiny", "whisper")
    texts = dict(zip(["u0", "u1", "u2"], toy.texts(3)))
    folder, rng = Path("dump/audio/set"), np.random.default_rng(0)
    folder.mkdir(parents=True)
    for utterance in texts:
        soundfile.write(f"{utterance}.wav", rng.normal(scale=0.1, size=20000), 16000)
    toy.write_table(folder / "wav.scp", {utterance: f"{utterance}.wav" for utterance in texts})
    toy.write_table(folder / "text", texts)
    toy.write_table(folder / "phones", {utterance: toy.phones(text) for utterance, text in texts.items()})
    named = ["--set", "model.encoder=pretrained", "--set", "model.pretrained.name=tiny"]
    done = main(
        ["extract", "--feats-type", "raw", "--data-dir", "dump/audio/set", "--outdir", "dump/raw/set",
         "--cmvn-out", "dump/raw/cmvn.ark", "--train-options", *named]
    )  # fmt: skip
    assert not done

    def train(expdir, steps, *settings):
        sizes = "dim=32 heads=2 ff_dim=32 kernel_size=3 audio_layers=1 shared_layers=1 full_layers=1 chunk_size=0"
        values = [f"model.{size}" for size in sizes.split()] + [f"optim.max_steps={steps}", "optim.schedule=constant"]
        words = [word for value in (*values, "valid.save_interval=2", *settings) for word in ("--set", value)]
        code = main(
            ["train", "--train-dir", "dump/raw/set", "--valid-dir", "dump/raw/set", "--cmvn", "dump/raw/cmvn.ark",
             "--expdir", expdir, "--token-list", str(toy.token_list), "--phone-list", str(toy.phone_list),
             *named, *words]
        )  # fmt: skip
        assert not code
        return torch.load(f"{expdir}/checkpoints/step{steps}.pth", weights_only=True)

    return train


@pytest.mark.parametrize(
    "ways, trained_weight",
    [
        (("train_layers=1",), "layers.1."),
        (("train_layers=-1", "mask_share=0.3", "recompute=true"), "layers."),
        (("lora_rank=2", "mask_share=0.3"), "lora_"),
    ],
)
def test_a_resumed_fine_tuning_is_bitwise_that_of_one_run_and_is_decoded(run, jstasr, ways, trained_weight):
    options = ("model.pretrained.start_step=1", "model.pretrained.rate=1.0")
    options += tuple(f"model.pretrained.{way}" for way in ways)
    options += ("precision=32-true",)  # by default each run measures which precision is faster
    whole = run("exp/a", 4, *options)["model"]
    run("exp/b", 2, *options, "valid.interval=2")
    # the same experiment, with more steps
    config = Path("exp/b/config.yaml")
    config.write_text(config.read_text().replace("max_steps: 2", "max_steps: 4"))
    checkpoint = torch.load("exp/b/checkpoints/step2.pth", weights_only=True)
    checkpoint["config"]["optim"]["max_steps"] = 4
    torch.save(checkpoint, "exp/b/checkpoints/step2.pth")
    resumed = run("exp/b", 4, *options, "valid.interval=2")["model"]
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    first = {name for name in whole if "front_end.encoder" in name}
    assert first and all(trained_weight in name for name in first)
    assert jstasr("average", "--expdir", "exp/b").returncode == 0
    found = jstasr("transcribe", "exp/b", "u0.wav")
    assert found.returncode == 0, found.stderr
    assert jstasr("pack", "--expdir", "exp/b", "--output", "b.zip", "--with-encoder").returncode == 0
    Path("models/tiny/model.safetensors").unlink()
    assert jstasr("transcribe", "b.zip", "u0.wav").stdout == found.stdout.replace("exp/b", "b.zip")
    assert "holds no weights" in jstasr("transcribe", "exp/b", "u0.wav").stderr


def test_nothing_of_the_encoder_is_trained_before_its_step(run):
    frozen = run("exp/a", 2, "model.pretrained.train_layers=1", "model.pretrained.start_step=2")["model"]
    own = load_encoder("models/tiny").state_dict()
    names = [name for name in frozen if name.startswith(PREFIX + "encoder.")]
    assert names and all(torch.equal(frozen[name], own[name.removeprefix(PREFIX + "encoder.")]) for name in names)
