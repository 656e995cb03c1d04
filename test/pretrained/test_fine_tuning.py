"""The encoder's own masking, gradient checkpointing, and an encoder that two processes train."""

import os
import socket
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
import torchaudio
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from jstasr.data.batch import Batch
from jstasr.errors import JstasrError
from jstasr.experiment.config import check_encoder
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.pretrained.bundles import BundleEncoder
from jstasr.pretrained.encoder import load_encoder
from jstasr.train.faults import Faults
from jstasr.train.log import Meter
from jstasr.train.loop import train_step
from jstasr.train.signals import StopRequest

sys.path.insert(0, str(Path(__file__).parent))
from tiny import WIDTH, configs, save_encoder  # noqa: E402

SAMPLES = 320  # of a frame
BUNDLE = dict(
    extractor_mode="group_norm", extractor_conv_layer_config=None, extractor_conv_bias=False, encoder_embed_dim=16,
    encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16, encoder_pos_conv_groups=2, encoder_num_layers=2,
    encoder_num_heads=2, encoder_attention_dropout=0.0, encoder_ff_interm_features=32, encoder_ff_interm_dropout=0.0,
    encoder_dropout=0.0, encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=None,
)  # fmt: skip


def tiny_encoder(folder, family):
    if family != "bundle":
        return load_encoder(save_encoder(folder / family, family))
    torch.manual_seed(0)
    network = torchaudio.models.wav2vec2_model(**BUNDLE)
    return BundleEncoder(network, "bundle", 16000, False).requires_grad_(False).eval()


@pytest.fixture
def make_model(toy, tmp_path):
    def make(family="whisper", **pretrained):
        config = toy.config(encoder="pretrained", num_mel_bins=SAMPLES, chunk_size=0).model
        config.text.mask_ratio = 0.0
        for name, value in {"name": family, "inside": True, **pretrained}.items():
            setattr(config.pretrained, name, value)
        encoder = tiny_encoder(tmp_path, family)
        torch.manual_seed(0)
        return JointModel(config, encoder)

    return make


def transformer_input(encoder, *arguments):
    """What the transformer is given of one utterance, (T, C): where the family masks; Whisper's log-mel features."""
    network = encoder.network
    place = {"whisper": "conv1", "bundle": "encoder.transformer.pos_conv_embed"}.get(encoder.family, "encoder")
    seen = []
    hook = network.get_submodule(place).register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    encoder(*arguments)
    hook.remove()
    return seen[0][0].T if encoder.family == "whisper" else seen[0][0]


@pytest.mark.parametrize("family", [*configs(), "bundle"])
@torch.inference_mode()
def test_masked_frames_and_no_others_become_the_vector_of_the_encoders_own_training(tmp_path, family):
    encoder = tiny_encoder(tmp_path, family)
    torch.manual_seed(1)
    samples, lengths = torch.randn(1, 30 * SAMPLES) / 10, torch.tensor([30 * SAMPLES])
    frames = encoder.num_frames(30 * SAMPLES)
    masked = torch.zeros(1, frames + 3, dtype=torch.bool)  # as wide as a longer utterance of its batch
    masked[:, 5:12] = masked[:, 20] = True
    plain, found = transformer_input(encoder, samples, lengths), transformer_input(encoder, samples, lengths, masked)
    vector = torch.zeros(1)
    if family not in ("whisper", "bundle"):
        vector = encoder.network.masked_spec_embed
        assert vector.shape == (WIDTH,) and bool(vector.any())
    here = masked[0, :frames].repeat_interleave(2 if family == "whisper" else 1)
    assert len(here) == len(plain)
    assert torch.equal(found[here], vector.expand_as(found[here]))
    assert torch.equal(found[~here], plain[~here]) and not torch.equal(plain[here], found[here])


@pytest.mark.parametrize("family", ["whisper", "wav2vec2", "bundle"])
@torch.no_grad()
def test_training_masks_the_share_that_is_asked_for_and_decoding_nothing(make_model, family):
    front_end = make_model(family, mask_share=0.3, mask_span=5, train_layers=1).audio_encoder.front_end
    plain = make_model(family, train_layers=1).audio_encoder.front_end
    samples, lengths = torch.randn(3, 60, SAMPLES) / 10, torch.tensor([60, 40, 25])
    assert torch.equal(front_end.eval()(samples, lengths)[0], plain.eval()(samples, lengths)[0])
    drawn, whole = [], front_end.encoder.forward
    front_end.encoder.forward = lambda *given: drawn.append(given[2]) or whole(*given)
    front_end.train()
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(front_end(samples, lengths)[0])
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])
    shares = [front_end.draw_masks(torch.full((50,), 400 * SAMPLES), 400 * SAMPLES).float().mean() for _ in range(4)]
    assert sum(shares) / 4 == pytest.approx(0.3, abs=0.03)
    assert not drawn[0][1, 40:].any() and not drawn[0][2, 25:].any()


def step_of(model):
    """Loss and gradients of a training step, and how many values the encoder keeps for the backward pass."""
    kept = []

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    torch.manual_seed(1)
    samples, lengths = torch.randn(2, 40, SAMPLES) / 10, torch.tensor([40, 25])
    loss = model.train().encode_speech(samples, lengths).full.square().mean()
    loss.backward()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.audio_encoder.front_end(samples, lengths)
    return loss, {name: value.grad for name, value in model.named_parameters() if value.grad is not None}, sum(kept)


@pytest.mark.parametrize("family", [*configs(), "bundle"])
@pytest.mark.parametrize("way", [{"train_layers": -1}, {"lora_rank": 2}])
def test_gradient_checkpointing_changes_no_gradient_and_keeps_less(make_model, family, way):
    if "lora_rank" in way and family in ("wavlm", "bundle"):
        pytest.skip("no LoRA there")
    loss, gradients, kept = step_of(make_model(family, mask_share=0.2, **way))
    again, others, fewer = step_of(make_model(family, mask_share=0.2, recompute=True, **way))
    assert loss.item() == again.item()
    assert gradients.keys() == others.keys() and any("front_end.encoder" in name for name in gradients)
    torch.testing.assert_close(others, gradients)
    assert fewer < 0.5 * kept


@pytest.mark.parametrize("setting, value", [("mask_share", 1.0), ("mask_share", -0.1), ("mask_span", 0)])
def test_shares_and_spans_that_cannot_be_are_refused(toy, setting, value):
    config = toy.config(encoder="pretrained")
    config.model.pretrained.name = "tiny"
    setattr(config.model.pretrained, setting, value)
    with pytest.raises(JstasrError, match=f"model.pretrained.{setting}: must"):
        check_encoder(config)


def batch_of(indexes):
    """Utterances and texts of different lengths, made from their numbers; padded to the same width everywhere."""
    generators = [torch.Generator().manual_seed(index) for index in indexes]

    def symbols(width, low=1):
        return torch.stack([torch.randint(low, 8, (width,), generator=generator) for generator in generators])

    sizes = torch.tensor([2 + index for index in indexes])
    names = [f"u{index}" for index in indexes]
    speech = torch.stack([torch.randn(60, SAMPLES, generator=generator) / 10 for generator in generators])
    labels, phones, text_phones, text_labels = symbols(6), symbols(8, 3), symbols(8, 3), symbols(6)
    return Batch(
        names, speech, 40 + 3 * sizes, labels, sizes, phones, sizes + 2, names, text_phones, sizes + 2, text_labels,
        sizes, frame_ms=20,
    )  # fmt: skip


def gradients(fabric, parts, model, config, folder):
    """Gradients of the model in one step over the batches of this process."""
    config.optim.accumulate, config.optim.clip_norm = len(parts), 1e9
    wrapped = fabric.setup_module(StepLosses(model, config.losses, config.specaug))
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimiser = fabric.setup_optimizers(torch.optim.SGD(trained.values(), lr=0.0))
    kept = {}
    optimiser.register_step_pre_hook(
        lambda *_: kept.update({name: value.grad.clone() for name, value in trained.items()})
    )
    stream = iter([(0, {}, batch_of(part)) for part in parts])
    faults = Faults(folder, fabric, 9)
    fault = train_step(config, wrapped, None, optimiser, fabric, stream, 5, Meter(), faults, StopRequest())[1]
    assert not fault
    return kept


def one_of_two(rank, port, parts, model, config, folder):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "1"}
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=2, strategy=DDPStrategy())
    fabric.launch()
    torch.save(gradients(fabric, parts[rank], model, config, folder), folder / f"rank{rank}.pth")


@pytest.mark.parametrize("way", [{"train_layers": 1}, {"train_layers": -1, "recompute": True}, {"lora_rank": 2}])
def test_two_processes_have_the_gradient_of_one(toy, make_model, tmp_path, way):
    config = toy.config()
    config.specaug.freq_masks = config.specaug.time_masks = 0
    config.losses.consistency.splice.share = 0
    whole = gradients(Fabric(accelerator="cpu", devices=1), [[0, 1, 2, 3]], make_model(**way), config, tmp_path)
    in_encoder = [value for name, value in whole.items() if "front_end.encoder" in name]
    assert in_encoder and any(value.abs().max() > 1e-6 for value in in_encoder)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    arguments = (port, [[[0, 1, 2]], [[3]]], make_model(**way), config, tmp_path)
    torch.multiprocessing.start_processes(one_of_two, arguments, 2, start_method="fork")
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(tmp_path / f"rank{rank}.pth"), whole, atol=1e-5, rtol=1e-3)
