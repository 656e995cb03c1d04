"""Files of transcripts: txt, json, srt, vtt, ctm, stm and TextGrid."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from jstasr.decode.results import Segment, Transcript, Word, join_texts

LINE_CHARACTERS, CUE_LINES = 42, 2  # of a subtitle
CUE_SECONDS = 7.0  # longest time that a subtitle stays
CUE_PAUSE = 1.0  # seconds between words after which another subtitle begins
LEAST_CUE = 0.3  # seconds: less cannot be seen


@dataclass(frozen=True)
class Cue:
    """A subtitle: lines of text, and seconds."""

    begin: float
    end: float
    lines: list[str]


def as_txt(name: str, transcript: Transcript) -> str:
    """A line: the name and the text; a line for each channel, `name:1`, where they are kept apart."""
    lines = []
    for channel, segments in by_channel(transcript).items():
        text = transcript.text if channel is None else join_texts(segment.text for segment in segments)
        lines.append(f"{name if channel is None else f'{name}:{channel}'} {text}")
    return "".join(f"{line}\n" for line in lines)


def as_object(name: str, transcript: Transcript) -> dict[str, object]:
    """The transcript as JSON has it, with the confidence of words, segments and the whole."""
    found = {"audio": name, **asdict(transcript), "confidence": round(transcript.confidence, 4)}
    for segment, shown in zip(transcript.segments, found["segments"]):
        shown["confidence"] = round(segment.confidence, 4)
    return found


def as_json(name: str, transcript: Transcript) -> str:
    """One JSON object on a line."""
    return json.dumps(as_object(name, transcript), ensure_ascii=False) + "\n"


def as_srt(name: str, transcript: Transcript) -> str:
    """SubRip subtitles."""
    found = cues(transcript)
    return "\n".join(
        f"{number}\n{clock(cue.begin, ',')} --> {clock(cue.end, ',')}\n" + "".join(f"{line}\n" for line in cue.lines)
        for number, cue in enumerate(found, 1)
    )


def as_vtt(name: str, transcript: Transcript) -> str:
    """WebVTT subtitles."""
    text = "WEBVTT\n"
    for cue in cues(transcript):
        lines = "\n".join(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in cue.lines)
        text += f"\n{clock(cue.begin, '.')} --> {clock(cue.end, '.')}\n{lines}\n"
    return text


def as_ctm(name: str, transcript: Transcript) -> str:
    """NIST's CTM: recording, channel, begin, duration, word, confidence; a line for each word."""
    return "".join(
        f"{one_word(name)} {segment.channel or 1} {word.begin:.3f} {word.end - word.begin:.3f} "
        f"{one_word(word.text)} {word.confidence:.4f}\n"
        for segment in sorted(transcript.segments, key=lambda segment: segment.channel or 1)
        for word in segment.words
    )


def as_stm(name: str, transcript: Transcript) -> str:
    """NIST's STM: recording, channel, speaker, begin, end, text; a line for each segment."""
    recording = one_word(name)
    return "".join(
        f"{recording} {segment.channel or 1} {recording}-{segment.channel or 1} "
        f"{segment.begin:.3f} {segment.end:.3f} {segment.text}\n"
        for segment in transcript.segments
        if segment.text
    )


def as_textgrid(name: str, transcript: Transcript) -> str:
    """Praat's TextGrid: a tier of segments and one of words for each channel."""
    end = max([transcript.duration, *(segment.end for segment in transcript.segments)])
    tiers = []
    for channel, segments in by_channel(transcript).items():
        suffix = "" if channel is None else f" {channel}"
        spoken = [segment for segment in segments if segment.text]
        words = [word for segment in spoken for word in segment.words]
        tiers.append((f"segments{suffix}", intervals(spoken, end)))
        tiers.append((f"words{suffix}", intervals(words, end)))
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end:.3f}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (title, parts) in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{title}"']
        lines += ["        xmin = 0", f"        xmax = {end:.3f}", f"        intervals: size = {len(parts)}"]
        for place, (start, stop, text) in enumerate(parts, 1):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{place}]:", f"            xmin = {start:.3f}"]
            lines += [f"            xmax = {stop:.3f}", f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[str, Transcript], str]] = {
    "txt": as_txt,
    "json": as_json,
    "srt": as_srt,
    "vtt": as_vtt,
    "ctm": as_ctm,
    "stm": as_stm,
    "TextGrid": as_textgrid,
}
LISTS = ("txt", "json", "ctm", "stm")  # which several recordings may share one file of


def by_channel(transcript: Transcript) -> dict[int | None, list[Segment]]:
    """Channel -> its segments; None: the only one, even if nobody speaks."""
    found: dict[int | None, list[Segment]] = {}
    for segment in sorted(transcript.segments, key=lambda segment: segment.channel or 0):
        found.setdefault(segment.channel, []).append(segment)
    return found or {None: []}


def intervals(parts: Sequence[Segment | Word], end: float) -> list[tuple[float, float, str]]:
    """Begin, end and text of parts and, with "", of what lies between them: no gap, no overlap, nothing empty."""
    found, now = [], 0.0
    for part in parts:
        begin = round(max(part.begin, now), 3)
        stop = round(min(max(part.end, begin), end), 3)
        if stop <= begin:
            continue
        if begin > now:
            found.append((now, begin, ""))
        found.append((begin, stop, part.text))
        now = stop
    if now < round(end, 3):
        found.append((now, round(end, 3), ""))
    return found


def cues(transcript: Transcript) -> list[Cue]:
    """Subtitles of a transcript, in the order of time; none is shown before the one in front of it has gone."""
    found = []
    for segment in transcript.segments:
        if not segment.words and segment.text:
            found.append(Cue(segment.begin, segment.end, wrap(segment.text)))
        held: list[Word] = []
        for word in segment.words:
            if held and (
                word.begin - held[-1].end > CUE_PAUSE
                or word.end - held[0].begin > CUE_SECONDS
                or len(wrap(join_texts(part.text for part in [*held, word]))) > CUE_LINES
            ):
                found.append(as_cue(held))
                held = []
            held.append(word)
        if held:
            found.append(as_cue(held))
    if any(segment.channel for segment in transcript.segments):
        return found  # people who speak at the same time
    return [
        Cue(cue.begin, max(cue.begin, min(cue.end, later.begin)), cue.lines) for cue, later in zip(found, found[1:])
    ] + found[-1:]


def as_cue(words: Sequence[Word]) -> Cue:
    """Words as a subtitle."""
    begin = words[0].begin
    return Cue(begin, max(words[-1].end, begin + LEAST_CUE), wrap(join_texts(word.text for word in words)))


def wrap(text: str) -> list[str]:
    """Text in lines of at most LINE_CHARACTERS, where its words allow it."""
    lines = [""]
    for word in text.split():
        while len(word) > LINE_CHARACTERS:  # a script without spaces
            lines.append(word[:LINE_CHARACTERS])
            word = word[LINE_CHARACTERS:]
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > LINE_CHARACTERS:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line for line in lines if line]


def clock(seconds: float, point: str) -> str:
    """hh:mm:ss and milliseconds, with the given point between."""
    thousandths = round(seconds * 1000)
    whole, rest = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{rest:03d}"


def one_word(name: str) -> str:
    """A name without white space, as a field of a table."""
    return "_".join(name.split()) or "_"
