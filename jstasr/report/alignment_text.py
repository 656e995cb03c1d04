"""alignment.txt: what alignment.json holds, for the terminal."""

from typing import Any

COLUMNS = (  # heading, key, digits
    ("best", "best", 3),
    ("uniform", "framewise", 3),
    ("random", "random", 3),
    ("other", "other", 3),
    ("best/unif", "best_to_framewise", 2),
    ("best/rand", "best_to_random", 2),
    ("own/other", "own_to_other", 2),
    ("positions", "positions", 1),
    ("share", "position_share", 2),
)
AGREEMENT_COLUMNS = (  # heading, key, factor, digits
    ("start ms", "boundary_error_ms", 1, 0),
    ("<=20 ms", "frames_within_20_ms", 100, 1),
    ("<=50 ms", "frames_within_50_ms", 100, 1),
)
TIME_COLUMNS = (  # likewise
    ("true ms", "error_ms", 1, 0),
    ("late ms", "late_ms", 1, 0),
    ("spread ms", "spread_ms", 1, 0),
)
WIDTH = 10


def number(value: float | None, digits: int) -> str:
    """A figure, or n/a for None and NaN."""
    return "n/a" if value is None or value != value else f"{value:.{digits}f}"


def agreement_cells(agreement: dict[str, float] | None) -> list[str]:
    """The cells of AGREEMENT_COLUMNS; n/a where nothing was aligned."""
    agreement = agreement or {}
    return [
        number(None if agreement.get(key) is None else factor * agreement[key], digits)
        for _, key, factor, digits in AGREEMENT_COLUMNS
    ]


def time_cells(errors: dict[str, float]) -> list[str]:
    """The cells of TIME_COLUMNS."""
    return [number(factor * errors[key], digits) for _, key, factor, digits in TIME_COLUMNS]


def alignment_text(analysis: dict[str, Any]) -> str:
    """The table of alignment.json's content, and below it what its columns mean."""
    aligner, times = analysis["aligner"], analysis.get("phone_times")
    headings = [heading for heading, *_ in COLUMNS]
    if aligner:
        headings += [heading for heading, *_ in AGREEMENT_COLUMNS]
    if times:
        headings += [heading for heading, *_ in TIME_COLUMNS]
    rows = []
    for layer in analysis["layers"]:
        cells = [number(layer[key], digits) for _, key, digits in COLUMNS]
        cells += agreement_cells(layer["agreement"]) if aligner else []
        rows.append([layer["name"], *cells, *(time_cells(layer["phone_times"]) if times else [])])
    if aligner or times:
        cells = [*["" for _ in COLUMNS], *(agreement_cells(aligner["framewise"]) if aligner else [])]
        rows.append(["uniform", *cells, *(time_cells(times["framewise"]) if times else [])])
    lines = [f"{analysis['utterances']} utterances of {analysis['data']}, model {analysis['model']}", ""]
    for name, *cells in [["layer", *headings], *rows]:
        lines.append(f"{name:<13}" + "".join(f"{cell:>{WIDTH}}" for cell in cells))
    lines += [
        "",
        "best, uniform, random, other: mean distance per frame on the best path, with the text stretched uniformly,",
        "on a random monotone path, and on the best path with another utterance's text. Only their ratios compare",
        "layers or models. positions, share: how many text positions the best path visits, and as a share of all.",
    ]
    if aligner:
        lines += [
            f"start ms, <=20 ms, <=50 ms: the best path compared with the CTC forced alignment of the phonemes, on "
            f"{aligner['utterances']} utterances:",
            "mean difference of the times at which phonemes begin, and per cent of the frames whose phoneme the forced",
            f"alignment has at most that far away. An encoder frame is {analysis['settings']['frame_ms']} ms.",
        ]
        short = aligner["too_short"]
        if short["count"]:
            more = " ..." if short["count"] > len(short["first"]) else ""
            lines.append(
                f"Left out there, with fewer frames than CTC needs for their phonemes: {short['count']} "
                f"({' '.join(short['first'])}{more})"
            )
    else:
        lines.append("No forced alignment to compare with: the phoneme CTC was not trained (losses.ctc_phone is 0).")
    if times:
        lines += [
            "true ms, late ms, spread ms: the times at which phonemes begin on the best path, compared with those of",
            f"{times['file']} ({times['phonemes']} phonemes of {times['utterances']} utterances; it lacks "
            f"{times['missing_phonemes']}):",
            "mean difference; its median with the sign, the encoder's delay; mean difference from that median.",
        ]
    return "\n".join(lines) + "\n"
