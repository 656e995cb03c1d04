"""An endless stream of batches from data sets, prefetched by worker processes."""

from collections.abc import Generator
from multiprocessing import active_children

import numpy as np
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from jstasr.data.batch import Batch
from jstasr.data.batches import Joining, Step, StepSampler, Windows, language_weights, steps_of_process
from jstasr.data.collate import collate
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.train.signals import heed_parent_only

READ_AHEAD = 4  # batches of each worker


class Steps(Dataset):
    """Step -> (epoch, position after the step, Batch), or the error on reading it."""

    def __init__(self, speech: SpeechSet, text: TextSet | None, skip_lost: bool = False):
        """skip_lost: leave out utterances in shards that are missing or damaged."""
        self.speech, self.text, self.skip_lost = speech, text, skip_lost

    def __getitem__(self, step: Step) -> tuple[int, dict, Batch] | JstasrError:
        try:
            batch = collate(self.speech, step.speech, self.text, step.text, step.joins, True, self.skip_lost)
            return step.epoch, step.after, batch
        except JstasrError as error:  # raised in a worker, it would be wrapped in the traceback of the worker
            return error


def text_budget(config: TrainConfig, speech: SpeechSet) -> int:
    """Padded phonemes of unpaired text in a batch."""
    if config.data.text_ratio > 0:
        paired = config.data.batch_frames * speech.phones.lengths.sum() / speech.durations.sum()
        return max(1, int(config.data.text_ratio * paired))
    return config.data.text_batch_phones


def weights_by_language(languages: np.ndarray, amounts: np.ndarray, temperature: float) -> np.ndarray | None:
    """Expected draws (N,) of each item in an epoch; None: one each. Arguments as of `language_weights`."""
    if temperature == 1.0 or len(np.unique(languages)) < 2:
        return None
    return language_weights(languages, amounts, temperature)


def joining(config: TrainConfig, speech: SpeechSet, text: TextSet | None) -> Joining | None:
    """What is joined, and how long it may become; None: nothing is."""
    join = config.data.join
    if join.share == 0:
        return None
    max_frames = min(round(join.max_seconds * FRAMES_PER_SECOND), config.data.batch_frames)
    phones_per_frame = speech.phones.lengths.sum() / speech.durations.sum()
    text_groups = None if text is None else text.language_codes
    return Joining(join, speech.speaker_groups(), max_frames, text_groups, round(max_frames * phones_per_frame))


def windows(config: TrainConfig, speech: SpeechSet) -> Windows | None:
    """The shards that utterances are drawn from at a time; None: from all of the set."""
    if config.data.window_shards == 0:
        return None
    numbers = speech.shard_numbers()
    return Windows(numbers, int(numbers.max()) + 1, config.data.window_shards)


def step_sampler(config: TrainConfig, speech: SpeechSet, text: TextSet | None, start: dict | None) -> StepSampler:
    """The batches of all processes from the position `start` on; None: from the beginning."""
    temperature = config.data.language_temperature
    text_weights = None
    if text is not None:
        text_weights = weights_by_language(text.language_codes, text.phones.lengths, temperature)
    return StepSampler(
        speech.durations,
        config.data.batch_frames,
        None if text is None else text.phones.lengths,
        text_budget(config, speech),
        config.seed,
        speech_weights=weights_by_language(speech.language_codes, speech.durations, temperature),
        text_weights=text_weights,
        start=start,
        joining=joining(config, speech, text),
        windows=windows(config, speech),
    )


def training_batches(
    config: TrainConfig, speech: SpeechSet, text: TextSet | None, start: dict | None, fabric: Fabric
) -> Generator[tuple[int, dict, Batch], None, None]:
    """(epoch, position after the step, Batch) without end, for this process; to be closed, which ends its workers.

    Args:
        start: position after the last step done, or None.
    Raises:
        JstasrError: features that cannot be read; a worker that was killed.
    """
    sampler = step_sampler(config, speech, text, start)
    workers = config.data.num_workers
    loader = DataLoader(
        Steps(speech, text, config.data.max_lost_shards > 0),
        sampler=steps_of_process(iter(sampler), fabric.global_rank, fabric.world_size),
        batch_size=None,
        num_workers=workers,
        pin_memory=fabric.device.type == "cuda",
        prefetch_factor=READ_AHEAD if workers else None,
        worker_init_fn=heed_parent_only,
    )
    before = active_children()
    batches = iter(loader)
    started = [child for child in active_children() if child not in before]
    try:
        for item in batches:
            if isinstance(item, JstasrError):
                raise item
            yield item
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise JstasrError(
            f"a data loading process ended ({error}). The system may have killed it for lack of memory: "
            "use fewer (data.num_workers), or smaller batches (data.batch_frames)"
        ) from error
    finally:
        for worker in started:  # DataLoader would wait up to 5 seconds for each
            worker.terminate()
