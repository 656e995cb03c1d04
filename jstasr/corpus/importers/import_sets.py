"""From a source in any format to data directories: one set, or train, dev and test, or a set of text alone."""

import random
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jstasr.corpus.importers import formats, split
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.report import import_report, total_seconds
from jstasr.corpus.importers.sentences import (
    TextReading,
    new_sentences,
    parse_text_files,
    refuse_nothing_taken,
    refuse_without_sentence,
    sentences_of,
)
from jstasr.corpus.importers.valid_entries import valid_entries
from jstasr.corpus.importers.write import AUDIO, REPORT, SKIPPED, replacing, write_data_dir
from jstasr.corpus.recipe_sets import MADE_WITH, made_together, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.kaldi.tables import read_table
from jstasr.text.language_tags import known_tag

TRAIN_TEXT = "train_text"  # the set of text without speech


@dataclass(frozen=True)
class Source:
    """What is imported.

    Args:
        paths: files, folders or archives; several only of Common Voice.
        format: one of formats.READERS; None: guessed from the path.
        options: how it is read.
        skip_faulty_rows: leave faulty rows out and list them, instead of refusing the source.
    """

    paths: tuple[str, ...]
    format: str | None = None
    options: ReadOptions = ReadOptions()
    skip_faulty_rows: bool = False

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return " ".join(self.paths)


@dataclass(frozen=True)
class SplitPlan:
    """How entries become train, dev, test and train_text.

    Args:
        dev_share, test_share: shares of a language's utterances, where the source has no such set.
        shared_sentences: training utterances of sentences of dev or test: "drop", "keep" or "auto".
        max_train: training utterances of a language, at random; 0: all.
        text_files: "FILE" or "LANG=FILE", text without speech.
        held_out_share: share of the training sentences to become text without speech, where there is no file.
        max_sentences: lines of text to take, at random; 0: all.
        seed: of everything random.
    """

    dev_share: float = 0.1
    test_share: float = 0.1
    shared_sentences: str = "auto"
    max_train: int = 0
    text_files: tuple[str, ...] = ()
    held_out_share: float = 0.0
    max_sentences: int = 0
    seed: int = 1


def looks_like_text(path: str) -> bool:
    """Is the source a text without speech?"""
    return formats.guess_format(path) == formats.TEXT_ONLY


def read_entries(
    source: Source, faults: ImportFaults, work: Path | None = None, final: Path | None = None
) -> list[Entry]:
    """Entries of a source, checked, with ids.

    Args:
        source: to read.
        faults: gathers what is wrong with it.
        work: folder for recordings that the source holds inside its files; None: they are only measured.
        final: what `work` will be called in the end.
    Raises:
        JstasrError: nothing there that can be read.
    """
    options = replace(
        source.options, extracted=work and work / AUDIO, listed_as=final.absolute() / AUDIO if final else None
    )
    entries: list[Entry] = []
    for path in source.paths:
        name = source.format or formats.guess_format(path)
        if name == formats.TEXT_ONLY:
            raise JstasrError(
                f"{path}: is text without speech by its name; of a table say --format tsv, csv, jsonl or ljspeech"
            )
        if name not in formats.READERS:
            raise JstasrError(f"--format {name}: must be one of {' '.join(formats.FORMATS)}")
        if len(source.paths) > 1 and name != "commonvoice":
            raise JstasrError(f"{source.name}: one source only; import each, then utils/combine_data.sh")
        if options.limit and name not in formats.NAMED:
            raise JstasrError(f"--limit goes with --format {' '.join(formats.NAMED)}, not {name}")
        if name not in formats.NAMED and not Path(path).exists():
            raise JstasrError(f"{path}: no such file or folder")
        entries += formats.READERS[name](Path(path), options, faults)
    found = {known_tag(entry.lang) for entry in entries}
    lost = sorted(lang for lang in options.langs if known_tag(lang) not in found)
    if lost and not faults.fatal:
        faults.add(source.name, f"no recordings in {' '.join(lost)}")
    if options.langs:
        tags = {known_tag(lang) for lang in options.langs}
        asked = [entry for entry in entries if known_tag(entry.lang) in tags]
        faults.left_out["of a language that --langs does not name"] += len(entries) - len(asked)
        entries = asked
    entries = valid_entries(entries, options, faults)
    if not entries and not faults.fatal:
        if faults.rows and faults.skip_rows:
            faults.refuse_nothing_left(source.name)
        if not faults.rows:
            faults.add(source.name, "no usable utterance: there are no rows")
    return entries


def list_skipped(faults: ImportFaults, folder: Path, final: Path) -> None:
    """List the faulty rows in <folder>/skipped, and note where that is once `folder` is `final`."""
    if faults.rows:
        with atomic_write(folder / SKIPPED) as file:
            file.writelines(f"{line}\n".encode("utf-8", "replace").decode() for line in faults.rows)
        listed = f"the {len(faults.rows)} faulty row(s) are listed in {final / SKIPPED}"
        faults.note(f"{listed}; the first: {faults.rows[0]}")


def write_report(folder: Path, report: str) -> None:
    """Write the report of an import."""
    with atomic_write(folder / REPORT) as file:
        file.write(report)


def refuse_own_source(source: Source, folder: Path) -> None:
    """JstasrError where a source lies in a folder that the import would replace."""
    real = folder.resolve()
    for path in source.paths:
        if real in (Path(path).resolve(), *Path(path).resolve().parents):
            raise JstasrError(f"{path}: lies in {folder}, which this import replaces; choose another folder")


def import_set(source: Source, dest: Path) -> None:
    """One data directory, `dest`, of the whole source."""
    faults = ImportFaults(source.skip_faulty_rows)
    refuse_own_source(source, dest)
    with replacing(dest) as work:
        entries = read_entries(source, faults, work, dest)
        faults.raise_all(source.name)
        write_data_dir(work, entries)
        list_skipped(faults, work, dest)
        report = import_report(source.name, {str(dest): entries}, faults, split.notes_on_speakers(entries))
        write_report(work, report)
    print(report, end="")


def import_split(source: Source, dest: Path, plan: SplitPlan) -> None:
    """Data directories train, dev, test and, with text, train_text in the folder `dest`."""
    faults = ImportFaults(source.skip_faulty_rows)
    sets: list[str] = list(split.SETS)
    for name in (*sets, TRAIN_TEXT, AUDIO):
        refuse_own_source(source, dest / name)
    if dest.is_dir():
        (dest / MADE_WITH).unlink(missing_ok=True)  # the source may have changed
    with made_together(dest, f"jstasr import --split {source.name}", sets) as work:
        assert work is not None, "without a record nothing is up to date"
        entries = read_entries(source, faults, work, dest)
        parts, notes = split.split_entries(entries, plan.dev_share, plan.test_share, plan.seed, faults)
        faults.raise_all(source.name)
        unknown = sum(fault.reason == split.UNKNOWN for fault in faults.rows)
        faults.left_out["of a speaker of dev or test"] += len(entries) - unknown - _size(parts)
        before = _size(parts)
        notes += split.drop_shared_sentences(parts, plan.shared_sentences)
        faults.left_out["that say sentences of dev or test"] += before - _size(parts)
        split.refuse_empty(parts, source.name)
        before = _size(parts)
        texts = unpaired_text(parts, plan, notes)
        faults.left_out["whose sentences are text without speech"] += before - _size(parts)
        before = _size(parts)
        if plan.max_train:
            parts["train"] = thin_out(parts["train"], plan.max_train, plan.seed)
        faults.left_out["beyond --max-train"] += before - _size(parts)
        split.refuse_empty(parts, source.name)
        for name in split.SETS:
            write_data_dir(work / name, parts[name])
        if texts:
            write_text_set(work / TRAIN_TEXT, texts)
            sets.append(TRAIN_TEXT)
        list_skipped(faults, work / "train", dest / "train")
        if (work / AUDIO).is_dir():
            sets.append(AUDIO)
        report = import_report(source.name, parts, faults, notes)
        write_report(work, report)
        sets.append(REPORT)
    if TRAIN_TEXT not in sets:  # of an earlier run: it may hold sentences of this one's test set
        shutil.rmtree(dest / TRAIN_TEXT, ignore_errors=True)
    print(report, end="")


def _size(parts: split.Parts) -> int:
    return sum(map(len, parts.values()))


def thin_out(entries: Iterable[Entry], count: int, seed: int) -> list[Entry]:
    """At most `count` entries of each language, at random."""
    by_language: dict[str, list[Entry]] = {}
    for entry in entries:
        by_language.setdefault(entry.lang, []).append(entry)
    kept: list[Entry] = []
    for lang, members in sorted(by_language.items()):
        kept += random.Random(f"{seed} {lang}").sample(members, min(count, len(members)))
    return kept


def unpaired_text(parts: split.Parts, plan: SplitPlan, notes: list[str]) -> dict[str, list[str]]:
    """Sentences without speech: of the plan's text files, else held out from the training sentences.

    Args:
        parts: set -> entries; train loses the utterances of sentences that are held out.
        plan: where the text comes from.
        notes: gets a line for the user about each language.
    Returns:
        Language -> sentences, none of them a sentence of dev or test.
    """
    langs = sorted({entry.lang for entry in parts["train"]})
    files = parse_text_files(plan.text_files, langs)
    excluded = split.evaluation_keys(parts)
    texts: dict[str, list[str]] = {}
    for lang in langs:
        if lang in files:
            reading = TextReading()
            found = sentences_of(files[lang], reading, plan.max_sentences, plan.seed)
            texts[lang] = new_sentences(found, lang, excluded, reading)
            if not texts[lang]:
                refuse_nothing_taken(files[lang], reading)
            notes.append(f"{TRAIN_TEXT}: {lang + ': ' if lang else ''}{reading}")
        elif plan.held_out_share:
            members = [entry for entry in parts["train"] if entry.lang == lang]
            left, texts[lang] = split.hold_out_sentences(members, plan.held_out_share, plan.seed)
            parts["train"] = [entry for entry in parts["train"] if entry.lang != lang] + left
            notes.append(f"{TRAIN_TEXT}: {len(texts[lang])} sentences {lang}, whose recordings are left out of train")
    return {lang: sentences for lang, sentences in texts.items() if sentences}


def import_text(
    paths: Sequence[str], dest: Path, lang: str = "", exclude: Iterable[str] = (), max_sentences: int = 0, seed: int = 1
) -> None:
    """A text-only set, `dest`, of the sentences of text files.

    Args:
        paths: text files.
        dest: data directory.
        lang: language of all of them, or "".
        exclude: Kaldi tables of transcripts whose sentences are left out.
        max_sentences: lines of text to take, at random; 0: all.
        seed: of the choice.
    """
    excluded = {split.sentence_key(text, lang) for path in exclude for text in read_table(path).values()}
    reading = TextReading()
    sentences = new_sentences(sentences_of(paths, reading, max_sentences, seed), lang, excluded, reading)
    if not sentences:
        refuse_nothing_taken(paths, reading)
    report = f"{dest}: {reading}\n"
    with replacing(dest) as work:
        write_text_set(work, {lang: sentences})
        write_report(work, report)
    print(report, end="")


def measure(source: Source, text_files: Sequence[str] = (), seed: int = 1, plan: SplitPlan | None = None) -> None:
    """Print how much there is, as words that a shell can read: `utterances=80 seconds=512 ...`.

    Args:
        source: what would be imported.
        text_files: "FILE" or "LANG=FILE", text without speech, of which each must hold a sentence.
        seed: of the utterances whose length is looked up.
        plan: of the division into sets; None: there will be none.
    """
    faults = ImportFaults(source.skip_faulty_rows)
    entries = read_entries(source, faults)
    parts = plan and split.split_entries(entries, plan.dev_share, plan.test_share, plan.seed, faults)[0]
    faults.raise_all(source.name)
    if plan and parts:
        split.drop_shared_sentences(parts, plan.shared_sentences)
        split.refuse_empty(parts, source.name)
    langs = sorted({entry.lang for entry in entries if entry.lang})
    refuse_without_sentence(text_files, langs or [""])
    for note in faults.notes:
        print(note, file=sys.stderr)
    of_language = {lang: [entry for entry in entries if entry.lang == lang] for lang in langs or [""]}
    seconds = {lang: total_seconds(members, seed) or 0.0 for lang, members in of_language.items()}
    print(
        f"utterances={len(entries)} seconds={round(sum(seconds.values()))} "
        f"speakers={len({entry.speaker for entry in entries})} unknown={sum(entry.own_speaker for entry in entries)} "
        f"letters={len({c for e in entries for c in e.text})} "
        f"seconds_of={','.join(f'{lang}:{value:.0f}' for lang, value in seconds.items())} langs={','.join(langs)}"
    )
