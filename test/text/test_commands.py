"""`jstasr phonemize` and `jstasr tokenize`."""

import subprocess
from pathlib import Path

import pytest

from jstasr.cli import main
from jstasr.kaldi.tables import read_table, write_table
from jstasr.text.tokens import PhoneList, TokenList, build_tokenizer


@pytest.fixture
def text_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table("data/text/text", {"a": "Turn on, please!", "b": "Guten Tag", "c": "the light"})
    write_table("data/text/utt2lang", {"a": "en", "b": "de", "c": "en"})
    return Path("data/text")


def phonemize(*options):
    return main(["phonemize", *options])


def test_a_text_set_becomes_a_folder_to_train_on(text_set):
    folders = ["--data-dir", "data/text", "--outdir", "dump/text/text"]
    assert phonemize(*folders, "--cleaner", "basic") == 0
    assert read_table("dump/text/text/text")["a"] == "turn on please"
    assert read_table("dump/text/text/utt2lang") == read_table("data/text/utt2lang")
    phones = read_table("dump/text/text/phones")
    assert phones["c"].split() == ["ð", "ə", "_", "l", "aɪ", "t"]
    assert phones["b"].replace(" ", "") == "ɡuːtən_tɑːk"
    assert phonemize("--make-list", "dump/text/text/phones", "--output", "data/token_list/phones.txt") == 0
    phone_list = PhoneList.load("data/token_list/phones.txt")
    assert all(PhoneList.UNK_ID not in phone_list.encode(line.split()) for line in phones.values())


def test_a_paired_set_gets_phones_beside_its_text(text_set):
    before = {path.name: path.read_bytes() for path in text_set.iterdir()}
    write_table(text_set / "wav.scp", dict.fromkeys("abc", "x.wav"))
    assert phonemize("--data-dir", "data/text", "--outdir", "data/text") == 0
    assert {path.name: path.read_bytes() for path in text_set.iterdir() if path.name in before} == before
    assert len(read_table(text_set / "phones")) == 3
    assert phonemize("--data-dir", "data/text", "--outdir", "data/text", "--cleaner", "basic") == 1


def test_one_file_can_be_spoken(text_set):
    assert phonemize("--text", "data/text/text", "--lang", "en", "--output", "out/phones") == 0
    assert list(read_table("out/phones")) == ["a", "b", "c"]


def test_unspoken_texts_are_told_at_once_or_left_out(text_set, capsys):
    write_table("data/text/text", {"a": "...", "b": "—", "c": "the light"})
    folders = ["--data-dir", "data/text", "--outdir", "dump/text"]
    assert phonemize(*folders) == 1
    assert "no phonemes for 2 utterance(s): a ('...'), b" in capsys.readouterr().err
    assert not Path("dump/text/phones").exists()
    assert phonemize(*folders, "--drop-unspoken") == 0
    assert list(read_table("dump/text/text")) == ["c"] == list(read_table("dump/text/phones"))
    assert "left out 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, words",
    [
        (["--text", "data/text/text", "--output", "o"], "3 utterances without language"),
        (["--text", "data/text/text", "--lang", "xx", "--g2p", "espeak", "--output", "o"], "'xx' is no language code"),
        (["--data-dir", "data/text"], "--outdir is missing"),
        (["--data-dir", "data/text", "--text", "x"], "give one of"),
        ([], "give one of"),
        (["--text", "nowhere", "--lang", "en", "--output", "o"], "nowhere: no such file"),
    ],
)
def test_bad_calls_are_explained(text_set, capsys, options, words):
    assert phonemize(*options) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["bpe", "char", "word"])
def test_token_lists_spell_the_cleaned_text(text_set, kind):
    options = ["--text", "data/text/text", "--token-type", kind, "--nbpe", "20", "--cleaner", "basic"]
    assert main(["tokenize", *options, "--langs", "en de", "--output-dir", "data/token_list/x"]) == 0
    tokenizer = build_tokenizer("data/token_list/x/tokens.txt")
    assert tokenizer.kind == kind and tokenizer.token_list.languages == ["en", "de"]
    assert tokenizer.decode(tokenizer.encode("turn on please", "en")) == "turn on please"


def test_a_list_made_over_a_bpe_list_is_not_taken_for_bpe(text_set):
    options = ["--text", "data/text/text", "--output-dir", "tokens"]
    assert main(["tokenize", *options, "--token-type", "bpe", "--nbpe", "25"]) == 0
    assert main(["tokenize", *options, "--token-type", "word"]) == 0
    assert build_tokenizer("tokens/tokens.txt").kind == "word"


def test_fewer_pieces_than_asked_are_announced(text_set, capsys):
    assert main(["tokenize", "--text", "data/text/text", "--nbpe", "5000", "--output-dir", "tokens"]) == 0
    assert "supports only" in capsys.readouterr().out
    assert len(TokenList.load("tokens/tokens.txt")) < 100


def test_too_few_pieces_are_explained(text_set, capsys):
    assert main(["tokenize", "--text", "data/text/text", "--nbpe", "3", "--output-dir", "tokens"]) == 1
    assert "or more, or --char-cover below 1" in capsys.readouterr().err


def test_the_locale_does_not_matter(text_set):
    command = "jstasr phonemize --text data/text/text --lang en --output phones"
    environment = {"PATH": str(Path(__import__("sys").executable).parent) + ":/usr/bin:/bin", "LC_ALL": "C"}
    subprocess.run(["bash", "-c", command], env={**environment, "PYTHONCOERCECLOCALE": "0"}, check=True)
    assert "aɪ" in Path("phones").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["bpe", "char"])
def test_letters_of_another_text_are_spelled_without_learning_from_it(text_set, kind):
    write_table("data/dev/text", {"a": "ŵyr ŵyr ŵyr"})
    options = ["--text", "data/text/text", "--token-type", kind, "--nbpe", "30"]
    assert main(["tokenize", *options, "--output-dir", "plain"]) == 0
    assert main(["tokenize", *options, "--spell", "data/text/text", "--output-dir", "same"]) == 0
    assert TokenList.load("same/tokens.txt").tokens == TokenList.load("plain/tokens.txt").tokens
    assert main(["tokenize", *options, "--spell", "data/dev/text", "--output-dir", "more"]) == 0
    more = TokenList.load("more/tokens.txt")
    assert "ŵ" in more and "ŵyr" not in more
    tokenizer = build_tokenizer("more/tokens.txt")
    assert tokenizer.decode(tokenizer.encode("ŵyr")) == "ŵyr"


def test_non_linguistic_symbols_are_taken_out_of_text_sets_and_texts_for_tokens(text_set):
    write_table("data/text/text", {"a": "turn <noise> on", "b": "<noise>", "c": "the light[x]"})
    symbols = ["--nlsyms", "<noise>,[x]"]
    assert phonemize("--data-dir", "data/text", "--outdir", "dump/t", "--drop-unspoken", *symbols) == 0
    assert read_table("dump/t/text") == {"a": "turn on", "c": "the light"}
    texts = ["--text", "data/text/text", "--token-type", "char", "--output-dir", "tokens"]
    assert main(["tokenize", *texts, *symbols]) == 0
    assert not set("<>[]x") & set(TokenList.load("tokens/tokens.txt").tokens)
