"""`jstasr bench score` measures all programs on one test set."""

from jstasr import cli
from jstasr.bench.score import write_set


def test_every_program_has_a_line(capsys):
    assert cli.main("bench score --utterances 30 --words 4 --script cyrillic".split()) == 0
    out = capsys.readouterr().out
    for name in ("jstasr score, cleaner basic", "jstasr score, cleaner none", "trn files", "sclite", "jiwer"):
        (line,) = [line for line in out.splitlines() if name in line]
        assert float(line[30:].split()[0]) > 0


def test_the_set_is_one_in_both_forms(tmp_path):
    write_set(tmp_path, 7, 3)
    kaldi = dict(line.split(" ", 1) for line in (tmp_path / "ref").read_text().splitlines())
    trn = dict(line[:-1].rsplit(" (", 1)[::-1] for line in (tmp_path / "ref.trn").read_text().splitlines())
    assert kaldi == trn
    assert len(kaldi) == 7
    assert all(len(text.split()) == 3 for text in kaldi.values())
    assert (tmp_path / "ref").read_text() != (tmp_path / "hyp").read_text()


def test_a_size_of_nothing_is_refused(capsys):
    assert cli.main("bench score --utterances 0".split()) == 1
    assert "at least 1" in capsys.readouterr().err
