"""result.txt: what `sclite -i rm -o all stdout` prints."""

import numpy as np

from jstasr.score._edit import format_alignments
from jstasr.score.alignment import Alignment
from jstasr.score.table import SpeakerCounts, speaker_table
from jstasr.score.width import display_width

LINE_WIDTH = 1000  # columns, after which sclite continues an alignment in a new block


def speaker_counts(alignment: Alignment) -> list[SpeakerCounts]:
    """The counts of each of the S speakers."""
    number = len(alignment.speakers)
    sums = np.zeros((number, 6), np.int64)
    columns = np.column_stack([np.ones(len(alignment.ids), np.int64), alignment.counts, alignment.errors > 0])
    np.add.at(sums, alignment.speaker_index, columns)
    return [SpeakerCounts(*map(int, row)) for row in sums]


def sclite_report(alignment: Alignment, title: str) -> bytes:
    """The tables in percent and in counts, then the alignments by speaker.

    Args:
        title: the system's name (sclite uses the name of the hypothesis file).
    Returns:
        The content of result.txt, UTF-8.
    """
    speakers = [speaker.decode() for speaker in alignment.speakers]
    rows = speaker_counts(alignment)
    order = np.argsort(alignment.speaker_index, kind="stable")
    first = np.searchsorted(alignment.speaker_index[order], np.arange(len(speakers) + 1))
    # a word of joiners or marks alone has no width, yet takes a star where the other text has no word
    widths = np.array([display_width(word.decode()) or bool(word) for word in alignment.words], np.int32)
    parts = [speaker_table(title, speakers, rows, raw) for raw in (False, True)]
    parts.append(f"\n\n\t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE\n\nSystem name:   {title}\n\nSpeakers: \n")
    parts += [f"   {number:2d}:  {speaker}\n" for number, speaker in enumerate(speakers)]
    out = ["".join(parts).encode(), b"\n"]
    for number, speaker in enumerate(speakers):
        head = f"Speaker sentences{number:4d}:  {speaker}   #utts: {rows[number].sentences}\n"
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
