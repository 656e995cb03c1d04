#!/usr/bin/env python3
"""Measure the WER by the weights of the n-gram and the internal language model, also where settings would be refused.

    python measure_subtraction.py exp/<tag> exp/lm_<tokens>/lm.arpa.gz dump/fbank/dev

Prints a line of CSV for each pair of weights.
"""

import argparse
from pathlib import Path

import jiwer
import torch

from jstasr.data.subset import spread_subset
from jstasr.decode.decode_set import decode_set
from jstasr.experiment.language_model import load_external_lm
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import BEAM, SearchConfig
from jstasr.kaldi.tables import read_table
from jstasr.model.joint import FULL

WEIGHTS = ((0, 0), (0, 0.3), (0, 0.5), (0, 1.0), (0.9, 0.4), (0.9, 0.9), (0.9, 1.2), (0.9, 1.4), (0.9, 1.9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expdir")
    parser.add_argument("lm")
    parser.add_argument("data", type=Path)
    parser.add_argument("--utterances", type=int, default=100, help="evenly spread (default: 100)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    experiment = Experiment.load(args.expdir, own_search=False)
    tokenizer = experiment.tokenizer
    model = load_external_lm(args.lm, None, tokenizer.token_list.tokens)
    texts = read_table(args.data / "text")
    ids = [sorted(texts)[index] for index in spread_subset(len(texts), args.utterances)]
    print("lm_weight,internal_lm_weight,WER full context on dev")
    for lm, internal in WEIGHTS:
        config = SearchConfig(search=BEAM, lm_weight=lm, internal_lm_weight=internal)
        found, _ = decode_set(experiment, args.data, ids, [FULL], config, lambda line: None, model)
        said = [tokenizer.decode(found[FULL][utt].labels) for utt in ids]
        print(f"{lm},{internal},{100 * jiwer.wer([texts[utt] for utt in ids], said):.1f}%", flush=True)


if __name__ == "__main__":
    main()
