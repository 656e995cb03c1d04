"""`jstasr bench decode`: speed, latency and memory of decoding a test set, beside sherpa-onnx on the exported model.

Each row is a process of its own; each round asks every process for the whole set, so that other load on the machine
affects all alike. No detector, language model or recipe search: greedy search, or a beam of 4.
"""

import difflib
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jstasr.bench.decode_worker import BATCH, BEAM, HEARD, ONE, SHERPA_ONE, SHERPA_STREAM, STREAM
from jstasr.bench.lowresource_tables import write_csv
from jstasr.bench.timing import machine_name
from jstasr.bench.worker_process import WorkerProcess
from jstasr.data.subset import spread_subset
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.load import Experiment
from jstasr.export.sherpa_onnx import export, no_stream, refuse_unsuitable
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.kaldi.audio import read_audio, resample
from jstasr.kaldi.ctm import read_ctm
from jstasr.kaldi.data_dir import DataDir
from jstasr.kaldi.files import atomic_write
from jstasr.model.joint import FULL, STREAMING
from jstasr.score.environment import environment
from jstasr.sweep.tables import markdown

LONG, SHORT = 0.32, 0.02  # seconds of a piece
TEST_SET = Path("dump", "audio", "test")  # of a recipe
WORKER = "jstasr.bench.decode_worker"
HEADING = (
    "program", "way", "threads", "x real time", "of processor", "latency, median ms", "95% ms",
    "piece in minute 1, ms", "in the last, ms", "peak memory, MB", "to first words, s",
)  # fmt: skip
Words = dict[str, list[tuple[str, float]]]  # utterance -> words and the moment of each, seconds
Report = Callable[[str], None]  # takes a line


class Row(NamedTuple):
    """A way to decode: `way` of decode_worker, with pieces of so many seconds (0: whole utterances)."""

    title: str
    way: str
    piece: float = 0.0
    int8: bool = False

    @property
    def program(self) -> str:
        """What decodes."""
        return "sherpa-onnx" if self.way in (SHERPA_ONE, SHERPA_STREAM) else "jstasr"


OURS = (
    Row("full context, greedy, one by one", ONE),
    Row("full context, greedy, in batches", BATCH),
    Row("full context, beam of 4, one by one", BEAM),
    Row("stream, greedy, pieces of 320 ms", STREAM, LONG),
    Row("stream, greedy, pieces of 20 ms", STREAM, SHORT),
    Row("stream, greedy, pieces of 320 ms, with a detector", HEARD, LONG),
)
THEIRS = tuple(
    Row(f"{title}{', 8 bits' if int8 else ''}", way, piece, int8)
    for int8 in (False, True)
    for title, way, piece in (
        ("full context, greedy, one by one", SHERPA_ONE, 0.0),
        ("stream, greedy, pieces of 320 ms", SHERPA_STREAM, LONG),
        ("stream, greedy, pieces of 20 ms", SHERPA_STREAM, SHORT),
    )
)


@dataclass
class DecodeJob:
    """What is measured.

    `word_times`: CTM file with the words' true times; None: those of the model's full decode. `stream_minutes`: of the
    long stream; 0: none.
    """

    model: str
    data_dir: str | None = None
    utterances: int = 100
    threads: Sequence[int] = (1,)
    rounds: int = 5
    word_times: str | None = None
    stream_minutes: float = 5.0


@dataclass
class Figures:
    """Of a row: seconds of audio per second, latencies in seconds, pieces in seconds, bytes; None: not measured."""

    program: str
    way: str
    threads: int
    startup: float
    peak: int = 0
    speed: float = 0.0
    processor_speed: float = 0.0
    latencies: list[float] | None = None
    growth: dict[str, float] | None = None
    texts: dict[str, str] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """As a row of the table."""
        late = ["", ""]
        if self.latencies:
            late = [f"{1e3 * np.percentile(self.latencies, share):.0f}" for share in (50, 95)]
        pieces = ["", ""] if self.growth is None else [f"{1e3 * self.growth[key]:.1f}" for key in ("first", "last")]
        speeds = f"{self.speed:.1f}", f"{self.processor_speed:.1f}"
        sizes = f"{self.peak / 1e6:.0f}", f"{self.startup:.1f}"
        return [self.program, self.way, str(self.threads), *speeds, *late, *pieces, *sizes]


def run(job: DecodeJob, report: Report = print, progress: Report = lambda line: None) -> dict[str, Any]:
    """Measure, and report as Markdown, line by line.

    Args:
        progress: gets lines with the time left.
    Returns:
        `about`: lines on what was measured; `rows`: list of Figures.
    Raises:
        JstasrError: no such data, or a process that ended.
    """
    experiment = Experiment.load(job.model, own_search=False)
    audio = read_utterances(data_dir_of(job), job.utterances, experiment.config.sample_rate)
    seconds = sum(map(len, audio.values())) / experiment.config.sample_rate
    ends = None if job.word_times is None else read_word_ends(Path(job.word_times), audio)
    with tempfile.TemporaryDirectory() as temporary:
        held = Path(temporary, "audio.npz")
        arrays: dict[str, Any] = dict(audio)  # savez's stub takes them for its options
        np.savez(held, **arrays)
        rows, missing = rows_of(experiment, job.model, Path(temporary, "exported"), progress)
        found: list[Figures] = []
        for threads in job.threads:
            found += measure(job, experiment, rows, Path(temporary), seconds, threads, ends, progress)
    about = {
        "set": f"{len(audio)} utterances, {seconds:.0f} s; medians of {job.rounds} rounds; a long stream of "
        f"{job.stream_minutes:g} minutes",
        "latency": f"from the end of a word to its appearance; ends of words: {'CTM' if ends else 'the full decode'}",
        "machine": f"{machine_name()}; torch {environment()['torch']}, sherpa-onnx {sherpa_version()}",
    }
    report(markdown(HEADING, [figures.cells() for figures in found], left=2))
    for line in (*(f"- {key}: {value}" for key, value in about.items()), *missing):
        report(line)
    return {"about": about, "rows": found}


def data_dir_of(job: DecodeJob) -> Path:
    """The data directory that is given, or the test set of the recipe that holds the experiment."""
    if job.data_dir is not None:
        return Path(job.data_dir)
    folder = Path(job.model).resolve().parent.parent / TEST_SET
    if not Path(job.model).is_dir() or not folder.is_dir():
        raise JstasrError(
            f"{job.model}: no {TEST_SET} beside its exp folder. Give --data-dir DIR, with wav.scp and text"
        )
    return folder


def read_utterances(folder: Path, count: int, rate: int) -> dict[str, np.ndarray]:
    """So many utterances, evenly chosen: samples (N,) float32 at a rate in Hz."""
    data = DataDir(folder, allow_empty_text=True)
    segments = data.segments
    names = sorted(data.wav_scp if segments is None else segments)
    if not names:
        raise JstasrError(f"{folder}/wav.scp: holds no utterance")
    found = {}
    for name in (names[int(index)] for index in spread_subset(len(names), count)):
        if segments is None:
            samples, own = read_audio(data.wav_scp[name])
        else:
            part = segments[name]
            if part.recording not in data.wav_scp:
                raise JstasrError(f"{folder}/segments: {name}: no recording {part.recording} in wav.scp")
            samples, own = read_audio(data.wav_scp[part.recording], part.start, part.end)
        found[name] = samples if own == rate else resample(samples, own, rate)
    return found


def read_word_ends(path: Path, audio: dict[str, np.ndarray]) -> Words:
    """The ends of the words of utterances in a CTM file."""
    found = read_ctm(path)
    if not found.keys() & audio.keys():
        raise JstasrError(f"--word-times {path}: has none of the utterances that are decoded, as {next(iter(audio))}")
    return {name: [(word.text, word.end) for word in words] for name, words in found.items()}


def rows_of(experiment: Experiment, model: str, exported: Path, progress: Report) -> tuple[list[Row], list[str]]:
    """What can be measured, and a sentence on all that cannot; exports the model where sherpa-onnx is installed."""
    streams = experiment.config.model.streams
    rows, missing = [row for row in OURS if streams or not row.piece], []
    if not streams:
        missing.append("No stream: the model sees whole utterances.")
    for package in ("sherpa_onnx", "onnx", "onnxscript", "onnxruntime"):
        if find_spec(package) is None:
            return rows, [*missing, f"sherpa-onnx: not measured, {package} is missing: pip install 'jstasr[bench]'."]
    modes = [FULL] if no_stream(experiment) else [FULL, STREAMING]
    try:
        refuse_unsuitable(experiment, model, modes)
    except JstasrError as error:
        return rows, [*missing, f"sherpa-onnx: not measured. {error}"]
    export(experiment, Path(model).resolve().stem, exported, modes, lambda part: progress(f"exported {part}"))
    return rows + [row for row in THEIRS if STREAMING in modes or not row.piece], missing


def measure(
    job: DecodeJob,
    experiment: Experiment,
    rows: Sequence[Row],
    folder: Path,
    seconds: float,
    threads: int,
    ends: Words | None,
    progress: Report,
) -> list[Figures]:
    """The figures of rows; `seconds`: of the set; `ends`: of its words, or None."""
    workers: list[WorkerProcess] = []
    found: list[Figures] = []
    try:
        for row in rows:
            progress(f"{row.program}, {row.title}: starting")
            began = time.perf_counter()
            settings = settings_of(row, job, experiment, folder, threads)
            workers.append(WorkerProcess(sys.executable, WORKER, settings, threads, f"{row.program}, {row.title}"))
            found.append(Figures(row.program, row.title, threads, time.perf_counter() - began))
        taken: list[list[tuple[float, float]]] = [[] for _ in rows]
        began = time.perf_counter()
        for number in range(1, job.rounds + 1):
            for worker, figures, times in zip(workers, found, taken):
                answer = worker.ask("round")
                times.append((answer["wall"], answer["cpu"]))
                figures.texts = answer["texts"]
            left = (time.perf_counter() - began) / number * (job.rounds - number)
            progress(f"round {number} of {job.rounds} on {threads} threads, {left / 60:.1f} min of rounds left")
        for worker, figures, times in zip(workers, found, taken):
            wall, cpu = (statistics.median(values) for values in zip(*times))
            figures.speed, figures.processor_speed = seconds / wall, seconds / cpu
            figures.peak = worker.ask("memory")["peak"]
        ends = workers[0].ask("word_ends") if ends is None else ends
        for row, worker, figures in zip(rows, workers, found):
            if row.piece:
                progress(f"{row.program}, {row.title}: latency and long stream")
                figures.latencies = latencies(worker.ask("words"), ends)
                figures.growth = worker.ask("growth", minutes=job.stream_minutes) if job.stream_minutes else None
    finally:
        for worker in workers:
            worker.requests.close()  # they end at the same time
        for worker in workers:
            worker.close()
    return found


def settings_of(row: Row, job: DecodeJob, experiment: Experiment, folder: Path, threads: int) -> dict[str, Any]:
    """The arguments of a row's `DecodeWorker`."""
    given = {"name": row.way, "audio": str(folder / "audio.npz"), "piece": row.piece, "threads": threads}
    if row.program == "jstasr":
        return {**given, "model": job.model}
    kind = feature_settings(experiment.config)
    tail = experiment.config.model.chunk_size * ENCODER_FRAME_SECONDS + 0.1
    sizes = {"rate": kind.sample_rate, "mels": kind.num_mel_bins, "int8": row.int8, "tail": tail}
    return {**given, "model": str(folder / "exported"), **sizes}


def latencies(appeared: Words, ends: Words) -> list[float]:
    """Seconds from the end of each word to its appearance, of the words that both have, in the same order."""
    found = []
    for name, words in appeared.items():
        spoken = ends.get(name, [])
        matcher = difflib.SequenceMatcher(None, [word for word, _ in words], [word for word, _ in spoken], False)
        for block in matcher.get_matching_blocks():
            for step in range(block.size):
                found.append(words[block.a + step][1] - spoken[block.b + step][1])
    return found


def write(found: dict[str, Any], output: str, command: Sequence[str]) -> None:
    """Write OUTPUT.csv and OUTPUT.md."""
    about = {
        "command": f"`{shlex.join(command)}`; {found['about']['set']}; latency {found['about']['latency']}",
        "commit": f"`{environment()['git']}`",
        "machine": found["about"]["machine"],
    }
    cells = [figures.cells() for figures in found["rows"]]
    write_csv(Path(f"{output}.csv"), about, HEADING, cells)
    lines = [markdown(HEADING, cells, left=2), *(f"- {key}: {value}" for key, value in about.items()), ""]
    with atomic_write(f"{output}.md") as file:
        file.write("\n".join(lines))


def sherpa_version() -> str:
    """The version of sherpa-onnx."""
    try:
        return version("sherpa-onnx")
    except PackageNotFoundError:
        return "not installed"
