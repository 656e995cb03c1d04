"""The report of an import: what was found beside what was taken, and which transcripts to look at first."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.corpus.importers.entries import Entry
from jstasr.corpus.importers.report import robust_scores, single_characters, unusual_rates


def counts(report):
    """The lines `name  count` of found, taken, left out and its reasons."""
    block = next(part for part in report.split("\n\n") if part.startswith("found"))
    return {name.strip(): int(count) for name, count in (line.rsplit(None, 1) for line in block.splitlines())}


def test_found_is_taken_and_left_out_by_reason(speak, lines, run_import, sizes):
    speak("a.wav", "b.wav", "c.wav", "d.wav")
    rows = ["a.wav,one,ann", "b.wav,two,bob", "gone.wav,x,ann", "c.wav,,ann", "d.wav, ,bob", "b.wav,two", "c.wav,?,ann"]
    lines("m.csv", "audio,text,speaker", *rows, "")
    status, out, _ = run_import("m.csv", "data/x", "--lang", "en", "--skip-bad")
    assert status == 0
    assert sizes(out) == {"data/x": (2, 2, 0.0, "en")}
    assert counts(out) == {
        "found": 7,
        "taken": 2,
        "left out": 5,
        "empty transcript": 2,
        "missing audio": 1,
        "another number of fields than the header has": 1,
        "transcript without letters": 1,
    }
    assert Path("data/x/report.txt").read_text() == out
    assert len(Path("data/x/skipped").read_text().splitlines()) == 5


def test_hours_are_those_of_the_recordings_and_segments(folder, lines, run_import, sizes):
    soundfile.write("long.wav", np.full(720 * 4000, 0.1), 4000)
    lines("m.csv", "audio,text", "long.wav,one")
    assert sizes(run_import("m.csv", "data/x")[1])["data/x"][2] == 0.2
    lines("m.csv", "audio,text,start,end", "long.wav,one,0,180", "long.wav,two,360,540")
    assert sizes(run_import("m.csv", "data/x")[1])["data/x"][2] == 0.1


def split_corpus(speak, lines):
    for speaker in range(10):
        for number in range(4):
            speak(f"clips/{speaker}_{number}.wav")
    rows = (f"clips/{s}_{n}.wav\tsentence {s if n else 0} of {n}\ts{s}" for s in range(10) for n in range(4))
    return lines("m.tsv", "audio\ttext\tspeaker", *rows)


@pytest.mark.parametrize(
    "options",
    [[], ["--shared-sentences", "drop"], ["--held-out", "0.3"], ["--max-train", "5"], ["--test-share", "0.4"]],
    ids=" ".join,
)
def test_the_sets_of_a_split_add_up(speak, lines, run_import, sizes, options):
    split_corpus(speak, lines)
    status, out, err = run_import("m.tsv", "data", "--split", "--lang", "en", *options)
    assert status == 0, err
    report = Path("data/report.txt").read_text()
    assert out.endswith(report)
    found = sizes(report)
    written = {name: len(Path(f"data/{name}/text").read_text().splitlines()) for name in ("train", "dev", "test")}
    assert {name: found[name][0] for name in written} == written
    numbers = counts(report)
    assert numbers.pop("found") == 40 and numbers["taken"] == sum(written.values()) == found["all"][0]
    assert numbers.pop("taken") + numbers.pop("left out") == 40
    assert sum(numbers.values()) == 40 - sum(written.values())


def test_a_failed_import_leaves_the_older_report(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text", "a.wav,one")
    assert run_import("m.csv", "data/x")[0] == 0
    before = Path("data/x/report.txt").read_text()
    lines("m.csv", "audio,text", "a.wav,")
    assert run_import("m.csv", "data/x")[0] == 1
    assert Path("data/x/report.txt").read_text() == before


def entry(text, seconds, name="u", lang="en"):
    return Entry("x", "a.wav", text, id=name, lang=lang, seconds=seconds)


def test_a_wrong_transcript_has_the_most_unusual_rate():
    rng = np.random.default_rng(1)
    entries = [entry("x" * 30, 3 * rng.uniform(0.8, 1.2), f"u{n:02}") for n in range(40)]
    entries += [entry("x" * 30, 20.0, "slow"), entry("x" * 300, 3.0, "fast")]
    found = unusual_rates(entries)
    assert len(found) == 10 and [one.entry.id for one in found[:2]] == ["fast", "slow"]
    assert found[0].rate == pytest.approx(100) and found[0].score > 20 and found[1].score < -3.5


def test_rates_are_compared_within_a_language():
    english = [entry("x" * (28 + n), 2.0, f"e{n}") for n in range(5)]
    chinese = [entry("好" * (7 + n % 3), 2.0, f"z{n}", "zh") for n in range(5)]
    wrong = entry("好" * 30, 2.0, "wrong", "zh")
    assert unusual_rates([*english, *chinese, wrong])[0].entry.id == "wrong"


def test_robust_scores_against_numpy():
    values = [1.0, 2.0, 4.0, 8.0, 100.0]
    deviation = 1.4826 * np.median(np.abs(np.array(values) - 4))
    assert robust_scores(values) == pytest.approx((np.array(values) - 4) / deviation)
    assert robust_scores([3.0, 3.0, 3.0]) == [0, 0, 0]
    assert robust_scores([3.0] * 9 + [5.0])[-1] == pytest.approx(2 / (1.2533 * 0.2))


def test_characters_that_occur_once_are_listed():
    entries = [entry("naïve Abba", 1, "a"), entry("even nave bb", 1, "b"), entry("en ba§Q", 1, "c")]
    assert [(one.id, characters) for one, characters in single_characters(entries)] == [("c", "§q"), ("a", "ï")]


def test_unknown_speakers_are_said(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("m.csv", "audio,text,speaker", "a.wav,one,", "b.wav,two,")
    said = "the speakers are not known: one voice may be in train, dev and test"
    assert said in run_import("m.csv", "data/x")[1]
    lines("m.csv", "audio,text,speaker", "a.wav,one,ann", "b.wav,two,")
    assert said not in run_import("m.csv", "data/x")[1]


def test_a_report_of_text_counts_what_was_left_out(lines, run_import):
    lines("t.txt", "Good morning.", "123", "good morning", "x" * 100_000)
    status, out, _ = run_import("--format", "text", "t.txt", "data/t")
    assert status == 0 and "data/t: 4 lines, 1 sentences taken; left out: 1 without letters" in out
    assert Path("data/t/report.txt").read_text() in out
    assert re.search(r"1 of over 400 characters without the end of a sentence", out)
