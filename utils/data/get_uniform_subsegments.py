#!/usr/bin/env python3
"""Cuts long segments into pieces of equal length, which may overlap.

get_uniform_subsegments.py data/dev/segments > subsegments
subsegment_data_dir.sh data/dev subsegments data/dev_pieces

Lines of the output are "<piece> <utterance> <start> <end>", in seconds from the start of the utterance.
get_segments_for_data.sh makes a segments file for a directory that has none.
"""

import argparse
import math
import sys


def stop(message):
    sys.exit(f"get_uniform_subsegments.py: {message}")


def read_segments(path):
    """(utterance, start, end) of each line; the first that is no segment is named."""
    try:
        lines = sys.stdin.buffer if path == "-" else open(path, "rb")
    except OSError as error:
        stop(f"could not open {path}: {error.strerror}")
    segments = []
    with lines:
        for count, line in enumerate(lines, 1):
            try:
                utterance, _, start, end = line.decode(errors="surrogateescape").split()
                start, end = float(start), float(end)
                if not (0 <= start < end and math.isfinite(end)):
                    raise ValueError
            except ValueError:
                stop(
                    f"{path}:{count}: expected '<utterance> <recording> <start> <end>' with 0 <= start < end "
                    f"(no -1 here), got '{line.decode(errors='replace').rstrip()}'"
                )
            segments.append((utterance, start, end))
    return segments


def pieces_of(start, end, length, overlap, rest, constant):
    """The pieces of a segment: their (first, last) in seconds from its start, and in hundredths for their names.

    Pieces follow each other until no more than the length and the rest are left; these are the last piece. With
    `constant` it is no longer than the others: a rest that is shorter than `rest` begins earlier. Hundredths are cut
    off, but rounded in the last piece, as in Kaldi's names.
    """
    left = end - start
    at = start
    pieces = []
    while left > (length if constant else length + rest):
        first = at - start
        pieces.append((first, first + length, int(100 * first), int(100 * (at + length - start))))
        at += length - overlap
        left -= length - overlap
    last = end
    if constant:
        if left < rest:
            at = max(end - length, start)
        last = min(at + length, end)
    first, last = at - start, last - start
    return [*pieces, (first, last, round(100 * first), round(100 * last))]


def true_or_false(word):
    if word.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got '{word}'")
    return word.lower() == "true"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-segment-duration", type=float, default=30, help="seconds of a piece (30)")
    parser.add_argument("--overlap-duration", type=float, default=5, help="seconds that neighbours share (5)")
    parser.add_argument(
        "--max-remaining-duration",
        type=float,
        default=10,
        help="seconds by which the last piece may be longer, rather than another one be made (10)",
    )
    parser.add_argument(
        "--constant-duration",
        type=true_or_false,
        default=False,
        help="true: the last piece is no longer than the others; a rest shorter than the remaining duration begins "
        "earlier (false)",
    )
    parser.add_argument("segments_file", help="segments of a data directory, or - for standard input")
    options = parser.parse_args()
    length, overlap, rest = options.max_segment_duration, options.overlap_duration, options.max_remaining_duration
    if not (0 <= overlap < length < math.inf and 0 <= rest < math.inf):
        stop(
            f"the overlap ({overlap:g}) must be from 0 to less than the duration ({length:g}), and the remaining "
            f"duration ({rest:g}) 0 or more"
        )

    lines = []
    for utterance, start, end in read_segments(options.segments_file):
        for piece in pieces_of(start, end, length, overlap, rest, options.constant_duration):
            first, last, name_first, name_last = piece
            lines.append(f"{utterance}-{name_first:08d}-{name_last:08d} {utterance} {first:.3f} {last:.3f}\n")
    sys.stdout.buffer.write("".join(lines).encode(errors="surrogateescape"))


if __name__ == "__main__":
    main()
