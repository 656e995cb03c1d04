"""Stage 3: phones of a whole set, and the list of all phones."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import TEXT
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table
from jstasr.text.g2p import G2p, choose_method, phones_of, refuse_unknown_words
from jstasr.text.language_codes import canonical_table
from jstasr.text.tokens import PhoneList

CHUNK = 2000  # sentences that a process takes at a time


def languages_of(utterances: Iterable[str], utt2lang: Mapping[str, str] | None, lang: str | None) -> dict[str, str]:
    """Utterance -> language, as a canonical code: that of utt2lang, else `lang`.

    Raises:
        JstasrError: naming the utterances that have neither, or what is no language code.
    """
    utt2lang = utt2lang or {}
    languages = {utterance: utt2lang.get(utterance, lang) or "" for utterance in utterances}
    lost = [utterance for utterance, language in languages.items() if not language]
    if lost:
        raise JstasrError(f"{len(lost)} utterances without language; give utt2lang or --lang: {first_few(lost)}")
    return canonical_table(languages, "language of utterances")


def phonemize_table(
    texts: Mapping[str, str],
    languages: Mapping[str, str],
    nj: int = 1,
    g2p: G2p | None = None,
    name: str | Path = TEXT,
) -> dict[str, str]:
    """Phones of a table of transcripts.

    Args:
        texts: utterance -> transcript.
        languages: utterance -> language.
        nj: processes.
        g2p: how the texts are converted; None: its defaults.
        name: what to call the table in an error.
    Returns:
        Utterance -> "p1 p2 _ p3"; "" for a text without phones.
    Raises:
        JstasrError: an unknown language, or words that the lexicon lacks.
    """
    g2p = g2p or G2p()
    by_language: dict[str, list[str]] = {}
    for utterance in texts:
        by_language.setdefault(languages[utterance], []).append(utterance)
    for language, utterances in by_language.items():  # before the work: what cannot be done
        choose_method(g2p, language)
        refuse_unknown_words([texts[utterance] for utterance in utterances], language, g2p, name)
    chunks = [
        (language, utterances[start : start + CHUNK])
        for language, utterances in sorted(by_language.items())
        for start in range(0, len(utterances), CHUNK)
    ]
    inputs = [([texts[utterance] for utterance in utterances], language, g2p) for language, utterances in chunks]
    if nj > 1 and len(chunks) > 1:
        with ProcessPoolExecutor(min(nj, len(chunks)), mp_context=get_context("forkserver")) as pool:
            spoken = list(pool.map(phones_of, *zip(*inputs, strict=True)))
    else:
        spoken = [phones_of(*chunk) for chunk in inputs]
    phones: dict[str, str] = {}
    for (_, utterances), lines in zip(chunks, spoken, strict=True):
        phones.update(zip(utterances, map(" ".join, lines), strict=True))
    return {utterance: phones[utterance] for utterance in texts}


def refuse_unspoken(phones: Mapping[str, str], texts: Mapping[str, str], name: str | Path) -> None:
    """JstasrError naming the utterances without a phone, with their text."""
    silent = [f"{utterance} ({texts[utterance]!r})" for utterance, line in phones.items() if not line]
    if silent:
        raise JstasrError(
            f"{name}: no phonemes for {len(silent)} utterance(s): {first_few(silent)}; remove them, or leave "
            "them out with --drop-unspoken"
        )


def phone_list_of(paths: Iterable[str | Path]) -> PhoneList:
    """The list of all phones in tables of phones."""
    paths = list(paths)
    lines = (line.split() for path in paths for line in read_table(path).values())
    return PhoneList.build(lines, ", ".join(map(str, paths)))
