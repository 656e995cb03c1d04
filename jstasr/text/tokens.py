"""Token lists, tokenizers and phone lists.

tokens.txt holds one token per line; the line number from 0 is the id. 0 is `<blank>`, 1 `<unk>`, then the
language tokens `<lang:en>` of a multilingual list, then the tokens. The kind of tokens follows from the list: one
of characters holds `<space>`, one of sentencepiece's pieces has bpe.model beside it, any other is of words.
"""

import re
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

TOKENS_FILE, BPE_FILE, PHONES_FILE = "tokens.txt", "bpe.model", "phones.txt"
BLANK, UNK, SPACE = "<blank>", "<unk>", "<space>"
SPECIALS = (BLANK, UNK)
BLANK_ID, UNK_ID = 0, 1
WORD_START = "\u2581"  # sentencepiece's mark for a space
LANGUAGE_TOKEN = re.compile(r"<lang:([^<>\s]+)>")

WORD_MARK = "_"
PHONE_SPECIALS = ("<pad>", "<mask>", "<unk>", WORD_MARK)


def language_token(language: str) -> str:
    """The token of a language: "en" -> "<lang:en>"."""
    return f"<lang:{language}>"


def _read_symbols(path: str | Path) -> list[str]:
    """Symbols of a list file, one per line; refuses duplicates, empty lines and bytes that are not UTF-8."""
    path = Path(path)
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file; run stages 3 (phones) and 4 (tokens) first") from None
    except UnicodeDecodeError as error:
        raise JstasrError(f"{path}: not UTF-8: {error}") from error
    if lines[-1] == "":
        lines.pop()
    seen: dict[str, int] = {}
    for number, symbol in enumerate(lines, 1):
        if not symbol or symbol.endswith("\r"):
            raise JstasrError(f"{path}:{number}: empty line or Windows line end; make the list again")
        if symbol in seen:
            raise JstasrError(f"{path}:{number}: {symbol!r} is already on line {seen[symbol]}")
        seen[symbol] = number
    return lines


def _write_symbols(path: str | Path, symbols: Iterable[str]) -> None:
    with atomic_write(path) as file:
        file.writelines(f"{symbol}\n" for symbol in symbols)


class TokenList:
    """The output symbols of a model.

    Args:
        tokens: the first two are `<blank>` and `<unk>`.
        name: what to call the list in an error.
    Raises:
        JstasrError: other first tokens, or a token twice.
    """

    def __init__(self, tokens: Iterable[str], name: str | Path = "token list"):
        self.tokens = list(tokens)
        self.name = str(name)
        if tuple(self.tokens[:2]) != SPECIALS:
            raise JstasrError(f"{name}: must begin with {BLANK} and {UNK}, found {self.tokens[:2]}")
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            raise JstasrError(f"{name}: holds a token twice")
        self.languages = [m[1] for token in self.tokens if (m := LANGUAGE_TOKEN.fullmatch(token))]

    @classmethod
    def load(cls, path: str | Path) -> "TokenList":
        """Read tokens.txt."""
        return cls(_read_symbols(path), path)

    def save(self, path: str | Path) -> None:
        """Write tokens.txt."""
        _write_symbols(path, self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def index(self, token: str) -> int:
        """Id of a token; JstasrError when the list lacks it."""
        try:
            return self._ids[token]
        except KeyError:
            raise JstasrError(f"{self.name}: no token {token!r}") from None

    def get(self, token: str, default: int) -> int:
        """Id of a token, or `default`."""
        return self._ids.get(token, default)

    def language_id(self, language: str) -> int:
        """Id of `<lang:language>`, in whichever spelling; JstasrError names the languages that the list has."""
        token = language_token(language)
        if token not in self._ids:
            from jstasr.text.language_tags import known_tag

            known = ", ".join(self.languages) or "none"
            tag = known_tag(language)
            code = next((code for code in self.languages if tag is not None and known_tag(code) == tag), None)
            if code is None:
                raise JstasrError(f"{self.name}: no token of language {language!r}; it has: {known}")
            token = language_token(code)
        return self._ids[token]


class Tokenizer:
    """Text to token ids and back; `build_tokenizer` creates it.

    Args:
        token_list: the tokens and their ids.
        kind: what they are.
        processor: sentencepiece's, for kind "bpe".
    """

    def __init__(
        self,
        token_list: TokenList,
        kind: Literal["char", "word", "bpe"],
        processor: "SentencePieceProcessor | None" = None,
    ):
        self.token_list = token_list
        self.kind = kind
        self._processor = processor
        self._silent = {BLANK_ID, *(token_list.index(language_token(code)) for code in token_list.languages)}

    def __len__(self) -> int:
        return len(self.token_list)

    def pieces(self, text: str) -> list[str]:
        """Split text into token strings, whether or not the list has them. Runs of white space are one."""
        text = " ".join(text.split())
        if self.kind == "word":
            return text.split()
        if self.kind == "char":
            return [SPACE if character == " " else character for character in text]
        assert self._processor is not None, "kind bpe needs a sentencepiece processor"
        return self._processor.encode(text, out_type=str)

    def encode(self, text: str, lang: str | None = None, strict: bool = True) -> list[int]:
        """Token ids of a transcript.

        Args:
            text: the transcript, already cleaned.
            lang: its language; a multilingual list puts that language's token first.
            strict: refuse what the list lacks; else it becomes `<unk>`.
        Raises:
            JstasrError: naming the characters (words) outside the list, or an unknown language.
        """
        prefix = [self.token_list.language_id(lang)] if lang and self.token_list.languages else []
        pieces = self.pieces(text)
        ids = [self.token_list.get(piece, UNK_ID) for piece in pieces]
        if strict and UNK_ID in ids:
            unknown = sorted({piece for piece, index in zip(pieces, ids, strict=True) if index == UNK_ID})
            what = "words" if self.kind == "word" else "characters"
            raise JstasrError(
                f"{what} outside the token list {self.token_list.name}: {first_few(map(repr, unknown))} "
                f"in {text!r}; clean the text or make the token list from text that holds them"
            )
        return prefix + ids

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Token strings of ids."""
        return [self.token_list.tokens[index] for index in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; `<blank>` and language tokens are left out, `<unk>` stays visible."""
        return " ".join(self.spaced(ids).split())

    def spaced(self, ids: Iterable[int]) -> str:
        """Like `decode`, with every space of the tokens: that of a sequence is that of its parts, joined."""
        tokens = self.tokens(index for index in ids if index not in self._silent)
        if self.kind == "word":
            return "".join(f" {token}" for token in tokens)
        if self.kind == "char":
            return "".join(" " if token == SPACE else token for token in tokens)
        return "".join(tokens).replace(WORD_START, " ")


def build_tokenizer(token_list_path: str | Path, bpe_model: str | Path | None = None) -> Tokenizer:
    """The tokenizer of a token list.

    Args:
        token_list_path: path of tokens.txt.
        bpe_model: path of sentencepiece's model; None: `bpe.model` beside the list, if there is one.
    Raises:
        JstasrError: naming the file that is missing or damaged, or the line of the list that does not fit the model.
    """
    token_list = TokenList.load(token_list_path)
    if SPACE in token_list:
        return Tokenizer(token_list, "char")
    model = Path(bpe_model) if bpe_model else Path(token_list_path).parent / BPE_FILE
    if bpe_model and not model.is_file():
        raise JstasrError(f"{model}: no such sentencepiece model; make the token list (stage 4) again")
    if not model.is_file():
        if pieces := [token for token in token_list.tokens if token.startswith(WORD_START)]:
            raise JstasrError(
                f"{token_list_path}: holds pieces of sentencepiece, such as {pieces[0]}, and {model.name} is missing "
                "beside it"
            )
        return Tokenizer(token_list, "word")
    import sentencepiece

    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    except Exception as error:  # RuntimeError or OSError, by version
        raise JstasrError(f"{model}: not a sentencepiece model ({error}); run stage 4 again") from error
    require_pieces(token_list, processor, model)
    return Tokenizer(token_list, "bpe", processor)


def require_pieces(token_list: TokenList, processor: "SentencePieceProcessor", model: Path) -> None:
    """Refuse a sentencepiece model whose pieces are not the tokens of the list, in their order."""
    known = [index for index in range(processor.get_piece_size()) if not processor.is_unknown(index)]
    pieces = [processor.id_to_piece(index) for index in known]
    first = len(SPECIALS) + len(token_list.languages)
    tokens = token_list.tokens[first:]
    for number, (token, piece) in enumerate(zip_longest(tokens, pieces), first + 1):
        if token != piece:
            raise JstasrError(
                f"{token_list.name}:{number}: {token!r} is not the piece that {model.name} has there, {piece!r}: they "
                "are of different experiments"
            )


class PhoneList:
    """The input symbols of the text encoder: `<pad>` 0, `<mask>` 1, `<unk>` 2, `_` 3 (word mark), phones.

    Args:
        phones: all of them, in the order of their ids.
        name: what to call the list in an error.
    """

    PAD_ID, MASK_ID, UNK_ID, WORD_MARK_ID = range(4)

    def __init__(self, phones: Iterable[str], name: str | Path = "phone list"):
        self.phones = list(phones)
        self.name = str(name)
        if tuple(self.phones[:4]) != PHONE_SPECIALS:
            raise JstasrError(f"{name}: must begin with {' '.join(PHONE_SPECIALS)}, found {self.phones[:4]}")
        self._ids = {phone: index for index, phone in enumerate(self.phones)}

    @classmethod
    def build(cls, phone_lines: Iterable[Iterable[str]], name: str = "phone list") -> "PhoneList":
        """List of all phones in sequences of phones."""
        found: set[str] = set()
        for phones in phone_lines:
            found.update(phones)
        return cls([*PHONE_SPECIALS, *sorted(found - set(PHONE_SPECIALS))], name)

    @classmethod
    def load(cls, path: str | Path) -> "PhoneList":
        """Read phones.txt."""
        return cls(_read_symbols(path), path)

    def save(self, path: str | Path) -> None:
        """Write phones.txt."""
        _write_symbols(path, self.phones)

    def __len__(self) -> int:
        return len(self.phones)

    def encode(self, phones: Iterable[str]) -> list[int]:
        """Ids of phones; a phone outside the list becomes `<unk>`."""
        return [self._ids.get(phone, self.UNK_ID) for phone in phones]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Phones of ids."""
        return [self.phones[index] for index in ids]
