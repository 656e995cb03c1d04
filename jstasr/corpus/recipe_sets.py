"""What the recipes' local/make_sets.py share: data dirs from a list of utterances, sets that appear together."""

import gzip
import random
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.audio_parts import file_of
from jstasr.kaldi.data_dir import SPK2UTT, TEXT, UTT2LANG, UTT2SPK, WAV_SCP
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.tables import spk2utt_of, write_table
from jstasr.text.language_codes import same_language

MADE_WITH = ".made_with"  # in data/: the options and sources of its sets


class Utterance(NamedTuple):
    """What a corpus holds about an utterance; `audio` is a path or `command |`."""

    id: str
    speaker: str
    audio: str
    text: str
    lang: str | None = None


def write_set(folder: str | Path, utterances: Sequence[Utterance], name: str) -> None:
    """Write a data dir: wav.scp, text, utt2spk, spk2utt, and utt2lang where the utterances have languages.

    Args:
        folder: of the set.
        utterances: those with an empty text are left out, and counted.
        name: what to call the corpus's part in an error.
    Raises:
        JstasrError: no words, an id twice, or audio files that are not there; names the first of them.
    """
    spoken = [utterance for utterance in utterances if utterance.text]
    if not spoken:
        raise JstasrError(f"{name}: no utterance with words")
    if len(spoken) < len(utterances):
        print(f"{Path(folder).name}: left out {len(utterances) - len(spoken)} utterances without words")
    by_id: dict[str, Utterance] = {}
    for utterance in spoken:
        if utterance.id in by_id:
            raise JstasrError(f"{name}: {utterance.id} is there twice")
        by_id[utterance.id] = utterance
    missing = [one.audio for one in spoken if not is_pipe(one.audio) and not Path(file_of(one.audio)).is_file()]
    if missing:
        raise JstasrError(
            f"{name}: {len(missing)} of {len(spoken)} audio files are missing: {first_few(missing, 3)}; "
            "remove that folder, and the next run brings it whole"
        )
    utt2spk = {key: one.speaker for key, one in by_id.items()}
    tables = {
        WAV_SCP: {key: one.audio for key, one in by_id.items()},
        TEXT: {key: one.text for key, one in by_id.items()},
        UTT2SPK: utt2spk,
        SPK2UTT: spk2utt_of(utt2spk),
    }
    if any(one.lang for one in spoken):
        tables[UTT2LANG] = {key: str(one.lang) for key, one in by_id.items()}
    for table, content in tables.items():
        write_table(Path(folder) / table, content)
    print(f"{Path(folder).name}: {len(spoken)} utterances, {len(tables[SPK2UTT])} speakers")


def write_text_set(folder: str | Path, sentences: Mapping[str, Iterable[str]]) -> None:
    """Write a text-only set.

    Args:
        folder: of the set.
        sentences: language -> sentences; one language alone needs no utt2lang, give "" for it.
    Raises:
        JstasrError: there is no sentence.
    """
    text: dict[str, str] = {}
    utt2lang: dict[str, str] = {}
    for lang, lines in sentences.items():
        for number, line in enumerate(lines, 1):
            key = f"{lang}-text-{number:08d}" if lang else f"text-{number:08d}"
            text[key], utt2lang[key] = line, lang
    if not text:
        raise JstasrError(f"{folder}: no sentence")
    write_table(Path(folder) / TEXT, text)
    if any(utt2lang.values()):
        write_table(Path(folder) / UTT2LANG, utt2lang)
    print(f"{Path(folder).name}: {len(text)} sentences")


def choose_lines(lines: Iterable[str], count: int, seed: int) -> list[str]:
    """A uniform random choice of the lines that are not blank, in their order.

    Args:
        lines: any number of them: they are read once, and only the chosen ones are kept.
        count: how many to choose; 0: all.
        seed: of the choice.
    Returns:
        The chosen lines, runs of white space replaced by single spaces.
    """
    rng = random.Random(f"{seed} lines")
    chosen: list[tuple[int, str]] = []  # number of the line, line
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


def read_lines(path: str | Path) -> Iterator[str]:
    """Lines of a UTF-8 text file, gz or plain, one after the other."""
    path = Path(path)
    zipped = path.suffix.lower() == ".gz"
    try:
        # utf-8-sig: without a byte-order mark.
        with gzip.open(path, "rt", encoding="utf-8-sig") if zipped else open(path, encoding="utf-8-sig") as file:
            yield from file
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise JstasrError(f"{path}: not UTF-8 ({error.reason}); convert it with iconv") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise JstasrError(f"{path}: no whole gz file ({error}); get it again") from None
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from None


def text_of_files(files: Iterable[str], langs: Sequence[str], count: int, seed: int) -> dict[str, list[str]]:
    """Sentences of a user's own text.

    Args:
        files: "LANG=FILE", a text file of one sentence per line, plain or gz; FILE alone where there is one language.
        langs: the languages of the recipe.
        count, seed: as of `choose_lines`, for each language.
    Returns:
        Language -> sentences.
    Raises:
        JstasrError: another language.
    """
    sentences: dict[str, list[str]] = {}
    for words in files:
        named, mark, path = words.partition("=")
        lang = same_language(named, langs)
        if not mark and len(langs) == 1:
            lang, path = langs[0], words
        if not lang or not path:
            raise JstasrError(f"text {words!r}: expected LANG=FILE with a language of {' '.join(langs)}")
        sentences[lang] = choose_lines(read_lines(path), count, seed)
    return sentences


@contextmanager
def made_together(data: str | Path, how: str, sets: Sequence[str]) -> Iterator[Path | None]:
    """A folder in which to make sets; at the end they replace those of `data`, all of them or, after an error, none.

    Args:
        data: the recipe's data/.
        how: one line with the options and the sources; data/.made_with keeps it.
        sets: names of the sets; the caller may append to the list while it makes them.
    Yields:
        The folder, or None where the sets are there already, made from the same options and sources.
    """
    data = Path(data)
    record = data / MADE_WITH
    if data.exists() and not data.is_dir():
        raise JstasrError(f"{data}: is there and is no folder")
    if record.is_file() and record.read_text(encoding="utf-8") == f"{how}\n" and all((data / s).is_dir() for s in sets):
        print(f"{data}: made with the same options already: nothing to do")
        yield None
        return
    work = data / ".local"
    try:
        shutil.rmtree(work, ignore_errors=True)
        record.unlink(missing_ok=True)
        work.mkdir(parents=True)
        yield work
        for name in sets:
            shutil.rmtree(data / name, ignore_errors=True)
            (work / name).replace(data / name)
        with atomic_write(record) as file:
            file.write(f"{how}\n")
    except OSError as error:
        raise JstasrError(f"{error.filename or data}: {error.strerror}: {data} is not written") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
