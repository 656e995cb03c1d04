"""Stage 3: phones of a whole set, and the list of all phones."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from jstasr.data.io import first_few
from jstasr.data.kaldi import read_table
from jstasr.errors import JstasrError
from jstasr.text.phonemes import espeak_code, phonemize_texts
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
        raise JstasrError(
            f"{len(lost)} utterances without language; give utt2lang or --lang: {first_few(lost)}"
        )
    return {utterance: utt2lang.get(utterance, lang) for utterance in texts}


def phonemize_table(texts, languages, nj=1):
    """Phones of a table of transcripts.

    Args:
        texts: dict utterance -> transcript.
        languages: dict utterance -> language.
        nj: processes.
    Returns:
        dict utterance -> "p1 p2 _ p3"; "" where nothing is spoken.
    """
    by_language = {}
    for utterance in texts:
        by_language.setdefault(languages[utterance], []).append(utterance)
    for language in by_language:
        espeak_code(language)  # refuse an unknown language before the work
    chunks = [
        (language, utterances[start : start + CHUNK])
        for language, utterances in sorted(by_language.items())
        for start in range(0, len(utterances), CHUNK)
    ]
    inputs = [([texts[utterance] for utterance in utterances], language) for language, utterances in chunks]
    if nj > 1 and len(chunks) > 1:
        with ProcessPoolExecutor(min(nj, len(chunks)), mp_context=get_context("forkserver")) as pool:
            spoken = list(pool.map(phonemize_texts, *zip(*inputs, strict=True)))
    else:
        spoken = [phonemize_texts(*chunk) for chunk in inputs]
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
