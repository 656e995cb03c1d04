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
TUNED = (*WEIGHTS, "length_bonus")
WER, CER = "WER", "CER"
MOSTLY_WRONG = 75.0  # per cent of the words: from there on, characters tell more about a search than words do

Weights = tuple[float, float, float, float]  # in the order of TUNED
NONE: Weights = (0.0, 0.0, 0.0, 0.0)


@dataclass
class Tuned:
    """The settings with the fewest errors on the development set.

    `measure` is WER or CER, whose errors decided; `without` and `with_lm` are its values in per cent, the means of the
    decoders, without the language models and with these settings.
    """

    config: SearchConfig
    measure: str
    without: float
    with_lm: float


def first_weights(language_model: ExternalLm) -> Weights:
    """Where the search begins: language models that there are not have no weight."""
    given = [language_model.ngram is not None, language_model.neural is not None]
    ngram, neural = (EXTERNAL / sum(given) if there else 0.0 for there in given)
    return (ngram, neural, INTERNAL, 0.0)


def shown_weights(language_model: ExternalLm) -> list[str]:
    """Names of the values that are chosen."""
    start = first_weights(language_model)
    return [name for name, weight in zip(TUNED, start) if weight or name not in WEIGHTS]


def minimise(coarse: Callable[[Weights], int], fine: Callable[[Weights], int], start: Weights) -> dict[Weights, int]:
    """Search the weights by steps to the neighbours with fewer errors, from coarse to fine; then the length bonus.

    The internal language model's weight stays at most the sum of the language models': beyond, the search prefers what
    neither model has ever seen.

    Args:
        coarse: weights -> number of errors in a part of the utterances: it finds the neighbourhood.
        fine: likewise, in all utterances: it decides.
        start: the first weights; a language model that has none there gets none.
    Returns:
        All points that were tried on all utterances, with their errors; NONE among them.
    """
    start = best_weights(descend(coarse, {start: coarse(start)}, neighbours, STEPS[0]))
    tried = descend(fine, {NONE: fine(NONE), start: fine(start)}, neighbours, STEPS[1])
    before = best_weights(tried)
    tried = descend(fine, tried, longer_or_shorter, STEPS[0])
    if best_weights(tried) != before:  # with longer texts, other weights may be better
        tried = descend(fine, tried, neighbours, STEPS[1])
    return tried


def descend(
    errors: Callable[[Weights], int],
    tried: dict[Weights, int],
    moves: Callable[[Weights, float], list[Weights]],
    step: float,
) -> dict[Weights, int]:
    """Move from the best point that was tried to the best of its neighbours, until none has fewer errors."""
    while True:
        best = best_weights(tried)
        new = [weights for weights in moves(best, step) if weights not in tried]
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
        ngram, neural, internal = (round(weight + step * move.get(i, 0), 2) for i, weight in enumerate(weights[:3]))
        external = [(ngram, neural)[index] for index in used]
        if all(0 < weight <= LARGEST for weight in external) and 0 <= internal <= round(ngram + neural, 2):
            found.append((ngram, neural, internal, weights[3]))
    return found


def longer_or_shorter(weights: Weights, step: float) -> list[Weights]:
    """The points with a step more and less of the length bonus, which is 0 or more."""
    bonuses = (round(weights[3] + sign * step, 2) for sign in (1, -1))
    return [(*weights[:3], bonus) for bonus in bonuses if 0 <= bonus <= LARGEST]


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
Errors = dict[str, int]  # WER and CER -> errors
_count_errors: Callable[[Task], Errors]  # of the process that forked


@torch.inference_mode()
def _in_a_fork(task: Task) -> Errors:
    return _count_errors(task)


@contextmanager
def forks(function: Callable[[Task], Errors], processes: int) -> Iterator[Callable[[list[Task]], list[Errors]]]:
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
    """Choose the weights of the language models, and the length bonus, by the errors of the decoders together.

    Words count; where most of them are wrong without the language models (MOSTLY_WRONG), characters.

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
    sizes = {
        WER: [sum(len(text.split()) for text in texts) for texts in meant],
        CER: [sum(map(len, texts)) for texts in meant],
    }
    hotwords = hotword_graph(config.hotwords, config.hotwords_score, tokenizer, model.ctc_label.weight.device)
    known: dict[Task, Errors] = {}

    def batch_errors(task: Task) -> Errors:
        weights, mode, number = task
        settings = replace(config, search=BEAM, **dict(zip(TUNED, weights)))
        batch = batches[number]
        decoder, encoded = model.decoder(mode), batch.encoded
        found = search(decoder, encoded.of(mode), encoded.lengths, settings, language_model, batch.start, hotwords)
        said = [split_unspaced(tokenizer.decode(hypothesis.labels)) for hypothesis in found]
        counts = {WER: jiwer.process_words(meant[number], said), CER: jiwer.process_characters(meant[number], said)}
        return {name: count.substitutions + count.deletions + count.insertions for name, count in counts.items()}

    def errors(weights: Weights, count: int) -> Errors:
        new = [(weights, mode, number) for mode in modes for number in range(count)]
        new = [task for task in new if task not in known]
        known.update(zip(new, counted(new)))
        sums, shown = {}, []
        for measure, size in sizes.items():
            found = [sum(known[weights, mode, number][measure] for number in range(count)) for mode in modes]
            sums[measure] = sum(found)
            rates = [f"{mode} {100 * errors / max(1, sum(size[:count])):.1f}%" for mode, errors in zip(modes, found)]
            shown.append(" ".join([measure, *rates]))
        part = f" ({sum(map(len, meant[:count]))} utterances)" if count < len(batches) else ""
        named = [f"{name} {weight}" for name, weight in zip(TUNED, weights) if name in names]
        progress(f"{' '.join(named)}: {', '.join(shown)}{part}")
        return sums

    def per_cent(measure: str, count: int, found: int) -> float:
        return 100 * found / max(1, len(modes) * sum(sizes[measure][:count]))

    count, few, names = len(batches), num_coarse or len(batches), shown_weights(language_model)
    with forks(batch_errors, processes) as counted:
        wrong = per_cent(WER, few, errors(NONE, few)[WER])
        measure = CER if wrong >= MOSTLY_WRONG else WER
        tried = minimise(
            lambda weights: errors(weights, few)[measure],
            lambda weights: errors(weights, count)[measure],
            first_weights(language_model),
        )
    best = best_weights(tried)
    without, with_lm = (per_cent(measure, count, tried[weights]) for weights in (NONE, best))
    return Tuned(replace(config, search=BEAM, **dict(zip(TUNED, best))), measure, without, with_lm)
