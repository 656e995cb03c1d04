"""wav2vec 2.0 and its relatives, which see the waveform."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from jstasr.errors import JstasrError
from jstasr.pretrained.encoder import SpeechEncoder, allow_masks, one_by_one, pretrained_network, read_config

WAV2VEC_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
FRAME = 320  # samples
LEAST_VARIANCE = 1e-7  # as in transformers' normalisation of the samples


class Wav2VecEncoder(SpeechEncoder):
    """Convolutions over the waveform, convolutional positions, transformer layers; one utterance at a time.

    Some of the convolutions normalise over time or have biases on padding, so that a padded batch would change what
    an utterance gives.
    """

    def __init__(self, folder: Path):
        import transformers

        super().__init__()
        config = read_config(folder)
        self.family = config["model_type"]
        networks = {
            "wav2vec2": transformers.Wav2Vec2Model,
            "hubert": transformers.HubertModel,
            "wavlm": transformers.WavLMModel,
            "data2vec-audio": transformers.Data2VecAudioModel,
        }
        self.network = pretrained_network(networks[self.family], folder)
        allow_masks(self.network)
        own = self.network.config
        self.kernels, self.strides = tuple(own.conv_kernel), tuple(own.conv_stride)
        stride = int(torch.tensor(self.strides).prod())
        if stride != FRAME or getattr(own, "add_adapter", False):
            raise JstasrError(f"{folder}: its frames are not {FRAME} samples apart, as those of {self.family} are")
        if self.family == "wavlm":
            self.attention = ()  # it reads the weights of its projections, past what LoRA adds
        self.width, self.num_layers = own.hidden_size, own.num_hidden_layers
        preprocessor = folder / "preprocessor_config.json"
        settings = json.loads(preprocessor.read_text("utf-8")) if preprocessor.is_file() else {}
        self.sample_rate = int(settings.get("sampling_rate", 16000))
        self.normalise = bool(settings.get("do_normalize", getattr(own, "feat_extract_norm", "layer") == "layer"))

    @property
    def blocks(self) -> list[nn.Module]:
        """The transformer layers."""
        return list(self.network.encoder.layers)

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a signal: those whose whole window lies in it."""
        for kernel, stride in zip(self.kernels, self.strides):
            num_samples = max(0, (num_samples - kernel) // stride + 1)
        return num_samples

    def forward(self, samples: Tensor, lengths: Tensor, masked: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """See `SpeechEncoder.forward`."""
        return one_by_one(self.encode, samples, lengths, masked)

    def encode(self, signal: Tensor, masked: Tensor | None = None) -> list[Tensor]:
        """The layers (T, C) of one utterance (S,); masked: (at least T,) bool."""
        if self.normalise:
            signal = (signal - signal.mean()) / (signal.var(unbiased=False) + LEAST_VARIANCE).sqrt()
        if masked is not None:
            masked = masked[None, : self.num_frames(len(signal))]
        found = self.network(signal[None], mask_time_indices=masked, output_hidden_states=True)
        layers = [*found.hidden_states[:-1], found.last_hidden_state]  # the former without the last norm of some
        return [layer[0] for layer in layers]
