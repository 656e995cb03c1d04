#!/usr/bin/env python3
"""The work of combine_short_segments.sh: joins utterances until each is as long as asked.

combine_short.py <tool> <srcdir> <outdir> <least seconds> <speaker only: true|false> writes utt2utts, utt2spk, utt2dur,
feats.scp, and text and utt2uniq where the source has them, all sorted by utterance.
"""

import math
import shlex
import sys
from pathlib import Path

SAME = 1e-5  # seconds: durations this close are equal


def is_less(one, other):
    return one < other - SAME


def read_table(tool, path, fields=None):
    """First field -> the others, as bytes; names a line with another number of fields, or a second one of an id."""
    table = {}
    for count, line in enumerate(path.read_bytes().splitlines(), 1):
        words = line.split()
        if not words or (fields is not None and len(words) != fields):
            sys.exit(f"{tool}: {path}:{count}: expected {fields or 'at least one'} fields, got {len(words)}")
        if words[0] in table:
            sys.exit(f"{tool}: {path}:{count}: '{words[0].decode(errors='replace')}' has a line already")
        table[words[0]] = words[1:]
    return table


def look_up(tool, table, key, path):
    """The value of a key, which another table says must be there."""
    if key not in table:
        sys.exit(f"{tool}: {path} has no line for '{key.decode(errors='replace')}'")
    return table[key]


def combine(durations, least):
    """Neighbours joined until each group lasts `least` seconds: a list of (begin, end) over `durations`.

    Short groups are taken from the last to the first. One joins its right neighbour, unless only the left one makes
    it long enough, or both do and the left one is shorter.
    """
    count = len(durations)
    begin_of_last = list(range(count))  # of a group's last member: where the group begins
    end = list(range(1, count + 1))  # of a group's first member: where the group ends
    seconds = list(durations)  # of a group's first member
    begins = [True] * count
    waiting = [i for i in range(count) if is_less(seconds[i], least)]
    while waiting:
        i = waiting.pop()
        if not begins[i] or not is_less(seconds[i], least):
            continue
        left = begin_of_last[i - 1] if i > 0 else None
        right = end[i] if end[i] < count else None
        if left is None and right is None:
            break
        if left is None or right is None:
            to_left = right is None
        elif is_less(seconds[left] + seconds[i], least):
            to_left = False
        elif is_less(seconds[right] + seconds[i], least):
            to_left = True
        else:
            to_left = is_less(seconds[left], seconds[right])
        first, second = (left, i) if to_left else (i, right)
        seconds[first] += seconds[second]
        end[first] = end[second]
        begin_of_last[end[first] - 1] = first
        begins[second] = False
        if not to_left and is_less(seconds[i], least):
            waiting.append(i)
    return [(i, end[i]) for i in range(count) if begins[i]]


def group_utterances(speakers, seconds, least, speaker_only):
    """Lists of consecutive utterances: first within speakers, then groups that are still short across them.

    Args:
        speakers: list of lists of utterances.
        seconds: utterance -> duration.
    Returns:
        The groups, and how many there were before the second step.
    """
    groups = [
        utterances[begin:end]
        for utterances in speakers
        for begin, end in combine([seconds[utterance] for utterance in utterances], least)
    ]
    if speaker_only:
        return groups, len(groups)
    lengths = [sum(seconds[utterance] for utterance in group) for group in groups]
    joined = [sum(groups[begin:end], []) for begin, end in combine(lengths, least)]
    return joined, len(groups)


def main_speaker(group, speaker_of, seconds):
    """Who speaks longest in a group; the first by name of several."""
    shares = {}
    for utterance in group:
        shares[speaker_of[utterance]] = shares.get(speaker_of[utterance], 0.0) + seconds[utterance]
    longest = None
    for speaker in sorted(shares):
        if longest is None or is_less(shares[longest], shares[speaker]):
            longest = speaker
    return longest


def merged_sources(groups):
    """Source (value of utt2uniq) -> the least of those that some group ties it to: no two groups then share one."""
    parent = {}

    def root(source):
        while parent[source] != source:
            parent[source] = parent[parent[source]]
            source = parent[source]
        return source

    for group in groups:
        for source in group:
            parent.setdefault(source, source)
            one, other = root(group[0]), root(source)
            parent[max(one, other)] = min(one, other)
    return {source: root(source) for source in parent}


def features_of(entries):
    """The entry of feats.scp for several, one after the other."""
    if len(entries) == 1:
        return entries[0]
    words = shlex.join(entry.decode(errors="surrogateescape") for entry in entries)
    return b"concat-feats --print-args=false %s - |" % words.encode(errors="surrogateescape")


def read_durations(tool, path):
    seconds = {}
    for utterance, (value,) in read_table(tool, path, 2).items():
        try:
            seconds[utterance] = float(value)
            if not 0 < seconds[utterance] < math.inf:
                raise ValueError
        except ValueError:
            name, shown = utterance.decode(errors="replace"), value.decode(errors="replace")
            sys.exit(f"{tool}: {path}: '{name}' lasts '{shown}', expected seconds above 0")
    return seconds


def main():
    tool, source, out, least, speaker_only = sys.argv[1:]
    source, out = Path(source), Path(out)
    speakers = read_table(tool, source / "spk2utt")
    seconds = read_durations(tool, source / "utt2dur")
    for utterances in speakers.values():
        for utterance in utterances:
            look_up(tool, seconds, utterance, source / "utt2dur")
    speaker_of = {utterance: speaker for speaker, utterances in speakers.items() for utterance in utterances}
    groups, within = group_utterances(list(speakers.values()), seconds, float(least), speaker_only == "true")
    across = "" if speaker_only == "true" else f", and then to {len(groups)} across them"
    print(f"{tool}: combined {len(speaker_of)} utterances to {within} within speakers{across}")

    names = [group[0] if len(group) == 1 else b"%s-comb%d" % (group[0], len(group)) for group in groups]
    new = dict(zip(names, groups))
    if len(new) < len(groups):
        twice = next(name for name in names if names.count(name) > 1).decode(errors="replace")
        sys.exit(f"{tool}: a joined utterance would get the id '{twice}', which another has; rename that one")
    tables = {
        "utt2utts": {name: b" ".join(group) for name, group in new.items()},
        "utt2spk": {name: main_speaker(group, speaker_of, seconds) for name, group in new.items()},
        "utt2dur": {name: repr(sum(seconds[u] for u in group)).encode() for name, group in new.items()},
    }
    entries = {}
    for line in (source / "feats.scp").read_bytes().splitlines():
        utterance, entry = line.split(maxsplit=1)
        entries[utterance] = entry.strip()
    tables["feats.scp"] = {name: features_of([entries[u] for u in group]) for name, group in new.items()}
    if (source / "text").exists():
        text = read_table(tool, source / "text")
        tables["text"] = {name: b" ".join(word for u in group for word in text[u]) for name, group in new.items()}
    if (source / "utt2uniq").exists():
        uniq = read_table(tool, source / "utt2uniq", 2)
        merged = merged_sources([[uniq[u][0] for u in group] for group in groups])
        tables["utt2uniq"] = {name: merged[uniq[group[0]][0]] for name, group in new.items()}
    for table, lines in tables.items():
        (out / table).write_bytes(b"".join(b"%s %s\n" % (name, lines[name]) for name in sorted(lines)))


if __name__ == "__main__":
    main()
