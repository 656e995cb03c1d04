"""tokens.txt and bpe.vocab of an exported folder, read as sherpa-onnx reads them."""

import io
import random

import pytest
import sentencepiece

from jstasr.export.sherpa_onnx import write_tokens
from jstasr.text.tokens import BLANK, SPACE, UNK, Tokenizer, TokenList

TEXT = ["new york and old york", "a man in a new town", "no one knew the new one", "1 or 2 dolls"]


def characters():
    return Tokenizer(TokenList([BLANK, UNK, SPACE, *sorted(set("".join(TEXT)) - {" "})]), "char")


def words():
    return Tokenizer(TokenList([BLANK, UNK, "<lang:en>", *sorted(set(" ".join(TEXT).split()))]), "word")


def pieces():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20), model_writer=model, vocab_size=30, model_type="unigram", minloglevel=2
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    found = [processor.id_to_piece(i) for i in range(processor.get_piece_size()) if not processor.is_control(i)]
    return Tokenizer(TokenList([BLANK, *found]), "bpe", processor)


def read_symbols(path):
    """Number -> symbol: words in pairs, a leading mark becomes a space."""
    symbols = path.read_text("utf-8").split()
    spelled = (" " * symbol.startswith("▁") + symbol.removeprefix("▁") for symbol in symbols[::2])
    return dict(zip(map(int, symbols[1::2]), spelled))


@pytest.mark.parametrize("make", [characters, words, pieces])
def test_symbols_joined_are_the_text(make, tmp_path):
    tokenizer = make()
    write_tokens(tmp_path, tokenizer)
    symbols = read_symbols(tmp_path / "tokens.txt")
    assert list(symbols) == list(range(len(tokenizer)))
    first = 2 + len(tokenizer.token_list.languages)
    for seed in range(50):
        ids = random.Random(seed).choices(range(first, len(tokenizer)), k=12)
        assert " ".join("".join(symbols[i] for i in ids).split()) == tokenizer.decode(ids)


def best_cut(word, scores):
    """The pieces of a word with the largest sum of scores: what sherpa-onnx makes of a hotword."""
    word = "▁" + word
    best = {len(word): (0.0, [])}
    for first in reversed(range(len(word))):
        found = [
            (scores[word[first:last]] + best[last][0], [word[first:last], *best[last][1]])
            for last in range(first + 1, len(word) + 1)
            if word[first:last] in scores and last in best
        ]
        if found:
            best[first] = max(found)
    return best[0][1]


def test_the_scores_of_the_vocabulary_cut_words_as_sentencepiece_does(tmp_path):
    tokenizer = pieces()
    write_tokens(tmp_path, tokenizer)
    rows = [line.split("\t") for line in (tmp_path / "bpe.vocab").read_text("utf-8").splitlines()]
    scores = {piece: float(score) for piece, score in rows}
    assert set(tokenizer.token_list.tokens) - {BLANK} <= set(scores)
    for word in set(" ".join(TEXT).split()):
        assert best_cut(word, scores) == tokenizer.pieces(word)


@pytest.mark.parametrize("make", [characters, words])
def test_only_sentencepiece_has_a_vocabulary(make, tmp_path):
    write_tokens(tmp_path, make())
    assert not (tmp_path / "bpe.vocab").exists()
