"""Data directories of Kaldi and ESPnet: wav.scp, text, utt2spk, and maybe segments, utt2lang."""

import os
from pathlib import Path
from typing import NamedTuple

from jstasr.corpus.importers.entries import (
    Entry,
    ImportFaults,
    ReadOptions,
    first_there,
    not_utf8,
    printable,
    read_text_file,
    split_lines,
)
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.data_dir import SEGMENTS, SPK2UTT, TEXT, UTT2LANG, UTT2SPK, WAV_SCP, parse_seconds
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import BLANKS, FIRST_BLANK


class Line(NamedTuple):
    """Value of a table, and where it is: "file:line"."""

    where: str
    value: str


def read_kaldi(folder: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a data directory; ids stay as they are. Relative paths begin at audio_dir, here, or the folder."""
    folder = Path(folder)
    wav_scp, texts = _table(folder / WAV_SCP, faults), _table(folder / TEXT, faults)
    utt2spk, segments = _table(folder / UTT2SPK, faults), _table(folder / SEGMENTS, faults)
    utt2lang = _table(folder / UTT2LANG, faults) or {}
    if utt2spk is None and (spk2utt := _table(folder / SPK2UTT, faults)):
        utt2spk = {
            utterance: Line(line.where, speaker)
            for speaker, line in spk2utt.items()
            for utterance in line.value.split()
        }
    for name, table in ((WAV_SCP, wav_scp), (TEXT, texts)):
        if table is None:
            faults.add(folder / name, "is missing: not a Kaldi data directory")
    if wav_scp is None or texts is None or faults.fatal:
        return []
    audio = wav_scp if segments is None else segments
    faults.found += len(texts.keys() | audio.keys())
    entries: list[Entry] = []
    for utterance, (where, text) in texts.items():
        recording, start, end = utterance, None, None
        if segments is not None:
            if utterance not in segments:
                faults.add_row(where, f"{utterance} is not in segments", "not in segments")
                continue
            try:
                recording, start, end = segments[utterance].value.split()
                start, end = parse_seconds(start), parse_seconds(end)
            except ValueError:
                where = segments[utterance].where
                faults.add_row(where, f"expected `{utterance} recording start end`", "a line of segments that is none")
                continue
        if recording not in wav_scp:
            where = where if segments is None else segments[utterance].where
            faults.add_row(where, f"{recording} is not in wav.scp", "not in wav.scp")
            continue
        if utt2spk is not None and utterance not in utt2spk:
            faults.add_row(where, f"{utterance} is not in utt2spk", "not in utt2spk")
            continue
        if not wav_scp[recording].value:
            faults.add_row(wav_scp[recording].where, f"no audio behind {recording}", "no audio file is named")
            continue
        entries.append(
            Entry(
                where,
                _resolve(wav_scp[recording].value, folder, options.audio_dir),
                text,
                id=utterance,
                speaker=utt2spk[utterance].value if utt2spk else "",
                lang=utt2lang[utterance].value if utterance in utt2lang else options.lang,
                recording=recording if segments is not None else "",
                start=start,
                end=None if end == -1 else end,
                keep_id=True,
            )
        )
    for utterance in audio.keys() - texts.keys():
        faults.add_row(audio[utterance].where, f"{utterance} has no transcript in text", "no transcript")
    if segments is not None:
        cut = {line.value.split(" ", 1)[0] for line in segments.values()}
        if unused := sorted(wav_scp.keys() - cut):
            faults.note(f"{len(unused)} recording(s) of wav.scp of which no segment is taken: {first_few(unused, 3)}")
    for name, table in ((UTT2SPK, utt2spk or {}), (UTT2LANG, utt2lang)):
        if unknown := sorted(table.keys() - texts.keys() - audio.keys()):
            faults.note(f"{len(unknown)} line(s) of {name} about utterances that text lacks: {first_few(unknown, 3)}")
    read = {WAV_SCP, TEXT, UTT2SPK, SPK2UTT, SEGMENTS, UTT2LANG}
    if unread := sorted(path.name for path in folder.iterdir() if path.name not in read and path.name[0] != "."):
        faults.note(f"not taken from {folder}: {first_few(unread, 10)}")
    return entries


def _table(path: Path, faults: ImportFaults) -> dict[str, Line] | None:
    """Key -> Line, or None without the file."""
    if not path.exists():
        return None
    table: dict[str, Line] = {}
    for number, line in enumerate(split_lines(read_text_file(path)), 1):
        key, *rest = FIRST_BLANK.split(line.strip(BLANKS), maxsplit=1)
        where = f"{path}:{number}"
        if not key:
            continue
        if not_utf8(line):
            faults.add_row(where, f"{printable(key)}: not UTF-8; convert the file with iconv", "not UTF-8")
        elif key in table:
            faults.add_row(where, f"duplicate id {key}, already on {table[key].where}", "duplicate id")
        else:
            table[key] = Line(where, rest[0].strip(BLANKS) if rest else "")
            continue
        if path.name == TEXT:
            faults.found += 1
    return table


def _resolve(source: str, folder: Path, audio_dir: Path | None) -> str:
    """A wav.scp value, its path made absolute. A Kaldi recipe's paths begin at its own folder, two above data/<set>."""
    if is_pipe(source) or os.path.isabs(source):
        return source
    starts = [audio_dir] if audio_dir else [Path.cwd(), folder.absolute().parent.parent, folder.absolute()]
    return first_there(source, starts)


def is_kaldi(folder: Path) -> bool:
    """Does a folder look like a data directory?"""
    return (folder / WAV_SCP).is_file()
