"""Where somebody surely speaks: what a detector says, over longer than the sounds that it mistakes for speech."""

from collections import deque

import numpy as np

from jstasr.decode.vad import FRAME_SECONDS, Vad

EVIDENCE = 5  # frames (0.16 s), as in short words; knocks and key tones are taken for speech for less
SURE = 0.6  # mean probability in them at which somebody speaks


class Listener:
    """The probabilities of a detector as samples arrive, and what they are evidence of.

    `speech`: how sure it is that somebody has spoken so far, in [0, 1]: the largest mean of EVIDENCE frames.
    """

    def __init__(self, vad: Vad):
        self.vad = vad
        self.speech = 0.0
        self.frames = 0
        self.recent = deque([0.0] * EVIDENCE, EVIDENCE)
        self.sure: list[tuple[int, int]] = []  # first and last frame of each run of frames with which evidence ends

    def accept(self, samples: np.ndarray) -> None:
        """Listen to the next samples (N,) float32."""
        for probability in self.vad.accept(samples).tolist():
            self.note(probability)

    def finish(self) -> None:
        """Listen to the rest."""
        for probability in self.vad.finish().tolist():
            self.note(probability)

    def note(self, probability: float) -> bool:
        """Take the probability of the next frame; is there evidence of speech that ends with it?"""
        self.recent.append(probability)
        mean = sum(self.recent) / EVIDENCE
        self.speech = max(self.speech, mean)
        if mean >= SURE:
            goes_on = bool(self.sure) and self.sure[-1][1] == self.frames - 1
            first = self.sure.pop()[0] if goes_on else self.frames
            self.sure.append((first, self.frames))
        self.frames += 1
        return mean >= SURE

    def hears(self, begin: float, end: float) -> bool:
        """Is there evidence of speech that ends between two moments, in seconds? What came later has no part in it."""
        for first, last in reversed(self.sure):
            if (last + 1) * FRAME_SECONDS < begin:
                return False
            if (first + 1) * FRAME_SECONDS <= end:
                return True
        return False
