"""Files of transcripts, read back by parsers of their own."""

import json
import re

import pytest

from jstasr.decode.formats import FORMATS, clock, intervals, wrap
from jstasr.decode.results import Segment, Word, join_segments, merge_channels


def segment(begin, *words, channel=None):
    """A segment of words (text, begin, end)."""
    spoken = [Word(text, start, end, 0.5) for text, start, end in words]
    text = " ".join(word.text for word in spoken)
    return Segment(begin, spoken[-1].end + 0.1, text, text.split(), [begin], -1.0, spoken, 0.9, channel)


@pytest.fixture
def transcript():
    first = segment(0.5, ("it's", 0.6, 0.9), ("<b>", 0.9, 1.2), ('"quoted"', 1.2, 1.5))
    second = segment(3600.0, *((f"word{i:02}", 3600 + 0.5 * i, 3600.4 + 0.5 * i) for i in range(40)))
    return join_segments([first, second], duration=3700.0, speech=0.9)


def test_txt_is_a_line(transcript):
    assert FORMATS["txt"]("a.wav", transcript) == f"a.wav {transcript.text}\n"


def test_json_has_words_with_confidence(transcript):
    found = json.loads(FORMATS["json"]("a.wav", transcript))
    assert (found["audio"], found["text"], found["duration"]) == ("a.wav", transcript.text, 3700.0)
    assert found["segments"][0]["words"][0] == {"text": "it's", "begin": 0.6, "end": 0.9, "confidence": 0.5}
    assert found["confidence"] == found["segments"][1]["confidence"] == 0.5 and found["speech"] == 0.9


def times(text, point):
    """(begin, end) in seconds of each line with an arrow."""
    one = rf"(\d\d+):(\d\d):(\d\d){re.escape(point)}(\d\d\d)"
    found = re.findall(rf"^{one} --> {one}$", text, re.MULTILINE)
    parts = [[int(value) for value in row] for row in found]
    return [tuple(h * 3600 + m * 60 + s + t / 1000 for h, m, s, t in (row[:4], row[4:])) for row in parts]


@pytest.mark.parametrize("name, point", [("srt", ","), ("vtt", ".")])
def test_subtitles_are_short_and_in_order(transcript, name, point):
    text = FORMATS[name]("a.wav", transcript)
    shown = times(text, point)
    assert len(shown) == text.count("-->") > 4
    assert all(begin < end <= begin + 7 for begin, end in shown)
    assert all(before[1] <= after[0] for before, after in zip(shown, shown[1:]))
    assert shown[0] == (0.6, 1.5) and shown[1][0] == 3600.0
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    body = blocks if name == "srt" else blocks[1:]
    lines = [line for block in body for line in block[2 if name == "srt" else 1 :]]
    assert max(map(len, lines)) <= 42 and max(map(len, body)) <= 4
    if name == "srt":
        assert [block[0] for block in body] == [str(number) for number in range(1, len(body) + 1)]
        assert " ".join(lines) == transcript.text
    else:
        assert blocks[0] == ["WEBVTT"] and "&lt;b&gt;" in text and "<b>" not in text


def test_ctm_and_stm_are_tables(transcript):
    rows = [line.split() for line in FORMATS["ctm"]("my talk", transcript).splitlines()]
    assert len(rows) == len(transcript.words) and all(len(row) == 6 for row in rows)
    assert rows[0] == ["my_talk", "1", "0.600", "0.300", "it's", "0.5000"]
    rows = [line.split(maxsplit=5) for line in FORMATS["stm"]("my talk", transcript).splitlines()]
    assert rows[0] == ["my_talk", "1", "my_talk-1", "0.500", "1.600", 'it\'s <b> "quoted"'] and len(rows) == 2


def tiers(text):
    """Tier -> intervals of a TextGrid, read as Praat does: values in their order, whatever stands between."""
    values = re.findall(r'"((?:[^"]|"")*)"|(?<![\w\[])(-?\d+(?:\.\d+)?)(?![\w\]])', text.split("<exists>")[1])
    flat = iter([quoted.replace('""', '"') if not number else float(number) for quoted, number in values])
    found = {}
    for _ in range(int(next(flat))):
        assert next(flat) == "IntervalTier"
        name, begin, end, count = next(flat), next(flat), next(flat), int(next(flat))
        rows = [(next(flat), next(flat), next(flat)) for _ in range(count)]
        assert rows[0][0] == begin == 0 and rows[-1][1] == end
        assert all(before[1] == after[0] for before, after in zip(rows, rows[1:]))
        found[name] = rows
    return found


def test_textgrid_has_intervals_without_gaps(transcript):
    found = tiers(FORMATS["TextGrid"]("a.wav", transcript))
    assert list(found) == ["segments", "words"]
    words = [row for row in found["words"] if row[2]]
    assert words[2] == (1.2, 1.5, '"quoted"') and len(words) == len(transcript.words)
    assert found["words"][-1] == (3619.9, 3700.0, "")


def test_channels_are_kept_apart():
    one = join_segments([segment(0.0, ("a", 0.1, 0.4)), segment(2.0, ("b", 2.1, 2.4))], 5.0, 0.9)
    two = join_segments([segment(1.0, ("c", 1.1, 1.4))], 5.0, 0.8)
    both = merge_channels([one, two])
    assert both.text == "a c b" and both.speech == 0.9
    assert FORMATS["txt"]("x", both) == "x:1 a b\nx:2 c\n"
    assert [line.split()[1:5:3] for line in FORMATS["ctm"]("x", both).splitlines()] == [
        ["1", "a"],
        ["1", "b"],
        ["2", "c"],
    ]
    assert list(tiers(FORMATS["TextGrid"]("x", both))) == ["segments 1", "words 1", "segments 2", "words 2"]
    assert [line.split()[2] for line in FORMATS["stm"]("x", both).splitlines()] == ["x-1", "x-2", "x-1"]


@pytest.mark.parametrize("name", FORMATS)
def test_nobody_speaks(name):
    text = FORMATS[name]("a.wav", join_segments([], 2.0, 0.01))
    assert text == {"txt": "a.wav \n", "vtt": "WEBVTT\n"}.get(name, text)
    if name in ("srt", "ctm", "stm"):
        assert text == ""
    if name == "TextGrid":
        assert tiers(text) == {"segments": [(0, 2, "")], "words": [(0, 2, "")]}


def test_words_of_no_length_or_out_of_order_leave_no_holes():
    words = [Word("a", 0.5, 0.5, 1), Word("b", 0.4, 0.9, 1), Word("c", 0.8, 9.0, 1)]
    assert intervals(words, 2.0) == [(0.0, 0.4, ""), (0.4, 0.9, "b"), (0.9, 2.0, "c")]


def test_scripts_without_spaces_are_broken_too():
    assert wrap("字" * 50) == ["字" * 42, "字" * 8]


def test_a_transcript_in_chinese_has_no_spaces():
    both = join_segments([segment(0.0, ("你", 0.1, 0.4), ("好", 0.4, 0.6)), segment(2.0, ("吗", 2.1, 2.4))], 5.0, 0.9)
    assert both.text == "你好吗" and "你好\n" in FORMATS["srt"]("x", both)


@pytest.mark.parametrize(
    "seconds, shown", [(0, "00:00:00,000"), (59.9996, "00:01:00,000"), (360000.5, "100:00:00,500")]
)
def test_clock(seconds, shown):
    assert clock(seconds, ",") == shown
