"""Audio in, text out, with a trained experiment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from jstasr.decode.greedy import Hypothesis, SearchConfig, search
from jstasr.decode.streaming import StreamingGreedy
from jstasr.errors import JstasrError
from jstasr.experiment.load import Experiment
from jstasr.features.fbank import Fbank, StreamingFbank
from jstasr.features.frames import ENCODER_FRAME_SECONDS, FRAME_LENGTH_MS
from jstasr.kaldi.audio import MAX_RATE, MIN_RATE, Channel, is_pipe, read_audio, resample
from jstasr.lm.ngram import NgramModel
from jstasr.model.joint import FULL, STREAMING


@dataclass
class Transcript:
    """A transcript: `text`, its `tokens`, their log-probability `score`, and the time of each token in seconds."""

    text: str
    tokens: list[str]
    score: float
    timestamps: list[float]


class Transcriber:
    """A trained model that transcribes audio.

    Example:
        Transcriber.from_pretrained("exp/train_mini").transcribe("hello.wav").text
    """

    def __init__(self, experiment: Experiment, device: str = "cpu", language_model: NgramModel | None = None):
        self.experiment = experiment
        self.device = torch.device(device)
        self.language_model = language_model
        config = experiment.config
        self.sample_rate = config.sample_rate
        self.fbank = Fbank(config.sample_rate, config.model.num_mel_bins, config.features.kind)

    @classmethod
    def from_pretrained(
        cls, path: str | Path, model: str | Path | None = None, device: str = "cpu", lm: str | Path | None = None
    ) -> "Transcriber":
        """Load exp/<tag> or a packed zip.

        Args:
            model: file of weights; None: valid.wer.ave.pth of the experiment.
            lm: ARPA language model over the model's tokens, for beam search with `lm_weight`.
        Raises:
            JstasrError: a part is missing, damaged or does not fit the others.
        """
        experiment = Experiment.load(path, model, device)
        language_model = NgramModel.load(lm, experiment.tokenizer.token_list.tokens, device) if lm else None
        return cls(experiment, device, language_model)

    def transcribe(
        self,
        audio: str | Path | ArrayLike,
        sample_rate: int | None = None,
        mode: str = FULL,
        config: SearchConfig | None = None,
        lang: str | None = None,
        channel: Channel | None = None,
    ) -> Transcript:
        """Transcribe one utterance.

        Args:
            audio: path of a file that soundfile reads, or samples (N,): float in [-1, 1], or 16 or 32 bit integers.
            sample_rate: Hz of an array; None: the model's own.
            mode: "full" (full-context decoder) or "streaming".
            config: search settings; None: greedy.
            lang: the language, if it is known, for a multilingual model.
            channel: of a file with several, from 1, or "mix": their mean.
        Raises:
            JstasrError: unreadable, empty, non-finite or too short audio; settings that do not go together.
        """
        config = config or SearchConfig()
        if mode not in (FULL, STREAMING):
            raise JstasrError(f"mode {mode!r}: must be {FULL} or {STREAMING}")
        if config.lm_weight > 0 and self.language_model is None:
            raise JstasrError("lm_weight without a language model: give `lm` to from_pretrained")
        start = self.start_label(lang)
        if isinstance(audio, (str, Path)):
            name = str(audio)
            if is_pipe(name):
                raise JstasrError(f"{name}: is a command, not an audio file")
            samples, sample_rate = read_audio(name, channel=channel)
        else:
            name = "the given array"
            samples = as_samples(audio, name)
        samples = resample(samples, check_rate(sample_rate, self.sample_rate), self.sample_rate)
        if len(samples) < self.fbank.window:
            seconds = len(samples) / self.sample_rate
            raise JstasrError(f"{name}: {seconds:.3f} s of audio is shorter than one {FRAME_LENGTH_MS} ms window")
        features = torch.from_numpy(self.fbank(samples)).to(self.device)
        return self.decode(features, mode, config, start)

    @torch.inference_mode()
    def decode(self, features: torch.Tensor, mode: str, config: SearchConfig, start: int | None = None) -> Transcript:
        """Raw log-mel features (T, F) of one utterance -> Transcript; `start`: its first label, if known."""
        model = self.experiment.model
        lengths = torch.tensor([len(features)], device=features.device)
        encoded = model.encode_speech(features[None], lengths)
        given = None if start is None else torch.tensor([start], device=features.device)
        best = search(model.decoder(mode), encoded.of(mode), encoded.lengths, config, self.language_model, given)[0]
        return self.transcript(best)

    def stream(
        self, pieces: Iterable[ArrayLike], sample_rate: int | None = None, lang: str | None = None
    ) -> Iterator[Transcript]:
        """Transcribe audio as it arrives, with the streaming decoder and greedy search.

        Args:
            pieces: arrays of samples (N,) of any length, one after the other, as for `transcribe`.
            sample_rate: Hz; None or the model's own.
            lang: as for `transcribe`.
        Yields:
            The transcript so far after each piece, and the whole at the end, which is that of `transcribe` with
            mode="streaming". A transcript only extends the one before.
        Raises:
            JstasrError: another sampling rate; a piece that is not samples, or not finite.
        """
        stream = TranscriptStream(self, sample_rate, lang)
        for piece in pieces:
            yield stream.accept(piece)
        yield stream.finish()

    def start_label(self, lang: str | None) -> int | None:
        """The token of a language, with which the transcripts of a multilingual model begin; None without `lang`."""
        return None if lang is None else self.experiment.tokenizer.token_list.language_id(lang)

    def transcript(self, found: Hypothesis) -> Transcript:
        """The text, tokens and times of a hypothesis."""
        tokenizer = self.experiment.tokenizer
        return Transcript(
            text=tokenizer.decode(found.labels),
            tokens=tokenizer.tokens(found.labels),
            score=found.score,
            timestamps=[round(frame * ENCODER_FRAME_SECONDS, 3) for frame in found.frames],
        )


class TranscriptStream:
    """One utterance that is transcribed as it arrives; `Transcriber.stream` for audio that is pushed."""

    def __init__(self, transcriber: Transcriber, sample_rate: int | None = None, lang: str | None = None):
        if sample_rate not in (None, transcriber.sample_rate):
            raise JstasrError(
                f"a stream of {sample_rate} Hz: this model needs {transcriber.sample_rate} Hz. Resample it first"
            )
        model = self.model = transcriber.experiment.model
        self.transcriber = transcriber
        self.fbank = StreamingFbank(transcriber.fbank)
        self.state = model.new_stream()
        self.greedy = StreamingGreedy(model, SearchConfig().max_symbols, transcriber.start_label(lang))

    def accept(self, samples: ArrayLike) -> Transcript:
        """The transcript so far, after the next samples (N,)."""
        return self.advance(as_samples(samples, "a piece of the stream"), last=False)

    def finish(self) -> Transcript:
        """The whole transcript; ends the stream."""
        return self.advance(np.zeros(0, dtype=np.float32), last=True)

    @torch.inference_mode()
    def advance(self, samples: np.ndarray, last: bool) -> Transcript:
        """The transcript so far, after the next samples (N,) float32; `last`: they end the stream."""
        features = torch.from_numpy(self.fbank.accept(samples, last)).to(self.transcriber.device)
        encoded = self.model.encode_stream(features, self.state, last)
        return self.transcriber.transcript(self.greedy.accept(encoded))


def as_samples(audio: ArrayLike, name: str) -> np.ndarray:
    """One channel of samples as float32 in [-1, 1].

    Raises:
        JstasrError: several channels, a type that has no scale, NaN or infinity.
    """
    samples = np.asarray(audio)
    if samples.ndim != 1:
        raise JstasrError(f"{name}: has shape {samples.shape}, expected (N,): one channel")
    if samples.dtype in (np.int16, np.int32):
        samples = samples / np.float32(2 ** (8 * samples.dtype.itemsize - 1))
    elif len(samples) and samples.dtype.kind != "f":
        raise JstasrError(f"{name}: holds {samples.dtype}, expected float in [-1, 1], int16 or int32")
    samples = samples.astype(np.float32)
    if not np.isfinite(samples).all():
        raise JstasrError(f"{name}: holds NaN or infinite samples")
    return samples


def check_rate(rate: int | None, own: int) -> int:
    """A sampling rate in Hz as given, or the model's own."""
    if rate is None:
        return own
    if not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
        raise JstasrError(f"sampling rate {rate}: must be a whole number of Hz, {MIN_RATE} to {MAX_RATE}")
    return int(rate)
