"""Reading transcript files."""

import pytest

from jstasr.errors import JstasrError
from jstasr.score.trn import parse_trn, sclite_words, speaker_of


def test_id_is_the_last_parenthesis():
    parsed = parse_trn(b"a (b) c (Spk-Utt)\n(s_2)\n", "x")
    assert parsed.ids == [b"(spk-utt)", b"(s_2)"]
    assert sclite_words(parsed.texts[0]) == [b"a", b"(b)", b"c"]


@pytest.mark.parametrize(
    ("utterance_id", "speaker"),
    [(b"(a-b_c)", b"a"), (b"(a_b-c)", b"a_b"), (b"(a_b_c)", b"a"), (b"(-x)", b""), (b"(abc)", None)],
)
def test_speaker_is_before_the_first_dash_or_else_underscore(utterance_id, speaker):
    assert speaker_of(utterance_id) == speaker


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a b c\nd (s-1)\ne\n", "f.trn: 2 lines without an utterance id.*: line 1, line 3"),
        (b"a (s1)\n", r"f.trn: 1 lines whose id names no speaker.*: line 1: \(s1\)"),
        (b"a (s-1)\nb (S-1)\n", r"f.trn: 1 lines repeat an utterance id.*: line 2: \(s-1\)"),
        (b"a (s-1)\nb \xff (s-2)\nc \xe9 (s-3)\n", "f.trn: 2 lines are not UTF-8: line 2, 3"),
        (b"\xef\xbb\xbfa (s-1)\n", "byte order mark"),
        (b"a (s-1)\nb\0 (s-2)\n", "line 2: null byte"),
        (b"a {b / c} (s-1)\n", r"alternation.*line 1: \(s-1\)"),
        (b"a { b / @ } (s-1)\n", r"alternation.*line 1: \(s-1\)"),
    ],
)
def test_bad_files_are_refused_by_line(content, message):
    with pytest.raises(JstasrError, match=message):
        parse_trn(content, "f.trn")


def test_long_lists_of_faults_are_counted():
    content = b"".join(b"a\n" for _ in range(50))
    with pytest.raises(JstasrError, match=r"50 lines .* \(and 40 more\)"):
        parse_trn(content, "f.trn")


def test_a_brace_alone_is_a_word():
    assert sclite_words(parse_trn(b"a { b } (s-1)\n", "f.trn").texts[0]) == [b"a", b"{", b"b", b"}"]
