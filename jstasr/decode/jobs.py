"""Many recordings: some at the same time, with progress, into a folder that can be continued."""

import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch

from jstasr.decode.arguments import EACH
from jstasr.decode.formats import FORMATS
from jstasr.decode.media import (
    SPOOLED,
    STDIN,
    number_of_channels,
    read_command,
    seconds_by_header,
    spooled_stdin,
)
from jstasr.decode.recording import PIECE_SECONDS, Recording
from jstasr.decode.results import Transcript, merge_channels
from jstasr.decode.sources import Source
from jstasr.decode.transcriber import Transcriber
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.kaldi.audio import Channel, is_pipe
from jstasr.kaldi.files import atomic_write, make_folder
from jstasr.model.joint import STREAMING

SETTINGS_FILE = ".settings.json"
REPORT_SECONDS = 5.0  # between two lines of progress


@dataclass(frozen=True)
class Settings:
    """How recordings are transcribed.

    `model`, `lm`, `nnlm`: where the model and language models of its own are. The others are arguments of
    `Transcriber.transcribe`.
    """

    model: str
    lm: str | None
    nnlm: str | None
    mode: str
    config: SearchConfig
    channel: Channel | Literal["each"] | None
    vad: str
    max_segment: float


@dataclass(frozen=True)
class Result:
    """A recording and its transcript, or what was wrong with it."""

    source: Source
    transcript: Transcript | None
    fault: str


def transcribe_all(
    transcriber: Transcriber,
    sources: Sequence[Source],
    settings: Settings,
    formats: Sequence[str],
    output: str | None,
    overwrite: bool,
    nj: int,
) -> int:
    """Transcribe recordings, and print the results or write them into a folder.

    A recording that cannot be transcribed is named on stderr, and the others are transcribed.

    Returns:
        The exit status: 1 if there was such a recording.
    Raises:
        JstasrError: the folder cannot be written, or holds results of other settings.
    """
    waiting = list(sources)
    if output is not None:
        prepare_folder(Path(output), settings, formats, overwrite)
        if not overwrite:
            waiting = [
                source for source in sources if not all(path.exists() for path in paths(output, source, formats))
            ]
        if len(waiting) < len(sources):
            say(f"{len(sources) - len(waiting)} of {len(sources)} recordings are done already")
    failed, progress = 0, Progress(waiting)
    for result in results(transcriber, waiting, settings, nj, progress):
        progress.finish(result.source)
        if result.transcript is None:
            say(result.fault)
            failed += 1
            continue
        write(result.source, result.transcript, formats, output)
    return 1 if failed else 0


def write(source: Source, transcript: Transcript, formats: Sequence[str], output: str | None) -> None:
    """Print a transcript, or write a file of each format."""
    if output is None:
        sys.stdout.write(as_format(formats[0], source, transcript))
        sys.stdout.flush()
        return
    for name, path in zip(formats, paths(output, source, formats)):
        with atomic_write(path) as file:
            file.write(as_format(name, source, transcript))


def as_format(name: str, source: Source, transcript: Transcript) -> str:
    """A transcript in a format; NIST's name a recording as their references do, without folder and ending."""
    return FORMATS[name](source.stem if name in ("ctm", "stm") else source.name, transcript)


def paths(output: str, source: Source, formats: Sequence[str]) -> list[Path]:
    """The files of a recording."""
    return [Path(output) / f"{source.stem}.{name}" for name in formats]


def prepare_folder(folder: Path, settings: Settings, formats: Sequence[str], overwrite: bool) -> None:
    """Make a folder for results, or check that it is continued with the settings that it was begun with."""
    make_folder(folder)
    wanted = json.dumps(asdict(settings), sort_keys=True)
    held = folder / SETTINGS_FILE
    try:
        before = held.read_text("utf-8").strip() if held.is_file() else wanted
    except (OSError, UnicodeDecodeError) as error:
        raise JstasrError(f"{held}: cannot be read: {error}") from error
    if before != wanted and not overwrite:
        raise JstasrError(
            f"{folder}: holds results of other settings. Give another folder, the same settings, or --overwrite"
        )
    with atomic_write(held) as file:
        file.write(wanted + "\n")


def results(
    transcriber: Transcriber, sources: Sequence[Source], settings: Settings, nj: int, progress: "Progress"
) -> Iterator[Result]:
    """The result of each recording, in their order; `nj` of them are transcribed at the same time."""
    if min(nj, len(sources)) <= 1:
        for source in sources:
            yield one_result(transcriber, source, settings, progress.inside)
        return
    # forked processes would inherit the locks of the threads of torch
    context = multiprocessing.get_context("spawn")
    here = [source for source in sources if source.location == STDIN]  # other processes have no standard input
    with ProcessPoolExecutor(min(nj, len(sources)), context, start_worker, (transcriber, settings)) as pool:
        futures = {source: pool.submit(work, source) for source in sources if source not in here}
        try:
            for source in sources:
                yield one_result(transcriber, source, settings) if source in here else futures[source].result()
        except BrokenProcessPool:
            raise JstasrError("a process of --nj was killed, by lack of memory perhaps. Use a smaller --nj") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_worker: tuple[Transcriber, Settings] | None = None  # of this process, where there are several


def start_worker(transcriber: Transcriber, settings: Settings) -> None:
    """Begin a process of `results`."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process answers for all
    torch.set_num_threads(1)
    _worker = transcriber, settings


def work(source: Source) -> Result:
    """`one_result` in a process of `results`."""
    assert _worker is not None
    return one_result(_worker[0], source, _worker[1])


def one_result(
    transcriber: Transcriber,
    source: Source,
    settings: Settings,
    progress: Callable[[Source, float, float | None], None] | None = None,
) -> Result:
    """Transcribe one recording; `progress`: gets seconds that were read, and all seconds if they are known."""
    if source.fault:
        return Result(source, None, source.fault)
    try:
        return Result(source, transcribe_source(transcriber, source, settings, progress), "")
    except JstasrError as error:
        return Result(source, None, SPOOLED.sub("standard input", str(error)))
    except (MemoryError, torch.OutOfMemoryError) as error:
        fault = str(error).split("\n")[0] or "no memory left"
        return Result(source, None, f"{source.name}: {fault}. Use a smaller --max_segment")


def transcribe_source(
    transcriber: Transcriber,
    source: Source,
    settings: Settings,
    progress: Callable[[Source, float, float | None], None] | None,
) -> Transcript:
    """The transcript of a recording; errors as of `Transcriber.transcribe`."""
    if settings.mode == STREAMING:
        torch.set_num_threads(1)  # a chunk is too little to share: threads would only wait for each other
    with spooled_stdin() if source.location == STDIN else nullcontext(source.location) as location:
        total = None if is_pipe(location) else seconds_by_header(location)
        channels: Sequence[Channel | None]
        if settings.channel == EACH:
            if is_pipe(location):
                raise JstasrError(f"{source.name}: is a command: --channel each needs a file")
            channels = range(1, number_of_channels(location) + 1)
        else:
            channels = [settings.channel]
        found = []
        for done, channel in enumerate(channels):

            def report(seconds: float, done: int = done) -> None:
                if progress is not None:
                    whole = None if total is None else total * len(channels)
                    progress(source, seconds + done * (total or 0.0), whole)

            recording = Recording(
                read_command(location, PIECE_SECONDS, channel),
                source.name,
                transcriber.sample_rate,
                transcriber.features.window,
                report,
            )
            found.append(
                transcriber.transcribe_recording(
                    recording, settings.mode, settings.config, None, settings.vad, settings.max_segment
                )
            )
    return merge_channels(found) if settings.channel == EACH else found[0]


class Progress:
    """Lines on stderr every few seconds: what is done, and the time left, as the sizes of the files tell it."""

    def __init__(self, sources: Sequence[Source]):
        self.sizes = {source: max(1, source.size) for source in sources}
        self.total, self.done, self.files = sum(self.sizes.values()), 0, 0
        self.started = self.shown = time.monotonic()

    def finish(self, source: Source) -> None:
        """A recording is done."""
        self.done += self.sizes[source]
        self.files += 1
        if self.files < len(self.sizes):
            self.show(self.done, "")

    def inside(self, source: Source, seconds: float, total: float | None) -> None:
        """So many seconds of a recording have been read."""
        share = min(1.0, seconds / total) if total else 0.0
        self.show(self.done + share * self.sizes[source], f", {seconds / 60:.1f} min of {source.name}")

    def show(self, done: float, inside: str) -> None:
        """Print a line, unless the last one is recent."""
        now = time.monotonic()
        if now - self.shown < REPORT_SECONDS:
            return
        self.shown = now
        left = f", {(now - self.started) * (self.total - done) / done:.0f} s left" if done > 0 else ""
        say(f"{self.files} of {len(self.sizes)} recordings{inside}{left}")


def say(line: str) -> None:
    """A line on stderr."""
    print(f"jstasr transcribe: {line}", file=sys.stderr, flush=True)
