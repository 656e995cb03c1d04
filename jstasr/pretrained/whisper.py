"""Whisper's encoder (Radford et al., arXiv 2212.04356) on utterances as long as they are, not padded to 30 s."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.errors import JstasrError
from jstasr.pretrained.encoder import SpeechEncoder, length_mask, pretrained_network, read_config

HOP = 160  # samples of a log-mel frame, 10 ms; two make a frame of the encoder
LOG_FLOOR, LOG_RANGE = 1e-10, 8.0  # of the mel power, and of its logarithm (base 10) below the utterance's highest


class WhisperEncoder(SpeechEncoder):
    """Log-mel features as Whisper's own, two convolutions, transformer layers with absolute positions.

    What follows an utterance in a batch is hidden from the convolutions and the attention, so that an utterance is
    encoded as it would be alone.
    """

    family = "whisper"

    def __init__(self, folder: Path):
        from transformers import WhisperFeatureExtractor
        from transformers.models.whisper import modeling_whisper

        super().__init__()
        config = read_config(folder)
        self.network = pretrained_network(
            modeling_whisper.WhisperEncoder,
            folder,
            attn_implementation="sdpa",
            key_mapping={r"^(model\.)?encoder\.": ""},
        )
        self.sample_rate = 16000
        self.width, self.num_layers = self.network.config.d_model, self.network.config.encoder_layers
        self.longest = self.network.max_source_positions  # frames
        self.longest_samples = self.longest * 2 * HOP
        own = WhisperFeatureExtractor(feature_size=int(config["num_mel_bins"]))
        filters = torch.from_numpy(own.mel_filters).float()  # (frequencies, mel bins)
        self.window_length = own.n_fft
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(self.window_length), persistent=False)

    @property
    def blocks(self) -> list[nn.Module]:
        """The transformer layers."""
        return list(self.network.layers)

    filters: Tensor
    window: Tensor

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a signal: an incomplete one at its end counts."""
        return -(-num_samples // (2 * HOP))

    def log_mel(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Whisper's features, as if silence followed the utterance: (N, S), (N,) -> (N, F, 2 T), 0 on padding."""
        frames = self.num_frames(samples.shape[1]) * 2
        inside = length_mask(lengths, samples.shape[1])
        signal = F.pad(samples * inside, (0, frames * HOP - samples.shape[1] + self.window_length))
        spectrum = torch.stft(signal, self.window_length, HOP, window=self.window, return_complex=True)
        power = spectrum[..., :frames].abs().square()
        logs = torch.clamp(self.filters.T @ power, min=LOG_FLOOR).log10()
        real = length_mask(-(-lengths // (2 * HOP)) * 2, frames)[:, None]
        highest = logs.masked_fill(~real, float("-inf")).amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(logs, highest - LOG_RANGE) + 4.0) / 4.0 * real

    def forward(self, samples: Tensor, lengths: Tensor, masked: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """See `SpeechEncoder.forward`.

        Raises:
            JstasrError: an utterance that is longer than Whisper's positions reach, 30 s.
        """
        frame_lengths = -(-lengths // (2 * HOP))
        if int(frame_lengths.max()) > self.longest:
            raise JstasrError(
                f"{float(lengths.max()) / self.sample_rate:.1f} s of audio: Whisper's encoder takes "
                f"{self.longest * 2 * HOP // self.sample_rate} s at most. Cut it at pauses"
            )
        with torch.autocast(samples.device.type, enabled=False):
            mel = self.log_mel(samples.float(), lengths)
        if masked is not None:
            mel = mel.masked_fill(masked[:, : mel.shape[2] // 2].repeat_interleave(2, dim=1)[:, None], 0.0)
        inside = length_mask(2 * frame_lengths, mel.shape[2])[:, None]
        hidden = F.gelu(self.network.conv1(mel)) * inside
        hidden = F.gelu(self.network.conv2(hidden)).transpose(1, 2)
        hidden = hidden + self.network.embed_positions.weight[: hidden.shape[1]]
        mask = None
        if len(lengths) > 1 or int(frame_lengths[0]) < hidden.shape[1]:
            mask = length_mask(frame_lengths, hidden.shape[1])[:, None, None].expand(-1, 1, hidden.shape[1], -1)
        layers = [hidden]
        for layer in self.network.layers:
            layers.append(layer(layers[-1], mask))
        layers[-1] = self.network.layer_norm(layers[-1])
        return layers, frame_lengths
