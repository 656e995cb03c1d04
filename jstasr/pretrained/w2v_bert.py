"""w2v-BERT 2.0, a conformer on stacked log-mel frames."""

from pathlib import Path

from torch import Tensor, nn

from jstasr.errors import JstasrError
from jstasr.pretrained.encoder import SpeechEncoder, allow_masks, one_by_one, pretrained_network, read_config

WINDOW, HOP, STACKED = 400, 160, 2  # samples of a log-mel frame and between two; log-mel frames in a frame


class W2vBertEncoder(SpeechEncoder):
    """Kaldi's log-mel features, normalised in each utterance, two frames in one; one utterance at a time."""

    family = "w2v-BERT"
    attention = ("linear_q", "linear_v")

    def __init__(self, folder: Path):
        from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertModel

        super().__init__()
        self.network = pretrained_network(Wav2Vec2BertModel, folder)
        allow_masks(self.network)
        own = self.network.config
        if own.add_adapter:
            raise JstasrError(f"{folder}: has an adapter, whose frames are not 20 ms apart")
        self.sample_rate = 16000
        self.width, self.num_layers = own.hidden_size, own.num_hidden_layers
        bins = int(read_config(folder).get("feature_projection_input_dim", 160)) // STACKED
        self.features = SeamlessM4TFeatureExtractor(feature_size=bins, num_mel_bins=bins, stride=STACKED)

    @property
    def blocks(self) -> list[nn.Module]:
        """The transformer layers."""
        return list(self.network.encoder.layers)

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a signal: an incomplete pair of log-mel frames at its end counts."""
        return -(-max(0, (num_samples - WINDOW) // HOP + 1) // STACKED)

    def forward(self, samples: Tensor, lengths: Tensor, masked: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """See `SpeechEncoder.forward`."""
        return one_by_one(self.encode, samples, lengths, masked)

    def encode(self, signal: Tensor, masked: Tensor | None = None) -> list[Tensor]:
        """The layers (T, C) of one utterance (S,); masked: (at least T,) bool."""
        found = self.features(signal.cpu().numpy(), sampling_rate=self.sample_rate, return_tensors="pt")
        inputs, mask = (found[name].to(signal.device) for name in ("input_features", "attention_mask"))
        frames = self.num_frames(len(signal))
        found = self.network(
            inputs[:, :frames],
            attention_mask=mask[:, :frames],
            mask_time_indices=None if masked is None else masked[None, :frames],
            output_hidden_states=True,
        )
        return [layer[0] for layer in found.hidden_states]
