"""Stage 4: token lists of characters, words or sentencepiece's pieces."""

import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.text.tokens import BLANK, BPE_FILE, LANGUAGE_TOKEN, SPACE, TOKENS_FILE, UNK, TokenList, language_token

MAX_BPE_SENTENCES = 2_000_000  # more are thinned out evenly: sentencepiece holds all of them in memory
BROKEN_SENTENCEPIECE = "0.2.2"  # its unigram models give single letters nearly all the probability


def special_tokens(languages: Collection[str]) -> list[str]:
    """First tokens of a list; language tokens only where there are two languages or more."""
    tokens = [language_token(language) for language in languages] if len(languages) > 1 else []
    odd = [token for token in tokens if not LANGUAGE_TOKEN.fullmatch(token)]
    if odd:
        raise JstasrError(f"language codes without white space and <> are needed, not {first_few(odd)}")
    return [BLANK, UNK, *tokens]


def char_tokens(texts: Iterable[str], languages: Collection[str] = (), min_count: int = 1, also: str = "") -> TokenList:
    """The characters that occur at least `min_count` times, those of `also`, and `<space>`."""
    counts = Counter(character for text in texts for character in text)
    characters = {c for c, count in counts.items() if count >= min_count} | set(also)
    characters = sorted(c for c in characters if not c.isspace())
    return TokenList([*special_tokens(languages), SPACE, *characters])


def word_tokens(texts: Iterable[str], languages: Collection[str] = (), min_count: int = 1) -> TokenList:
    """The words that occur at least `min_count` times."""
    counts = Counter(word for text in texts for word in text.split())
    specials = special_tokens(languages)
    words = sorted(word for word, count in counts.items() if count >= min_count)
    clash = [word for word in words if word in (SPACE, *specials)]
    if clash:
        raise JstasrError(f"words of the text that are names of special tokens: {first_few(clash)}")
    return TokenList([*specials, *words])


def train_bpe(texts: Sequence[str], num_pieces: int, char_cover: float = 1.0, also: str = "") -> bytes:
    """Train a sentencepiece unigram model; the same texts give the same model.

    Args:
        texts: sentences.
        num_pieces: pieces wanted, besides `<unk>`; fewer come out where the text has fewer.
        char_cover: share of the characters that get a piece.
        also: characters that get a piece in any case.
    Returns:
        The model, as sentencepiece writes it.
    Raises:
        JstasrError: no text, or fewer pieces than the text has characters.
    """
    import sentencepiece

    if sentencepiece.__version__ == BROKEN_SENTENCEPIECE:
        raise JstasrError(
            f"sentencepiece {BROKEN_SENTENCEPIECE} makes tokens that spell nearly every word letter by letter: "
            "pip install 'sentencepiece!=0.2.2'"
        )
    stride = -(-len(texts) // MAX_BPE_SENTENCES)
    sentences = [text for text in texts[::stride] if text]
    if not sentences:
        raise JstasrError("no text to make tokens from")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="unigram",
            vocab_size=num_pieces + 1,  # with sentencepiece's own <unk>
            hard_vocab_limit=False,
            character_coverage=char_cover,
            required_chars=also,
            normalization_rule_name="identity",  # the cleaner normalises; tokens must spell the transcript
            max_sentence_length=1 << 20,  # the default silently leaves out longer lines
            num_threads=1,  # sums in one order: the same model on every machine
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except Exception as error:  # RuntimeError or OSError, by version
        needed = re.search(r"required_chars. (\d+) vs (\d+)", str(error))
        if needed:
            low = int(needed[2]) - 1
            raise JstasrError(
                f"{num_pieces} BPE tokens cannot spell the text: its characters alone take {low}; "
                f"use --nbpe {low} or more, or --char-cover below 1"
            ) from None
        raise JstasrError(f"sentencepiece cannot make {num_pieces} tokens: {error}") from error
    return model.getvalue()


def bpe_tokens(model: bytes, languages: Collection[str] = ()) -> TokenList:
    """The pieces of a sentencepiece model."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    known = (index for index in range(processor.get_piece_size()) if not processor.is_unknown(index))
    pieces = [processor.id_to_piece(index) for index in known]
    return TokenList([*special_tokens(languages), *pieces])


def write_token_list(outdir: Path, token_list: TokenList, model: bytes | None = None) -> None:
    """Write tokens.txt and, for BPE, bpe.model beside it."""
    if model is not None:
        with atomic_write(outdir / BPE_FILE, "wb") as file:
            file.write(model)
    token_list.save(outdir / TOKENS_FILE)
