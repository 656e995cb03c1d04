"""Choose the weights of language model fusion on a development set."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jiwer
import torch

from jstasr.decode.greedy import search
from jstasr.experiment.search import BEAM, SearchConfig
from jstasr.lm.ngram import NgramModel
from jstasr.model.joint import Encoded, JointModel
from jstasr.text.languages import split_unspaced
from jstasr.text.tokens import Tokenizer

STEPS = (0.2, 0.1)  # of the weights: a coarse search, then a fine one around its best
LARGEST = 2.0  # weight of the language model
START = (0.6, 0.2)  # lm_weight, internal_lm_weight

Weights = tuple[float, float]


@dataclass
class Tuned:
    """The weights with the fewest word errors, and what was tried: (lm_weight, internal_lm_weight) -> errors."""

    config: SearchConfig
    tried: dict[Weights, int]
    words: int

    def wer(self, weights: Weights | None = None) -> float:
        """WER in per cent, the mean of the decoders, at some weights; None: at the best."""
        weights = weights or (self.config.lm_weight, self.config.internal_lm_weight)
        return 100.0 * self.tried[weights] / max(1, self.words)


def minimise(errors: Callable[[Weights], int]) -> dict[Weights, int]:
    """Search both weights by steps to the neighbours with fewer errors, from coarse to fine.

    The internal language model's weight stays at most the language model's: beyond, the search prefers what neither
    model has ever seen.

    Args:
        errors: f((lm_weight, internal_lm_weight)), the number of errors.
    Returns:
        All points that were tried, with their errors; (0, 0) among them.
    """
    tried = {(0.0, 0.0): errors((0.0, 0.0)), START: errors(START)}
    for step in STEPS:
        while True:
            lm, internal = best_weights(tried)
            around = [(lm + step, internal), (lm - step, internal), (lm, internal + step), (lm, internal - step)]
            around += [(lm + step, internal + step), (lm - step, internal - step)]  # the valley lies along the diagonal
            rounded = [(round(a, 2), round(b, 2)) for a, b in around]
            new = [(a, b) for a, b in rounded if 0 <= b <= a <= LARGEST and (a, b) not in tried]
            tried |= {weights: errors(weights) for weights in new}
            if best_weights(tried) == (lm, internal):
                break
    return tried


def best_weights(tried: dict[Weights, int]) -> Weights:
    """The weights with the fewest errors, of those that use the language model; the smallest of equals."""
    return min((weights for weights in tried if weights[0] > 0), key=lambda weights: (tried[weights], weights))


@dataclass
class EncodedBatch:
    """Utterances that were encoded together; `start` (N,) int: their known first labels, or None."""

    ids: list[str]
    encoded: Encoded
    start: torch.Tensor | None


@torch.inference_mode()
def tune(
    model: JointModel,
    tokenizer: Tokenizer,
    batches: list[EncodedBatch],
    references: dict[str, str],
    modes: list[str],
    config: SearchConfig,
    language_model: NgramModel,
    progress: Callable[[str], None],
) -> Tuned:
    """Choose lm_weight and internal_lm_weight of beam search by the word errors of the decoders together.

    Args:
        batches: the development set, encoded once.
        references: utterance -> transcript. A Chinese character, and the like, counts as a word.
        modes: "streaming" and/or "full".
        config: of the search; its weights are not used.
        progress: called with a line for every pair of weights.
    """
    meant = [split_unspaced(references[utt]) for batch in batches for utt in batch.ids]
    words = len(modes) * sum(len(text.split()) for text in meant)

    def errors(weights: Weights) -> int:
        settings = replace(config, search=BEAM, lm_weight=weights[0], internal_lm_weight=weights[1])
        counts = []
        for mode in modes:
            said: list[str] = []
            for batch in batches:
                encoded = batch.encoded
                found = search(
                    model.decoder(mode), encoded.of(mode), encoded.lengths, settings, language_model, batch.start
                )
                said += [split_unspaced(tokenizer.decode(hypothesis.labels)) for hypothesis in found]
            count = jiwer.process_words(meant, said)
            counts.append(count.substitutions + count.deletions + count.insertions)
        rates = " ".join(f"{mode} {100 * len(modes) * count / words:.1f}%" for mode, count in zip(modes, counts))
        progress(f"lm_weight {weights[0]} internal_lm_weight {weights[1]}: WER {rates}")
        return sum(counts)

    tried = minimise(errors)
    lm, internal = best_weights(tried)
    return Tuned(replace(config, search=BEAM, lm_weight=lm, internal_lm_weight=internal), tried, words)
