"""Train, dev and test: speakers apart, sentences apart, text without speech."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.corpus.importers.entries import Entry, ImportFaults
from jstasr.corpus.importers.sentences import TextReading, new_sentences, sentences_of
from jstasr.corpus.importers.split import drop_shared_sentences, hold_out_sentences, split_entries
from jstasr.kaldi.tables import read_table


def entries_of(counts, lang="br"):
    """counts: {speaker: utterances}."""
    return [
        Entry("x", "a.wav", f"sentence {speaker} {number}", f"{speaker}-{number}", speaker, lang)
        for speaker, count in counts.items()
        for number in range(count)
    ]


def divide(entries, shares=(0.1, 0.1)):
    return split_entries(entries, *shares, 1, ImportFaults())


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=3, max_size=40),
    st.lists(st.integers(1, 30), min_size=3, max_size=40),
    st.integers(0, 3),
)
def test_nobody_is_in_two_sets_and_nothing_is_lost(first, second, shared):
    one = entries_of({f"s{n}": count for n, count in enumerate(first)}, "br")
    two = entries_of({f"s{n + len(first) - shared}": count for n, count in enumerate(second)}, "dv")
    parts, notes = divide(one + two)
    speakers = {name: {entry.speaker for entry in part} for name, part in parts.items()}
    if not notes:  # else one language has fewer speakers left than sets
        assert not speakers["train"] & speakers["test"]
        assert not speakers["train"] & speakers["dev"] and not speakers["dev"] & speakers["test"]
        for lang in ("br", "dv"):
            assert all(any(entry.lang == lang for entry in part) for part in parts.values()) or shared
    assert sum(map(len, parts.values())) == len(one) + len(two)


def test_every_set_has_many_voices_and_training_gets_those_who_say_most():
    entries = entries_of({f"s{n}": 1 + n % 10 for n in range(180)} | {f"t{n}": 100 + n for n in range(6)})
    parts, _ = divide(entries, (0.1, 0.2))
    counts = {name: Counter(e.speaker for e in part) for name, part in parts.items()}
    assert 0.09 < len(parts["dev"]) / len(entries) < 0.12
    assert 0.19 < len(parts["test"]) / len(entries) < 0.22
    assert all(counts["train"][f"t{n}"] for n in range(6))
    assert len(counts["train"]) > 0.5 * 186 and len(counts["test"]) > 0.2 * 186
    assert divide(entries, (0.1, 0.2))[0] == parts


def test_one_voice_is_at_most_a_quarter_of_dev_and_test():
    parts, _ = divide(entries_of({f"s{n}": 1 + 3 * (n % 10) for n in range(60)}), (0.1, 0.1))
    for name in ("dev", "test"):
        assert max(Counter(e.speaker for e in parts[name]).values()) <= 0.25 * len(parts[name])


def test_few_speakers_still_make_three_sets():
    parts, notes = divide(entries_of({"a": 5, "b": 45, "c": 50}))
    assert [len({e.speaker for e in parts[name]}) for name in ("train", "dev", "test")] == [1, 1, 1]
    assert {e.speaker for e in parts["train"]} == {"c"} and not notes


def test_one_speaker_is_divided_by_utterance_and_that_is_said():
    parts, notes = divide(entries_of({"me": 50}))
    assert [len(parts[name]) for name in ("train", "dev", "test")] == [40, 5, 5]
    assert "share them" in notes[0] and notes[0].startswith("WARNING: br")


def unknown_entries(recordings, utterances=1, lang="br"):
    """Entries without speakers, in the order of the source, some of them parts of the same recording."""
    return [
        Entry(
            "x",
            f"{number:03d}.wav",
            f"sentence {number} {part}",
            f"u{number:03d}-{part}",
            f"u{number:03d}-{part}",
            lang,
        )
        for number in range(recordings)
        for part in range(utterances)
    ]


def unknown(entries):
    for entry in entries:
        entry.own_speaker = True
    return entries


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 120), st.integers(1, 5), st.integers(0, 30))
def test_where_speakers_are_not_known_recordings_stay_whole_and_neighbours_together(recordings, utterances, known):
    entries = unknown(unknown_entries(recordings, utterances)) + entries_of({f"s{n}": 2 for n in range(known)})
    parts, notes = divide(entries)
    assert sum(map(len, parts.values())) == len(entries) and all(parts.values())
    assert any("speakers" in note and "not known" in note and note.startswith("WARNING") for note in notes)
    set_of = {}
    for name, part in parts.items():
        for entry in part:
            if entry.own_speaker:
                assert set_of.setdefault(entry.audio, name) == name
    order = [set_of[f"{number:03d}.wav"] for number in range(recordings)]
    changes = sum(one != other for one, other in zip(order, order[1:]))
    assert changes < 20  # by single recordings it would be a third of them


def test_the_parts_of_one_recording_are_divided_where_there_is_no_other():
    parts, notes = divide(unknown(unknown_entries(1, 50)))
    assert all(4 <= len(parts[name]) <= 8 for name in ("dev", "test")) and len(notes) == 1
    numbers = sorted(int(entry.id.partition("-")[2]) for entry in parts["test"])
    assert sum(b - a > 1 for a, b in zip(numbers, numbers[1:])) <= 2


def test_speakers_that_are_known_are_no_cause_for_a_warning():
    assert divide(entries_of({f"s{n}": 3 for n in range(20)}))[1] == []


def test_an_import_without_speakers_says_so_and_counts_none(speak, lines, run_import):
    speak(*(f"{number:02d}.wav" for number in range(16)))
    lines("m.tsv", "audio\ttext", *(f"{number:02d}.wav\tsentence {number:b}" for number in range(16)))
    status, out, err = run_import("--split", "--lang", "br", "m.tsv", "data")
    assert status == 0, err
    table = [line.split() for line in out.splitlines()]
    assert ["train", "12", "unknown"] in [row[:3] for row in table] and ["test", "2", "unknown"] in [
        row[:3] for row in table
    ]
    assert "WARNING: the speakers are not known: one voice may be in train, dev and test" in out and "`speaker`" in out
    status, out, err = run_import("--measure", "--lang", "br", "m.tsv", "none")
    assert "unknown=16" in out
    lines("m.tsv", "audio\ttext\tspeaker", *(f"{n:02d}.wav\tsentence {n:b}\ts{n % 8}" for n in range(16)))
    status, out, err = run_import("--split", "--lang", "br", "m.tsv", "data")
    assert status == 0 and "unknown" not in out and "not known" not in out, out


def test_a_column_decides_and_shared_speakers_leave_training():
    entries = entries_of({"a": 4, "b": 3, "c": 3})
    for entry in entries:
        entry.split = {"a": "train", "b": "validation", "c": "TEST"}[entry.speaker]
    entries[0].speaker = "c"
    parts, notes = divide(entries)
    assert [len(parts[name]) for name in ("train", "dev", "test")] == [3, 3, 3]
    assert notes == ["train: left out 1 utterances of speakers who are in dev or test too"]


def test_a_set_that_the_column_lacks_is_made_of_training_speakers():
    entries = entries_of({f"s{n}": 5 for n in range(20)})
    for entry in entries:
        entry.split = "test" if entry.speaker in ("s0", "s1") else "train"
    parts, _ = divide(entries)
    assert {e.speaker for e in parts["test"]} == {"s0", "s1"}
    assert len({e.speaker for e in parts["dev"]} - {"s0", "s1"}) == 2


def test_speakers_of_the_test_set_leave_training_where_dev_is_made_here_too():
    entries = entries_of({f"s{n}": 5 for n in range(10)})
    for number, entry in enumerate(entries):
        entry.split = "test" if number % 5 == 0 and entry.speaker in ("s0", "s1") else "train"
    parts, notes = divide(entries)
    assert {e.speaker for e in parts["test"]} == {"s0", "s1"}
    assert not {e.speaker for e in parts["train"] + parts["dev"]} & {"s0", "s1"} and parts["dev"]
    assert notes == ["train: left out 8 utterances of speakers who are in dev or test too"]


def test_an_unknown_split_is_a_fault_of_its_row():
    faults = ImportFaults()
    entries = entries_of({"a": 1})
    entries[0].split = "holdout"
    split_entries(entries, 0.1, 0.1, 1, faults)
    assert list(map(str, faults.rows)) == ["x: split 'holdout': must be train, dev or test"]


def with_texts(*texts):
    return [Entry("x", "a.wav", text, str(n), str(n), "en") for n, text in enumerate(texts)]


def test_training_says_no_sentence_of_dev_or_test():
    parts = {"train": with_texts("Hello, you!", "one", "two"), "dev": with_texts("hello you"), "test": with_texts("x")}
    assert drop_shared_sentences(parts, "auto") == ["train: left out 1 utterances that say sentences of dev or test"]
    assert [entry.text for entry in parts["train"]] == ["one", "two"]


def test_a_list_that_everybody_reads_is_kept_with_a_warning():
    parts = {"train": with_texts("yes", "no"), "dev": with_texts("yes"), "test": with_texts("no")}
    assert drop_shared_sentences(parts, "auto")[0].startswith("WARNING: 2 of 2")
    assert len(parts["train"]) == 2
    drop_shared_sentences(parts, "drop")
    assert parts["train"] == []


def test_held_out_sentences_take_all_their_recordings_along():
    entries = with_texts(*[f"sentence {random.Random(1).choice('ab')} {n % 10}" for n in range(40)])
    left, held = hold_out_sentences(entries, 0.3, 1)
    assert len(held) == 3 and len(left) == 28
    assert not set(held) & {entry.text for entry in left}


def test_long_lines_are_cut_into_sentences(folder, lines):
    sentence = "This is a sentence of some forty characters."
    lines("t.txt", " ".join([sentence] * 6), "short. one", "", "x" * 500)
    reading = TextReading()
    assert sentences_of(["t.txt"], reading) == [sentence] * 6 + ["short. one"]
    assert reading.left_out == {"of over 400 characters without the end of a sentence": 1}


def test_sentences_are_taken_once_and_the_others_are_counted(folder, lines):
    lines("t.txt", "A b.", "a, b", "123", "c", "d\0")
    reading = TextReading()
    assert new_sentences(sentences_of(["t.txt"], reading), "en", {"c"}, reading) == ["A b."]
    assert reading.lines == 5 and reading.sentences == 1
    assert reading.left_out == {
        "that are there already": 1,
        "without letters": 1,
        "that dev or test has": 1,
        "with characters that cannot be printed": 1,
    }


def test_the_whole_command(folder, lines, speak, run_import):
    for speaker in range(10):
        for number in range(4):
            speak(f"clips/{speaker}_{number}.wav")
    lines(
        "m.tsv",
        "audio\ttext\tspeaker",
        *(f"clips/{s}_{n}.wav\tthis is sentence {s} of {n}\ts{s}" for s in range(10) for n in range(4)),
    )
    lines("more.txt", *(f"This is sentence {s} of 0." for s in range(10)), "something new")
    status, out, err = run_import("m.tsv", "data", "--split", "--lang", "br", "--text", "more.txt")
    assert status == 0, err
    held = {text for part in ("dev", "test") for text in read_table(f"data/{part}/text").values()}
    text = [line.lower().rstrip(".") for line in read_table("data/train_text/text").values()]
    assert "something new" in text and not set(text) & held and len(text) == 9
    assert set(read_table("data/train_text/utt2lang").values()) == {"br"}
    assert "train_text: br: 11 lines, 9 sentences taken; left out: 2 that dev or test has" in out

    status, out, err = run_import("m.tsv", "data", "--split", "--lang", "br", "--held-out", "0.25", "--max-train", "10")
    assert status == 0, err
    assert len(read_table("data/train/text")) == 10 and len(read_table("data/train_text/text")) == 8

    assert run_import("m.tsv", "data", "--split", "--lang", "br")[0] == 0
    assert not (folder / "data/train_text").exists()  # of the run before, whose test set was another

    status, out, _ = run_import("m.tsv", "x", "--measure", "--lang", "br")
    assert out == "utterances=40 seconds=20 speakers=10 unknown=0 letters=20 seconds_of=br:20 langs=br\n"


def test_a_text_alone_without_sentences_of_a_set(folder, lines, run_import):
    lines("t.txt", "One.", "two", "three")
    lines("dev/text", "u1 one")
    status, out, err = run_import("t.txt", "data/text", "--exclude", "dev/text", "--lang", "en")
    assert status == 0, err
    assert list(read_table("data/text/text").values()) == ["two", "three"]


def test_several_languages_need_to_say_whose_text_it_is(folder, lines, speak, run_import):
    speak(*(f"{n}.wav" for n in range(12)))
    lines(
        "m.tsv",
        "audio\ttext\tspeaker\tlang",
        *(f"{n}.wav\tword {n}\t{n}\t{'br' if n % 2 else 'dv'}" for n in range(12)),
    )
    lines("t.txt", "some text")
    assert "say its language" in run_import("m.tsv", "data", "--split", "--text", "t.txt")[2]
    assert run_import("m.tsv", "data", "--split", "--text", "dv=t.txt")[0] == 0
    assert set(read_table("data/train_text/utt2lang").values()) == {"dv"}
