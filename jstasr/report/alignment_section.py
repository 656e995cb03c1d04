"""The section of the report on how speech and text align, from alignment.json."""

from html import escape
from typing import Any

from jstasr.report.alignment_text import agreement_cells, number, time_cells
from jstasr.report.gather import Record
from jstasr.report.html import missing, paragraph, png_figure, svg_figure, table
from jstasr.report.plots import depth_plot
from jstasr.report.sections import training_picture

DISTANCES = ("best", "framewise", "random", "other")
RATIOS = ("best_to_framewise", "best_to_random", "own_to_other")


def alignment(record: Record) -> str:
    """Table and plot by depth, then the pictures."""
    body = "<h2>Alignment of speech and text by depth</h2>\n"
    if record.alignment is None:
        body += missing("Not measured yet. Run <code>./run.sh --stage 10</code>")
    else:
        body += by_depth(record.alignment)
    body += "<h2>Pictures of alignments</h2>\n" + paragraph(
        "Distances of all pairs of speech frames (across, in seconds) and text positions (upwards), dark where near; "
        "red: the best monotone path.",
        "quiet",
    )
    return body + report_pictures(record) + training_picture(record)


def by_depth(analysis: dict[str, Any]) -> str:
    """The table and the plot of alignment.json."""
    layers, aligner = analysis["layers"], analysis.get("aligner")
    body = paragraph(
        f"{analysis['utterances']:,} utterances of <code>{escape(analysis['data'])}</code>, model "
        f"<code>{escape(analysis['model'])}</code>"
    )
    rows = []
    for layer in layers:
        cells = [number(layer[name], 3) for name in DISTANCES]
        cells += [with_interval(layer[name], layer["intervals"][name]) for name in RATIOS]
        cells += [number(layer["positions"], 1), number(layer["position_share"], 2)]
        rows.append([escape(layer["name"]), *cells])
    body += table(
        ["layer", "best", "uniform", "random", "other", "best / uniform", "best / random", "own / other",
         "positions", "share"],
        rows,
    )  # fmt: skip
    body += paragraph(DISTANCE_LEGEND, "legend")
    if aligner:
        body += agreement(layers, aligner, analysis["settings"]["frame_ms"])
    else:
        body += paragraph(
            "No comparison with an explicit aligner: the phoneme CTC head was not trained "
            "(<code>losses.ctc_phone: 0</code>).",
            "quiet",
        )
    if analysis.get("phone_times"):
        body += known_times(layers, analysis["phone_times"])
    caption = "The tables above, by depth; bars: 95% bootstrap intervals over utterances."
    return body + svg_figure(depth_plot(layers, (aligner or {}).get("framewise")), caption, "alignment by depth")


DISTANCE_LEGEND = (
    "<b>best</b>: mean distance per frame between layer-normalised speech and text vectors along the best monotone "
    "path; <b>uniform</b>: with the text stretched evenly; <b>random</b>: along a random monotone path; <b>other</b>: "
    "along the best path with another utterance's text. Training shrinks all four, so only the ratios (with 95% "
    "intervals) compare layers or models. <b>best / uniform</b>, <b>best / random</b>: 1 means that the best path is "
    "no nearer than a uniform (a random) one. <b>own / other</b>: 1 means that the layer does not distinguish an "
    "utterance's own text from another's; smaller is more specific. <b>positions</b>, <b>share</b>: how many text "
    "positions the best path visits, and as a share of all; a path may skip. The paper (arXiv 2308.06125) reports that "
    "deeper layers align better: in this table that would be ratios that fall from top to bottom."
)


def with_interval(value: float | None, interval: list[float] | None) -> str:
    """A ratio and the bounds of its interval."""
    bounds = f' <span class="quiet">{interval[0]:.2f}–{interval[1]:.2f}</span>' if interval else ""
    return number(value, 2) + bounds


def agreement(layers: list[dict[str, Any]], aligner: dict[str, Any], frame_ms: float) -> str:
    """How well the best paths, and the uniform one for comparison, agree with the CTC forced alignment."""
    rows = [[escape(layer["name"]), *agreement_cells(layer["agreement"])] for layer in layers]
    rows.append(["uniform stretching", *agreement_cells(aligner["framewise"])])
    body = "<h3>Compared with an explicit aligner</h3>\n" + table(
        ["best path at", "phoneme begins, mean difference ms", "frames within 20 ms, %", "frames within 50 ms, %"],
        rows,
        aside=[len(rows) - 1],
    )
    legend = (
        f"The best paths compared with the forced alignment of the phonemes by the model's own CTC head "
        f"({aligner['utterances']:,} utterances): an aligner that was trained with the model and reads the shared "
        f"input, not manual labels. An encoder frame is {frame_ms} ms, so within 20 ms is the same frame, within 50 ms "
        "at most the next."
    )
    short = aligner["too_short"]
    if short["count"]:
        more = " …" if short["count"] > len(short["first"]) else ""
        legend += (
            f" Left out, with fewer frames than CTC needs for their phonemes: {short['count']} "
            f"({escape(', '.join(short['first']))}{more})."
        )
    return body + paragraph(legend, "legend")


def known_times(layers: list[dict[str, Any]], times: dict[str, Any]) -> str:
    """How far the beginnings of phonemes on the best paths are from the true ones."""
    rows = [[escape(layer["name"]), *time_cells(layer["phone_times"])] for layer in layers]
    rows.append(["uniform stretching", *time_cells(times["framewise"])])
    body = "<h3>Compared with the true times of the phonemes</h3>\n" + table(
        ["best path at", "mean difference ms", "median delay ms", "mean difference from it ms"],
        rows,
        aside=[len(rows) - 1],
    )
    legend = (
        f"Where {times['phonemes']:,} phonemes of {times['utterances']:,} utterances begin, compared with "
        f"<code>{escape(times['file'])}</code>, which lacks {times['missing_phonemes']:,}. The delay is the encoder's."
    )
    return body + paragraph(legend, "legend")


def report_pictures(record: Record) -> str:
    """The pictures that `jstasr analyze` drew."""
    shown = []
    analysis = record.alignment or {}
    for picture in analysis.get("pictures", []):
        path = record.alignment_dir / picture["file"]
        utterance = f"<code>{escape(picture['utterance'])}</code>: {escape(picture['text'])}"
        if not path.is_file():
            shown.append(missing(f"{escape(str(path))} is missing. Run <code>./run.sh --stage 10</code>"))
            continue
        dashed = " Blue, dashed: the CTC forced alignment." if analysis.get("aligner") else ""
        shown.append(png_figure(path, utterance + "." + dashed, f"alignment of {picture['utterance']}"))
    return "\n".join(shown)
