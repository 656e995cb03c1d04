#!/usr/bin/env python3
"""What the tools cost that go over every table of a set, with more and more utterances: processor time and memory.

The tables are made, 100 utterances a speaker. All utterances share one second of audio; only the jobs of stages 2 and 5
read it, ten times:

    test/bench/measure_tables.py --utterances 10000 100000 1000000 --output docs/measurements/scale_tables.csv
"""

import os
import random
import shlex
import shutil
import sys
import tempfile
import wave
from argparse import ArgumentParser
from pathlib import Path

from measure_stages import Cost, cost_of

UTILS = Path(__file__).resolve().parents[2] / "utils"
HEADING = ("what", "utterances", "processor (s)", "microseconds an utterance", "largest process (MB)")
PER_SPEAKER = 100
PARTS = 50
OF_A_JOB = 10  # utterances


def write_set(folder: Path, count: int) -> None:
    """wav.scp, text, utt2spk and spk2utt of `count` utterances, sorted."""
    folder.mkdir()
    audio = folder.parent / "one.wav"
    with wave.open(str(audio), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(random.Random(0).randbytes(32000))
    files = {name: open(folder / name, "w") for name in ("wav.scp", "text", "utt2spk", "spk2utt")}  # noqa: SIM115
    for first in range(0, count, PER_SPEAKER):
        speaker = f"speaker{first // PER_SPEAKER:06}"
        utterances = [f"{speaker}-{number:08}" for number in range(first, min(count, first + PER_SPEAKER))]
        files["wav.scp"].writelines(f"{utterance} {audio}\n" for utterance in utterances)
        files["text"].writelines(
            f"{utterance} The quick brown fox, and the lazy dog again\n" for utterance in utterances
        )
        files["utt2spk"].writelines(f"{utterance} {speaker}\n" for utterance in utterances)
        files["spk2utt"].write(f"{speaker} {' '.join(utterances)}\n")
    for file in files.values():
        file.close()


def in_parts(command: str, target: str) -> str:
    """A command of stage 2 or 5: one job of ten utterances, of as many jobs as that makes."""
    return f"jstasr {command} --data-dir made --outdir {target} --job 1 --num-jobs {{jobs}}"


def tools() -> list[tuple[str, str]]:
    """What is measured, and its command in a folder that holds the set `made`, and `mixed`, out of order."""
    parts = " ".join(f"part.{number}" for number in range(1, PARTS + 1))
    scp = f"{UTILS}/split_scp.pl --utt2spk=made/utt2spk made/utt2spk {parts}"
    return [
        ("validate_data_dir.sh", f"{UTILS}/validate_data_dir.sh --no-feats made"),
        ("fix_data_dir.sh, out of order", f"{UTILS}/fix_data_dir.sh mixed"),
        (f"split_scp.pl, {PARTS} parts", scp),
        (f"split_data.sh, {PARTS} parts", f"{UTILS}/split_data.sh made {PARTS}"),
        ("subset_data_dir.sh, half", f"{UTILS}/subset_data_dir.sh made {{half}} half"),
        ("combine_data.sh, two halves", f"{UTILS}/combine_data.sh joined half other"),
        ("utt2spk_to_spk2utt.pl", f"{UTILS}/utt2spk_to_spk2utt.pl made/utt2spk"),
        ("one job of stage 2, of ten utterances", in_parts("format-audio --cleaner basic --lang en", "audio")),
        (
            "stage 2, merging the jobs",
            "jstasr format-audio --cleaner basic --lang en --data-dir made --outdir audio --merge",
        ),
        ("one job of stage 5, of ten utterances", in_parts("extract", "fbank")),
        ("training set opened, an epoch cut", "jstasr bench data --utterances {count}"),
    ]


def prepare(what: str, folder: Path) -> None:
    """Make what a tool needs, outside of its cost."""
    if what.startswith("fix"):
        shutil.copytree(folder / "made", folder / "mixed")
        for path in (folder / "mixed").iterdir():
            lines = path.read_text().splitlines(keepends=True)
            random.Random(0).shuffle(lines)
            path.write_text("".join(lines))
    elif what.startswith("combine"):
        taken = {line.split()[0] for line in open(folder / "half/utt2spk")}
        rest = [line.split()[0] for line in open(folder / "made/utt2spk") if line.split()[0] not in taken]
        (folder / "rest").write_text("".join(f"{utterance}\n" for utterance in rest))
        options = [f"{UTILS}/subset_data_dir.sh", "--utt-list", "rest", "made", "other"]
        cost_of(options, folder, folder / "log")
    elif what.endswith("merging the jobs"):  # as if one job had done all
        part, first = folder / "audio/parts/formatted.1", folder / "made/wav.scp"
        part.write_text("".join(line.replace(" ", " 16000 ", 1) for line in open(first)))


def measure(folder: Path, count: int) -> dict[str, Cost]:
    """The cost of every tool on `count` utterances."""
    found = {}
    write_set(folder / "made", count)
    for what, command in tools():
        if os.fork() == 0:  # its memory is not to count as that of the tools
            prepare(what, folder)
            os._exit(0)
        if os.wait()[1]:
            sys.exit(f"measure_tables.py: {what} could not be prepared")
        words = shlex.split(command.format(count=count, half=count // 2, jobs=count // OF_A_JOB))
        found[what] = cost_of(words, folder, folder / "log")
        print(f"{count} utterances, {what}: {found[what].processor:.1f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = ArgumentParser(description="Costs of the tools and jobs that go over a set's tables.")
    parser.add_argument("--utterances", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--output", required=True, help="CSV file to write")
    args = parser.parse_args()
    if min(args.utterances) < PER_SPEAKER * PARTS:
        sys.exit(f"measure_tables.py: --utterances: at least {PER_SPEAKER * PARTS}, a speaker for each part")
    costs = {}
    for count in args.utterances:
        with tempfile.TemporaryDirectory() as folder:
            costs[count] = measure(Path(folder), count)
    # only now: the memory of this process counts as that of every process that it starts
    from jstasr.bench.lowresource_tables import write_csv
    from jstasr.bench.timing import machine_name
    from jstasr.score.environment import environment

    about = {
        "command": f"`{shlex.join(['test/bench/measure_tables.py', *sys.argv[1:]])}`",
        "commit": f"`{environment()['git']}`",
        "machine": f"{machine_name()}, one process at a time, beside other work",
    }
    rows = [
        [what, str(count), f"{cost.processor:.1f}", f"{1e6 * cost.processor / count:.1f}", f"{cost.largest:.0f}"]
        for what, _ in tools()
        for count, cost in ((count, found[what]) for count, found in costs.items())
    ]
    write_csv(Path(args.output), about, HEADING, rows)


if __name__ == "__main__":
    main()
