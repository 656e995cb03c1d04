"""What the recipes' local/make_sets.py share: data dirs from a list of utterances, sets that appear together."""

import random
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.tables import spk2utt_of, write_table


class Utterance(NamedTuple):
    """What a corpus tells of an utterance; `audio` is a path or `command |`."""

    id: str
    speaker: str
    audio: str
    text: str
    lang: str | None = None


def write_set(folder, utterances, name):
    """Write a data dir: wav.scp, text, utt2spk, spk2utt, and utt2lang where the utterances have languages.

    Args:
        folder: to be made.
        utterances: list of Utterance; those with an empty text are left out, and counted.
        name: what to call the corpus's part in an error.
    Raises:
        JstasrError: no words, an id twice, or audio files that are not there; names the first of them.
    """
    spoken = [utterance for utterance in utterances if utterance.text]
    if not spoken:
        raise JstasrError(f"{name}: no utterance with words")
    if len(spoken) < len(utterances):
        print(f"{Path(folder).name}: left out {len(utterances) - len(spoken)} utterances without words")
    tables = {"wav.scp": {}, "text": {}, "utt2spk": {}, "utt2lang": {}}
    for utterance in spoken:
        if utterance.id in tables["text"]:
            raise JstasrError(f"{name}: {utterance.id} is there twice")
        for table, value in zip(tables.values(), (utterance.audio, utterance.text, utterance.speaker, utterance.lang)):
            table[utterance.id] = value
    missing = [path for path in tables["wav.scp"].values() if not path.endswith("|") and not Path(path).is_file()]
    if missing:
        raise JstasrError(
            f"{name}: {len(missing)} of {len(spoken)} audio files are missing: {first_few(missing, 3)}; "
            "remove that folder, and the next run brings it whole"
        )
    if not any(tables["utt2lang"].values()):
        del tables["utt2lang"]
    tables["spk2utt"] = spk2utt_of(tables["utt2spk"])
    for table, content in tables.items():
        write_table(Path(folder) / table, content)
    print(f"{Path(folder).name}: {len(spoken)} utterances, {len(tables['spk2utt'])} speakers")


def write_text_set(folder, sentences):
    """Write a text-only set.

    Args:
        folder: to be made.
        sentences: dict language -> list of sentences; one language alone needs no utt2lang, give None for it.
    Raises:
        JstasrError: there is no sentence.
    """
    text, utt2lang = {}, {}
    for lang, lines in sentences.items():
        for number, line in enumerate(lines, 1):
            key = f"{lang}-text-{number:08d}" if lang else f"text-{number:08d}"
            text[key], utt2lang[key] = line, lang
    if not text:
        raise JstasrError(f"{folder}: no sentence")
    write_table(Path(folder) / "text", text)
    if any(utt2lang.values()):
        write_table(Path(folder) / "utt2lang", utt2lang)
    print(f"{Path(folder).name}: {len(text)} sentences")


def choose_lines(lines, count, seed):
    """`count` of the lines that are not blank, each as likely as any other, in their order; 0: all of them.

    Args:
        lines: iterable of str, of any length: it is read once, and only what is chosen is kept.
        count: how many.
        seed: of the choice.
    Returns:
        list of str, white space made single spaces.
    """
    rng = random.Random(f"{seed} lines")
    chosen = []
    seen = 0
    for line in lines:
        line = " ".join(line.split())
        if not line:
            continue
        seen += 1
        if not count or len(chosen) < count:
            chosen.append((seen, line))
        elif (place := rng.randrange(seen)) < count:
            chosen[place] = (seen, line)
    return [line for _, line in sorted(chosen)]


def read_lines(path):
    """Lines of a UTF-8 text file, gz or plain, one after the other."""
    import gzip
    import zlib

    path = Path(path)
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            yield from file
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise JstasrError(f"{path}: not UTF-8 ({error.reason}); convert it with iconv") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise JstasrError(
            f"{path}: no whole gz file ({error}); remove it, and the next run downloads it again"
        ) from None


def text_of_files(files, langs, count, seed):
    """Sentences of a user's own text: dict language -> list.

    Args:
        files: list of "LANG=FILE", a text file of one sentence a line, plain or gz; FILE alone where there is one
            language.
        langs: the languages that there are.
        count, seed: as of `choose_lines`, for each language.
    Raises:
        JstasrError: a language that is not there.
    """
    sentences = {}
    for words in files:
        lang, mark, path = words.partition("=")
        if not mark and len(langs) == 1:
            lang, path = langs[0], words
        if lang not in langs or not path:
            raise JstasrError(f"text {words!r}: expected LANG=FILE with a language of {' '.join(langs)}")
        sentences[lang] = choose_lines(read_lines(path), count, seed)
    return sentences


@contextmanager
def made_together(data, how, sets):
    """A folder in which to make sets; they replace those of `data` at the end, all of them.

    Args:
        data: the recipe's data/.
        how: one line that tells the options and the sources; data/.made_with keeps it.
        sets: names of the sets that will be made.
    Yields:
        The folder, or None where the sets are there already, made in the same way.
    """
    data = Path(data)
    record = data / ".made_with"
    if record.is_file() and record.read_text(encoding="utf-8") == f"{how}\n" and all((data / s).is_dir() for s in sets):
        print(f"{data}: made with the same options already: nothing to do")
        yield None
        return
    work = data / ".local"
    shutil.rmtree(work, ignore_errors=True)
    record.unlink(missing_ok=True)
    work.mkdir(parents=True)
    try:
        yield work
        for name in sets:
            shutil.rmtree(data / name, ignore_errors=True)
            (work / name).replace(data / name)
        with atomic_write(record) as file:
            file.write(f"{how}\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)
