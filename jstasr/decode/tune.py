"""Choose the weights of language model fusion on a development set."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace

import jiwer
import torch

from jstasr.decode.greedy import search
from jstasr.decode.hotwords import hotword_graph
from jstasr.errors import JstasrError
from jstasr.experiment.search import BEAM, WEIGHTS, SearchConfig
from jstasr.lm.external import ExternalLm
from jstasr.model.joint import Encoded, JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.text.unspaced import split_unspaced

STEPS = (0.2, 0.1)  # of the weights: a coarse search, then a fine one around its best
LARGEST = 2.0  # weight of a language model
EXTERNAL, INTERNAL = 0.8, 0.4  # weights to begin with; several language models share the first

Weights = tuple[float, float, float]  # in the order of WEIGHTS: lm_weight, nnlm_weight, internal_lm_weight
NONE: Weights = (0.0, 0.0, 0.0)


@dataclass
class Tuned:
    """The weights with the fewest word errors, and what was tried: weights -> errors."""

    config: SearchConfig
    tried: dict[Weights, int]
    words: int

    def wer(self, weights: Weights | None = None) -> float:
        """WER in per cent, the mean of the decoders, at some weights; None: at the best."""
        own = (self.config.lm_weight, self.config.nnlm_weight, self.config.internal_lm_weight)
        return 100.0 * self.tried[weights or own] / max(1, self.words)


def first_weights(language_model: ExternalLm) -> Weights:
    """Where the search begins: language models that there are not have no weight."""
    given = [language_model.ngram is not None, language_model.neural is not None]
    ngram, neural = (EXTERNAL / sum(given) if there else 0.0 for there in given)
    return (ngram, neural, INTERNAL)


def shown_weights(language_model: ExternalLm) -> list[str]:
    """Names of the weights that are chosen."""
    return [name for name, weight in zip(WEIGHTS, first_weights(language_model)) if weight]


def minimise(coarse: Callable[[Weights], int], fine: Callable[[Weights], int], start: Weights) -> dict[Weights, int]:
    """Search the weights by steps to the neighbours with fewer errors, from coarse to fine.

    The internal language model's weight stays at most the sum of the language models': beyond, the search prefers what
    neither model has ever seen.

    Args:
        coarse: weights -> number of errors in a part of the utterances: it finds the neighbourhood.
        fine: likewise, in all utterances: it decides.
        start: the first weights; a language model that has none there gets none.
    Returns:
        All points that were tried on all utterances, with their errors; NONE among them.
    """
    start = best_weights(descend(coarse, {start: coarse(start)}, STEPS[0]))
    return descend(fine, {NONE: fine(NONE), start: fine(start)}, STEPS[1])


def descend(errors: Callable[[Weights], int], tried: dict[Weights, int], step: float) -> dict[Weights, int]:
    """Move from the best point that was tried to the best of its neighbours, until none has fewer errors."""
    while True:
        best = best_weights(tried)
        new = [weights for weights in neighbours(best, step) if weights not in tried]
        tried |= {weights: errors(weights) for weights in new}
        if best_weights(tried) == best:
            return tried


def neighbours(weights: Weights, step: float) -> list[Weights]:
    """The points a step away that may be tried; of the external weights those that are above 0 remain so."""
    used = [index for index in (0, 1) if weights[index] > 0]
    moves = [{index: sign} for index in (*used, 2) for sign in (1, -1)]
    moves += [{index: sign, 2: sign} for index in used for sign in (1, -1)]  # the valley lies along the diagonal
    if len(used) == 2:
        moves += [{0: sign, 1: -sign} for sign in (1, -1)]
    found = []
    for move in moves:
        ngram, neural, internal = (round(weight + step * move.get(i, 0), 2) for i, weight in enumerate(weights))
        external = [(ngram, neural)[index] for index in used]
        if all(0 < weight <= LARGEST for weight in external) and 0 <= internal <= round(ngram + neural, 2):
            found.append((ngram, neural, internal))
    return found


def best_weights(tried: dict[Weights, int]) -> Weights:
    """The weights with the fewest errors, of those that use a language model; the smallest of equals."""
    return min((weights for weights in tried if weights != NONE), key=lambda weights: (tried[weights], weights))


@dataclass
class EncodedBatch:
    """Utterances that were encoded together; `start` (N,) int: their known first labels, or None."""

    ids: list[str]
    encoded: Encoded
    start: torch.Tensor | None


Task = tuple[Weights, str, int]  # weights, decoder, number of the batch
_count_errors: Callable[[Task], int]  # of the process that forked


@torch.inference_mode()
def _in_a_fork(task: Task) -> int:
    return _count_errors(task)


@contextmanager
def forks(function: Callable[[Task], int], processes: int) -> Iterator[Callable[[list[Task]], list[int]]]:
    """`function` over a list, in forks of this process as it is now: the model and the batches are not copied.

    Raises:
        JstasrError: a fork was killed.
    """
    global _count_errors
    if processes == 1:
        yield lambda tasks: [function(task) for task in tasks]
        return
    _count_errors = function
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork"), torch.set_num_threads, (1,)) as pool:
        try:
            yield lambda tasks: list(pool.map(_in_a_fork, tasks))
        except BrokenProcessPool:
            raise JstasrError("a process of --nj was killed, by lack of memory perhaps. Use a smaller --nj") from None


@torch.inference_mode()
def tune(
    model: JointModel,
    tokenizer: Tokenizer,
    batches: list[EncodedBatch],
    references: dict[str, str],
    modes: list[str],
    config: SearchConfig,
    language_model: ExternalLm,
    progress: Callable[[str], None],
    num_coarse: int | None = None,
    processes: int = 1,
) -> Tuned:
    """Choose the weights of the language models in beam search by the word errors of the decoders together.

    Args:
        batches: the development set, encoded once.
        references: utterance -> transcript. A Chinese character, and the like, counts as a word.
        modes: "streaming" and/or "full".
        config: of the search; its weights are not used.
        progress: called with a line for every pair of weights.
        num_coarse: batches, from the first, for the coarse search; None: all.
        processes: that share decoders and batches; on the CPU only.
    """
    meant = [[split_unspaced(references[utt]) for utt in batch.ids] for batch in batches]
    num_words = [sum(len(text.split()) for text in texts) for texts in meant]

    hotwords = hotword_graph(config.hotwords, config.hotwords_score, tokenizer, model.ctc_label.weight.device)
    known: dict[Task, int] = {}

    def batch_errors(task: Task) -> int:
        weights, mode, number = task
        settings = replace(config, search=BEAM, **dict(zip(WEIGHTS, weights)))
        batch = batches[number]
        decoder, encoded = model.decoder(mode), batch.encoded
        found = search(decoder, encoded.of(mode), encoded.lengths, settings, language_model, batch.start, hotwords)
        said = [split_unspaced(tokenizer.decode(hypothesis.labels)) for hypothesis in found]
        count = jiwer.process_words(meant[number], said)
        return count.substitutions + count.deletions + count.insertions

    def errors(weights: Weights, count: int) -> int:
        new = [(weights, mode, number) for mode in modes for number in range(count)]
        new = [task for task in new if task not in known]
        known.update(zip(new, counted(new)))
        sums = [sum(known[weights, mode, number] for number in range(count)) for mode in modes]
        words = max(1, sum(num_words[:count]))
        rates = " ".join(f"{mode} {100 * found / words:.1f}%" for mode, found in zip(modes, sums))
        part = f" ({sum(map(len, meant[:count]))} utterances)" if count < len(batches) else ""
        named = [f"{name} {weight}" for name, weight in zip(WEIGHTS, weights) if name in shown]
        progress(" ".join(named) + f": WER {rates}{part}")
        return sum(sums)

    count, shown = len(batches), shown_weights(language_model)
    with forks(batch_errors, processes) as counted:
        tried = minimise(
            lambda weights: errors(weights, num_coarse or count),
            lambda weights: errors(weights, count),
            first_weights(language_model),
        )
    best = dict(zip(WEIGHTS, best_weights(tried)))
    return Tuned(replace(config, search=BEAM, **best), tried, len(modes) * sum(num_words))
