"""Data directories of Kaldi and ESPnet: wav.scp, text, utt2spk, and maybe segments, utt2lang."""

import os
from pathlib import Path

from jstasr.corpus.importers.entries import Entry, not_utf8, read_text_file, show


def read_kaldi(folder, options, faults):
    """Entries of a data directory; ids stay as they are. Relative paths begin at audio_dir, here, or the folder."""
    folder = Path(folder)
    tables = {name: _table(folder / name, faults) for name in ("wav.scp", "text", "utt2spk", "segments", "utt2lang")}
    for name in ("wav.scp", "text"):
        if tables[name] is None:
            faults.add(folder / name, "is missing: not a Kaldi data directory")
    if faults.fatal:
        return []
    speakers, segments, languages = tables["utt2spk"] or {}, tables["segments"], tables["utt2lang"] or {}
    entries = []
    for utterance, (where, text) in tables["text"].items():
        recording, start, end = utterance, None, None
        if segments is not None:
            if utterance not in segments:
                faults.add_row(where, f"{utterance} is not in segments")
                continue
            try:
                recording, start, end = segments[utterance][1].split()
                start, end = float(start), float(end)
            except ValueError:
                faults.add_row(segments[utterance][0], f"expected `{utterance} recording start end`")
                continue
        if recording not in tables["wav.scp"]:
            faults.add_row(where, f"{recording} is not in wav.scp")
            continue
        if tables["utt2spk"] is not None and utterance not in speakers:
            faults.add_row(where, f"{utterance} is not in utt2spk")
            continue
        entries.append(
            Entry(
                where,
                _resolve(tables["wav.scp"][recording][1], folder, options.audio_dir),
                text,
                id=utterance,
                speaker=speakers[utterance][1] if speakers else "",
                lang=languages[utterance][1] if utterance in languages else options.lang,
                recording=recording if segments is not None else "",
                start=start,
                end=None if end == -1 else end,
                keep_id=True,
            )
        )
    for utterance in (segments if segments is not None else tables["wav.scp"]).keys() - tables["text"].keys():
        where = (segments if segments is not None else tables["wav.scp"])[utterance][0]
        faults.add_row(where, f"{utterance} has no transcript in text")
    return entries


def _table(path, faults):
    """dict key -> (where, value), or None without the file."""
    if not path.exists():
        return None
    table = {}
    for number, line in enumerate(read_text_file(path).split("\n"), 1):
        key, _, value = line.replace("\t", " ").strip().partition(" ")
        where = f"{path}:{number}"
        if not key:
            continue
        if not_utf8(line):
            faults.add_row(where, f"{show(key)}: not UTF-8; convert the file with iconv")
        elif key in table:
            faults.add_row(where, f"duplicate id {key}, already on {table[key][0]}")
        else:
            table[key] = (where, value.strip())
    return table


def _resolve(source, folder, audio_dir):
    """A wav.scp value, its path made absolute. A Kaldi recipe's paths begin at its own folder, two above data/<set>."""
    if source.endswith("|"):
        return source
    if os.path.isabs(source):
        return source
    starts = [audio_dir] if audio_dir else [Path.cwd(), folder.absolute().parent.parent, folder.absolute()]
    found = next((start / source for start in starts if (start / source).is_file()), starts[0] / source)
    return str(found)


def is_kaldi(folder):
    """Does a folder look like a data directory?"""
    return (folder / "wav.scp").is_file()
