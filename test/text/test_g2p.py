"""What makes phonemes: espeak, a lexicon, or letters."""

import pytest

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table, write_table
from jstasr.text.g2p import G2p, choose_method, phones_of
from jstasr.text.graphemes import grapheme_phones
from jstasr.text.phone_files import phonemize_table


@pytest.mark.parametrize(
    "language, text, phones",
    [
        ("br", "C’hwi, a!", "c ' h w i _ a"),
        ("yo", "Ẹ́ yọ̀", "ẹ́ _ y ọ̀"),
        ("sah", "Күн", "к ү н"),
        ("tr", "Iİ", "ı i"),
        ("en", "Iİ", "i i"),
        ("hi", "हिन्दी", "ह ि न् द ी"),
        ("dv", "ދިވެހި", "ދ ި ވ ެ ހ ި"),
        ("he", "שלום", "ש ל ו ם"),
        ("zh", "今天", "今 天"),
        ("fa", "می\u200cروم", "م ی ر و م"),
        ("lg", "!?", ""),
        ("lg", "a1", "a 1"),
        ("kab", "‘yes’ d'accord'", "y e s _ d ' a c c o r d"),
    ],
)
def test_letters_stand_for_phonemes(language, text, phones):
    assert " ".join(grapheme_phones(text, language)) == phones


def test_auto_takes_espeak_where_it_has_a_voice_and_letters_elsewhere():
    assert choose_method(G2p(), "fr").method == "espeak"
    for language in ("br", "cnh", "dv", "fy-NL", "hsb", "kab", "mn", "rm-sursilv", "rm-vallader", "rw", "sah"):
        choice = choose_method(G2p(), language)
        assert choice.method == "grapheme" and language in choice.reason


def test_auto_leaves_what_espeak_cannot_read_to_the_letters():
    choice = choose_method(G2p(), "ja")  # no espeak reads kanji
    assert choice.method == "grapheme" and "names the characters" in choice.reason
    forced = choose_method(G2p("espeak"), "ja")
    assert forced.method == "espeak" and "WARNING" in forced.reason


def test_espeak_alone_refuses_what_it_does_not_know():
    with pytest.raises(JstasrError, match="no voice for br"):
        choose_method(G2p("espeak"), "br")


@pytest.mark.parametrize("options", [("lexicon",), ("auto", "x"), ("magic",), ("lexicon+guess", "x")])
def test_choices_that_make_no_sense_are_refused(options):
    with pytest.raises(JstasrError, match="--g2p|--lexicon"):
        G2p(*options)


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "lexicon.txt"
    path.write_text("<UNK> SPN\nONE W AH N\none W O N\nis\tIH Z\n今天 t i n\n今 t\n", encoding="utf-8")
    return path


def test_a_lexicon_speaks_and_its_first_pronunciation_counts(lexicon):
    g2p = G2p("lexicon", str(lexicon))
    assert phones_of(["one is one", "one"], "en", g2p) == ["W AH N _ IH Z _ W AH N".split(), "W AH N".split()]


def test_a_lexicon_finds_the_words_of_text_without_spaces(lexicon):
    assert phones_of(["今今天"], "zh", G2p("lexicon", str(lexicon))) == ["t _ t i n".split()]


def test_words_outside_the_lexicon_are_listed_with_their_counts(lexicon):
    texts = {"a": "one cat", "b": "cat is dog"}
    with pytest.raises(JstasrError, match=r"2 words are not in .*cat \(2\) dog \(1\)"):
        phonemize_table(texts, dict.fromkeys(texts, "en"), g2p=G2p("lexicon", str(lexicon)))


def test_other_readings_of_unknown_words_only_where_asked_for(lexicon):
    letters = G2p("lexicon+grapheme", str(lexicon))
    assert phones_of(["one cat"], "en", letters) == ["W AH N _ c a t".split()]
    spoken = G2p("lexicon+espeak", str(lexicon))
    assert phones_of(["one see"], "en", spoken) == ["W AH N _ s iː".split()]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"one\n\xff\xfe W\n", "lexicon.txt:1: no phones after 'one'\n.*lexicon.txt:2: not UTF-8"),
        (b"one _ W\n", "lexicon.txt:1: _ cannot be a phone"),
        (b"\n", "no words"),
    ],
)
def test_a_damaged_lexicon_is_refused(lexicon, content, words):
    lexicon.write_bytes(content)
    with pytest.raises(JstasrError, match=words):
        choose_method(G2p("lexicon+grapheme", str(lexicon)), "lg")


def test_the_command_says_what_speaks_each_language(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_table("set/text", {"a": "demat deoc'h", "b": "hello"})
    write_table("set/utt2lang", {"a": "br", "b": "en"})
    assert main(["phonemize", "--data-dir", "set", "--outdir", "out"]) == 0
    told = capsys.readouterr().out
    assert "phonemes of br: grapheme (letters: espeak has no voice for br)" in told
    assert "phonemes of en: espeak (voice en-us)" in told
    assert read_table("out/phones") == {"a": "d e m a t _ d e o c ' h", "b": "h ə l oʊ"}
