"""The share of a data directory that a job reads: that of the whole, cut by the lines of wav.scp."""

import random

import pytest

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import Segment
from jstasr.kaldi.data_share import data_share


def write(folder, **tables):
    for name, lines in tables.items():
        (folder / name.replace("_", ".")).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture
def recordings(tmp_path):
    """Five recordings r0 to r4 of three segments each, whose utterances are in no order of the recordings."""
    utterances = [f"u{number:02}" for number in range(15)]
    cut_from = [number % 5 for number in range(15)]
    random.Random(1).shuffle(cut_from)
    write(
        tmp_path,
        wav_scp=[f"r{number} /a/r{number}.flac" for number in range(5)],
        segments=[f"{utterance} r{number} 1.5 2" for utterance, number in zip(utterances, cut_from)],
        text=[f"{utterance} words of {utterance}" for utterance in reversed(utterances)],
        utt2spk=[f"{utterance} s{number}" for utterance, number in zip(utterances, cut_from)],
        utt2lang=[f"{utterance} de" for utterance in utterances],
    )
    return tmp_path, dict(zip(utterances, cut_from))


@pytest.mark.parametrize("num_jobs", [1, 2, 5, 7])
def test_the_shares_make_the_whole_and_no_recording_is_in_two(recordings, num_jobs):
    folder, cut_from = recordings
    shares = [data_share(folder, job, num_jobs) for job in range(1, num_jobs + 1)]
    assert sorted(name for share in shares for name in share.wav_scp) == [f"r{number}" for number in range(5)]
    assert sorted(name for share in shares for name in share.text) == sorted(cut_from)
    for share in shares:
        own = {utterance for utterance, number in cut_from.items() if f"r{number}" in share.wav_scp}
        assert share.text == {utterance: f"words of {utterance}" for utterance in own}
        assert share.utt2spk == {utterance: f"s{cut_from[utterance]}" for utterance in own}
        assert share.utt2lang == dict.fromkeys(own, "de")
        assert share.segments == {utterance: Segment(f"r{cut_from[utterance]}", 1.5, 2.0) for utterance in own}


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        ("text", ["a x", "b y"], "text: lacks 1 utterance(s) that other files have: c"),
        ("utt2spk", ["a s", "b s", "d s"], "utt2spk: lacks 1 utterance(s) that other files have: c"),
        ("utt2lang", ["a de"], "utt2lang: lacks 2 utterance(s)"),
        ("text", ["a x", "b y", "b z"], "text:3: b is already on line 2"),
        ("wav_scp", [], "no utterances|wav.scp: lacks 3"),
        ("segments", ["a a 0 1", "b b 0 1", "c gone 0 1"], "cut from recordings that wav.scp lacks: c"),
    ],
)
def test_every_job_refuses_tables_that_do_not_fit(tmp_path, name, lines, words):
    tables = {
        "wav_scp": [f"{utterance} {utterance}.wav" for utterance in "abc"],
        "text": [f"{utterance} word" for utterance in "abc"],
        "utt2spk": [f"{utterance} s" for utterance in "abc"],
    }
    write(tmp_path, **{**tables, name: lines})
    with pytest.raises(JstasrError) as error:
        data_share(tmp_path, 1, 3)
    assert any(word in str(error.value) for word in words.split("|"))
