"""Hypotheses are chosen by their log-probability a label."""

import pytest

from jstasr.cli import main
from jstasr.corpus.pseudo_labels import choose_pseudo_labels
from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table

# Of 1, 2 and 4 labels: the totals order them otherwise than their means (-2, -0.5, -1) do.
TEXT = {"u1": "a", "u2": "a b", "u3": "a b c d", "u4": ""}
TOKEN = {"u1": "a", "u2": "a b", "u3": "a b c d", "u4": ""}
SCORE = {"u1": "-2.0", "u2": "-1.0", "u3": "-4.0", "u4": "-0.1"}


@pytest.fixture
def decoded(tmp_path):
    for name, table in (("text", TEXT), ("token", TOKEN), ("score", SCORE)):
        (tmp_path / name).write_text("".join(f"{key} {value}".rstrip() + "\n" for key, value in table.items()))
    return tmp_path


@pytest.mark.parametrize(
    "share, kept, lowest", [(0.01, ["u2"], -0.5), (0.34, ["u2", "u3"], -1), (0.67, ["u1", "u2", "u3"], -2)]
)
def test_the_most_confident_share_is_kept_and_never_what_is_empty(decoded, share, kept, lowest):
    found = choose_pseudo_labels(decoded, share)
    assert sorted(found.text) == kept and found.lowest == lowest
    assert all(found.text[utterance] == TEXT[utterance] for utterance in kept)
    assert (found.decoded, found.empty) == (4, 1)


def test_equal_confidence_is_ordered_by_id(decoded):
    (decoded / "score").write_text("u1 -1\nu2 -2\nu3 -4\nu4 0\n")
    assert list(choose_pseudo_labels(decoded, 0.5).text) == ["u1", "u2"]


def test_the_command_writes_a_table_and_says_what_it_kept(decoded, capsys):
    arguments = ["pseudo-label", "--decoded", str(decoded), "--share", "0.5", "--output", str(decoded / "kept")]
    assert main(arguments) == 0
    assert read_table(decoded / "kept") == {"u2": "a b", "u3": "a b c d"}
    assert "kept 2 of 4 utterances (1 without words), log-probability a label -1.000 or more" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, content, share, message",
    [
        ("score", "u1 -1\n", 0.5, "text and score differ in u2, u3, u4"),
        ("score", "u1 x\nu2 1\nu3 1\nu4 1\n", 0.5, "u1: not a log-probability: 'x'"),
        ("score", "u1 nan\nu2 1\nu3 1\nu4 1\n", 0.5, "u1: not a log-probability: 'nan'"),
        ("text", "u1\nu2\nu3\nu4\n", 0.5, "no hypothesis has words"),
        ("text", "", 0.5, "differ"),
        ("text", "u1 a\n", 0, "above 0 and at most 1"),
    ],
)
def test_what_cannot_be_used_is_named(decoded, name, content, share, message):
    (decoded / name).write_text(content)
    with pytest.raises(JstasrError, match=message):
        choose_pseudo_labels(decoded, share)
