"""Log-mel filterbank features as Kaldi's compute-fbank-feats without dither."""

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.frames import FRAME_LENGTH_MS, FRAME_SHIFT_MS

LOG_FLOOR = float(np.log(np.finfo(np.float32).eps))  # of every mel bin in digital silence
INT16_SCALE = 32768.0  # Kaldi reads 16-bit samples as integers


class Fbank:
    """Log-mel features of a signal.

    Povey window, pre-emphasis 0.97, offset removed in each frame, natural log: the defaults of Kaldi,
    computed by torchaudio.compliance.kaldi.fbank. No dither: the same audio gives the same features.

    Args:
        sample_rate: Hz.
        num_mel_bins: F.
        frame_length_ms, frame_shift_ms: milliseconds.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        num_mel_bins: int = 80,
        frame_length_ms: int = FRAME_LENGTH_MS,
        frame_shift_ms: int = FRAME_SHIFT_MS,
    ):
        from torchaudio.compliance import kaldi

        self._kaldi = kaldi
        self.sample_rate = sample_rate
        self.num_mel_bins = num_mel_bins
        self.frame_length_ms = frame_length_ms
        self.frame_shift_ms = frame_shift_ms
        self.window = int(sample_rate * frame_length_ms * 0.001)  # samples
        self.shift = int(sample_rate * frame_shift_ms * 0.001)  # samples
        self._refuse_empty_filters()

    def _refuse_empty_filters(self) -> None:
        padded = 1 << (self.window - 1).bit_length()
        banks, _ = self._kaldi.get_mel_banks(self.num_mel_bins, padded, self.sample_rate, 20.0, 0.0, 100.0, -500.0, 1.0)
        empty = int((banks.sum(dim=1) == 0).sum())
        if empty:
            raise JstasrError(
                f"{empty} of {self.num_mel_bins} mel bins hold no frequency at {self.sample_rate} Hz; "
                "use fewer bins (--num-mel-bins)"
            )

    def num_frames(self, num_samples: int) -> int:
        """Number of whole windows in a signal, T."""
        return 0 if num_samples < self.window else 1 + (num_samples - self.window) // self.shift

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features of a signal.

        Args:
            samples: (N,) float32 in [-1, 1].
        Returns:
            (T, F) float32 log-mel.
        Raises:
            JstasrError: a signal shorter than one window.
        """
        import torch

        if len(samples) < self.window:
            raise JstasrError(
                f"{len(samples)} samples are less than one window, {self.window} ({self.frame_length_ms} ms)"
            )
        signal = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
        with torch.inference_mode():
            features = self._kaldi.fbank(
                signal[None] * INT16_SCALE,
                sample_frequency=self.sample_rate,
                num_mel_bins=self.num_mel_bins,
                frame_length=self.frame_length_ms,
                frame_shift=self.frame_shift_ms,
                dither=0.0,
            )
        return features.numpy()
