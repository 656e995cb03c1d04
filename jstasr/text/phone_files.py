"""Stage 3: phones of a whole set, and the list of all phones."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table
from jstasr.text.g2p import G2p, choose, phones_of, refuse_unknown_words
from jstasr.text.tokens import PhoneList

CHUNK = 2000  # sentences per call of a process


def languages_of(texts, utt2lang, lang):
    """Language of each utterance: dict utterance -> language.

    Raises:
        JstasrError: naming the utterances that neither utt2lang nor `lang` gives a language.
    """
    utt2lang = utt2lang or {}
    lost = [utterance for utterance in texts if not utt2lang.get(utterance, lang)]
    if lost:
        raise JstasrError(f"{len(lost)} utterances without language; give utt2lang or --lang: {first_few(lost)}")
    return {utterance: utt2lang.get(utterance, lang) for utterance in texts}


def phonemize_table(texts, languages, nj=1, g2p=None, name="text"):
    """Phones of a table of transcripts.

    Args:
        texts: dict utterance -> transcript.
        languages: dict utterance -> language.
        nj: processes.
        g2p: G2p, how phonemes are made; None: its defaults.
        name: what to call the table in an error.
    Returns:
        dict utterance -> "p1 p2 _ p3"; "" where nothing is spoken.
    Raises:
        JstasrError: an unknown language, or words that the lexicon lacks.
    """
    g2p = g2p or G2p()
    by_language = {}
    for utterance in texts:
        by_language.setdefault(languages[utterance], []).append(utterance)
    for language, utterances in by_language.items():  # refuse what cannot be done before the work
        choose(g2p, language)
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
    phones = {}
    for (_, utterances), lines in zip(chunks, spoken, strict=True):
        phones.update(zip(utterances, map(" ".join, lines), strict=True))
    return {utterance: phones[utterance] for utterance in texts}


def refuse_unspoken(phones, texts, name):
    """JstasrError naming the utterances without a phone, with their text."""
    silent = [f"{utterance} ({texts[utterance]!r})" for utterance, line in phones.items() if not line]
    if silent:
        raise JstasrError(
            f"{name}: no phonemes for {len(silent)} utterance(s): {first_few(silent)}; remove them, or leave "
            "them out with --drop-unspoken"
        )


def phone_list_of(paths):
    """PhoneList of phones files."""
    lines = (line.split() for path in paths for line in read_table(path).values())
    return PhoneList.build(lines, ", ".join(map(str, paths)))
