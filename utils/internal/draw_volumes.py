#!/usr/bin/env python3
"""The volume of each recording: `draw_volumes.py <tool> <wav.scp> <lowest> <highest> [<reco2vol>]`.

Prints "<id> <factor>" for each line of wav.scp.

Factors are drawn evenly between the lowest and the highest by Python's generator with seed 0, one for each line, as
Kaldi draws them; or they come from a file of the same form.
"""

import math
import random
import sys


def number(word):
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return value


def read_volumes(tool, path):
    """Recording -> factor of the lines "<recording> <factor>"; names the first line that is none."""
    volumes = {}
    with open(path, "rb") as lines:
        for count, line in enumerate(lines, 1):
            fields = line.split()
            if not fields:
                continue
            try:
                recording, factor = fields
                volumes[recording] = number(factor)
            except ValueError:
                shown = line.decode(errors="replace").rstrip()
                sys.exit(f"{tool}: {path}:{count}: expected '<recording> <factor>', got '{shown}'")
    return volumes


def main():
    tool, wav_scp, lowest, highest = sys.argv[1:5]
    try:
        lowest, highest = number(lowest), number(highest)
    except ValueError as error:
        sys.exit(f"{tool}: --scale-low and --scale-high must be numbers ({error})")
    volumes = read_volumes(tool, sys.argv[5]) if sys.argv[5:] else None

    draw = random.Random(0)
    table = []
    with open(wav_scp, "rb") as lines:
        for count, line in enumerate(lines, 1):
            recording = (line.split() or [b""])[0]
            factor = draw.uniform(lowest, highest)
            if volumes is not None:
                if recording not in volumes:
                    name = recording.decode(errors="replace")
                    sys.exit(f"{tool}: {wav_scp}:{count}: there is no volume of '{name}' in {sys.argv[5]}")
                factor = volumes[recording]
            table.append(recording + f" {factor}\n".encode())
    sys.stdout.buffer.write(b"".join(table))


if __name__ == "__main__":
    main()
