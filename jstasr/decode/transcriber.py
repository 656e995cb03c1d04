"""Audio in, text out, with a trained experiment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from jstasr.decode.greedy import Hypothesis, search
from jstasr.decode.streaming import first_hypothesis, streaming_search
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.load import Experiment, require_modes
from jstasr.experiment.search import SearchConfig
from jstasr.features.compute import feature_computer
from jstasr.features.fbank import Fbank, StreamingFbank
from jstasr.features.frames import ENCODER_FRAME_SECONDS, FRAME_LENGTH_MS
from jstasr.kaldi.audio import MAX_RATE, MIN_RATE, Channel, Resampler, is_pipe, read_blocks
from jstasr.kaldi.data_dir import UTT2LANG
from jstasr.lm.ngram import NgramModel
from jstasr.model.joint import FULL, STREAMING

PIECE_SECONDS = 10.0  # of a recording that are read and resampled at a time


@dataclass
class Transcript:
    """A transcript: `text`, its `tokens`, their log-probability `score`, and the time of each token in seconds."""

    text: str
    tokens: list[str]
    score: float
    timestamps: list[float]


class Transcriber:
    """A trained model that transcribes audio, by default with the search of its recipe.

    Example:
        Transcriber.from_pretrained("exp/train_mini").transcribe("hello.wav").text
    """

    def __init__(self, experiment: Experiment, device: str = "cpu", language_model: NgramModel | None = None):
        self.experiment = experiment
        self.device = torch.device(device)
        self.language_model = language_model or experiment.language_model
        config = experiment.config
        self.sample_rate = config.sample_rate
        self.features = experiment.encoder or feature_computer(feature_settings(config))

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        model: str | Path | None = None,
        device: str = "cpu",
        lm: str | Path | None = None,
        own_search: bool = True,
    ) -> "Transcriber":
        """Load exp/<tag> or a packed zip.

        Args:
            model: file of weights; None: valid.wer.ave.pth of the experiment.
            lm: ARPA language model over the model's tokens, for beam search with `lm_weight`; None: the recipe's.
            own_search: search as the recipe of the model does by default; False: by the defaults of `SearchConfig`.
        Raises:
            JstasrError: a part is missing, damaged or does not fit the others.
        """
        experiment = Experiment.load(path, model, device, own_search)
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
            config: search settings; None: those of the model's recipe.
            lang: the language, if it is known, for a multilingual model; None: that of the settings, if they have one.
            channel: of a file with several, from 1, or "mix": their mean.
        Raises:
            JstasrError: unreadable, empty, non-finite or too short audio, or too long for full context; settings that
                do not go together.
        """
        if mode not in (FULL, STREAMING):
            raise JstasrError(f"mode {mode!r}: must be {FULL} or {STREAMING}")
        if mode == STREAMING:
            require_modes(self.experiment, [mode])
        config = self.settings(config, lang)
        name = str(audio) if isinstance(audio, (str, Path)) else "the given array"
        pieces = self.pieces(audio, name, sample_rate, channel)
        if mode == STREAMING:
            stream = TranscriptStream(self, None, None, config)
            count = 0
            for piece in pieces:
                count += len(piece)
                stream.accept(piece)
            self.refuse_short(count, name)
            return stream.finish()
        start = self.start_label(config.lang)
        samples = np.zeros(0, dtype=np.float32)
        for piece in pieces:
            samples = np.concatenate([samples, piece])
            if len(samples) > config.max_seconds * self.sample_rate:
                raise JstasrError(
                    f"{name}: is longer than the {config.max_seconds} s that the full-context decoder takes. Use the "
                    "streaming decoder (--mode streaming), cut it at pauses, or raise the limit (--set max_seconds=N)"
                )
        self.refuse_short(len(samples), name)
        features = torch.from_numpy(self.features(samples)).to(self.device)
        return self.decode(features, mode, config, start)

    def settings(self, config: SearchConfig | None, lang: str | None) -> SearchConfig:
        """The given search settings or the recipe's, with the given language or their own."""
        config = config or self.experiment.search
        config = replace(config, lang=lang or ("" if config.lang == UTT2LANG else config.lang))
        if config.lm_weight > 0 and self.language_model is None:
            raise JstasrError("lm_weight without a language model: give `lm` to from_pretrained")
        return config

    def pieces(
        self, audio: str | Path | ArrayLike, name: str, sample_rate: int | None, channel: Channel | None
    ) -> Iterator[np.ndarray]:
        """The samples of a file or array at the model's rate, in pieces; arguments as for `transcribe`."""
        if isinstance(audio, (str, Path)):
            if is_pipe(name):
                raise JstasrError(f"{name}: is a command, not an audio file")
            blocks = read_blocks(name, PIECE_SECONDS, channel)
        else:
            rate = check_rate(sample_rate, self.sample_rate)
            samples = as_samples(audio, name)
            size = round(PIECE_SECONDS * rate)
            blocks = ((samples[first : first + size], rate) for first in range(0, len(samples), size))
        resampler = None
        for block, rate in blocks:
            resampler = resampler or Resampler(check_rate(rate, self.sample_rate), self.sample_rate)
            yield resampler.accept(block)
        if resampler is not None:
            yield resampler.finish()

    def refuse_short(self, count: int, name: str) -> None:
        """Refuse audio of `count` samples that has no frame."""
        if count < self.features.window:
            seconds = count / self.sample_rate
            raise JstasrError(f"{name}: {seconds:.3f} s of audio is shorter than one {FRAME_LENGTH_MS} ms window")

    @torch.inference_mode()
    def decode(self, features: torch.Tensor, mode: str, config: SearchConfig, start: int | None = None) -> Transcript:
        """Features (T, F) of one utterance -> Transcript; `start`: its first label, if known."""
        model = self.experiment.model
        lengths = torch.tensor([len(features)], device=features.device)
        encoded = model.encode_speech(features[None], lengths)
        given = None if start is None else torch.tensor([start], device=features.device)
        best = search(model.decoder(mode), encoded.of(mode), encoded.lengths, config, self.language_model, given)[0]
        return self.transcript(best)

    def stream(
        self,
        pieces: Iterable[ArrayLike],
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
    ) -> Iterator[Transcript]:
        """Transcribe audio as it arrives, with the streaming decoder.

        Args:
            pieces: arrays of samples (N,) of any length, one after the other, as for `transcribe`.
            sample_rate: Hz; None or the model's own.
            lang, config: as for `transcribe`.
        Yields:
            The transcript so far after each piece, and the whole at the end, which is that of `transcribe` with
            mode="streaming". A transcript only extends the one before: beam search gives out what all its hypotheses
            have in common.
        Raises:
            JstasrError: another sampling rate; a piece that is not samples, or not finite.
        """
        stream = TranscriptStream(self, sample_rate, lang, config)
        for piece in pieces:
            yield stream.accept(piece)
        yield stream.finish()

    def start_label(self, lang: str | None) -> int | None:
        """The token of a language, with which the transcripts of a multilingual model begin; None without `lang`."""
        return self.experiment.tokenizer.token_list.language_id(lang) if lang else None

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

    def __init__(
        self,
        transcriber: Transcriber,
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
    ):
        if sample_rate not in (None, transcriber.sample_rate):
            raise JstasrError(
                f"a stream of {sample_rate} Hz: this model needs {transcriber.sample_rate} Hz. Resample it first"
            )
        model = self.model = transcriber.experiment.model
        self.transcriber = transcriber
        require_modes(transcriber.experiment, [STREAMING])
        assert isinstance(transcriber.features, Fbank)  # only such models stream
        self.fbank = StreamingFbank(transcriber.features)
        self.state = model.new_stream()
        config = transcriber.settings(config, lang)
        label = transcriber.start_label(config.lang)
        start = None if label is None else torch.tensor([label], device=transcriber.device)
        self.search = streaming_search(model, config, transcriber.language_model, start)
        self.transcript = transcriber.transcript(first_hypothesis(start))
        self.space = False  # the labels so far end with a space

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
        if len(encoded):
            self.extend(self.search.accept(encoded))
        if last:
            self.extend(self.search.finish())
        return self.transcript

    def extend(self, new: Hypothesis) -> None:
        """Append to the transcript, of which only the new labels are converted."""
        before, after = self.transcript, self.transcriber.transcript(new)
        spaced = self.transcriber.experiment.tokenizer.spaced(new.labels)
        text = before.text
        if after.text:
            text += (" " if text and (self.space or spaced[0].isspace()) else "") + after.text
        if spaced:
            self.space = spaced[-1].isspace()
        self.transcript = Transcript(
            text=text,
            tokens=before.tokens + after.tokens if after.tokens else before.tokens,
            score=after.score,
            timestamps=before.timestamps + after.timestamps if after.timestamps else before.timestamps,
        )


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
