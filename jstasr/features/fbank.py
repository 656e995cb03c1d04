"""Log-mel filterbank features, as lhotse or as Kaldi's compute-fbank-feats computes them; no dither."""

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.frames import FRAME_LENGTH_MS, FRAME_SHIFT_MS
from jstasr.features.settings import DEFAULT_KIND, KALDI, KINDS, FeatureSettings

LOW_FREQ = 20.0  # Hz, lower edge of the first filter
LOG_FLOOR = float(np.log(np.finfo(np.float32).eps))  # of every mel bin in digital silence
INT16_SCALE = 32768.0  # Kaldi reads 16-bit samples as integers
BLOCK = 6000  # frames that are computed at a time: the spectra of a long recording would fill the memory


class Fbank:
    """Log-mel features of a signal, natural logarithm of power.

    Povey window of 25 ms every 10 ms, pre-emphasis 0.97, offset removed in each frame. The kinds differ in three
    things:

    | | lhotse | kaldi |
    | --- | --- | --- |
    | full scale of the samples | 1 | 32768 |
    | upper edge of the last filter | Nyquist frequency - 400 Hz | Nyquist frequency |
    | frames | centred on each 10 ms of the signal, which is reflected at its ends | whole windows only |

    Both are computed by torchaudio.compliance.kaldi.fbank. The same audio gives the same features.

    Args:
        sample_rate: Hz.
        num_mel_bins: F.
        kind: lhotse or kaldi.
    Raises:
        JstasrError: more bins than the spectrum resolves; an unknown kind.
    """

    def __init__(self, sample_rate: int = 16000, num_mel_bins: int = 80, kind: str = DEFAULT_KIND):
        from torchaudio.compliance import kaldi

        if kind not in KINDS:
            raise JstasrError(f"features.kind: {kind!r} is not one of {' '.join(KINDS)}")
        self._kaldi = kaldi
        self.settings = FeatureSettings(sample_rate, num_mel_bins, kind)
        self.sample_rate, self.num_mel_bins, self.kind = sample_rate, num_mel_bins, kind
        self.scale, self.high_freq = (INT16_SCALE, 0.0) if kind == KALDI else (1.0, -400.0)  # <= 0: from Nyquist on
        self.window = int(sample_rate * FRAME_LENGTH_MS * 0.001)  # samples
        self.shift = int(sample_rate * FRAME_SHIFT_MS * 0.001)  # samples
        # samples that are reflected in front of the signal, so that frames are centred; kaldi has no such frames
        self.margin = 0 if kind == KALDI else self.window // 2 - self.shift // 2
        self._refuse_empty_filters()

    def _refuse_empty_filters(self) -> None:
        padded = 1 << (self.window - 1).bit_length()
        banks, _ = self._kaldi.get_mel_banks(
            self.num_mel_bins, padded, self.sample_rate, LOW_FREQ, self.high_freq, 100.0, -500.0, 1.0
        )
        empty = int((banks.sum(dim=1) == 0).sum())
        if empty:
            raise JstasrError(
                f"{empty} of {self.num_mel_bins} mel bins hold no frequency at {self.sample_rate} Hz; "
                "use fewer bins (--num-mel-bins)"
            )

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a signal, T; 0 for less than a window."""
        if num_samples < self.window:
            return 0
        if self.kind == KALDI:
            return 1 + (num_samples - self.window) // self.shift
        return (num_samples + self.shift // 2) // self.shift

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features of a signal.

        Args:
            samples: (N,) float32 in [-1, 1].
        Returns:
            (T, F) float32 log-mel.
        Raises:
            JstasrError: a signal shorter than one window.
        """
        if len(samples) < self.window:
            raise JstasrError(f"{len(samples)} samples are less than one window, {self.window} ({FRAME_LENGTH_MS} ms)")
        samples = np.asarray(samples, dtype=np.float32)
        return self.whole_windows(np.concatenate([self.front(samples), samples, self.back(samples, len(samples))]))

    def front(self, samples: np.ndarray) -> np.ndarray:
        """What goes before a signal that begins with `samples` (at least a window of them): its reflection."""
        return samples[: self.margin][::-1]

    def back(self, samples: np.ndarray, num_samples: int) -> np.ndarray:
        """What goes behind a signal of `num_samples` that ends with `samples` (at least half a window): likewise."""
        last = (self.num_frames(num_samples) - 1) * self.shift + self.window  # end of the last frame, after the front
        missing = max(0, last - self.margin - num_samples)
        return samples[len(samples) - missing :][::-1]

    def whole_windows(self, signal: np.ndarray) -> np.ndarray:
        """Features (T, F) of the whole windows of a signal (N,) that has its margins."""
        import torch

        count = max(0, 1 + (len(signal) - self.window) // self.shift)
        features = np.empty((count, self.num_mel_bins), dtype=np.float32)
        for first in range(0, count, BLOCK):
            last = min(first + BLOCK, count)
            part = signal[first * self.shift : (last - 1) * self.shift + self.window]
            with torch.inference_mode():
                features[first:last] = self._kaldi.fbank(
                    torch.from_numpy(np.ascontiguousarray(part))[None] * self.scale,
                    sample_frequency=self.sample_rate,
                    num_mel_bins=self.num_mel_bins,
                    low_freq=LOW_FREQ,
                    high_freq=self.high_freq,
                    frame_length=FRAME_LENGTH_MS,
                    frame_shift=FRAME_SHIFT_MS,
                    dither=0.0,
                ).numpy()
        return features


class StreamingFbank:
    """Samples in, log-mel frames out: a group of frames once the last sample of its last window has arrived.

    At the end of a signal come the rest and the frames that need its reflection; all together are those of the whole
    signal. Samples before the end of a group are only kept.
    """

    def __init__(self, fbank: Fbank, group: int = 1):
        """group: frames that come together; more of them cost less."""
        self.fbank, self.group = fbank, group
        self.num_samples = 0  # so far
        self.begun = False  # whether a window has arrived: the reflection at the beginning needs as much
        self.pending = [np.zeros(0, dtype=np.float32)]  # from the beginning of the next frame on
        self.num_pending = fbank.margin  # samples of `pending`, with the reflection that goes before
        self.group_samples = (group - 1) * fbank.shift + fbank.window

    def accept(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """The frames (T, F) of the groups that `samples` (N,) float32 complete; T may be 0.

        `last`: they end the signal.
        """
        self.pending.append(np.array(samples, dtype=np.float32))  # the caller may use its buffer again
        self.num_samples += len(samples)
        self.num_pending += len(samples)
        if self.num_pending < self.group_samples and not last:
            return np.zeros((0, self.fbank.num_mel_bins), dtype=np.float32)
        return self.compute(last)

    def compute(self, last: bool) -> np.ndarray:
        """The frames of the groups that are complete; `last`: those of all samples."""
        fbank, pending = self.fbank, np.concatenate(self.pending)
        if not self.begun and self.num_samples >= fbank.window:
            pending = np.concatenate([fbank.front(pending), pending])
            self.begun = True
        if last and self.begun:
            pending = np.concatenate([pending, fbank.back(pending, self.num_samples)])
        count = max(0, 1 + (len(pending) - fbank.window) // fbank.shift) if self.begun else 0
        count -= 0 if last else count % self.group
        features = fbank.whole_windows(pending[: (count - 1) * fbank.shift + fbank.window] if count else pending[:0])
        self.pending = [pending[count * fbank.shift :]]
        self.num_pending = len(self.pending[0]) + (0 if self.begun else fbank.margin)
        return features
