#!/usr/bin/env python3
"""Measure hotwords with a model of egs/mini, in the folder of the recipe that trained it.

    python measure_hotwords.py exp/<tag> dump/fbank/dev --boosts 0.5 1 2
    python measure_hotwords.py exp/<tag> dump/fbank/test_rare dump/fbank/test

A name is a word that no transcript of data/train holds. Prints a line of CSV for each decoder, without and with the
recipe's language model, and for each list of hotwords: none; the names of the set; these and 1,000 words that nobody
says in it, of the names from which the recipe makes its sentences; and of a set without names these 1,000 alone.
"""

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import jiwer
import torch

from jstasr.data.subset import spread_subset
from jstasr.decode.decode_set import FeatureBatch, read_batches
from jstasr.decode.greedy import search
from jstasr.decode.hotwords import hotword_graph
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import BEAM, SearchConfig, with_hotwords
from jstasr.kaldi.tables import read_table
from jstasr.model.joint import FULL, STREAMING, Encoded

OTHERS = 1000


@dataclass
class EncodedSet:
    """Utterances of a set: their transcripts, their names, and what encodes them."""

    name: str
    texts: dict[str, str]
    names: set[str]
    batches: list[tuple[FeatureBatch, Encoded]]


def words_of(texts: Iterable[str]) -> set[str]:
    """All words of some texts."""
    return {word for text in texts for word in text.split()}


def encode_set(experiment: Experiment, folder: Path, known: set[str], count: int) -> EncodedSet:
    """Utterances of dump/fbank/<set>, evenly spread; `known`: words that are no names."""
    texts = read_table(folder / "text")
    ids = sorted(texts)
    ids = [ids[index] for index in spread_subset(len(ids), count)]
    chosen = {utt: texts[utt] for utt in ids}
    batches = [(batch, batch.encode(experiment.model)) for batch in read_batches(experiment, folder, ids, 20000)]
    return EncodedSet(folder.name, chosen, words_of(chosen.values()) - known, batches)


def find(
    experiment: Experiment, part: EncodedSet, mode: str, config: SearchConfig, lm: bool
) -> tuple[dict[str, str], float]:
    """The transcripts that a search finds, and the seconds of processor time that it takes."""
    started = time.process_time()
    graph = hotword_graph(config.hotwords, config.hotwords_score, experiment.tokenizer, torch.device("cpu"))
    decoder, found = experiment.model.decoder(mode), {}
    language_model = experiment.language_model if lm else None
    for batch, encoded in part.batches:
        best = search(decoder, encoded.of(mode), encoded.lengths, config, language_model, batch.start, graph)
        found |= {utt: experiment.tokenizer.decode(one.labels) for utt, one in zip(batch.ids, best)}
    return found, time.process_time() - started


def share_right(part: EncodedSet, found: dict[str, str]) -> str:
    """The share of the names in transcripts that are in the hypotheses of their utterances."""
    spoken = [(utt, word) for utt, text in part.texts.items() for word in set(text.split()) & part.names]
    right = sum(word in found[utt].split() for utt, word in spoken)
    return f"{100 * right / len(spoken):.1f}% of {len(spoken)}" if spoken else ""


@torch.inference_mode()
def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("expdir")
    parser.add_argument("sets", type=Path, nargs="+", help="dump/fbank/<set>")
    parser.add_argument("--boosts", type=float, nargs="+", default=[SearchConfig().hotwords_score])
    parser.add_argument("--utterances", type=int, default=400, help="of each set, evenly spread")
    parser.add_argument("--modes", nargs="+", default=[FULL, STREAMING])
    parser.add_argument("--others", type=int, nargs="+", default=[OTHERS], help="sizes of the list of other names")
    args = parser.parse_args()
    torch.set_num_threads(1)
    experiment = Experiment.load(args.expdir)
    with_lm = replace(experiment.search, search=BEAM)
    without_lm = replace(with_lm, lm_weight=0.0, internal_lm_weight=0.0)
    all_names = {
        word for line in Path("data/names/en").read_text("utf-8").splitlines() for word in line.split()[0].split("_")
    }
    known = words_of(read_table("data/train/text").values())
    print("decoder,language model,set,hotwords,boost,WER,names right,seconds")
    for folder in args.sets:
        part = encode_set(experiment, folder, known, args.utterances)
        others = sorted(all_names - words_of(part.texts.values()), key=lambda word: (word in known, word))
        lists = {"none": []}
        if part.names:
            lists["its names"] = sorted(part.names)
        for count in args.others:
            assert len(others) >= count, f"only {len(others)} other names: fewer --utterances"
            lists["its names and " * bool(part.names) + f"{count} others"] = sorted(part.names) + others[:count]
        for mode in args.modes:
            for lm, base in ((False, without_lm), (True, with_lm)):
                for name, lines in lists.items():
                    for boost in args.boosts if lines else args.boosts[:1]:
                        config = replace(with_hotwords(base, lines), search=BEAM, hotwords_score=boost)
                        found, seconds = find(experiment, part, mode, config, lm)
                        wer = jiwer.wer(list(part.texts.values()), [found[utt] for utt in part.texts])
                        print(
                            mode,
                            "yes" if lm else "no",
                            part.name,
                            name,
                            boost if lines else "",
                            f"{100 * wer:.2f}%",
                            share_right(part, found),
                            f"{seconds:.0f}",
                            sep=",",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
