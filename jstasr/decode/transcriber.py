"""Audio in, text out, with a trained experiment."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from jstasr.data.audio import read_audio, resample
from jstasr.decode.experiment import Experiment
from jstasr.decode.search import SearchConfig, search
from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.model.encoders import SUBSAMPLING
from jstasr.model.joint import FULL, STREAMING

FRAME_SECONDS = 0.01 * SUBSAMPLING


@dataclass
class Transcript:
    """What was said: `text`, its `tokens`, their log-probability `score`, and each token's start in seconds."""

    text: str
    tokens: list[str]
    score: float
    timestamps: list[float]


class Transcriber:
    """A trained model that transcribes audio.

    Example:
        Transcriber.from_pretrained("exp/train_mini").transcribe("hello.wav").text
    """

    def __init__(self, experiment: Experiment, device: str = "cpu"):
        self.experiment = experiment
        self.device = torch.device(device)
        config = experiment.config
        self.fbank = Fbank(sample_rate=config.sample_rate, num_mel_bins=config.model.num_mel_bins)

    @classmethod
    def from_pretrained(cls, path: str | Path, model: str | Path | None = None, device: str = "cpu") -> "Transcriber":
        """Load exp/<tag> or a packed zip; `model` names other weights than valid.wer.ave.pth."""
        return cls(Experiment.load(path, model, device), device)

    def transcribe(
        self, audio, sample_rate: int | None = None, mode: str = FULL, config: SearchConfig | None = None
    ) -> Transcript:
        """Transcribe one utterance.

        Args:
            audio: path of a file that soundfile reads, or samples (N,) float in [-1, 1].
            sample_rate: Hz of an array; None: the model's own.
            mode: "full" (full-context decoder) or "streaming".
            config: search settings; None: greedy.
        Raises:
            JstasrError: unreadable, empty, non-finite or too short audio.
        """
        if mode not in (FULL, STREAMING):
            raise JstasrError(f"mode {mode!r}: must be {FULL} or {STREAMING}")
        wanted = self.experiment.config.sample_rate
        if isinstance(audio, (str, Path)):
            name = str(audio)
            samples, sample_rate = read_audio(audio)
        else:
            name = "the given array"
            samples = np.asarray(audio, dtype=np.float32)
            if samples.ndim != 1:
                raise JstasrError(f"{name}: has shape {samples.shape}, expected (N,): one channel")
        if not np.isfinite(samples).all():
            raise JstasrError(f"{name}: holds NaN or infinite samples")
        if sample_rate not in (None, wanted):
            samples = resample(samples, sample_rate, wanted)
        features = torch.as_tensor(np.asarray(self.fbank(samples)))
        if not len(features):
            raise JstasrError(f"{name}: {len(samples)} samples are shorter than one 25 ms window")
        return self.decode(features.to(self.device), mode, config or SearchConfig())

    @torch.inference_mode()
    def decode(self, features: torch.Tensor, mode: str, config: SearchConfig) -> Transcript:
        """Raw log-mel features (T, F) of one utterance -> Transcript."""
        model, tokenizer = self.experiment.model, self.experiment.tokenizer
        lengths = torch.tensor([len(features)], device=features.device)
        encoded = model.encode_speech(model.audio_encoder.normalise(features[None]), lengths)
        best = search(model.decoders[mode], getattr(encoded, mode), encoded.lengths, config)[0]
        return Transcript(
            text=tokenizer.decode(best.labels),
            tokens=tokenizer.tokens(best.labels),
            score=best.score,
            timestamps=[round(frame * FRAME_SECONDS, 3) for frame in best.frames],
        )
