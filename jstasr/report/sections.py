"""The sections of the report on scores, training, commands and configuration.

A section without data names the stage that produces them.
"""

import os
import time
from html import escape
from pathlib import Path
from urllib.parse import quote

from jstasr.experiment.config import TrainConfig
from jstasr.experiment.files import TENSORBOARD
from jstasr.report.gather import Record
from jstasr.report.html import missing, pairs, paragraph, png_figure, svg_figure, table
from jstasr.report.layers import layer_names
from jstasr.report.plots import layer_plot, loss_plot, wer_plot
from jstasr.score.analysis import notes, rates
from jstasr.score.files import ANALYSIS_TXT, RESULT_TXT
from jstasr.score.scored_set import MEASURES, ScoredSet
from jstasr.train.duration import duration

MODE_NAMES = {"streaming": "streaming", "full": "full context", "": "n/a"}


def date_and_time(seconds: float) -> str:
    """Local time, from seconds since 1970."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def head(record: Record, environment: dict[str, str]) -> str:
    """Title, and what was trained, when, with which software."""
    values = {"report written": escape(environment["date"].replace("T", " "))}
    if record.training:
        values["training"] = escape(record.training)
    max_steps = record.config.get("optim", {}).get("max_steps")
    if record.curves.scalars:
        span = f"{date_and_time(record.curves.begin)} to {date_and_time(record.curves.end)}"
        elapsed = duration(record.curves.end - record.curves.begin)
        state = f"step {record.curves.last_step}" + (f" of {max_steps}" if max_steps else "")
        values["progress"] = f"{state}; {span} ({elapsed}, pauses included)"
    names = ("jstasr", "git", "python", "torch")
    values["software"] = escape(", ".join(f"{name} {environment[name]}" for name in names))
    values["folder"] = f"<code>{escape(str(record.expdir))}</code>"
    note = paragraph(escape(record.note), "note") if record.note else ""
    damaged = "".join(paragraph(escape(line), "note") for line in record.damaged)
    return f"<h1>{escape(record.tag)}</h1>\n{note}{pairs(values)}{damaged}"


def link(path: Path, start: Path, text: str) -> str:
    """A link from the page in the folder `start`."""
    return f'<a href="{quote(os.path.relpath(path, start).replace(os.sep, "/"))}">{escape(text)}</a>'


def score_row(score: ScoredSet, outdir: Path) -> list[str]:
    """The cells of one scored set; links lead from the page in `outdir`."""
    total, interval = score.result["total"], score.result["intervals"].get("utterance")
    percents = rates(total)
    bounds = f"{interval['low']:.1f}–{interval['high']:.1f}" if interval else "n/a"
    files = [link(score.folder / name, outdir, name) for name in (RESULT_TXT, ANALYSIS_TXT)]
    counts = [f"{count:,}" for count in (total["sentences"], total["words"])]
    error = f'<span class="strong">{percents[4]}</span>'
    return [
        escape(score.dataset), MODE_NAMES.get(score.mode, score.mode), error, bounds,
        *percents[1:4], percents[5], *counts, " ".join(files),
    ]  # fmt: skip


def score_notes(scores: list[ScoredSet]) -> list[str]:
    """Macro averages by group, missing hypotheses, and words that are not counted."""
    lines = []
    for score in scores:
        where = f"{score.dataset}, {MODE_NAMES.get(score.mode, score.mode)}"
        for group, content in score.result.get("groups", {}).items():
            if content["macro_average"] is not None and len(content["groups"]) > 1:
                parts = ", ".join(f"{name} {rates(part)[4]}" for name, part in content["groups"].items())
                lines.append(f"{where}, by {group}: macro average {content['macro_average']:.1f}; {parts}")
        lines += [f"{where}: {line}" for line in notes(score.result)]
    return lines


def error_rates(record: Record, outdir: Path) -> str:
    """One table for each decoding and measure; links lead from the page in `outdir`."""
    body = "<h2>Error rates</h2>\n"
    if not record.scores:
        if record.decodings:
            return body + missing("Decoded, but not scored yet. Run <code>./run.sh --stage 9</code>")
        stage, what = (8, "Not decoded yet") if record.models else (7, "No averaged model yet, and nothing decoded")
        return body + missing(f"{what}. Run <code>./run.sh --stage {stage}</code>")
    for decoding in dict.fromkeys(score.decoding for score in record.scores):
        for measure in MEASURES:
            scores = [s for s in record.scores if (s.decoding, s.result["measure"]) == (decoding, measure)]
            if not scores:
                continue
            unit = scores[0].result.get("unit", "words")
            headings = ["test set", "decoder", f"{measure} %", "95% interval", "Sub", "Del", "Ins", "S.Err"]
            body += f"<h3>{measure}, {escape(decoding)}</h3>\n"
            body += table(
                [*headings, "utterances", escape(unit), "files"], [score_row(score, outdir) for score in scores], left=2
            )
            body += "".join(paragraph(escape(line), "quiet") for line in score_notes(scores))
    newest = max((score.result["environment"] for score in record.scores), key=lambda found: found.get("date", ""))
    software = ", ".join(f"{name} {value}" for name, value in newest.items())
    return body + paragraph(
        "All figures in per cent of the reference; S.Err: sentences with an error. The interval is a bootstrap over "
        f"utterances. Last scored: {escape(software)}.",
        "quiet",
    )


def training(record: Record) -> str:
    """Curves of losses, dev WER and the ratios of every layer."""
    body = "<h2>Training</h2>\n"
    curves = record.curves
    if not curves.scalars:
        return body + missing("No curves yet. Train with <code>./run.sh --stage 6</code>")
    plots = (
        (
            loss_plot(curves),
            "Means over the steps between two log lines; dashed: on dev, at each validation.",
            "losses",
        ),
        (
            wer_plot(curves),
            "Greedy search on a fixed part of the dev set. “Text” reads the phonemes of the transcript instead of the "
            "speech.",
            "dev word error rate",
        ),
        (
            layer_plot(curves, names_of_layers(record)),
            "Speech beside its own text at every layer, on dev. The next section explains the ratios and gives "
            "them for the model that decodes.",
            "ratios of distances by layer",
        ),
    )
    shown = [svg_figure(plot, caption, name) for plot, caption, name in plots if plot]
    if not curves.group("dev_wer"):
        shown.append(missing("No validation yet: the first one adds dev WER and the layers' ratios."))
    return body + "\n".join(shown)


def names_of_layers(record: Record) -> list[str]:
    """Names of the consistency layers by the experiment's own configuration."""
    model = TrainConfig().model
    for name in ("shared_layers", "full_layers"):
        setattr(model, name, record.config.get("model", {}).get(name, getattr(model, name)))
    return layer_names(model)


def training_picture(record: Record) -> str:
    """The newest picture that a validation drew."""
    if record.training_picture is None:
        return missing("No pictures from the training yet: each validation of <code>--stage 6</code> draws one.")
    step = record.training_picture.stem[4:]
    caption = f"During training, after step {escape(step)}: three dev utterances at every layer, with the best path."
    return png_figure(record.training_picture, caption, f"alignments after step {step}")


def commands_and_configuration(record: Record) -> str:
    """The commands as the job runner logged them, and the configuration."""
    body = "<h2>Commands</h2>\n"
    if record.commands:
        for log, command in record.commands:
            body += f'<p class="quiet">{escape(log)}</p><pre>{escape(command)}</pre>\n'
    else:
        body += missing("No log of the job runner: the commands were not started by <code>./run.sh</code>.")
    body += f"<pre>tensorboard --logdir {escape(str(record.expdir / TENSORBOARD))}</pre>\n"
    body += "<h2>Configuration</h2>\n"
    if record.changed:
        body += paragraph("Not the defaults: " + ", ".join(f"<code>{escape(name)}</code>" for name in record.changed))
    return body + f'<pre class="columns">{escape(record.config_text)}</pre>'
