"""Stage 3: the phones of a data directory, or of one table of transcripts."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table, write_table
from jstasr.text.g2p import MAX_WORDS_SHOWN, G2p, choose_method
from jstasr.text.nlsyms import take_out_of
from jstasr.text.normalize import clean_table, describe_left_out, left_out_signs
from jstasr.text.phone_files import languages_of, phonemize_table, refuse_unspoken
from jstasr.text.spelled_out import spelled_out


@dataclass(frozen=True)
class PhonemizeOptions:
    """How transcripts become phones; the cleaner is that of `g2p`."""

    g2p: G2p
    language: str | None = None  # of utterances that utt2lang does not name
    drop_unspoken: bool = False  # leave out utterances without a phoneme, which are an error else
    num_procs: int = 1
    symbols: tuple[str, ...] = ()  # non-linguistic, taken out


@dataclass
class PhonemizedTable:
    """A table of transcripts: as it was, normalised, and as phones; only the first holds utterances left out."""

    raw: dict[str, str]
    texts: dict[str, str]
    phones: dict[str, str]

    @property
    def dropped(self) -> int:
        """How many utterances were left out."""
        return len(self.raw) - len(self.phones)


def phonemize_folder(
    source: Path, target: Path, options: PhonemizeOptions, report: Callable[[str], None]
) -> PhonemizedTable:
    """Write <target>/phones of <source>/text, and beside it the transcripts and languages that have phones.

    Args:
        source: folder with text [utt2lang].
        target: may be the same folder.
        report: takes a line on each language: how its phonemes are generated, and why so.
    Raises:
        JstasrError: an utterance without a language or, unless dropped, without a phoneme; an unknown word;
            a folder of recordings whose transcripts would change.
    """
    lang_path = source / "utt2lang"
    utt2lang = read_table(lang_path) if lang_path.exists() else None
    table = _phonemize(source / "text", utt2lang, options, report)
    _write_texts(source, target, table, utt2lang)
    write_table(target / "phones", table.phones)
    return table


def phonemize_file(
    text: Path, utt2lang: Path | None, output: Path, options: PhonemizeOptions, report: Callable[[str], None]
) -> PhonemizedTable:
    """Write the phones of one table of transcripts; otherwise like `phonemize_folder`."""
    table = _phonemize(text, read_table(utt2lang) if utt2lang else None, options, report)
    write_table(output, table.phones)
    return table


def _phonemize(
    path: Path, utt2lang: Mapping[str, str] | None, options: PhonemizeOptions, report: Callable[[str], None]
) -> PhonemizedTable:
    raw, _ = take_out_of(read_table(path, allow_empty=options.drop_unspoken), options.symbols)
    texts = clean_table(raw, options.g2p.cleaner, utt2lang, options.language, str(path), options.drop_unspoken)
    languages = languages_of(texts, utt2lang, options.language)
    for language in sorted(set(languages.values())):
        choice = choose_method(options.g2p, language)
        report(f"{path}: phonemes of {language}: {choice.method} ({choice.reason})")
        if choice.method == "espeak":
            own = (text for utterance, text in texts.items() if languages[utterance] == language)
            _report_spelled_out(f"{path}: {language}", spelled_out(own, language), options.g2p, report)
    lost = describe_left_out(left_out_signs(raw, options.g2p.cleaner, utt2lang, options.language))
    if lost:
        report(f"{path}: {lost}")
    phones = phonemize_table(texts, languages, options.num_procs, options.g2p, str(path))
    if not options.drop_unspoken:
        refuse_unspoken(phones, texts, path)
    phones = {utterance: line for utterance, line in phones.items() if line}
    if not phones:
        raise JstasrError(f"{path}: no utterance has a phoneme")
    return PhonemizedTable(raw, {utterance: texts[utterance] for utterance in phones}, phones)


def _report_spelled_out(where: str, found: Counter[str], g2p: G2p, report: Callable[[str], None]) -> None:
    if not found:
        return
    shown = " ".join(f"{word} ({count})" for word, count in found.most_common(MAX_WORDS_SHOWN))
    more = f" and {len(found) - MAX_WORDS_SHOWN} more" if len(found) > MAX_WORDS_SHOWN else ""
    result = "their letters are taken instead" if g2p.method == "auto" else "WARNING: --g2p auto takes their letters"
    report(f"{where}: espeak spells out by names of letters (how often): {shown}{more}; {result}")


def _write_texts(source: Path, target: Path, table: PhonemizedTable, utt2lang: Mapping[str, str] | None) -> None:
    """Write the transcripts and languages that have phones, unless they are already there."""
    if target.resolve() == source.resolve():
        if table.texts == {utterance: " ".join(text.split()) for utterance, text in table.raw.items()}:
            return
        if (source / "wav.scp").exists():
            raise JstasrError(f"{source}: would change the transcripts of recordings; use another --outdir")
    write_table(target / "text", table.texts)
    if utt2lang is not None:
        write_table(target / "utt2lang", {utterance: utt2lang[utterance] for utterance in table.texts})
