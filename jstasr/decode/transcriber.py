"""Audio in, text out, with a trained experiment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from jstasr.decode.arguments import EACH, check_channel, check_config, check_hotwords, check_mode
from jstasr.decode.greedy import Hypothesis
from jstasr.decode.hotwords import hotword_graph
from jstasr.decode.media import number_of_channels
from jstasr.decode.recording import Audio, Recording, read_blocks_of
from jstasr.decode.results import Segment, Transcript, join_segments, merge_channels, surest
from jstasr.decode.segment_decoder import SegmentDecoder
from jstasr.decode.segments import MAX_SEGMENT, SpeechSegment, check_max_segment
from jstasr.decode.stream import PartialTranscript, TranscriptStream, partial_transcripts
from jstasr.decode.streaming import SpeechStream
from jstasr.decode.vad import AUTO, NONE, check_vad
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.language_model import load_external_lm
from jstasr.experiment.load import Experiment, require_modes
from jstasr.experiment.search import SearchConfig, with_hotwords
from jstasr.features.compute import feature_computer
from jstasr.features.fbank import Fbank
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.kaldi.audio import Channel
from jstasr.kaldi.data_dir import UTT2LANG
from jstasr.lm.external import ExternalLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.model.joint import FULL, STREAMING

HOTWORD_LISTS = 4  # that are kept ready: those of several clients, or of the channels of a recording


class Transcriber:
    """A trained model that transcribes audio, by default with the search of its recipe.

    Threads may share one; a copy in another process comes by pickle.

    Example:
        Transcriber.from_pretrained("exp/train_mini").transcribe("hello.wav").text
    """

    def __init__(self, experiment: Experiment, device: str = "cpu", language_model: ExternalLm | None = None):
        self.experiment = experiment
        self.device = torch.device(device)
        self.language_model = language_model or experiment.language_model
        self.sample_rate = experiment.config.sample_rate
        self.make_own()

    def make_own(self) -> None:
        """What each process makes for itself."""
        self.features = self.experiment.encoder or feature_computer(feature_settings(self.experiment.config))
        width, wanted = self.features.num_mel_bins, self.experiment.config.model.num_mel_bins
        if width != wanted:
            raise JstasrError(
                f"the features of this model's encoder have {width} values, and its num_mel_bins is {wanted}"
            )
        self.graph_of = lru_cache(HOTWORD_LISTS)(self.build_graph)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("features", "graph_of")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.make_own()

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        model: str | Path | None = None,
        device: str = "cpu",
        lm: str | Path | None = None,
        own_search: bool = True,
        nnlm: str | Path | None = None,
    ) -> "Transcriber":
        """Load exp/<tag> or a packed zip.

        Args:
            model: file of weights; None: valid.wer.ave.pth of the experiment.
            lm: ARPA language model over the model's tokens, for beam search with `lm_weight`; None: the recipe's.
            own_search: search as the recipe of the model does by default; False: by the defaults of `SearchConfig`.
            nnlm: neural language model over them (`jstasr nnlm`), for `nnlm_weight`. Where `lm` or `nnlm` is given,
                the two replace those of the recipe.
        Raises:
            JstasrError: a part is missing, damaged or does not fit the others; no such device.
        """
        try:
            torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise JstasrError(f"device {device!r}: must be cpu, cuda or cuda:N") from error
        experiment = Experiment.load(path, model, device, own_search)
        language_model = load_external_lm(lm, nnlm, experiment.tokenizer.token_list.tokens, device)
        return cls(experiment, device, language_model)

    def transcribe(
        self,
        audio: Audio,
        sample_rate: int | None = None,
        mode: str = FULL,
        config: SearchConfig | None = None,
        lang: str | None = None,
        channel: Channel | Literal["each"] | None = None,
        vad: str = AUTO,
        max_segment: float = MAX_SEGMENT,
        hotwords: Sequence[str] | None = None,
    ) -> Transcript:
        """Transcribe a recording of any length, in memory that does not grow with it.

        A recording of at most `max_segment` seconds without a pause of a second is transcribed as it is. Another is
        cut at its pauses (`jstasr.decode.segments.Segmenter`). Without speech there are no words.

        Args:
            audio: path of a file that soundfile or an installed ffmpeg reads, or samples (N,): float in [-1, 1], or 16
                or 32 bit integers.
            sample_rate: Hz of an array; None: the model's own.
            mode: "full" (full-context decoder) or "streaming".
            config: search settings; None: those of the model's recipe.
            lang: the language, if it is known, for a multilingual model; None: that of the settings, if they have one.
            channel: of a file with several, from 1, "mix": their mean, or "each": all, kept apart.
            vad: what finds speech: "silero" (extra `vad`), "energy" (voices that stand out from a steady background),
                "none": one utterance, never cut, noise may become words, and `speech` is None: nobody listens.
                "auto": silero if it is installed, otherwise energy.
            max_segment: seconds of the longest segment.
            hotwords: names and phrases that are expected, each with a boost behind it if it has one of its own
                ("anna smith :2.5"), in the place of those of the settings. They make beam search of greedy search.
        Raises:
            JstasrError: unreadable, empty, non-finite or too short audio; settings that do not go together; without
                `vad`, audio that is too long for full context.
        """
        name = str(audio) if isinstance(audio, (str, Path)) else "the given array"
        check_channel(channel)
        config = self.expecting(hotwords, config)
        if channel == EACH:
            if not isinstance(audio, (str, Path)):
                raise JstasrError(f"{name}: has one channel; channel 'each' is for files")
            return merge_channels(
                [
                    self.transcribe(audio, sample_rate, mode, config, lang, number, vad, max_segment)
                    for number in range(1, number_of_channels(name) + 1)
                ]
            )
        recording = self.recording(audio, name, sample_rate, channel)
        return self.transcribe_recording(recording, mode, config, lang, vad, max_segment)

    def transcribe_batch(
        self,
        audios: Sequence[Audio],
        sample_rate: int | None = None,
        mode: str = FULL,
        config: SearchConfig | None = None,
        lang: str | None = None,
        channel: Channel | None = None,
        vad: str = AUTO,
        max_segment: float = MAX_SEGMENT,
        hotwords: Sequence[str] | None = None,
    ) -> list[Transcript]:
        """Transcribe recordings, segments of similar length together: faster than one by one.

        Args:
            audios: as `audio` of `transcribe`; the others, too, are as there.
        Raises:
            JstasrError: as of `transcribe`; of an array it names the place in the list, from 0.
        """
        if isinstance(audios, (str, Path)) or not isinstance(audios, Sequence):
            raise JstasrError(f"audios: must be a list of paths or of arrays, not {type(audios).__name__}")
        check_channel(channel)
        if channel == EACH:
            raise JstasrError(f"channel {channel!r}: transcribe such recordings one by one")
        config = self.checked(mode, self.expecting(hotwords, config), lang, vad, max_segment)
        if vad == NONE:
            return [
                self.transcribe(audio, sample_rate, mode, config, None, channel, vad, max_segment) for audio in audios
            ]
        recordings: list[Recording] = []

        def cut() -> Iterator[SpeechSegment]:
            for index, audio in enumerate(audios):
                name = str(audio) if isinstance(audio, (str, Path)) else f"audios[{index}]"
                recordings.append(self.recording(audio, name, sample_rate, channel))
                for segment in recordings[-1].segments(vad, self.longest(mode, config, max_segment)):
                    yield replace(segment, recording=index)

        found: list[list[Segment]] = [[] for _ in audios]
        for decoded in self.decoder(mode, config).decode_all(cut()):
            found[decoded.part.recording] += decoded.results(self.experiment.tokenizer)
        return [joined(segments, recording) for segments, recording in zip(found, recordings)]

    def transcribe_recording(
        self,
        recording: Recording,
        mode: str = FULL,
        config: SearchConfig | None = None,
        lang: str | None = None,
        vad: str = AUTO,
        max_segment: float = MAX_SEGMENT,
    ) -> Transcript:
        """`transcribe` of a recording that is read piece by piece."""
        if vad == NONE:
            return self.transcribe_whole(recording, mode, self.checked(mode, config, lang, vad, max_segment))
        return joined(list(self.segments(recording, mode, config, lang, vad, max_segment)), recording)

    def segments(
        self,
        recording: Recording,
        mode: str = FULL,
        config: SearchConfig | None = None,
        lang: str | None = None,
        vad: str = AUTO,
        max_segment: float = MAX_SEGMENT,
    ) -> Iterator[Segment]:
        """The segments of `transcribe_recording`, each as soon as it is known; `vad` is not "none"."""
        config = self.checked(mode, config, lang, vad, max_segment)
        cut = recording.segments(vad, self.longest(mode, config, max_segment))
        for decoded in self.decoder(mode, config).decode_all(cut):
            yield from decoded.results(self.experiment.tokenizer)

    def transcribe_whole(self, recording: Recording, mode: str, config: SearchConfig) -> Transcript:
        """The transcript of one utterance that is not cut; one from the streaming decoder has no words."""
        if mode == STREAMING:
            stream = TranscriptStream(self, None, None, config, vad=NONE)
            for piece in recording.pieces():
                stream.accept(piece)
            found, end = stream.finish(), recording.duration
            segment = Segment(0.0, end, found.text, found.tokens, found.timestamps, found.score, [], found.speech)
            return replace(found, segments=[segment] if found.tokens else [], duration=end)
        kept = []
        for piece in recording.pieces():
            kept.append(piece)
            if recording.duration > config.max_seconds:
                raise JstasrError(
                    f"{recording.name}: is longer than the {config.max_seconds} s that the full-context decoder takes. "
                    "Use the streaming decoder (--mode streaming), cut it at pauses, or raise the limit (--set "
                    "max_seconds=N)"
                )
        speech = [(0.0, recording.duration)]
        whole = SpeechSegment(0.0, np.concatenate(kept), self.sample_rate, speech, probability=None)
        decoded = self.decoder(mode, config).decode_batch([whole])[0]
        return join_segments(decoded.results(self.experiment.tokenizer), recording.duration, None)

    def recording(
        self, audio: Audio, name: str, sample_rate: int | None = None, channel: Channel | None = None
    ) -> Recording:
        """A file or array as a recording; arguments as for `transcribe`, `name` for messages."""
        blocks = read_blocks_of(audio, name, self.sample_rate, sample_rate, channel)
        return Recording(blocks, name, self.sample_rate, self.features.window)

    def longest(self, mode: str, config: SearchConfig, max_segment: float) -> float:
        """Seconds of the longest segment: no longer than the full-context decoder takes."""
        return min(max_segment, config.max_seconds) if mode == FULL else max_segment

    def checked(
        self, mode: str, config: SearchConfig | None, lang: str | None, vad: str, max_segment: float
    ) -> SearchConfig:
        """The search settings, after all of these were checked."""
        check_mode(mode)
        check_vad(vad)
        check_max_segment(max_segment)
        if mode == STREAMING:
            require_modes(self.experiment, [mode])
        config = self.settings(config, lang)
        self.start_label(config.lang)
        self.hotwords(config)
        return config

    def expecting(self, hotwords: Sequence[str] | None, config: SearchConfig | None) -> SearchConfig | None:
        """The search settings with these hotwords, if any are given."""
        if hotwords is None:
            return config
        config = self.experiment.search if config is None else config
        check_config(config)
        check_hotwords(hotwords, "hotwords")
        return with_hotwords(config, hotwords)

    def hotwords(self, config: SearchConfig) -> HotwordGraph | None:
        """What beam search adds for the hotwords of its settings."""
        return self.graph_of(tuple(config.hotwords), config.hotwords_score)

    def build_graph(self, hotwords: tuple[str, ...], score: float) -> HotwordGraph | None:
        """`hotwords` for the first time."""
        return hotword_graph(hotwords, score, self.experiment.tokenizer, self.device)

    def settings(self, config: SearchConfig | None, lang: str | None) -> SearchConfig:
        """The given search settings or the recipe's, with the given language or their own."""
        config = self.experiment.search if config is None else config
        check_config(config)
        if lang is not None and not isinstance(lang, str):
            raise JstasrError(f"lang {lang!r}: must be the code of a language, such as 'en'")
        config = replace(config, lang=lang or ("" if config.lang == UTT2LANG else config.lang))
        given = self.language_model or ExternalLm()
        if config.lm_weight > 0 and given.ngram is None:
            raise JstasrError("lm_weight without a language model: give `lm` to from_pretrained")
        if config.nnlm_weight > 0 and given.neural is None:
            raise JstasrError("nnlm_weight without a neural language model: give `nnlm` to from_pretrained")
        return config

    def decoder(self, mode: str, config: SearchConfig) -> SegmentDecoder:
        """What decodes segments with these settings."""
        return SegmentDecoder(
            self.experiment,
            self.features,
            mode,
            config,
            self.language_model,
            self.start_label(config.lang),
            self.hotwords(config),
            self.device,
        )

    def speech_stream(self, config: SearchConfig) -> SpeechStream:
        """A stream of the streaming decoder with these settings."""
        require_modes(self.experiment, [STREAMING])
        assert isinstance(self.features, Fbank)  # only such models stream
        label = self.start_label(config.lang)
        start = None if label is None else torch.tensor([label], device=self.device)
        hotwords = self.hotwords(config)
        return SpeechStream(self.experiment.model, self.features, config, self.language_model, start, hotwords)

    @overload
    def stream(
        self,
        pieces: None = None,
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
        hotwords: Sequence[str] | None = None,
        vad: str = AUTO,
    ) -> TranscriptStream: ...
    @overload
    def stream(
        self,
        pieces: Iterable[ArrayLike],
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
        hotwords: Sequence[str] | None = None,
        vad: str = AUTO,
    ) -> Iterator[PartialTranscript | Transcript]: ...
    def stream(
        self,
        pieces: Iterable[ArrayLike] | None = None,
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
        hotwords: Sequence[str] | None = None,
        vad: str = AUTO,
    ) -> TranscriptStream | Iterator[PartialTranscript | Transcript]:
        """Transcribe audio as it arrives, with the streaming decoder.

        Example:
            with transcriber.stream(sample_rate=44100) as stream:
                for piece in microphone:
                    print(stream.accept(piece).new.text, end="", flush=True)
            print(stream.transcript.text)

        Args:
            pieces: arrays of samples (N,) of any length, one after the other, as for `transcribe`; None: they are
                given to `accept` of the stream that is returned, a context manager.
            sample_rate: Hz; None: the model's own.
            lang, config, hotwords: as for `transcribe`.
            vad: "silero": only what it takes for speech has words. "energy", which is known 10 to 20 s later, holds
                nothing back. "none": nobody listens, and `speech` is None. "auto": silero if it is installed.
        Returns:
            For `pieces`, the transcript so far after each piece, and the whole at the end, which, with vad="none", is
            that of `transcribe` with mode="streaming". A transcript only extends the one before: beam search gives out
            what all its hypotheses have in common.
        Raises:
            JstasrError: an impossible sampling rate; a piece that is not samples, or not finite.
        """
        stream = TranscriptStream(self, sample_rate, lang, self.expecting(hotwords, config), vad)
        return stream if pieces is None else partial_transcripts(stream, pieces)

    def start_label(self, lang: str | None) -> int | None:
        """The token of a language, with which the transcripts of a multilingual model begin; None without `lang`."""
        return self.experiment.tokenizer.token_list.language_id(lang) if lang else None

    def transcript(self, found: Hypothesis, speech: float | None) -> Transcript:
        """The text, tokens and times of a hypothesis, and how sure it is that there was speech (None: not judged)."""
        tokenizer = self.experiment.tokenizer
        return Transcript(
            text=tokenizer.decode(found.labels),
            tokens=tokenizer.tokens(found.labels),
            score=found.score,
            timestamps=[round(frame * ENCODER_FRAME_SECONDS, 3) for frame in found.frames],
            speech=speech,
        )


def joined(segments: list[Segment], recording: Recording) -> Transcript:
    """The transcript of a recording that was cut."""
    speech = surest(segment.speech for segment in segments) if segments else recording.speech
    return join_segments(segments, recording.duration, speech)
