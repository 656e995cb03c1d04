"""Train, dev and test: by a column of the source, else by speaker; no sentence of dev or test in training."""

import random
from collections.abc import Sequence

from jstasr.corpus.importers.entries import Entry, ImportFaults
from jstasr.errors import JstasrError
from jstasr.text.normalize import clean

SETS = ("train", "dev", "test")
Parts = dict[str, list[Entry]]  # of SETS
NAMES = {
    "train": "train training",
    "dev": "dev valid val validation development",
    "test": "test testing eval evaluation",
}
BLOCKS = 20  # of neighbouring recordings, where speakers are not known
UNKNOWN = "split of an unknown name"
LARGEST_SHARE = 0.25  # of dev or test by one speaker, where others can be taken
SET_OF = {name: part for part, names in NAMES.items() for name in names.split()}


def sentence_key(text: str, lang: str) -> str:
    """A key that two transcripts share if they differ in punctuation, case and spaces only."""
    return clean(text, "basic", lang or None).replace(" ", "").replace("'", "")


def split_entries(
    entries: Sequence[Entry], dev_share: float, test_share: float, seed: int, faults: ImportFaults
) -> tuple[Parts, list[str]]:
    """Divide entries into train, dev and test.

    The source's own split is kept; where it has no dev or test set, that set is taken from the training speakers.
    Where it has no split at all, speakers are divided at random; those with many utterances stay in training, so that
    dev and test have many speakers. A speaker is in one set only, in all languages: those of test are dropped from
    dev, and those of both from train. Of utterances whose speakers are not known, neighbours in the source, which are
    likelier to be of one voice, go to the same set, and a note says that voices may be in several.

    Args:
        entries: of all languages, in the order of the source.
        dev_share, test_share: shares of a language's utterances, where the source has no such set.
        seed: of the division.
        faults: gets unknown names of splits.
    Returns:
        The sets, and notes for the user.
    """
    parts: Parts = {name: [] for name in SETS}
    undecided: list[Entry] = []
    for entry in entries:
        name = entry.split.lower()
        if not name:
            undecided.append(entry)
        elif name in SET_OF:
            parts[SET_OF[name]].append(entry)
        else:
            faults.add_row(entry.where, f"split {entry.split!r}: must be train, dev or test", UNKNOWN)
    notes = []
    if any(parts.values()):
        parts["train"] += undecided
    else:
        parts["train"] = undecided
    notes += _keep_apart(parts)
    notes += notes_on_speakers(entries)
    lacking = [name for name in ("test", "dev") if not parts[name]]
    if lacking:
        notes += _divide(parts, lacking, {"dev": dev_share, "test": test_share}, seed)
    return parts, notes


def notes_on_speakers(entries: Sequence[Entry]) -> list[str]:
    """A warning where speakers are not known."""
    unknown = sum(entry.own_speaker for entry in entries)
    return ["WARNING: " + unknown_speakers(unknown, len(entries))] if unknown else []


def unknown_speakers(unknown: int, utterances: int) -> str:
    """That voices cannot be kept apart, and what to do."""
    of = "" if unknown == utterances else f" of {unknown} of {utterances} utterances"
    return (
        f"the speakers{of} are not known: one voice may be in train, dev and test, and error rates of new voices are "
        "likely higher than those on test; name speakers in a column `speaker`, by a sub-folder for each, or in utt2spk"
    )


def voices_of(entries: Sequence[Entry]) -> dict[str, str]:
    """Id -> what one set holds whole: the speaker or, where that is not known, a block of neighbouring recordings."""
    voices = {entry.id: entry.speaker for entry in entries}
    unknown: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.own_speaker:
            unknown.setdefault(entry.lang, []).append(entry)
    for lang, members in unknown.items():
        recordings = list(dict.fromkeys(entry.audio for entry in members))
        whole = len(recordings) >= len(SETS)  # else utterances of one recording are divided
        places = {audio: number for number, audio in enumerate(recordings)}
        count = len(recordings) if whole else len(members)
        for number, entry in enumerate(members):
            place = places[entry.audio] if whole else number
            voices[entry.id] = f"{lang} block {place * min(BLOCKS, count) // count:02d}"
    return voices


def _divide(parts: Parts, lacking: list[str], shares: dict[str, float], seed: int) -> list[str]:
    """Move speakers of train to the sets that are lacking."""
    pool = parts["train"]
    voices = voices_of(pool)
    by_speaker: dict[str, list[Entry]] = {}
    for entry in pool:
        by_speaker.setdefault(voices[entry.id], []).append(entry)
    speakers = sorted(by_speaker)
    random.Random(seed).shuffle(speakers)
    set_of: dict[str, str] = {}  # of a speaker
    too_few: list[str] = []
    for lang in sorted({entry.lang for entry in pool}):
        counts = {s: n for s in speakers if (n := sum(entry.lang == lang for entry in by_speaker[s]))}
        total = sum(counts.values())
        free = [speaker for speaker in counts if speaker not in set_of]
        if len(free) <= len(lacking):
            too_few.append(lang or "the data")
            continue
        for name in lacking:
            wanted = max(1, round(shares[name] * total))
            have = sum(counts[s] for s in counts if set_of.get(s) == name)
            # Stable: at random among those below LARGEST_SHARE of the set; then those with the fewest utterances.
            free.sort(key=lambda s: max(counts[s], wanted * LARGEST_SHARE))
            while have < wanted and len(free) > (1 if name == lacking[-1] else 2):
                if have and have + counts[free[0]] > 2 * wanted:
                    break
                speaker = free.pop(0)
                set_of[speaker] = name
                have += counts[speaker]
    notes = []
    known = {entry.lang or "the data" for entry in pool if not entry.own_speaker}
    for lang in filter(known.__contains__, too_few):
        notes.append(
            f"WARNING: {lang} has too few speakers to keep them apart: train, dev and test share them, so that error "
            "rates say nothing about other speakers"
        )
    divided: Parts = {name: [] for name in SETS}
    mixed: dict[str, list[Entry]] = {}
    for entry in pool:
        if (entry.lang or "the data") in too_few and voices[entry.id] not in set_of:
            mixed.setdefault(entry.lang, []).append(entry)
        else:
            divided[set_of.get(voices[entry.id], "train")].append(entry)
    for lang in sorted(mixed):
        members = mixed[lang]
        random.Random(f"{seed} {lang}").shuffle(members)
        counts = {name: max(1, round(shares[name] * len(members))) for name in lacking}
        for name, count in counts.items():
            divided[name] += members[:count]
            members = members[count:]
        divided["train"] += members
    parts["train"] = divided["train"]
    for name in lacking:
        parts[name] = divided[name]
    return notes


def _keep_apart(parts: Parts) -> list[str]:
    """Drop from train the speakers of dev and test, from dev those of test."""
    notes: list[str] = []
    for name, others in (("dev", ("test",)), ("train", ("dev", "test"))):
        taken = {entry.speaker for other in others for entry in parts[other]}
        kept = [entry for entry in parts[name] if entry.speaker not in taken]
        if len(kept) < len(parts[name]):
            if not kept:
                notes.append(f"WARNING: every speaker of {name} is in {' or '.join(others)} too: kept")
                continue
            dropped = len(parts[name]) - len(kept)
            notes.append(f"{name}: left out {dropped} utterances of speakers who are in {' or '.join(others)} too")
            parts[name] = kept
    return notes


def evaluation_keys(parts: Parts) -> set[str]:
    """Keys of the sentences of dev and test."""
    return {sentence_key(entry.text, entry.lang) for entry in [*parts["dev"], *parts["test"]]}


def drop_shared_sentences(parts: Parts, policy: str) -> list[str]:
    """Leave out training utterances of sentences of dev or test.

    Args:
        parts: changed in place.
        policy: "drop", "keep", or "auto": drop, unless that would take more than 50% of the training set (speakers
            who all read the same list).
    Returns:
        Notes for the user.
    """
    excluded = evaluation_keys(parts)
    kept = [entry for entry in parts["train"] if sentence_key(entry.text, entry.lang) not in excluded]
    dropped = len(parts["train"]) - len(kept)
    if not dropped or policy == "keep":
        return []
    if policy == "auto" and 2 * dropped > len(parts["train"]):
        return [
            f"WARNING: {dropped} of {len(parts['train'])} training utterances say sentences of dev or test, and are "
            "kept: error rates are of sentences that training has read"
        ]
    parts["train"] = kept
    return [f"train: left out {dropped} utterances that say sentences of dev or test"]


def hold_out_sentences(entries: Sequence[Entry], share: float, seed: int) -> tuple[list[Entry], list[str]]:
    """Take sentences, with all their utterances, out of the training set, to be text without speech.

    Args:
        entries: of one language.
        share: of the sentences.
        seed: of the choice.
    Returns:
        the entries left, and the sentences held out.
    """
    keys = sorted({sentence_key(entry.text, entry.lang) for entry in entries})
    random.Random(f"{seed} text").shuffle(keys)
    chosen = set(keys[: round(share * len(keys))])
    left = [entry for entry in entries if sentence_key(entry.text, entry.lang) not in chosen]
    texts = {sentence_key(e.text, e.lang): e.text for e in entries}
    return left, [texts[key] for key in sorted(chosen)]


def refuse_empty(parts: Parts, source: str) -> None:
    """JstasrError naming the sets without utterances."""
    empty = [name for name in SETS if not parts[name]]
    if empty:
        sizes = ", ".join(f"{name} {len(parts[name])}" for name in SETS)
        raise JstasrError(f"{source}: {' and '.join(empty)} would be empty ({sizes}); more recordings are needed")
