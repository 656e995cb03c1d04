#!/usr/bin/env python3
"""Write the sentences of all sets: who says them, in which language, about common or rare names.

The sentences are a function of the seed, the language, the sizes and the release of Babel's CLDR data.
Test sets are drawn first, so that they do not change with the size of the training sets.
"""

import argparse
import random
import string
import sys
from pathlib import Path

from names import ALPHABETS, all_names, number_words, spans, split_names
from templates import LANGUAGES, numbers
from voices import voices_of

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import write_table

MIN_WORDS, MAX_WORDS = 3, 8
PLAIN_SHARE = 0.4  # requests without a word before or after
MAX_TRIES = 2000
# Set -> kinds of names in its sentences, one after the other. The order is that of making them.
SETS = {
    "test": ("common",),
    "test_rare": ("rare",),
    "dev": ("common", "rare"),
    "train": ("common",),
    "train_text": ("all",),
}


class Deck:
    """Cards drawn in a random order, each once before any comes again."""

    def __init__(self, cards, rng):
        self.cards, self.rng, self.left = list(cards), rng, []

    def draw(self):
        if not self.left:
            self.left = self.rng.sample(self.cards, len(self.cards))
        return self.left.pop()

    def put_back(self, card):
        self.left.insert(0, card)


class Writer:
    """Draws new sentences of one set in one language.

    Args:
        lang: a key of LANGUAGES.
        names: dict category -> names that may be used.
        taboo: names that must not even appear by chance.
        rng: random.Random.
    """

    def __init__(self, lang, names, taboo, rng):
        self.lang, self.taboo, self.rng = lang, taboo, rng
        self.requests = Deck(LANGUAGES[lang].requests, rng)
        self.decks = {category: Deck(members, rng) for category, members in names.items()}
        self.decks["number"] = Deck([number_words(number, lang) for number in numbers(lang)], rng)

    def _one(self, request):
        """Fill a request; returns the sentence and the cards drawn for it."""
        drawn, words = [], []
        for text, slot, _, _ in string.Formatter().parse(request):
            words += text.split()
            if slot:
                name = self.decks[slot].draw()
                drawn.append((slot, name))
                words += name.split()
        if self.rng.random() >= PLAIN_SHARE:
            language = LANGUAGES[self.lang]
            if self.rng.random() < 0.5:
                words = self.rng.choice(language.before).split() + words
            else:
                words += self.rng.choice(language.after).split()
        return words, drawn

    def write(self, taken):
        """A sentence that is not in `taken`."""
        for _ in range(MAX_TRIES):
            words, drawn = self._one(self.requests.draw())
            sentence = " ".join(words)
            twice = len({name for _, name in drawn}) < len(drawn)
            if (
                MIN_WORDS <= len(words) <= MAX_WORDS
                and not twice
                and sentence not in taken
                and not (self.taboo and self.taboo & spans(words))
            ):
                return sentence
            for slot, name in drawn:
                self.decks[slot].put_back(name)
        raise JstasrError(f"language {self.lang} has no more new sentences: ask for fewer of them")


def usable_names(lang):
    """The language's names by category, without those that the requests themselves hold."""
    language, said = LANGUAGES[lang], set()
    for request in language.requests:
        for text, _, _, _ in string.Formatter().parse(request):
            said |= spans(text.split())
    for text in language.before + language.after:
        said |= spans(text.split())
    for number in range(100):
        said |= spans(number_words(number, lang).split())
    names = all_names(lang)
    return {category: [name for name in members if name not in said] for category, members in names.items()}


def make_language(lang, sizes, seed):
    """Sentences of one language.

    Args:
        lang: a key of LANGUAGES.
        sizes: dict set -> number of sentences.
        seed: any int.
    Returns:
        (rows, kinds): rows, dict set -> list of (sentence, kind); kinds, dict kind -> category -> names.
    """
    names = usable_names(lang)
    common, rare = split_names(names, random.Random(f"{seed} {lang} names"))
    kinds = {"common": common, "rare": rare, "all": names}
    rare_names = {name for members in rare.values() for name in members}
    taboo = {"common": rare_names, "rare": set(), "all": set()}
    rows, evaluation = {}, set()
    for part, cycle in SETS.items():
        writers = {
            kind: Writer(lang, kinds[kind], taboo[kind], random.Random(f"{seed} {lang} {part} {kind}"))
            for kind in cycle
        }
        taken, rows[part] = set(evaluation), []
        for number in range(sizes[part]):
            kind = cycle[number % len(cycle)]
            sentence = writers[kind].write(taken)
            taken.add(sentence)
            rows[part].append((sentence, kind))
        # Training sets may share sentences with each other, never with dev or test.
        if part not in ("train", "train_text"):
            evaluation = taken
    return rows, kinds


def shares(total, langs):
    """Split a number of sentences evenly; the first languages get what is left over."""
    return {lang: total // len(langs) + (index < total % len(langs)) for index, lang in enumerate(langs)}


def make_sets(langs, sizes, seed):
    """Tables of all sets.

    Args:
        langs: list of language codes.
        sizes: dict set -> number of sentences over all languages.
        seed: any int.
    Returns:
        dict set -> dict table name -> dict utterance -> value, and dict lang -> kinds (see `make_language`).
    """
    tables = {part: {} for part in SETS}
    names = {}
    for lang in langs:
        lang_sizes = {part: shares(size, langs)[lang] for part, size in sizes.items()}
        rows, names[lang] = make_language(lang, lang_sizes, seed)
        for part, sentences in rows.items():
            add_rows(tables[part], part, lang, sentences, random.Random(f"{seed} {lang} {part} voices"))
    return tables, names


def add_rows(tables, part, lang, sentences, rng):
    """Give sentences their ids, and speakers where they are spoken."""
    spoken = part != "train_text"
    for number, (sentence, kind) in enumerate(sentences, 1):
        values = {"text": sentence, "utt2lang": lang}
        utterance = f"{lang}-{part}-{number:06d}"
        if spoken:
            speaker = rng.choice(voices_of(part)).lower()
            utterance = f"{speaker}-{utterance}"
            values |= {"utt2spk": speaker, "utt2entity": kind}
        for table, value in values.items():
            tables.setdefault(table, {})[utterance] = value


def speakers(utt2spk):
    """spk2utt of an utt2spk."""
    spk2utt = {}
    for utterance in sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--langs", required=True, help="as in 'en es it' or en,es,it")
    parser.add_argument("--n-paired", type=int, required=True)
    parser.add_argument("--n-text", type=int, required=True)
    parser.add_argument("--n-dev", type=int, required=True)
    parser.add_argument("--n-test", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("outdir", type=Path, help="the sets become folders of it")
    args = parser.parse_args()
    langs = args.langs.replace(",", " ").split()
    unknown = [lang for lang in langs if lang not in LANGUAGES or lang not in ALPHABETS]
    if unknown or not langs or len(set(langs)) < len(langs):
        wrong = f"unknown: {' '.join(unknown)}" if unknown else "each language once, at least one"
        raise JstasrError(f"--langs '{args.langs}': {wrong}; there are {' '.join(LANGUAGES)}")
    sizes = {
        "train": args.n_paired,
        "train_text": args.n_text,
        "dev": args.n_dev,
        "test": args.n_test,
        "test_rare": args.n_test,
    }
    for part, size in sizes.items():
        if size < len(langs):
            raise JstasrError(f"{part}: {size} sentences for {len(langs)} languages; each needs one at least")
    tables, names = make_sets(langs, sizes, args.seed)
    for part, files in tables.items():
        if "utt2spk" in files:
            files["spk2utt"] = speakers(files["utt2spk"])
        for name, table in files.items():
            write_table(args.outdir / part / name, table)
    for lang, kinds in names.items():
        table = {
            name.replace(" ", "_"): f"{kind} {category}"
            for kind in ("common", "rare")
            for category, members in kinds[kind].items()
            for name in members
        }
        write_table(args.outdir / "names" / lang, table)


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_text.py: error: {error}")
