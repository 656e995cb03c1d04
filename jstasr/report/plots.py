"""Plots of the report as SVG: curves over the training, figures by depth."""

import io
import math
from typing import TYPE_CHECKING, Any

from jstasr.losses import LOSSES
from jstasr.report.curves import Curves

if TYPE_CHECKING:  # drawing alone imports matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Colour = str | tuple[float, float, float, float]

COLOURS = {loss.name: loss.colour for loss in LOSSES}
LABELS = {loss.name: loss.label for loss in LOSSES}
RATIO_LABELS = {
    "own_to_other": "own / other's text",
    "best_to_framewise": "best / uniform",
    "best_to_random": "best / random",
    "position_share": "share of positions visited",
}
MARKERS_BELOW = 25  # points of a curve that are still marked one by one


def to_svg(figure: "Figure") -> str:
    """The figure as SVG; the same bytes for the same figure."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "jstasr"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def new_axes(columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    """A figure of width x height inches and its axes, in a row and with thin lines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8)
        axis.title.set_fontsize(9)
    return figure, axes


def draw(
    axis: "Axes", curve: tuple[list[int], list[float]], colour: "Colour", label: str | None, dashed: bool = False
) -> None:
    """Add a curve (steps, values)."""
    steps, values = curve
    axis.plot(
        steps, values, color=colour, label=label, linewidth=1.3, linestyle="--" if dashed else "-",
        marker="o" if len(steps) < MARKERS_BELOW and not dashed else None, markersize=2.5,
    )  # fmt: skip


def finish(axis: "Axes", title: str, bottom: float | None = None) -> None:
    """Title, labels, limits and legend of an axis whose curves are all drawn."""
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("step", fontsize=8)
    axis.set_xlim(left=0)
    if bottom is not None:
        axis.set_ylim(bottom=bottom)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, frameon=False)


def loss_plot(curves: Curves) -> str | None:
    """Losses of the training, dashed on dev; the consistency loss by itself, being of another kind."""
    train, dev = curves.group("train"), curves.group("dev_loss")
    shown = [name for name in COLOURS if name in train and name != "consistency"]
    if not shown:
        return None
    columns = 2 if "consistency" in train else 1
    figure, axes = new_axes(columns, 9.5, 3.1)
    for name in shown:
        draw(axes[0], train[name], COLOURS[name], LABELS[name])
        if name in dev:
            draw(axes[0], dev[name], COLOURS[name], None, dashed=True)
    finish(axes[0], "losses, nats per label (dashed: dev)", bottom=0)
    if columns == 2:
        draw(axes[1], train["consistency"], COLOURS["consistency"], None)
        finish(axes[1], "consistency: mean distance along the alignment", bottom=0)
    return to_svg(figure)


def wer_plot(curves: Curves) -> str | None:
    """Dev word error rate of speech and of text (phonemes in, words out), both decoders."""
    wer = curves.group("dev_wer")
    shown = [name for name in COLOURS if name in wer]
    if not shown:
        return None
    figure, axes = new_axes(1, 9.5, 3.1)
    for name in shown:
        draw(axes[0], wer[name], COLOURS[name], LABELS[name])
    finish(axes[0], "dev WER, per cent (greedy search)", bottom=0)
    if max(max(wer[name][1]) for name in shown) > 100:
        axes[0].set_ylim(top=105)  # in the first steps insertions may take it far above 100
    return to_svg(figure)


def depth_colours(count: int) -> "list[Colour]":
    """Light for the first layer to dark for the last."""
    from matplotlib import colormaps

    return [colormaps["viridis_r"](0.1 + 0.9 * index / max(count - 1, 1)) for index in range(count)]


def layer_plot(curves: Curves, names: list[str]) -> str | None:
    """The ratios of every layer over the training."""
    shown = [(label, curves.layers(name)) for name, label in RATIO_LABELS.items() if curves.layers(name)]
    if not shown:
        return None
    figure, axes = new_axes(len(shown), 9.5, 2.9)
    for axis, (title, layers) in zip(axes, shown):
        for curve, colour in zip(layers, depth_colours(len(layers))):
            draw(axis, curve, colour, None)
        finish(axis, title)
        axis.set_ylim(0, max(1.05, *(max(values) for _, values in layers)))
    lines = axes[0].get_lines()
    figure.legend(lines, names[: len(lines)], loc="outside lower center", ncols=8, fontsize=7, frameon=False)
    return to_svg(figure)


def depth_plot(layers: list[dict[str, Any]], uniform: dict[str, float] | None) -> str:
    """Ratios, and agreement with the forced alignment, by depth.

    Args:
        layers: of alignment.json.
        uniform: agreement of uniform stretching, for comparison.
    """
    agreements = [layer.get("agreement") for layer in layers]
    columns = 2 if any(agreements) else 1
    figure, axes = new_axes(columns, 9.5, 3.1)
    depths = list(range(len(layers)))
    for offset, (name, colour) in zip(
        (-0.06, 0.0, 0.06),
        (("own_to_other", "#d62728"), ("best_to_framewise", "#1f77b4"), ("best_to_random", "#7f7f7f")),
    ):
        values = [math.nan if layer[name] is None else layer[name] for layer in layers]
        bounds = [layer["intervals"][name] or (value, value) for layer, value in zip(layers, values)]
        # a ratio of all utterances may lie outside the percentiles of its replicates by a hair
        errors = [[max(0, v - b[i]) if i == 0 else max(0, b[i] - v) for v, b in zip(values, bounds)] for i in (0, 1)]
        axes[0].errorbar(
            [depth + offset for depth in depths], values, yerr=errors, color=colour, label=RATIO_LABELS[name],
            linewidth=1.3, marker="o", markersize=3.5, elinewidth=1, capsize=2,
        )  # fmt: skip
    finish(axes[0], "ratios of mean distances, with 95% intervals", bottom=0)
    axes[0].set_ylim(top=max(1.05, axes[0].get_ylim()[1]))
    if columns == 2:
        for name, label, colour in (
            ("frames_within_50_ms", "within 50 ms", "#1f77b4"),
            ("frames_within_20_ms", "within 20 ms", "#7fb2e5"),
        ):
            shares = [100 * found[name] if found else math.nan for found in agreements]
            axes[1].plot(
                depths, shares, color=colour, marker="o", markersize=3.5, linewidth=1.3, label=f"best path, {label}"
            )
            if uniform:
                axes[1].axhline(
                    100 * uniform[name], color=colour, linestyle=":", linewidth=1.1, label=f"uniform, {label}"
                )
        finish(axes[1], "frames that agree with the CTC alignment, per cent")
        axes[1].set_ylim(0, 102)
    for axis in axes:
        axis.set_xlabel("")
        axis.set_xlim(-0.4, len(layers) - 0.6)
        axis.set_xticks(depths, [layer["name"] for layer in layers], rotation=30 if len(layers) > 4 else 0, fontsize=8)
    return to_svg(figure)
