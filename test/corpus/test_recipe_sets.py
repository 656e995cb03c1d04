"""What the recipes' local/make_sets.py share."""

import gzip

import pytest

from jstasr.corpus.recipe_sets import (
    Utterance,
    choose_lines,
    made_together,
    read_lines,
    text_of_files,
    write_set,
    write_text_set,
)
from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import DataDir
from jstasr.kaldi.tables import read_table


def utterance(tmp_path, name, text="hello", speaker="ann", lang=None):
    (tmp_path / name).touch()
    return Utterance(f"{speaker}-{name}", speaker, str(tmp_path / name), text, lang)


def test_a_set_is_a_data_dir(tmp_path):
    write_set(tmp_path / "d", [utterance(tmp_path, name, lang="en") for name in ("b", "a")], "corpus")
    data = DataDir(tmp_path / "d")
    data.check()
    assert data.utterances == ["ann-a", "ann-b"]
    assert data.utt2lang == {"ann-a": "en", "ann-b": "en"}
    assert read_table(tmp_path / "d/spk2utt") == {"ann": "ann-a ann-b"}


def test_without_languages_there_is_no_utt2lang(tmp_path):
    write_set(tmp_path / "d", [utterance(tmp_path, "a")], "corpus")
    assert not (tmp_path / "d/utt2lang").exists()


def test_utterances_without_words_are_left_out_and_counted(tmp_path, capsys):
    write_set(tmp_path / "d", [utterance(tmp_path, "a"), utterance(tmp_path, "b", "")], "corpus")
    assert "left out 1 utterances without words" in capsys.readouterr().out
    assert list(read_table(tmp_path / "d/text")) == ["ann-a"]


def test_missing_audio_twins_and_emptiness_are_named(tmp_path):
    lost = Utterance("ann-x", "ann", str(tmp_path / "lost.wav"), "hi")
    with pytest.raises(JstasrError, match="corpus: 1 of 2 audio files are missing: .*lost.wav"):
        write_set(tmp_path / "d", [utterance(tmp_path, "a"), lost], "corpus")
    with pytest.raises(JstasrError, match="corpus: ann-a is there twice"):
        write_set(tmp_path / "d", [utterance(tmp_path, "a")] * 2, "corpus")
    with pytest.raises(JstasrError, match="corpus: no utterance with words"):
        write_set(tmp_path / "d", [], "corpus")


def test_commands_need_no_file(tmp_path):
    write_set(tmp_path / "d", [Utterance("ann-x", "ann", "sox nowhere -t wav - |", "hi")], "corpus")
    assert (tmp_path / "d/wav.scp").exists()


def test_text_sets_have_languages_where_there_are_several(tmp_path):
    write_text_set(tmp_path / "one", {"": ["a b", "c"]})
    assert list(read_table(tmp_path / "one/text").values()) == ["a b", "c"]
    assert not (tmp_path / "one/utt2lang").exists()
    write_text_set(tmp_path / "two", {"de": ["a"], "en": ["b"]})
    assert sorted(read_table(tmp_path / "two/utt2lang").values()) == ["de", "en"]
    with pytest.raises(JstasrError, match="no sentence"):
        write_text_set(tmp_path / "none", {"de": []})


def test_chosen_lines_keep_their_order_and_every_line_has_its_chance():
    lines = [f"line  {number}\n" for number in range(10)] + ["  \n"]
    counts = dict.fromkeys(range(10), 0)
    for seed in range(1000):
        numbers = [int(line.removeprefix("line ")) for line in choose_lines(lines, 3, seed)]
        assert numbers == sorted(set(numbers)) and len(numbers) == 3
        for number in numbers:
            counts[number] += 1
    # 300 expected of each; 5 standard deviations of a binomial are 72.
    assert all(228 <= count <= 372 for count in counts.values()), counts
    assert choose_lines(lines, 3, 7) == choose_lines(lines, 3, 7)
    assert len(choose_lines(lines, 0, 1)) == 10 == len(choose_lines(lines, 99, 1))


def test_a_cut_gz_file_is_named(tmp_path):
    path = tmp_path / "lm.txt.gz"
    path.write_bytes(gzip.compress(b"one two\n" * 9999))
    assert len(list(read_lines(path))) == 9999
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(JstasrError, match="lm.txt.gz: no whole gz file"):
        list(read_lines(path))


def test_a_user_s_own_text_has_a_file_for_each_language(tmp_path):
    (tmp_path / "de.txt").write_text("eins\nzwei\n")
    (tmp_path / "en.gz").write_bytes(gzip.compress(b"one\n"))
    files = [f"de={tmp_path}/de.txt", f"en={tmp_path}/en.gz"]
    assert text_of_files(files, ["de", "en", "fr"], 0, 1) == {"de": ["eins", "zwei"], "en": ["one"]}
    assert text_of_files([f"{tmp_path}/de.txt"], ["de"], 0, 1) == {"de": ["eins", "zwei"]}
    for wrong in ("fr=x", f"{tmp_path}/de.txt", "de="):
        with pytest.raises(JstasrError, match="expected LANG=FILE with a language of de en"):
            text_of_files([wrong], ["de", "en"], 0, 1)
    with pytest.raises(JstasrError, match="nowhere: no such file"):
        text_of_files(["nowhere"], ["de"], 0, 1)


def test_sets_appear_together_or_not_at_all(tmp_path):
    def make(how, content):
        with made_together(tmp_path / "data", how, ["a", "b"]) as work:
            if work is None:
                return False
            for name in content:
                (work / name).mkdir()
                (work / name / "text").write_text(how)
            if len(content) < 2:
                raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        make("one", "a")
    assert list((tmp_path / "data").iterdir()) == []
    assert make("one", "ab")
    assert not make("one", "ab")
    assert make("two", "ab")
    assert (tmp_path / "data/b/text").read_text() == "two"
    (tmp_path / "data/a/text").unlink()
    (tmp_path / "data/a").rmdir()
    assert make("two", "ab")
