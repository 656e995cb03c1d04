#!/usr/bin/env python3
"""The sound of the segments of a data directory: `extract_segments.py <tool> <data-dir> <archive> <its later name>`.

Writes an archive of WAV files, and prints "<utterance> <later name>:<offset>" for each, in the order of segments.
"""

import os
import re
import shlex
import sys

try:
    import numpy as np

    from jstasr.errors import JstasrError, list_faults
    from jstasr.kaldi import audio
    from jstasr.kaldi.data_dir import DataDir, Segment, is_outside
except ImportError as error:
    sys.exit(f"{sys.argv[1]}: this needs jstasr's Python environment (. path.sh): {error}")

READ_WHOLE = 600  # seconds: up to this a recording is read once, beyond it segment by segment, to save memory
FULL_SCALE = 32768  # of 16-bit samples: those of a 16-bit recording come out unchanged


def wav_file(samples: np.ndarray, rate: int) -> bytes:
    """A 16-bit mono WAV file of samples (N,) with full scale 1."""
    data = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()
    header = b"RIFF" + np.uint32(36 + len(data)).tobytes() + b"WAVEfmt "
    header += np.array([16], "<u4").tobytes() + np.array([1, 1], "<u2").tobytes()
    header += np.array([rate, 2 * rate], "<u4").tobytes() + np.array([2, 16], "<u2").tobytes()
    return header + b"data" + np.uint32(len(data)).tobytes() + data


def openable(source: str) -> str:
    """A value of wav.scp as jstasr reads it: a place in an archive through wav-copy."""
    if re.search(r":[0-9]+$", source) and not os.path.exists(source):
        return f"wav-copy {shlex.quote(source)} - |"
    return source


def cut(source: str, segments: dict[str, Segment]):
    """(utterance, samples (N,) or None, rate, fault or "") of the segments of one recording."""
    whole = None
    try:
        if audio.is_pipe(source):
            whole, rate = audio.read_audio(source)
            seconds = len(whole) / rate
        else:
            info = audio.audio_info(source)
            rate, seconds = info[0], info[2] / info[0]
            if len(segments) > 1 and seconds <= READ_WHOLE:
                whole, rate = audio.read_audio(source)
    except JstasrError as error:
        yield from ((utterance, None, 0, str(error)) for utterance in segments)
        return
    for utterance, (_, start, end) in segments.items():
        if is_outside(start, end, seconds):
            until = "its end" if end == -1 else f"{end:g}"
            fault = f"segment {start:g} to {until} s lies outside {source} of {seconds:.3f} s"
            yield utterance, None, rate, fault
            continue
        stop = None if end == -1 or end >= seconds else end
        try:
            if whole is None:
                samples, rate = audio.read_audio(source, start, stop)
            else:
                samples = whole[round(start * rate) : None if stop is None else round(stop * rate)]
        except JstasrError as error:
            yield utterance, None, rate, str(error)
            continue
        yield utterance, samples, rate, "" if len(samples) else f"{source}: no samples"


def main():
    tool, folder, archive, later_name = sys.argv[1:]
    data = DataDir(folder)
    if not data.segments:
        sys.exit(f"{tool}: {folder}/segments has no segments")
    by_recording: dict[str, dict[str, Segment]] = {}
    for utterance, segment in data.segments.items():
        by_recording.setdefault(segment.recording, {})[utterance] = segment
    lost = [recording for recording in by_recording if recording not in data.wav_scp]
    faults = [f"{folder}/wav.scp: no recording '{recording}', which segments has" for recording in lost]
    offsets = {}
    with open(archive, "wb") as out:
        for recording, segments in by_recording.items():
            if recording in lost:
                continue
            for utterance, samples, rate, fault in cut(openable(data.wav_scp[recording]), segments):
                if samples is None or fault:
                    faults.append(f"{utterance}: {fault}")
                    continue
                out.write(f"{utterance} ".encode())
                offsets[utterance] = out.tell()
                out.write(wav_file(samples, rate))
    if faults:
        raise JstasrError(list_faults(faults))
    lines = [f"{utterance} {later_name}:{offsets[utterance]}\n" for utterance in data.segments]
    sys.stdout.buffer.write("".join(lines).encode(errors="surrogateescape"))


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
