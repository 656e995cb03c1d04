"""result.txt: what `sclite -i rm -o all stdout` prints."""

import numpy as np

from jstasr.score._edit import format_alignments
from jstasr.score.table import speaker_table
from jstasr.score.width import display_width

LINE_WIDTH = 1000


def speaker_counts(alignment):
    """S tuples (sentences, correct, substituted, deleted, inserted, sentences with errors)."""
    number = len(alignment.speakers)
    sums = np.zeros((number, 6), np.int64)
    columns = np.column_stack([np.ones(len(alignment.ids), np.int64), alignment.counts, alignment.errors > 0])
    np.add.at(sums, alignment.speaker_index, columns)
    return [tuple(int(value) for value in row) for row in sums]


def sclite_report(alignment, title):
    """The tables in percent and in counts, then the alignments by speaker.

    Args:
        alignment: Alignment.
        title: str, the system's name (sclite uses the name of the hypothesis file).
    Returns:
        bytes, UTF-8.
    """
    speakers = [speaker.decode() for speaker in alignment.speakers]
    rows = speaker_counts(alignment)
    order = np.argsort(alignment.speaker_index, kind="stable")
    first = np.searchsorted(alignment.speaker_index[order], np.arange(len(speakers) + 1))
    # a word of joiners or marks alone has no width, but needs a star where nothing stands against it
    widths = np.array([display_width(word.decode()) or bool(word) for word in alignment.words], np.int32)
    parts = [speaker_table(title, speakers, rows, raw) for raw in (False, True)]
    parts.append(f"\n\n\t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE\n\nSystem name:   {title}\n\nSpeakers: \n")
    parts += [f"   {number:2d}:  {speaker}\n" for number, speaker in enumerate(speakers)]
    out = ["".join(parts).encode(), b"\n"]
    for number, speaker in enumerate(speakers):
        head = f"Speaker sentences{number:4d}:  {speaker}   #utts: {rows[number][0]}\n"
        out.append(head.encode())
        out.append(
            format_alignments(
                order[first[number] : first[number + 1]],
                alignment.ids,
                alignment.marks,
                alignment.step_ref,
                alignment.step_hyp,
                alignment.offsets,
                alignment.counts,
                alignment.words,
                widths,
                LINE_WIDTH,
            )
        )
    out.append(b"\n")
    return b"".join(out)
