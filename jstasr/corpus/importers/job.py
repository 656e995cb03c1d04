"""What `jstasr import` does, step by step."""

import random
import shutil
from pathlib import Path

from jstasr.corpus.importers import formats, split
from jstasr.corpus.importers.check import usable
from jstasr.corpus.importers.entries import Faults, Options
from jstasr.corpus.importers.sentences import new_sentences, parse_text_files, sentences_of
from jstasr.corpus.importers.write import audio_seconds, replacing, summary, write_data_dir
from jstasr.corpus.recipe_sets import made_together, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.files import atomic_write
from jstasr.kaldi.tables import read_table

AUDIO = "audio"  # folder for recordings that a source holds inside its files


def looks_like_text(source):
    """Is the source a text without speech?"""
    return formats.guess_format(source) == "text"


def options_of(args, work=None, final=None):
    """Options of a command line; `work` is the folder that will become `final`."""
    columns = {}
    for pair in args.columns:
        role, equals, name = pair.partition("=")
        if not equals or role not in formats.ROLES:
            raise JstasrError(f"--columns {pair}: must be ROLE=NAME, with a role of {' '.join(formats.ROLES)}")
        columns[role] = name
    return Options(
        columns,
        tuple(args.ignore),
        args.lang,
        tuple(args.langs.replace(",", " ").split()),
        Path(args.audio_dir).absolute() if args.audio_dir else None,
        tuple(args.tables.split()),
        work / AUDIO if work else None,
        final / AUDIO if final else None,
        Path(args.unpack_to) if args.unpack_to else None,
    )


def read_sources(args, options, faults):
    """Entries of all sources, checked, with ids."""
    entries = []
    for source in args.source:
        name = args.format or formats.guess_format(source)
        if name == "text":
            raise JstasrError(
                f"{source}: is text without speech by its name; of a table say --format tsv, csv or jsonl"
            )
        if name not in formats.READERS:
            raise JstasrError(f"--format {name}: must be one of {' '.join(formats.FORMATS)}")
        if len(args.source) > 1 and name != "commonvoice":
            raise JstasrError(f"{' '.join(args.source)}: one source only; import each, then utils/combine_data.sh")
        if not Path(source).exists():
            raise JstasrError(f"{source}: no such file or folder")
        entries += formats.READERS[name](Path(source), options, faults)
    lost = sorted(set(options.langs) - {entry.lang for entry in entries})
    if lost and not faults.fatal:
        faults.add(" ".join(args.source), f"no recordings in {' '.join(lost)}")
    entries = usable(entries, options, faults)
    if not entries and not faults.fatal and not faults.rows:
        faults.add(" ".join(args.source), "no usable utterance")
    return entries


def report_skipped(faults, folder):
    """Say how many rows were left out, and list them in <folder>/skipped."""
    if faults.rows:
        with atomic_write(folder / "skipped") as file:
            file.writelines(f"{line}\n".encode("utf-8", "replace").decode() for line in faults.rows)
        print(f"left out {len(faults.rows)} faulty rows, listed in {folder.name}/skipped; the first: {faults.rows[0]}")


def import_set(args):
    """One data directory of all that the source has."""
    dest, faults = Path(args.dest), Faults(args.skip_bad)
    with replacing(dest) as work:
        entries = read_sources(args, options_of(args, work, dest), faults)
        faults.raise_all(" ".join(args.source))
        write_data_dir(work, entries)
        report_skipped(faults, work)
    print(summary(str(dest), entries))


def import_split(args):
    """train, dev, test and, with text, train_text."""
    dest, faults, source = Path(args.dest), Faults(args.skip_bad), " ".join(args.source)
    (dest / ".made_with").unlink(missing_ok=True)  # the source may have changed
    sets = list(split.SETS)
    with made_together(dest, f"jstasr import --split {source}", sets) as work:
        entries = read_sources(args, options_of(args, work, dest), faults)
        parts, notes = split.split_entries(entries, (args.dev_share, args.test_share), args.seed, faults)
        faults.raise_all(source)
        notes += split.drop_shared_sentences(parts, args.shared_sentences)
        split.refuse_empty(parts, source)
        texts = unpaired_text(args, parts, notes)
        if args.max_train:
            parts["train"] = thin_out(parts["train"], args.max_train, args.seed)
        split.refuse_empty(parts, source)
        for name in split.SETS:
            write_data_dir(work / name, parts[name])
        if texts:
            write_text_set(work / "train_text", texts)
            sets.append("train_text")
        report_skipped(faults, work / "train")
        if (work / AUDIO).is_dir():
            sets.append(AUDIO)
    if "train_text" not in sets:  # of an earlier run: it may hold sentences of this one's test set
        shutil.rmtree(dest / "train_text", ignore_errors=True)
    for name in split.SETS:
        print(summary(name, parts[name]))
    for note in notes:
        print(note)


def thin_out(entries, count, seed):
    """At most `count` entries of each language, at random."""
    kept = []
    for lang in sorted({entry.lang for entry in entries}):
        members = [entry for entry in entries if entry.lang == lang]
        kept += random.Random(f"{seed} {lang}").sample(members, min(count, len(members)))
    return kept


def unpaired_text(args, parts, notes):
    """dict language -> sentences without speech: from --text files, else, with --held-out, from training sentences.

    None of them is a sentence of dev or test; `parts` loses the utterances of sentences that are held out.
    """
    langs = sorted({entry.lang for entry in parts["train"]})
    files = parse_text_files(args.text, langs)
    excluded = {split.sentence_key(e.text, e.lang) for name in ("dev", "test") for e in parts[name]}
    texts = {}
    for lang in langs:
        if lang in files:
            found = sentences_of(files[lang], args.max_sentences, args.seed)
            texts[lang], held = new_sentences(found, lang, excluded)
            notes.append(f"train_text: {len(texts[lang])} sentences {lang}; left out {held} that dev or test has")
        elif args.held_out:
            members = [entry for entry in parts["train"] if entry.lang == lang]
            left, texts[lang] = split.hold_out_sentences(members, args.held_out, args.seed)
            parts["train"] = [entry for entry in parts["train"] if entry.lang != lang] + left
            notes.append(f"train_text: {len(texts[lang])} sentences {lang}, whose recordings are left out of train")
    return {lang or None: sentences for lang, sentences in texts.items() if sentences}


def import_text(args):
    """A text-only set of sentences."""
    dest = Path(args.dest)
    excluded = {split.sentence_key(text, args.lang) for path in args.exclude for text in read_table(path).values()}
    sentences, held = new_sentences(sentences_of(args.source, args.max_sentences, args.seed), args.lang, excluded)
    with replacing(dest) as work:
        write_text_set(work, {args.lang or None: sentences})
    print(f"{dest}: {len(sentences)} sentences; left out {held} that --exclude names")


def measure(args):
    """Print how much there is as words that a shell can read: `utterances=80 seconds=512 ...`."""
    faults, source = Faults(args.skip_bad), " ".join(args.source)
    entries = read_sources(args, options_of(args), faults)
    faults.raise_all(source)
    sample = random.Random(args.seed).sample(entries, min(500, len(entries)))
    seconds = 0.0
    for entry in sample:
        if entry.end is not None or not is_pipe(entry.audio):
            seconds += (audio_seconds(entry) if entry.end is None else entry.end) - (entry.start or 0)
    langs = sorted({entry.lang for entry in entries if entry.lang})
    print(
        f"utterances={len(entries)} seconds={round(seconds * len(entries) / len(sample))} "
        f"speakers={len({entry.speaker for entry in entries})} letters={len({c for e in entries for c in e.text})} "
        f"langs={','.join(langs)}"
    )
