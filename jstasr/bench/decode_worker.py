"""One way to decode in one process, which `jstasr bench decode` asks for times: ours, or sherpa-onnx on an export."""

import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from jstasr.bench.worker_process import answer_requests, memory

ONE, BATCH, BEAM, STREAM, HEARD = "one", "batch", "beam", "stream", "heard"  # ways; heard: with the detector
SHERPA_ONE, SHERPA_STREAM = "sherpa one", "sherpa stream"
MINUTE = 60.0  # seconds


class Piece(NamedTuple):
    """What a stream has after a piece: seconds of audio that it was given, wall seconds of the piece, text so far."""

    audio: float
    wall: float
    text: str


class Stream(Protocol):
    """One utterance that is decoded as it arrives."""

    def accept(self, samples: np.ndarray) -> str:
        """The text so far, after the next samples (N,)."""
        ...

    def finish(self) -> str:
        """The whole text."""
        ...


class Decoder(Protocol):
    """A way to decode."""

    rate: int

    def texts(self, audios: list[np.ndarray]) -> list[str]:
        """The text of each utterance (N,)."""
        ...

    def stream(self) -> Stream:
        """A new stream."""
        ...


class Ours:
    """The Transcriber."""

    def __init__(self, way: str, model: str, piece: float):
        from jstasr.decode.transcriber import Transcriber
        from jstasr.decode.vad import AUTO, NONE
        from jstasr.experiment.search import SearchConfig

        self.transcriber = Transcriber.from_pretrained(model, own_search=False)
        self.rate, self.way, self.piece = self.transcriber.sample_rate, way, piece
        self.config = SearchConfig(search="beam", beam_size=4) if way == BEAM else SearchConfig()
        self.vad, self.vad_of_stream = NONE, AUTO if way == HEARD else NONE

    def texts(self, audios: list[np.ndarray]) -> list[str]:
        if self.way == BATCH:
            return self.batched(audios)
        if self.piece:
            return [list(pieces_of(self, audio, self.piece))[-1].text for audio in audios]
        return [self.transcriber.transcribe(audio, config=self.config, vad=self.vad).text for audio in audios]

    def batched(self, audios: list[np.ndarray]) -> list[str]:
        """All at once: `transcribe_batch` after its detector, which would cut them."""
        from jstasr.decode.segments import SpeechSegment
        from jstasr.model.joint import FULL

        parts = [
            SpeechSegment(0.0, audio, self.rate, [(0.0, len(audio) / self.rate)], None, recording=index)
            for index, audio in enumerate(audios)
        ]
        decode, tokenizer = self.transcriber.decoder(FULL, self.config), self.transcriber.experiment.tokenizer
        return [tokenizer.decode(decoded.found.labels) for decoded in decode.decode_all(parts)]

    def stream(self) -> Stream:
        return OurStream(self.transcriber.stream(config=self.config, vad=self.vad_of_stream))


class OurStream:
    """A `TranscriptStream`; the text is put together from what is new, as a program that shows it does."""

    def __init__(self, stream: Any):
        self.own, self.text = stream, ""

    def accept(self, samples: np.ndarray) -> str:
        found = self.own.accept(samples)
        if found.new.tokens:
            self.text = found.text
        return self.text

    def finish(self) -> str:
        return self.own.finish().text


class Sherpa:
    """sherpa-onnx, greedy search, on the folder of `jstasr export`."""

    def __init__(self, way: str, model: str, piece: float, threads: int, rate: int, mels: int, int8: bool, tail: float):
        """tail: seconds of silence behind a stream, which encodes complete chunks only."""
        import sherpa_onnx

        from jstasr.export.layout import DECODER, ENCODER, ENCODER_INT8, FOLDERS, JOINER, TOKENS
        from jstasr.model.joint import FULL, STREAMING

        online = way == SHERPA_STREAM
        kind: Any = sherpa_onnx.OnlineRecognizer if online else sherpa_onnx.OfflineRecognizer
        folder = os.path.join(model, FOLDERS[STREAMING if online else FULL])
        files = {"encoder": ENCODER_INT8 if int8 else ENCODER, "decoder": DECODER, "joiner": JOINER}
        self.own = kind.from_transducer(
            tokens=os.path.join(model, TOKENS),
            **{part: os.path.join(folder, name) for part, name in files.items()},
            num_threads=threads,
            sample_rate=rate,
            feature_dim=mels,
        )
        self.rate, self.piece, self.tail = rate, piece, tail

    def texts(self, audios: list[np.ndarray]) -> list[str]:
        if self.piece:
            return [list(pieces_of(self, audio, self.piece))[-1].text for audio in audios]
        found = []
        for audio in audios:
            stream = self.own.create_stream()
            stream.accept_waveform(self.rate, audio)
            self.own.decode_stream(stream)
            found.append(stream.result.text)
        return [" ".join(text.split()) for text in found]

    def stream(self) -> Stream:
        return SherpaStream(self)


class SherpaStream:
    """A stream of its online recogniser."""

    def __init__(self, decoder: Sherpa):
        self.decoder, self.own = decoder, decoder.own.create_stream()

    def accept(self, samples: np.ndarray) -> str:
        self.own.accept_waveform(self.decoder.rate, samples)
        while self.decoder.own.is_ready(self.own):
            self.decoder.own.decode_stream(self.own)
        return " ".join(self.decoder.own.get_result(self.own).split())

    def finish(self) -> str:
        silence = np.zeros(round(self.decoder.tail * self.decoder.rate), np.float32)
        self.own.accept_waveform(self.decoder.rate, silence)
        self.own.input_finished()
        return self.accept(silence[:0])


def pieces_of(decoder: Decoder, audio: np.ndarray, piece: float) -> Iterator[Piece]:
    """Stream samples (N,) in pieces of so many seconds; the last is that of the end."""
    stream, size = decoder.stream(), round(piece * decoder.rate)
    for first in range(0, len(audio), size):
        samples = audio[first : first + size]
        began = time.perf_counter()
        text = stream.accept(samples)
        yield Piece((first + len(samples)) / decoder.rate, time.perf_counter() - began, text)
    began = time.perf_counter()
    text = stream.finish()
    yield Piece(len(audio) / decoder.rate, time.perf_counter() - began, text)


def appearances(pieces: list[Piece]) -> list[tuple[str, float]]:
    """The words of a stream, and when each was there whole, seconds: with all words before it as they stay.

    The time is that of the audio so far and of the piece's own computation: pieces come as they are spoken.
    """
    final, found = pieces[-1].text.split(), []
    for piece in pieces:
        words = piece.text.split()
        while len(found) < min(len(final), len(words)) and words[: len(found) + 1] == final[: len(found) + 1]:
            found.append((final[len(found)], round(piece.audio + piece.wall, 4)))
    return found


class DecodeWorker:
    """Answers requests about one way to decode some utterances."""

    def __init__(self, name: str, model: str, audio: str, piece: float, threads: int, **sherpa: Any) -> None:
        """Load, and decode up to the first words.

        Args:
            name: the way.
            model: experiment; of sherpa-onnx the exported folder.
            audio: .npz file of utterance -> samples (N,) float32 at the model's rate.
            piece: seconds of the pieces of a stream; 0: whole utterances.
            sherpa: further arguments of `Sherpa`.
        """
        import torch

        torch.set_num_threads(threads)
        with np.load(audio) as held:
            self.audio = {utterance: held[utterance] for utterance in held.files}
        if name in (SHERPA_ONE, SHERPA_STREAM):
            self.decoder: Decoder = Sherpa(name, model, piece, threads, **sherpa)
        else:
            self.decoder = Ours(name, model, piece)
        self.piece = piece
        self.first_words()

    def first_words(self) -> None:
        """Decode until there are words."""
        for audio in self.audio.values():
            if not self.piece:
                if self.decoder.texts([audio])[0]:
                    return
            elif any(piece.text for piece in pieces_of(self.decoder, audio, self.piece)):
                return

    def do_round(self) -> dict[str, Any]:
        """Processor and wall seconds of all utterances, and their texts."""
        cpu, wall = time.process_time(), time.perf_counter()
        texts = self.decoder.texts(list(self.audio.values()))
        taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return {**taken, "texts": dict(zip(self.audio, texts))}

    def do_words(self) -> dict[str, list[tuple[str, float]]]:
        """The words of each utterance, and when each appeared in the stream."""
        return {
            utterance: appearances(list(pieces_of(self.decoder, audio, self.piece)))
            for utterance, audio in self.audio.items()
        }

    def do_word_ends(self) -> dict[str, list[tuple[str, float]]]:
        """The words of each utterance in a full decode, and when each ends, seconds."""
        assert isinstance(self.decoder, Ours)
        transcribe = self.decoder.transcriber.transcribe
        return {
            utterance: [
                (word.text, word.end) for word in transcribe(audio, config=self.decoder.config, vad="none").words
            ]
            for utterance, audio in self.audio.items()
        }

    def do_growth(self, minutes: float) -> dict[str, float]:
        """Mean wall seconds of a piece in the first and in the last minute of a stream of so many minutes."""
        size = round(minutes * MINUTE * self.decoder.rate)
        joined = np.resize(np.concatenate(list(self.audio.values())), size)  # again and again
        pieces = list(pieces_of(self.decoder, joined, self.piece))[:-1]
        first = [piece.wall for piece in pieces if piece.audio <= MINUTE]
        last = [piece.wall for piece in pieces if piece.audio > minutes * MINUTE - MINUTE]
        return {"first": float(np.mean(first)), "last": float(np.mean(last))}

    def do_memory(self) -> dict[str, int]:
        """Peak memory of the process, bytes."""
        return {"peak": memory("VmHWM")}


if __name__ == "__main__":
    answer_requests(DecodeWorker)
