"""Stage 4: the token list of a recipe, from its transcripts and the characters of its other texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jstasr.kaldi.tables import read_table
from jstasr.text import token_lists
from jstasr.text.nlsyms import take_out
from jstasr.text.normalize import clean
from jstasr.text.tokens import BPE_FILE, TokenList


@dataclass
class RecipeTokens:
    """A token list, and for tokens of type bpe the sentencepiece model that it belongs to."""

    token_list: TokenList
    bpe_model: bytes | None
    num_pieces: int  # without the special tokens

    def write(self, outdir: Path) -> None:
        """Write tokens.txt and bpe.model."""
        token_lists.write_token_list(outdir, self.token_list, self.bpe_model)
        if self.bpe_model is None:  # a model of an earlier run would make this list look like BPE
            (outdir / BPE_FILE).unlink(missing_ok=True)


def read_texts(
    paths: Iterable[str | Path], cleaner: str, language: str | None, symbols: Sequence[str] = ()
) -> list[str]:
    """The normalised transcripts of several tables, without non-linguistic `symbols`; `language` is that of all."""
    return [
        clean(take_out(text, symbols) if symbols else text, cleaner, language)
        for path in paths
        for text in read_table(path).values()
    ]


def recipe_tokens(
    texts: Sequence[str],
    other_texts: Iterable[str],
    token_type: str,
    languages: Sequence[str] = (),
    num_pieces: int = 100,
    char_cover: float = 1.0,
    min_count: int = 1,
) -> RecipeTokens:
    """The token list of some transcripts.

    Args:
        texts: normalised transcripts.
        other_texts: their characters get a token too (char, bpe).
        token_type: "bpe" | "char" | "word".
        languages: of a multilingual model, for language tokens.
        num_pieces: BPE tokens wanted; fewer come out where the texts support no more.
        char_cover: share of the characters that BPE covers.
        min_count: rarer characters or words become `<unk>`.
    Raises:
        JstasrError: the texts do not allow such a list.
    """
    known = {character for text in texts for character in text}
    others = {character for text in other_texts for character in text if not character.isspace()}
    also = "".join(sorted(others - known))
    bpe_model = None
    if token_type == "char":
        token_list = token_lists.char_tokens(texts, languages, min_count, also)
    elif token_type == "word":
        token_list = token_lists.word_tokens(texts, languages, min_count)
    else:
        bpe_model = token_lists.train_bpe(texts, num_pieces, char_cover, also)
        token_list = token_lists.bpe_tokens(bpe_model, languages)
    return RecipeTokens(token_list, bpe_model, len(token_list) - len(token_lists.special_tokens(languages)))
