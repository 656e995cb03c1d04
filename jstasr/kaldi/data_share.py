"""The share of a data directory that one job works on, read without the tables of the rest."""

from collections.abc import Set
from pathlib import Path

from jstasr.kaldi.data_dir import SEGMENTS, TEXT, UTT2LANG, UTT2SPK, WAV_SCP, DataDir, parse_segments
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.kaldi.job_share import job_share
from jstasr.kaldi.tables import FIRST_BLANK


def data_share(path: str | Path, job: int, num_jobs: int, allow_empty_text: bool = False) -> DataDir:
    """A job's share of the recordings of a data directory, with all of their utterances.

    The whole directory is checked as by `DataDir.check`, but of the others 20 bytes a line are in memory.

    Args:
        path: the folder.
        job, num_jobs: the share, by the lines of wav.scp, from 1.
        allow_empty_text: accept utterances without words.
    Returns:
        DataDir whose tables wav.scp, text, utt2spk, segments and utt2lang hold the share alone.
    Raises:
        JstasrError: as `DataDir.check` does.
    """
    data = DataDir(path, allow_empty_text)
    names = [WAV_SCP, TEXT, UTT2SPK]
    names += [name for name in (SEGMENTS, UTT2LANG) if (data.path / name).exists()]
    tables = {name: IndexedTable(data.path / name, allow_empty_text and name == TEXT) for name in names}
    segments = tables.get(SEGMENTS)
    by_utterance = [tables[name] for name in names if segments is None or name != WAV_SCP]
    first = by_utterance[0]
    if not len(first) or any(len(t) != len(first) or (t.rows_of(first) < 0).any() for t in by_utterance[1:]):
        data.check()  # names every disagreement
    rows = job_share(range(len(tables[WAV_SCP])), job, num_jobs)
    leading, recordings = tables[WAV_SCP], dict(tables[WAV_SCP].line(row) for row in rows)
    if segments is not None:
        leading, rows = segments, _rows_cut_from(recordings.keys(), data)

    def share(name: str) -> dict[str, str]:
        found = tables[name].rows_of(leading)[rows]
        return dict(tables[name].line(int(row)) for row in found)

    data.wav_scp, data.text, data.utt2spk = recordings, share(TEXT), share(UTT2SPK)
    data.utt2lang = share(UTT2LANG) if UTT2LANG in tables else None
    data.segments = None if segments is None else parse_segments(share(SEGMENTS), segments.path)
    return data


def _rows_cut_from(wanted: Set[str], data: DataDir) -> list[int]:
    """Lines of segments (from 0) whose recording is wanted; JstasrError where one is in no line of wav.scp."""
    with open(data.path / WAV_SCP, encoding="utf-8", newline="\n") as file:
        known = {FIRST_BLANK.split(line, maxsplit=1)[0] for line in file}
    rows: list[int] = []
    with open(data.path / SEGMENTS, encoding="utf-8", newline="\n") as file:
        for row, line in enumerate(file):
            recording = (FIRST_BLANK.split(line, maxsplit=1)[-1].split(maxsplit=1) or [""])[0]
            if recording not in known:
                data.check()  # names it, or the line that is no segment
            if recording in wanted:
                rows.append(row)
    return rows
