"""The recordings that a command line names: files, folders, globs, wav.scp, standard input."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from jstasr.decode.media import STDIN
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.tables import read_table

# What people keep recordings in: other files of a folder are left out.
SUFFIXES = frozenset(
    "wav wave w64 rf64 flac ogg oga opus spx mp3 mp2 m4a m4b aac wma aif aiff aifc caf au snd sph nist amr 3gp ac3 ape"
    " wv mp4 m4v mov mkv mka webm avi mpg mpeg ts mts flv wmv".split()
)


@dataclass(frozen=True)
class Source:
    """A recording: where it is (a path, `command |`, or "-"), its name, and its place in a folder of results.

    `fault`: why what the command line names is none.
    """

    location: str
    name: str
    stem: str
    fault: str = ""

    @property
    def size(self) -> int:
        """Bytes of the file, 0 if it is none."""
        try:
            return 0 if self.location == STDIN or is_pipe(self.location) else os.path.getsize(self.location)
        except (OSError, ValueError):
            return 0


def find_sources(arguments: Iterable[str]) -> list[Source]:
    """The recordings of command line arguments, in their order; those of a folder in the order of their names.

    What is missing or damaged is among them: the others are to be transcribed all the same. Each has a place of its
    own in a folder of results.
    """
    found: list[Source] = []
    for argument in arguments:
        found += expand(argument)
    return with_own_places(found)


def expand(argument: str) -> list[Source]:
    """The recordings of one argument."""
    path = Path(argument)
    if argument == STDIN:
        return [Source(STDIN, "stdin", "stdin")]
    if path.is_dir():
        inside = recordings_below(path)
        if not inside:
            return [no_source(argument, "is a directory without recordings (files named .wav, .flac, .mp3, .m4a, ...)")]
        return [Source(str(file), str(file), str(file.relative_to(path).with_suffix(""))) for file in inside]
    if path.suffix == ".scp" and path.is_file():
        try:
            return [Source(value, utterance, utterance) for utterance, value in read_table(path).items()]
        except JstasrError as error:
            return [Source(argument, argument, path.stem, str(error))]
    if glob.has_magic(argument) and not os.path.lexists(argument):
        matches = sorted(glob.glob(argument, recursive=True))
        if not matches:
            return [no_source(argument, "fits no file")]
        return [source for match in matches for source in expand(match)]
    return [Source(argument, argument, path.stem or argument)]


def no_source(argument: str, fault: str) -> Source:
    """An argument that names no recording."""
    return Source(argument, argument, argument, f"{argument}: {fault}")


def recordings_below(folder: Path) -> list[Path]:
    """The recordings in a folder and the folders below it; hidden ones are left out."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(place) / name
            for name in sorted(files)
            if not name.startswith(".") and Path(name).suffix[1:].lower() in SUFFIXES
        ]
    return found


def with_own_places(sources: list[Source]) -> list[Source]:
    """Sources whose stems differ: with the ending of the file, or else a number, where two are alike."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for source in sources:
        counts[source.stem] = counts.get(source.stem, 0) + 1
    found = []
    for source in sources:
        stem = source.stem
        if counts[stem] > 1 and not is_pipe(source.location):
            stem += Path(source.location).suffix
        base, number = stem, 2
        while stem in taken:
            stem, number = f"{base}-{number}", number + 1
        taken.add(stem)
        found.append(replace(source, stem=stem))
    return found
