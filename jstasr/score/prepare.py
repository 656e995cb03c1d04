"""From Kaldi texts to sclite's transcripts: matching ids, cleaning, splitting into words or smaller units."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table
from jstasr.text.languages import is_unspaced
from jstasr.text.normalize import clean
from jstasr.text.tokens import build_tokenizer
from jstasr.text.unspaced import split_unspaced

SPACE = "<space>"
LANGUAGE_TOKEN = re.compile(r"<lang:[^<>\s]+>\s?")


@dataclass
class Prepared:
    """A test set ready to be aligned.

    Attributes:
        utterances: U str, Kaldi's utterance ids.
        languages: U str; None where the language is not known.
        ref_trn, hyp_trn: content of the transcript files to score.
        raw_ref_trn, raw_hyp_trn: the same before cleaning and splitting.
        missing: utterances without a hypothesis, scored as deletions.
    """

    utterances: list[str]
    languages: list[str | None]
    ref_trn: bytes
    hyp_trn: bytes
    raw_ref_trn: bytes
    raw_hyp_trn: bytes
    missing: list[str]


def prepare_kaldi(
    ref_text: str | Path,
    hyp_text: str | Path,
    utt2spk: str | Path,
    token_type: str = "word",
    cleaner: str = "none",
    utt2lang: str | Path | None = None,
    language: str | None = None,
    token_list: str | Path | None = None,
    bpe_model: str | Path | None = None,
    allow_missing: bool = False,
) -> Prepared:
    """Match, clean and split the references and hypotheses of a test set.

    Args:
        ref_text, hyp_text: Kaldi `text` files; for token_type "token" the hypotheses are the
            decoder's `token` file (token strings with spaces between).
        token_type: "word" (WER; in zh, ja, th ... a character is a word), "char" (CER; `<space>` is a character,
            but not in zh, ja, th ...) or "token" (TER).
        cleaner: name of a cleaner of jstasr.text.normalize, applied to both sides; tokens are not cleaned.
        language: of all utterances, where there is no utt2lang.
        token_list, bpe_model: for token_type "token": how the references become tokens.
        allow_missing: score a missing hypothesis as empty.
    Returns:
        Prepared: utterances in the order of ref_text.
    Raises:
        JstasrError: a missing or extra hypothesis, an utterance without speaker or language; names the
            first and their number.
    """
    ref = read_table(ref_text, allow_empty=True)
    hyp = read_table(hyp_text, allow_empty=True)
    speakers = read_table(utt2spk)
    languages = read_table(utt2lang) if utt2lang else {}
    missing = [utterance for utterance in ref if utterance not in hyp]
    if missing and not allow_missing:
        raise JstasrError(
            f"{hyp_text}: {len(missing)} of {len(ref)} utterances of {ref_text} have no hypothesis: "
            f"{first_few(missing)}; decode them, or count them as deletions with --allow-missing"
        )
    extra = [utterance for utterance in hyp if utterance not in ref]
    if extra:
        raise JstasrError(
            f"{hyp_text}: {len(extra)} hypotheses have no reference in {ref_text}: {first_few(extra)}; "
            "score each set against its own references"
        )
    require_all(ref, speakers, utt2spk, "speaker")
    if utt2lang:
        require_all(ref, languages, utt2lang, "language")
    if not ref:
        raise JstasrError(f"{ref_text}: no utterances; nothing to score")
    codes = [languages.get(utterance, language) for utterance in ref]
    ids = trn_ids(list(ref), speakers)
    raw_ref, raw_hyp = list(ref.values()), [hyp.get(utterance, "") for utterance in ref]
    if token_type == "token":
        if not token_list:
            raise JstasrError("token error rates need --token-list, to split the references as the model does")
        tokenizer = build_tokenizer(token_list, bpe_model)
        scored_ref = [" ".join(tokenizer.pieces(text)) for text in raw_ref]
        scored_hyp = [LANGUAGE_TOKEN.sub("", text) for text in raw_hyp]
    else:
        scored_ref = clean_texts(raw_ref, cleaner, codes)
        scored_hyp = clean_texts(raw_hyp, cleaner, codes)
        if token_type == "word":
            scored_ref = [
                split_unspaced(t) if is_unspaced(code) else t for t, code in zip(scored_ref, codes, strict=True)
            ]
            scored_hyp = [
                split_unspaced(t) if is_unspaced(code) else t for t, code in zip(scored_hyp, codes, strict=True)
            ]
        if token_type == "char":
            scored_ref = [split_characters(text, code) for text, code in zip(scored_ref, codes, strict=True)]
            scored_hyp = [split_characters(text, code) for text, code in zip(scored_hyp, codes, strict=True)]
    return Prepared(
        list(ref),
        codes,
        format_trn(scored_ref, ids),
        format_trn(scored_hyp, ids),
        format_trn(raw_ref, ids),
        format_trn(raw_hyp, ids),
        missing,
    )


def require_all(utterances: Collection[str], table: Mapping[str, str], path: str | Path, what: str) -> None:
    """Raise JstasrError unless `table` (read from `path`) has an entry for each utterance."""
    without = [utterance for utterance in utterances if utterance not in table]
    if without:
        raise JstasrError(
            f"{path}: {len(without)} of {len(utterances)} utterances have no {what}: {first_few(without)}; add them"
        )


def clean_texts(texts: Sequence[str], cleaner: str, languages: Sequence[str | None]) -> list[str]:
    """Apply a cleaner to each text in its language."""
    return [clean(text, cleaner, language) for text, language in zip(texts, languages, strict=True)]


def split_characters(text: str, language: str | None = None) -> str:
    """ "ab c" -> "a b <space> c"; "a b c" in a language that is written without spaces."""
    words = text.split()
    if is_unspaced(language):
        return " ".join("".join(words))
    return f" {SPACE} ".join(" ".join(word) for word in words)


def trn_ids(utterances: Sequence[str], utt2spk: Mapping[str, str]) -> list[str]:
    """`(speaker-utterance)` for each utterance, such that sclite finds the speaker and all ids differ.

    sclite ends the speaker at the first `-`, ends the id at a parenthesis and folds ASCII letters; so a `-` in
    a speaker becomes `_`, parentheses become brackets, and a name that would then repeat another gets `~2`.
    """
    speaker_names: dict[str, str] = {}
    taken_speakers: set[bytes] = set()
    taken_ids: set[bytes] = set()
    ids = []
    for utterance in utterances:
        speaker = utt2spk[utterance]
        if speaker not in speaker_names:
            plain = _unbracket(speaker).replace("-", "_").replace("//", "/")
            speaker_names[speaker] = _unique(plain, taken_speakers)
        ids.append(f"({_unique(f'{speaker_names[speaker]}-{_unbracket(utterance)}', taken_ids)})")
    return ids


def _unbracket(name: str) -> str:
    return name.replace("(", "[").replace(")", "]")


def _unique(name: str, taken: set[bytes]) -> str:
    candidate, copy = name, 1
    while candidate.encode().lower() in taken:  # bytes: only ASCII letters fold
        copy += 1
        candidate = f"{name}~{copy}"
    taken.add(candidate.encode().lower())
    return candidate


def format_trn(texts: Sequence[str], ids: Sequence[str]) -> bytes:
    """Lines `text (id)`. A text that begins like a comment (`;;`, `**`) is indented by a space."""
    lines = [f"{' ' if text[:1] in (';', '*') else ''}{text} {name}\n" for text, name in zip(texts, ids, strict=True)]
    return "".join(lines).encode()
