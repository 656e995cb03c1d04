#!/usr/bin/env python3
"""What the stages of a recipe cost with more and more utterances: processor time and memory.

Run in the folder of a recipe whose stage 1 is done. The utterances of its training set are repeated under new names,
until they are as many as asked for, in a copy of the recipe beside it, and each stage is run on them alone:

    cd egs/fsdd/asr1 && ./run.sh --stop_stage 1
    ../../../test/bench/measure_stages.py --utterances 1000 10000 100000 --output ../../../docs/measurements/stages.csv
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

STAGES = {2: "audio", 3: "phonemes", 4: "tokens", 5: "features", 8: "decoding", 9: "scoring"}
HEADING = ("stage", "what", "utterances", "processor (s)", "wall (s)", "largest process (MB)")
FEW = 50  # utterances of dev, which every size has
TRAIN_STEPS = 5  # of the model that is decoded with: what it says does not matter here


@dataclass
class Cost:
    """Of one stage: seconds of all processes, seconds on the wall, and the largest process in MB."""

    processor: float
    wall: float
    largest: float


def repeated(source: Path, target: Path, count: int) -> None:
    """A data directory of `count` utterances: those of `source` as often as needed, each time under new names."""
    target.mkdir(parents=True)
    rows = {
        name: dict(line.split(maxsplit=1) for line in open(source / name)) for name in ("wav.scp", "text", "utt2spk")
    }
    utterances = sorted(rows["utt2spk"])
    names = []
    for number in range(count):
        utterance = utterances[number % len(utterances)]
        prefix = f"{number // len(utterances):05d}"
        names.append((f"{prefix}{utterance}", utterance, f"{prefix}{rows['utt2spk'][utterance].strip()}"))
    for name in ("wav.scp", "text"):
        (target / name).write_text("".join(f"{new} {rows[name][old]}" for new, old, _ in names))
    (target / "utt2spk").write_text("".join(f"{new} {speaker}\n" for new, _, speaker in names))
    of_speaker: dict[str, list[str]] = {}
    for new, _, speaker in names:
        of_speaker.setdefault(speaker, []).append(new)
    (target / "spk2utt").write_text(
        "".join(f"{speaker} {' '.join(of_speaker[speaker])}\n" for speaker in sorted(of_speaker))
    )


def cost_of(command: list[str], folder: Path, log: Path) -> Cost:
    """Run a command to its end; what it and its children used."""
    started = time.monotonic()
    with open(log, "w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"measure_stages.py: {' '.join(command)} failed, see {log}:\n{log.read_text()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1024)


def measure(recipe: Path, work: Path, count: int, nj: int) -> dict[int, Cost]:
    """The cost of each stage with `count` utterances in the training set, and as many in the test set."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(recipe, work, symlinks=True, ignore=shutil.ignore_patterns("data", "dump", "exp", "downloads"))
    for name, wanted in (("train", count), ("dev", FEW), ("test", count)):
        repeated(recipe / "data/train", work / "data" / name, wanted)
    for folder in (recipe / "data/audio", recipe / "data/train_text"):  # what a recipe has of these
        if folder.is_dir():
            shutil.copytree(folder, work / "data" / folder.name, copy_function=os.link)
    found = {}
    for stage in range(2, 10):
        options = {
            "stage": stage,
            "stop_stage": stage,
            "nj": nj,
            "use_lm": "false",
            "speed_perturb_factors": "",
            "inference_config": "conf/decode_greedy.yaml",
            "asr_args": f"--set optim.max_steps={TRAIN_STEPS} --set valid.interval={TRAIN_STEPS}",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        cost = cost_of(["./run.sh", *words], work, work / f"stage{stage}.log")
        if stage in STAGES:
            found[stage] = cost
            print(
                f"{count} utterances, stage {stage}: {cost.processor:.0f} s of the processor",
                file=sys.stderr,
                flush=True,
            )
    shutil.rmtree(work)
    return found


def main() -> None:
    parser = ArgumentParser(description="Costs of the stages by the number of utterances, in a recipe's folder.")
    parser.add_argument("--utterances", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--nj", type=int, default=2, help="jobs at once")
    parser.add_argument("--output", required=True, help="CSV file to write")
    args = parser.parse_args()
    recipe = Path.cwd()
    if not (recipe / "data/train/wav.scp").is_file():
        sys.exit(
            "measure_stages.py: no data/train/wav.scp here. Run it in a recipe's folder, after ./run.sh --stop_stage 1"
        )
    costs = {
        count: measure(recipe, recipe.with_name(f"{recipe.name}_stages"), count, args.nj) for count in args.utterances
    }
    # only now: the memory of this process counts as that of every process that it starts
    from jstasr.bench.lowresource_tables import write_csv
    from jstasr.bench.timing import machine_name
    from jstasr.score.environment import environment

    command = shlex.join(["test/bench/measure_stages.py", *sys.argv[1:]])
    about = {
        "command": f"`{command}` in {recipe.parent.name}/{recipe.name}",
        "commit": f"`{environment()['git']}`",
        "machine": f"{machine_name()}, {args.nj} jobs at once",
    }
    rows = [
        [str(stage), what, str(count), f"{cost.processor:.1f}", f"{cost.wall:.0f}", f"{cost.largest:.0f}"]
        for stage, what in STAGES.items()
        for count, cost in ((count, found[stage]) for count, found in costs.items())
    ]
    write_csv(Path(args.output), about, HEADING, rows)


if __name__ == "__main__":
    main()
