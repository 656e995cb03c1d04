"""Non-linguistic symbols are taken out of transcripts."""

import pytest

from jstasr.errors import JstasrError
from jstasr.text.nlsyms import read_symbols, take_out, take_out_of


def test_symbols_come_from_files_and_lists(tmp_path):
    (tmp_path / "symbols").write_text("<noise>\n\n[laughter] 7\n", "utf-8")
    assert read_symbols([str(tmp_path / "symbols"), "<sp>,</s>, uh"]) == ["<noise>", "[laughter]", "<sp>", "</s>", "uh"]


@pytest.mark.parametrize("source", ["no/such/file.txt", ",", ""])
def test_a_source_without_symbols_is_named(source):
    with pytest.raises(JstasrError, match="symbol"):
        read_symbols([source])


@pytest.mark.parametrize(
    "text, left",
    [
        ("one <noise> two", "one two"),
        ("one<noise>two", "one two"),
        ("uh uhuru duh uh", "uhuru duh"),
        ("<noise> <noise><noise>", ""),
        ("a <noise>s> b", "a b"),
    ],
)
def test_a_symbol_goes_and_words_that_hold_its_letters_stay(text, left):
    assert take_out(text, ["<noise>", "uh", "<noise>s>"]) == left


def test_utterances_of_symbols_alone_are_told_from_empty_ones():
    left, wordless = take_out_of({"a": "<noise> .", "b": "one <noise>", "c": "...", "d": "two"}, ["<noise>"])
    assert left == {"a": ".", "b": "one", "c": "...", "d": "two"} and wordless == {"a"}
