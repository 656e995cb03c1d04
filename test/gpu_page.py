"""The figures of test/gpu.sh: collected into one JSON, and a Markdown page made from it.

gpu_page.py collect WORK gpu.json --device cuda --seconds 400
gpu_page.py page gpu.json >gpu.md
"""

import argparse
import json
import os
import platform
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}
GOALS = {"audio_per_second": 2000, "consistency": 0.03, "wait": 0.01}  # of base size in bfloat16
CONSISTENCY, ALIGNMENT = "consistency loss, forward", "of it the alignment"
GIB = 1 << 30


def test_results(path: Path) -> dict:
    """Counts of a JUnit file, its slowest test, and the names of those that failed."""
    cases = list(xml.parse(path).iter("testcase"))
    failed = [c.get("name") for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = sum(c.find("skipped") is not None for c in cases)
    return {"passed": len(cases) - len(failed) - skipped, "skipped": skipped, "failed": failed}


def error_rates(path: Path) -> list[dict]:
    """Rows of the first table (WER) of a RESULTS.md, without a language model."""
    table = path.read_text("utf-8").split("### WER", 1)[1].split("\n### ", 1)[0]
    rows = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 10 and "/" in cells[0] and "_lm/" not in cells[0]:
            low, high = map(float, re.split("[–-]", cells[9]))
            rows.append({"set": cells[0], "mode": cells[10], "wer": float(cells[7]), "low": low, "high": high})
    return rows


def stage_seconds(log: Path, stage: int) -> int | None:
    """Seconds of a stage of a recipe, from its output."""
    found = re.search(rf"Stage {stage}: done in (?:(\d+)h )?(?:(\d+)m )?(\d+)s", log.read_text("utf-8", "replace"))
    return None if found is None else sum(int(n or 0) * unit for n, unit in zip(found.groups(), (3600, 60, 1)))


def collect(work: Path, device: str, seconds: int) -> dict:
    """All that the parts left in the folder WORK."""
    import numpy
    import torch
    import torchaudio

    lines = (work / "parts.tsv").read_text().splitlines()
    parts = [dict(zip(("name", "outcome", "seconds"), line.split("\t"))) for line in lines]
    found = {
        "commit": os.environ.get("JSTASR_COMMIT", "unknown"),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cores": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchaudio": torchaudio.__version__,
            "numpy": numpy.__version__,
        },
        "seconds": seconds,
        "parts": parts,
        "tests": {path.stem: test_results(path) for path in sorted(work.glob("*.xml"))},
        "bench": {path.stem: json.loads(path.read_text()) for path in sorted(work.glob("*.json"))},
        "recipe": {},
    }
    for name in PRECISIONS:
        results = work / name / "RESULTS.md"
        if results.exists():
            training = stage_seconds(work / f"{name}.log", 6)
            found["recipe"][name] = {"rows": error_rates(results), "training_seconds": training}
    if found["recipe"]:
        found["recipe"]["cpu"] = {"rows": error_rates(ROOT / "egs/mini/asr1/RESULTS.md")}
    return found


def table(heading: list[str], rows: list[list[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns stand left."""
    lines = [heading, ["---"] * left + ["--:"] * (len(heading) - left), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def training_table(found: dict) -> str:
    """Speed and memory of the training of a configuration."""
    heading = ["precision", "batch_frames", "parameters", "step", "audio-s per s", "TFLOP/s", "of the products' rate"]
    rows = []
    for row in found["rows"]:
        cells = [row["precision"], str(row["batch_frames"])]
        if row.get("out_of_memory"):
            rows.append([*cells, "", "does not fit", "", "", "", "", "", ""])
            continue
        rows.append(
            [
                *cells,
                f"{row['parameters'] / 1e6:.1f}M",
                f"{1e3 * row['step']:.1f} ms",
                f"{row['audio_per_second']:.0f}",
                f"{row['flops'] / 1e12:.1f}",
                f"{row['flops'] / row['product_rate']:.1%}",
                f"{row['padding']:.1%}",
                f"{row['wait']:.2%}",
                f"{row['peak'] / GIB:.2f} GiB",
            ]
        )
    return table([*heading, "padding", "loader", "peak memory"], rows)


def parts_table(found: dict) -> str:
    """Shares of the parts of a step, of the smallest batch in each precision."""
    first = {}
    for row in found["rows"]:
        if "parts" in row:
            first.setdefault(row["precision"], row["parts"])
    names = list(next(iter(first.values()), {}))
    heading = ["part of a step", *(f"{name}: {unit}" for name in first for unit in ("ms", "share"))]
    rows = []
    for name in names:
        cells = [(f"{1e3 * p.get(name, 0):.2f}", f"{p.get(name, 0) / p['step']:.1%}") for p in first.values()]
        rows.append([name, *(cell for pair in cells for cell in pair)])
    return table(heading, rows)


def waits_table(found: dict) -> str:
    """Where the CPU waits for the device in a step, by the line of the code."""
    rows = next((row["waits"] for row in found["rows"] if "waits" in row), None)
    if rows is None:
        return "How often the CPU waits for the device: not measured."
    return table(["line", "waits in a step"], [[f"`{line}`", f"{count:g}"] for line, count in rows.items()])


def goals_table(found: dict) -> str:
    """The goals of base size in bfloat16, beside the best batch size."""
    rows = [row for row in found["rows"] if row["precision"] == "bf16" and "parts" in row]
    if not rows:
        return "Not measured."
    best = max(rows, key=lambda row: row["audio_per_second"])
    share = best["parts"].get(CONSISTENCY, 0.0) / best["parts"]["step"]
    lines = [
        ["audio-s per s", f"at least {GOALS['audio_per_second']}", f"{best['audio_per_second']:.0f}"],
        ["alignment and consistency, of a step", f"under {GOALS['consistency']:.0%}", f"{share:.1%}"],
        ["waiting for the loader", f"under {GOALS['wait']:.0%}", f"{best['wait']:.2%}"],
    ]
    return table([f"goal, at batch_frames {best['batch_frames']}", "wanted", "found"], lines)


def align_table(found: dict) -> str:
    """The alignment on the device."""
    names = list(found["rows"][0]["seconds"])
    rows = [
        [f"{row['frames']} x {row['positions']}", *(f"{1e3 * row['seconds'][name]:.3g} ms" for name in names)]
        for row in found["rows"]
    ]
    return table(["frames x positions", *names], rows)


def recipe_table(recipe: dict) -> str:
    """WER of the mini recipe beside the CPU's."""
    cpu = {(row["set"], row["mode"]): row for row in recipe["cpu"]["rows"]}
    rows = []
    for name, full_name in PRECISIONS.items():
        for row in recipe.get(name, {}).get("rows", []):
            other = cpu.get((row["set"], row["mode"]))
            cells = [full_name, row["set"], row["mode"], f"{row['wer']:.1f}% [{row['low']:.1f}, {row['high']:.1f}]"]
            if other is None:
                rows.append([*cells, "", ""])
                continue
            meet = row["low"] <= other["high"] and other["low"] <= row["high"]
            shown = f"{other['wer']:.1f}% [{other['low']:.1f}, {other['high']:.1f}]"
            rows.append([*cells, shown, "yes" if meet else "no"])
    return table(["precision", "set", "decoder", "WER", "WER of the CPU", "intervals meet"], rows, left=3)


def page(found: dict) -> str:
    """The page of the figures; what was not measured is said to be so."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        "# On a GPU",
        "`test/gpu.sh` measures all of this by one command; the page is made from its JSON.",
        f"- commit: `{found['commit']}`\n- machine: {found['device']}, {found['cores']} CPU cores; {versions}\n"
        f"- time of all parts: {found['seconds']} s",
        table(
            ["part", "outcome", "seconds"], [[p["name"], p["outcome"], p["seconds"]] for p in found["parts"]], left=2
        ),
        "## Tests",
    ]
    rows = [[name, str(t["passed"]), str(len(t["failed"])), str(t["skipped"])] for name, t in found["tests"].items()]
    lines.append(table(["tests", "passed", "failed", "skipped"], rows) if rows else "Not run.")
    for name, t in found["tests"].items():
        lines += [f"Failed in {name}: {', '.join(f'`{test}`' for test in t['failed'])}."] if t["failed"] else []
    for size in ("base", "large"):
        lines.append(f"## Training, {size} size")
        bench = found["bench"].get(size)
        if bench is None:
            lines.append("Not measured.")
            continue
        lines += [
            f"Steps of `{bench['config']}.yaml` with all losses, on synthetic features of {bench['device']}.",
            training_table(bench),
            parts_table(bench),
        ]
        if size == "base":
            lines += [waits_table(bench), goals_table(bench)]
    lines.append("## Alignment")
    align = found["bench"].get("align")
    if align is None:
        lines.append("Not measured.")
    else:
        lines += [f"A batch of {align['batch']}, {align['dimension']} dimensions, float32.", align_table(align)]
    lines.append("## The mini recipe")
    if not found["recipe"]:
        lines.append("Not measured.")
    else:
        times = [
            f"{full_name} {found['recipe'][name]['training_seconds']} s"
            for name, full_name in PRECISIONS.items()
            if name in found["recipe"]
        ]
        lines += [f"Training, both at the same time: {', '.join(times)}.", recipe_table(found["recipe"])]
    return "\n\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    collecting = what.add_parser("collect")
    collecting.add_argument("work", type=Path)
    collecting.add_argument("output", type=Path)
    collecting.add_argument("--device", required=True)
    collecting.add_argument("--seconds", type=int, required=True)
    what.add_parser("page").add_argument("figures", type=Path)
    args = parser.parse_args()
    if args.what == "collect":
        args.output.write_text(json.dumps(collect(args.work, args.device, args.seconds), indent=1) + "\n")
    else:
        sys.stdout.write(page(json.loads(args.figures.read_text())) + "\n")


if __name__ == "__main__":
    main()
