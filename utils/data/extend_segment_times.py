#!/usr/bin/env python3
"""Gives the segments of a data directory more time at both ends: `extend_segment_times.py < segments > longer`.

Segments of one recording that would overlap meet in the middle. None starts before 0, and none ends later than the
padding after the last end in its recording.
"""

import argparse
import sys


def number(seconds):
    """The number with six digits after the point, as Kaldi prints it: trailing zeros are left out."""
    digits = 6
    while abs(seconds) > 10.0 ** (digits - 6):
        digits += 1
    return f"{seconds:.{digits}g}"


def read_segments(lines):
    """[utterance, recording, start, end] for each line; stops at the first that is no segment."""
    segments = []
    for count, line in enumerate(lines, 1):
        try:
            utterance, recording, start, end = line.split()
            segments.append([utterance, recording, float(start), float(end)])
        except ValueError:
            sys.exit(
                f"extend_segment_times.py: line {count} of the segments: expected "
                f"'<utterance> <recording> <start> <end>', got: {line.rstrip()}"
            )
    return segments


def extend(segments, start_padding, end_padding, last_padding, no_overlap):
    """Pads the segments of one recording in place; returns how many pairs of neighbours met."""
    segments.sort(key=lambda segment: 0.5 * (segment[2] + segment[3]))
    latest = max(segment[3] for segment in segments) + last_padding
    for segment in segments:
        segment[2] = max(0.0, segment[2] - start_padding)
        segment[3] = min(latest, segment[3] + end_padding)
    met = 0
    for segment, following in zip(segments, segments[1:]):
        if no_overlap and segment[3] > following[2]:
            segment[3] = following[2] = 0.5 * (segment[3] + following[2])
            met += 1
    return met


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start-padding", type=float, default=0.1, help="seconds before each segment (0.1)")
    parser.add_argument("--end-padding", type=float, default=0.1, help="seconds after each segment (0.1)")
    parser.add_argument(
        "--last-segment-end-padding", type=float, default=0.1, help="at most so many after the last (0.1)"
    )
    parser.add_argument("--fix-overlapping-segments", choices=("true", "false"), default="true", help="(true)")
    options = parser.parse_args()

    segments = read_segments(sys.stdin)
    recordings = {}
    for segment in segments:
        recordings.setdefault(segment[1], []).append(segment)
    met = sum(
        extend(
            of_recording,
            options.start_padding,
            options.end_padding,
            options.last_segment_end_padding,
            options.fix_overlapping_segments == "true",
        )
        for of_recording in recordings.values()
    )
    for utterance, recording, start, end in segments:
        if start < end:
            print(utterance, recording, number(start), number(end))
        else:
            print(f"extend_segment_times.py: left out '{utterance}': it does not end after it starts", file=sys.stderr)
    print(
        f"extend_segment_times.py: extended {len(segments)} segments; fixed {met} overlapping segments", file=sys.stderr
    )


if __name__ == "__main__":
    main()
