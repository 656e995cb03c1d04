"""Every family of encoders: as transformers computes it, whatever follows an utterance in a batch."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio
import transformers

from jstasr.errors import JstasrError
from jstasr.pretrained.bundles import BundleEncoder
from jstasr.pretrained.encoder import load_encoder, locate, open_encoder

sys.path.insert(0, str(Path(__file__).parent))
from tiny import LAYERS, WIDTH, configs, save_encoder  # noqa: E402

LENGTHS = (9000, 16123, 5437)


@pytest.fixture(scope="module", params=sorted(configs()))
def encoder(request, tmp_path_factory):
    return load_encoder(save_encoder(tmp_path_factory.mktemp(request.param), request.param))


@pytest.fixture(scope="module")
def signals():
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.normal(scale=0.1, size=length).astype(np.float32)) for length in LENGTHS]


@torch.inference_mode()
def test_padding_changes_no_output(encoder, signals):
    lengths = torch.tensor(LENGTHS)
    loud = torch.full((len(signals), max(LENGTHS) + 777), 3.0)  # what follows an utterance is not silence
    for row, signal in zip(loud, signals):
        row[: len(signal)] = signal
    together, frames = encoder(loud, lengths)
    for index, signal in enumerate(signals):
        alone, own = encoder(signal[None], lengths[index : index + 1])
        assert own.item() == frames[index] == alone[0].shape[1] == encoder.num_frames(len(signal))
        assert own.item() == pytest.approx(len(signal) / 320, abs=2)
        for one, many in zip(alone, together):
            torch.testing.assert_close(many[index, : own.item()], one[0], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_all_layers_are_given(encoder, signals):
    layers, _ = encoder(signals[0][None], torch.tensor(LENGTHS[:1]))
    assert encoder.num_layers == LAYERS and encoder.width == WIDTH
    assert len(layers) == LAYERS + 1
    assert all(layer.shape[2] == WIDTH and layer.std() > 0.01 for layer in layers)


def test_an_encoder_is_frozen(encoder):
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@pytest.mark.parametrize("samples", [400, 16000, 50123])
def test_whispers_log_mel_is_that_of_its_feature_extractor(tmp_path, samples):
    encoder = load_encoder(save_encoder(tmp_path, "whisper"))
    signal = np.random.default_rng(samples).normal(scale=0.1, size=samples).astype(np.float32)
    extractor = transformers.WhisperFeatureExtractor()
    expected = extractor(signal, sampling_rate=16000, return_tensors="pt").input_features
    found = encoder.log_mel(torch.from_numpy(signal)[None], torch.tensor([samples]))
    assert found.shape[2] == 2 * encoder.num_frames(samples)
    torch.testing.assert_close(found, expected[:, :, : found.shape[2]], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_whisper_of_30_seconds_is_that_of_transformers(tmp_path):
    encoder = load_encoder(save_encoder(tmp_path, "whisper"))
    signal = np.random.default_rng(0).normal(scale=0.1, size=480000).astype(np.float32)
    signal[-400:] = 0  # the extractor reflects the end, after which there is silence here
    mel = transformers.WhisperFeatureExtractor()(signal, sampling_rate=16000, return_tensors="pt").input_features
    expected = transformers.WhisperModel.from_pretrained(tmp_path).eval().encoder(mel).last_hidden_state
    found, _ = encoder(torch.from_numpy(signal)[None], torch.tensor([480000]))
    torch.testing.assert_close(found[-1], expected, atol=2e-4, rtol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("family", ["wav2vec2", "xls-r", "hubert", "wavlm", "data2vec"])
def test_an_utterance_is_encoded_as_by_transformers(tmp_path, signals, family):
    encoder = load_encoder(save_encoder(tmp_path, family))
    normalise = family == "xls-r"
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise)
    inputs = extractor(signals[0].numpy(), sampling_rate=16000, return_tensors="pt").input_values
    expected = transformers.AutoModel.from_pretrained(tmp_path).eval()(inputs).last_hidden_state
    found, _ = encoder(signals[0][None], torch.tensor(LENGTHS[:1]))
    torch.testing.assert_close(found[-1], expected, atol=1e-4, rtol=1e-3)


SMALL = dict(
    extractor_conv_layer_config=[(8, 10, 5)] + [(8, 3, 2)] * 4 + [(8, 2, 2)] * 2, encoder_embed_dim=WIDTH,
    encoder_projection_dropout=0.0, encoder_pos_conv_kernel=16, encoder_pos_conv_groups=2, encoder_num_layers=LAYERS,
    encoder_num_heads=2, encoder_attention_dropout=0.0, encoder_ff_interm_features=32,
    encoder_ff_interm_dropout=0.0, encoder_dropout=0.0, encoder_layer_drop=0.0, aux_num_out=None,
)  # fmt: skip


@torch.inference_mode()
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("wavlm", [False, True])
def test_a_bundle_is_encoded_as_by_torchaudio_whatever_follows(signals, wavlm, large):
    torch.manual_seed(0)
    options = dict(
        extractor_mode="layer_norm" if large else "group_norm",
        extractor_conv_bias=large,
        encoder_layer_norm_first=large,
    )
    if wavlm:
        options |= dict(encoder_num_buckets=32, encoder_max_distance=80)
    factory = torchaudio.models.wavlm_model if wavlm else torchaudio.models.wav2vec2_model
    network = factory(**SMALL, **options).eval()
    encoder = BundleEncoder(network, "SMALL", 16000, normalise=False)
    padded = torch.nn.utils.rnn.pad_sequence(signals, batch_first=True, padding_value=3.0)
    layers, lengths = encoder(padded, torch.tensor(LENGTHS))
    assert len(layers) == LAYERS + 1
    for index, signal in enumerate(signals):
        expected, _ = network(signal[None])
        assert lengths[index] == expected.shape[1] == encoder.num_frames(len(signal))
        torch.testing.assert_close(layers[-1][index, : lengths[index]], expected[0], atol=1e-5, rtol=1e-4)


def test_a_bundle_is_found_by_name_and_without_a_network_its_download_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(JstasrError, match=rf"HUBERT_BASE: .* curl -o {tmp_path}/hubert_fairseq_base_ls960.pth https"):
        locate("HUBERT_BASE")
    (tmp_path / "hubert_fairseq_base_ls960.pth").write_bytes(b"no weights")
    assert locate("HUBERT_BASE") == tmp_path / "hubert_fairseq_base_ls960.pth"
    with pytest.raises(JstasrError, match="its weights cannot be used as HUBERT_BASE"):
        open_encoder("HUBERT_BASE", "", -1, 16000)
