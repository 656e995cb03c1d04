"""Tokenizers and lists of symbols."""

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jstasr.errors import JstasrError
from jstasr.text import token_lists
from jstasr.text.tokens import PHONE_SPECIALS, PhoneList, TokenList, build_tokenizer

SENTENCES = [
    "turn on the light",
    "play it's a long way",
    "où est l'été",
    "set an alarm for seven",
    "turn the music off",
]


def make_tokenizer(folder, kind, languages=()):
    model = None
    if kind == "char":
        token_list = token_lists.char_tokens(SENTENCES, languages)
    elif kind == "word":
        token_list = token_lists.word_tokens(SENTENCES, languages)
    else:
        model = token_lists.train_bpe(SENTENCES * 3, 40)
        token_list = token_lists.bpe_tokens(model, languages)
    token_lists.write_token_list(folder, token_list, model)
    return build_tokenizer(folder / "tokens.txt")


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
@pytest.mark.parametrize("languages", [(), ("en", "fr")])
def test_the_list_tells_its_kind_and_spells_its_text(tmp_path, kind, languages):
    tokenizer = make_tokenizer(tmp_path, kind, languages)
    assert tokenizer.kind == kind
    assert tokenizer.token_list.tokens[:2] == ["<blank>", "<unk>"]
    assert tokenizer.token_list.languages == list(languages)
    for sentence in SENTENCES:
        ids = tokenizer.encode(sentence, "fr" if languages else None)
        assert tokenizer.decode(ids) == sentence
        assert 0 not in ids and 1 not in ids
        if languages:
            assert tokenizer.tokens(ids)[0] == "<lang:fr>" and ids[0] == 3


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    return {kind: make_tokenizer(tmp_path_factory.mktemp(kind), kind) for kind in ("char", "bpe")}


LETTERS = sorted(set("".join(SENTENCES)) - {" "})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.text(LETTERS, min_size=1, max_size=6), max_size=5),
    kind=st.sampled_from(["char", "bpe"]),
)
def test_any_text_of_known_characters_is_spelled(tokenizers, words, kind):
    text = " ".join(words)
    assert tokenizers[kind].decode(tokenizers[kind].encode(text)) == text


@pytest.mark.parametrize("kind, unknown", [("char", "'z'"), ("word", "'lazy'"), ("bpe", "z")])
def test_what_the_list_lacks_is_refused_or_unk(tmp_path, kind, unknown):
    tokenizer = make_tokenizer(tmp_path, kind)
    with pytest.raises(JstasrError, match="outside the token list") as error:
        tokenizer.encode("lazy light")
    assert unknown in str(error.value) and "tokens.txt" in str(error.value)
    ids = tokenizer.encode("lazy light", strict=False)
    assert 1 in ids and "<unk>" in tokenizer.decode(ids)


def test_spaces_of_kaldi_text_are_one_space(tmp_path):
    tokenizer = make_tokenizer(tmp_path, "char")
    assert tokenizer.encode("  turn   on ") == tokenizer.encode("turn on")


def test_an_unknown_language_names_the_known(tmp_path):
    tokenizer = make_tokenizer(tmp_path, "char", ("en", "fr"))
    with pytest.raises(JstasrError, match="no token of language 'de'; it has: en, fr"):
        tokenizer.encode("turn", "de")


def test_one_language_needs_no_token(tmp_path):
    tokenizer = make_tokenizer(tmp_path, "char", ("en",))
    assert tokenizer.token_list.languages == []
    assert tokenizer.decode(tokenizer.encode("turn", "en")) == "turn"


def test_decoding_leaves_blanks_out():
    tokenizer = build_char(["<space>", "a", "b"])
    assert tokenizer.decode([0, 3, 0, 2, 4, 0]) == "a b"


def build_char(tokens):
    from jstasr.text.tokens import Tokenizer

    return Tokenizer(TokenList(["<blank>", "<unk>", *tokens]), "char")


def test_bpe_is_the_same_each_time():
    assert token_lists.train_bpe(SENTENCES * 3, 40) == token_lists.train_bpe(SENTENCES * 3, 40)


def test_bpe_has_the_number_of_pieces_asked_for():
    stems, ends = ("walk", "talk", "light", "play", "turn", "open"), ("", "s", "ed", "ing", "er")
    texts = [f"{stem}{end} the {other}{end}" for stem in stems for end in ends for other in stems]
    for number in (30, 40):
        assert len(token_lists.bpe_tokens(token_lists.train_bpe(texts, number))) == 2 + number


def test_bpe_says_how_many_characters_must_be_spelled():
    with pytest.raises(JstasrError, match=r"use --nbpe (\d+) or more") as error:
        token_lists.train_bpe(SENTENCES, 5)
    needed = int(str(error.value).split("--nbpe ")[1].split()[0])
    assert len(token_lists.bpe_tokens(token_lists.train_bpe(SENTENCES, needed))) == needed + 2


def test_bpe_learns_from_long_lines_too():
    line = " ".join(["abc"] * 3000)
    token_list = token_lists.bpe_tokens(token_lists.train_bpe([line, "xyz"], 20))
    assert {"a", "b", "c"} & {character for token in token_list.tokens[2:] for character in token}


def test_rare_characters_can_be_left_out():
    assert token_lists.char_tokens(["aab"], min_count=2).tokens == ["<blank>", "<unk>", "<space>", "a"]


@pytest.mark.parametrize(
    "content, words",
    [
        ("a\nb\n", "must begin with <blank> and <unk>"),
        ("<blank>\n<unk>\na\na\n", "tokens.txt:4: 'a' is already on line 3"),
        ("<blank>\n<unk>\n\na\n", "tokens.txt:3: empty line"),
        ("<blank>\r\n<unk>\r\n", "tokens.txt:1"),
    ],
)
def test_a_damaged_list_is_refused(tmp_path, content, words):
    (tmp_path / "tokens.txt").write_bytes(content.encode())
    with pytest.raises(JstasrError, match=words):
        TokenList.load(tmp_path / "tokens.txt")


def test_a_missing_list_or_model_is_named(tmp_path):
    with pytest.raises(JstasrError, match="tokens.txt: no such file"):
        build_tokenizer(tmp_path / "tokens.txt")
    TokenList(["<blank>", "<unk>", "▁a"]).save(tmp_path / "tokens.txt")
    with pytest.raises(JstasrError, match="no such sentencepiece model"):
        build_tokenizer(tmp_path / "tokens.txt", tmp_path / "bpe.model")
    (tmp_path / "bpe.model").write_bytes(b"nonsense")
    with pytest.raises(JstasrError, match="bpe.model: not a sentencepiece model"):
        build_tokenizer(tmp_path / "tokens.txt")


def test_phone_lists_keep_their_specials_first(tmp_path):
    PhoneList.build([["t", "_", "aɪ"], ["t"]]).save(tmp_path / "phones.txt")
    phone_list = PhoneList.load(tmp_path / "phones.txt")
    assert phone_list.phones == [*PHONE_SPECIALS, "aɪ", "t"]
    assert phone_list.encode(["t", "_", "ʘ"]) == [5, 3, 2]
    assert phone_list.decode([5, 3]) == ["t", "_"]
    assert (PhoneList.PAD_ID, PhoneList.MASK_ID, PhoneList.UNK_ID, PhoneList.WORD_MARK_ID) == (0, 1, 2, 3)


def test_a_broken_sentencepiece_is_refused(monkeypatch):
    monkeypatch.setattr(sentencepiece, "__version__", "0.2.2")
    with pytest.raises(JstasrError, match=r"sentencepiece 0\.2\.2 .*letter by letter"):
        token_lists.train_bpe(["a b"], 10)
