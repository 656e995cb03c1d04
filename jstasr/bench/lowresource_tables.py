"""The error rates of `jstasr bench lowresource` with intervals, and how much lower jstasr's are than those of CTC."""

import csv
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jstasr.bench.lowresource import CTC, MEASURES, MODE, Comparison, decodings, read_seconds
from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.score.environment import environment
from jstasr.sweep.collect import scored_utterances
from jstasr.sweep.statistics import Estimate, Rates, difference, mean_over_seeds, replicate_rates
from jstasr.sweep.tables import markdown

NAMES = {
    "ctc": "CTC head, frozen encoder",
    "ctc-finetuned": "CTC head, all layers fine-tuned",
    "speech": "jstasr, speech only",
    "text": "jstasr, with text",
    "consistency": "jstasr, with text and consistency",
}
SEARCH = {False: "without", True: "n-gram"}
RATES = ("system", "language model", "WER [95% interval]", "CER [95% interval]", "minutes of training")
DIFFERENCES = ("jstasr", "against", "language model", "WER, relative [95% interval]", "CER, relative [95% interval]")

Cell = tuple[str, bool]  # system, with the language model?


def write(job: Comparison, output: str, command: Sequence[str]) -> str:
    """Write OUTPUT.csv, OUTPUT_differences.csv and both as Markdown in OUTPUT.md.

    Returns:
        The Markdown.
    Raises:
        JstasrError: a system was not scored.
    """
    cells, by_measure = rates(job)
    seconds = {name: [read_seconds(job.experiment(name, seed)) for seed in job.seeds] for name, _ in cells}
    table = [
        [NAMES[name], SEARCH[fused], *(shown(mean_over_seeds(by_measure[key][name, fused])) for key in MEASURES),
         f"{np.mean(seconds[name]) / 60:.1f}"]
        for name, fused in cells
    ]  # fmt: skip
    others = [
        [NAMES[name], NAMES[base], SEARCH[fused],
         *(relative(by_measure[key][base, fused], by_measure[key][name, fused]) for key in MEASURES)]
        for name, fused in cells if name not in CTC for base in CTC if (base, fused) in by_measure["wer"]
    ]  # fmt: skip
    about = {
        "command": f"`{shlex.join(command)}`, {len(job.seeds)} seeds, test, decoder {MODE}",
        "commit": f"`{environment()['git']}`",
        "machine": f"{os.cpu_count()} cores of a machine of the kind {platform.machine()}",
    }
    parts = []
    for end, heading, rows, left in (("", RATES, table, 2), ("_differences", DIFFERENCES, others, 3)):
        write_csv(Path(f"{output}{end}.csv"), about, heading, rows)
        parts.append(markdown(heading, rows, left))
    text = "\n".join([*parts, *(f"- {name}: {value}" for name, value in about.items()), ""])
    with atomic_write(f"{output}.md") as file:
        file.write(text)
    return text


def rates(job: Comparison) -> tuple[list[Cell], dict[str, dict[Cell, Rates]]]:
    """All cells in their order; measure -> cell -> the rates of its seeds, with the same drawn utterances."""
    cells = [(name, fused) for fused in SEARCH for name in NAMES if name in job.systems]
    found: dict[str, dict[Cell, Rates]] = {}
    for measure in MEASURES:
        columns, words = [], np.zeros(0)
        for name, fused in cells:
            for seed in job.seeds:
                folder = decodings(job.experiment(name, seed)).get(fused)
                if folder is None:
                    raise JstasrError(f"{job.experiment(name, seed)}: no decoding {SEARCH[fused]} was scored")
                scored = scored_utterances(folder / f"score_{measure}", job.features / "test", "errors")
                columns.append(scored.errors["errors"])
                words = scored.words
        both = replicate_rates(np.stack(columns), words)
        count = len(job.seeds)
        found[measure] = {cell: both.of(range(at * count, (at + 1) * count)) for at, cell in enumerate(cells)}
    return cells, found


def shown(estimate: Estimate) -> str:
    """A rate with its interval."""
    return f"{estimate.value:.1f}% [{estimate.low:.1f}, {estimate.high:.1f}]"


def relative(base: Rates, other: Rates) -> str:
    """How much higher the other rate is, in percent of the base; paired by utterance and seed."""
    found = difference(base, other).relative
    return "" if found is None else f"{found.value:+.1f}% [{found.low:+.1f}, {found.high:+.1f}]"


def write_csv(path: Path, about: dict[str, str], heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as docs/measurements has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.writelines(f"# {name}: {value}\n" for name, value in about.items())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)
