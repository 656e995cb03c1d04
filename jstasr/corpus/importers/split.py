"""Train, dev and test: by a column of the source, else by speaker; no sentence of dev or test in training."""

import random

from jstasr.errors import JstasrError
from jstasr.text.normalize import clean

SETS = ("train", "dev", "test")
NAMES = {
    "train": "train training",
    "dev": "dev valid val validation development",
    "test": "test testing eval evaluation",
}
LARGEST_SHARE = 0.25  # of dev or test in one voice, where other speakers can be taken
SET_OF = {name: part for part, names in NAMES.items() for name in names.split()}


def sentence_key(text, lang):
    """What two transcripts share if they are the same sentence, written with other signs or spaces."""
    return clean(text, "basic", lang or None).replace(" ", "").replace("'", "")


def split_entries(entries, shares, seed, faults):
    """dict set -> entries.

    The source's own split is kept; where it names no dev or test set, that set is made of training speakers. Where it
    names none at all, speakers are divided at random; those with much to say stay in training, so that dev and test
    have many voices. A speaker is in one set only, in all languages: whoever is in test is dropped from dev, and both
    from train.

    Args:
        entries: list of Entry.
        shares: (dev, test) shares of a language's utterances, where they are divided here.
        seed: of the division.
        faults: gets unknown names of splits.
    Returns:
        dict "train" | "dev" | "test" -> list of Entry, and a list of notes for the reader.
    """
    parts = {name: [] for name in SETS}
    undecided = []
    for entry in entries:
        name = entry.split.lower()
        if not name:
            undecided.append(entry)
        elif name in SET_OF:
            parts[SET_OF[name]].append(entry)
        else:
            faults.add_row(entry.where, f"split {entry.split!r}: must be train, dev or test")
    notes = []
    if any(parts.values()):
        parts["train"] += undecided
    else:
        parts["train"] = undecided
    notes += _keep_apart(parts)
    lacking = [name for name in ("test", "dev") if not parts[name]]
    if lacking:
        notes += _divide(parts, lacking, dict(zip(("dev", "test"), shares, strict=True)), seed)
    return parts, notes


def _divide(parts, lacking, shares, seed):
    """Move speakers of train to the sets that are lacking."""
    pool = parts["train"]
    by_speaker = {}
    for entry in pool:
        by_speaker.setdefault(entry.speaker, []).append(entry)
    speakers = sorted(by_speaker)
    random.Random(seed).shuffle(speakers)
    set_of = {}
    too_few = []
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
            # Stable: at random among those who would be less than a share of the set; then those with least to say.
            free.sort(key=lambda s: max(counts[s], wanted * LARGEST_SHARE))
            while have < wanted and len(free) > (1 if name == lacking[-1] else 2):
                if have and have + counts[free[0]] > 2 * wanted:
                    break
                speaker = free.pop(0)
                set_of[speaker] = name
                have += counts[speaker]
    notes = []
    for lang in too_few:
        notes.append(
            f"WARNING: {lang} has too few speakers to keep them apart: train, dev and test share them, so that error "
            "rates say nothing about other voices"
        )
    divided = {name: [] for name in SETS}
    mixed = {}
    for entry in pool:
        if (entry.lang or "the data") in too_few and entry.speaker not in set_of:
            mixed.setdefault(entry.lang, []).append(entry)
        else:
            divided[set_of.get(entry.speaker, "train")].append(entry)
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


def _keep_apart(parts):
    """Drop from train the speakers of dev and test, from dev those of test."""
    notes = []
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


def drop_shared_sentences(parts, policy):
    """Leave out training utterances that say a sentence of dev or test.

    Args:
        parts: dict set -> entries, changed in place.
        policy: "drop", "keep", or "auto": drop, unless that would take more than half of the training set (people who
            all read the same list).
    Returns:
        list of notes.
    """
    held = {sentence_key(entry.text, entry.lang) for name in ("dev", "test") for entry in parts[name]}
    kept = [entry for entry in parts["train"] if sentence_key(entry.text, entry.lang) not in held]
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


def hold_out_sentences(entries, share, seed):
    """Take sentences, with all their utterances, out of the training set, to be text without speech.

    Args:
        entries: of one language.
        share: of the sentences.
    Returns:
        the entries left, and the sentences held out.
    """
    keys = sorted({sentence_key(entry.text, entry.lang) for entry in entries})
    random.Random(f"{seed} text").shuffle(keys)
    chosen = set(keys[: round(share * len(keys))])
    left = [entry for entry in entries if sentence_key(entry.text, entry.lang) not in chosen]
    texts = {sentence_key(e.text, e.lang): e.text for e in entries}
    return left, [texts[key] for key in sorted(chosen)]


def refuse_empty(parts, source):
    """JstasrError naming the sets without utterances."""
    empty = [name for name in SETS if not parts[name]]
    if empty:
        sizes = ", ".join(f"{name} {len(parts[name])}" for name in SETS)
        raise JstasrError(f"{source}: {' and '.join(empty)} would be empty ({sizes}); more recordings are needed")
