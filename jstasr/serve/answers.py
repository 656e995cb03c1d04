"""Transcripts in the forms of OpenAI's transcription endpoint.

Beside the documented fields, every answer in JSON and every event has `speech`, how sure it is that somebody speaks,
words and segments have `confidence`, and the last event of a streamed answer has the subtitles as `srt`: clients leave
out what they do not know.
"""

import json
import math
import zlib

from jstasr.decode.formats import FORMATS, as_srt
from jstasr.decode.results import Segment, Transcript, Word, join_texts
from jstasr.text.tokens import LANGUAGE_TOKEN, TokenList

JSON, TEXT, VERBOSE, SRT, VTT = "json", "text", "verbose_json", "srt", "vtt"
RESPONSE_FORMATS = (JSON, TEXT, SRT, VERBOSE, VTT)
WORD, SEGMENT = "word", "segment"


def as_text(transcript: Transcript, response_format: str) -> str:
    """The answer of a format that is no JSON."""
    return f"{transcript.text}\n" if response_format == TEXT else FORMATS[response_format]("", transcript)


def as_json(transcript: Transcript) -> dict[str, object]:
    """The answer of `json`."""
    return {"text": transcript.text, "speech": transcript.speech, "usage": usage(transcript)}


def as_verbose_json(
    transcript: Transcript, language: str | None, granularities: list[str], tokens: TokenList
) -> dict[str, object]:
    """The answer of `verbose_json`, with words, segments or both."""
    found: dict[str, object] = {
        "task": "transcribe",
        "language": language or spoken_language(transcript),
        "duration": transcript.duration,
        "text": transcript.text,
        "confidence": round(transcript.confidence, 4),
        "speech": transcript.speech,
        "usage": usage(transcript),
    }
    if SEGMENT in granularities:
        found["segments"] = [as_segment(index, part, tokens) for index, part in enumerate(transcript.segments)]
    if WORD in granularities:
        found["words"] = [as_word(word) for word in transcript.words]
    return found


def as_segment(index: int, segment: Segment, tokens: TokenList) -> dict[str, object]:
    """A segment; `no_speech_prob` is what the voice activity detection says."""
    return {
        "id": index,
        "seek": 0,
        "start": segment.begin,
        "end": segment.end,
        "text": segment.text,
        "tokens": [tokens.get(token, 1) for token in segment.tokens],
        "temperature": 0.0,
        "avg_logprob": segment.score / max(1, len(segment.tokens)),
        "compression_ratio": compression_ratio(segment.text),
        "no_speech_prob": None if segment.speech is None else round(1 - segment.speech, 4),
        "speech": segment.speech,
        "confidence": round(segment.confidence, 4),
    }


def as_word(word: Word) -> dict[str, object]:
    """A word."""
    return {"word": word.text, "start": word.begin, "end": word.end, "confidence": word.confidence}


def delta(segment: Segment, before: str) -> dict[str, object]:
    """The event of a segment that comes behind so much text."""
    text = join_texts([before, segment.text])
    return {
        "type": "transcript.text.delta",
        "delta": text[len(before) :] if text.startswith(before) else segment.text,
        "start": segment.begin,
        "end": segment.end,
        "speech": segment.speech,
        "words": [as_word(word) for word in segment.words],
    }


def done(transcript: Transcript) -> dict[str, object]:
    """The last event of a streamed answer."""
    return {
        "type": "transcript.text.done",
        "text": transcript.text,
        "duration": transcript.duration,
        "speech": transcript.speech,
        "srt": as_srt("", transcript),
        "usage": usage(transcript),
    }


def as_event(value: dict[str, object]) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def usage(transcript: Transcript) -> dict[str, object]:
    """What is counted: whole seconds."""
    return {"type": "duration", "seconds": math.ceil(transcript.duration)}


def spoken_language(transcript: Transcript) -> str:
    """The language that a multilingual model recognised first; "" from another."""
    return next((match[1] for token in transcript.tokens if (match := LANGUAGE_TOKEN.fullmatch(token))), "")


def compression_ratio(text: str) -> float:
    """Bytes of the text per byte of what zlib makes of it: large where it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))
