"""Faults of a training step: reported with their utterances from every process, the batch saved."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import torch
from lightning_fabric import Fabric

from jstasr.data.batch import Batch
from jstasr.errors import JstasrError, list_faults
from jstasr.experiment.checkpoints import save_atomically
from jstasr.features.frames import FRAME_SHIFT_MS
from jstasr.kaldi.files import atomic_write
from jstasr.train.processes import gather_objects

OUT_OF_MEMORY = (
    "can't allocate memory",
    "out of memory",
)  # words of the RuntimeError of torch's allocators
MARGIN = 0.9  # share of the largest batch that fitted: shapes vary between epochs


def is_out_of_memory(error: BaseException) -> bool:
    """Did an allocator of the CPU or of a GPU raise this?"""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def not_finite(values: dict[str, torch.Tensor], batch: Batch) -> str:
    """The losses that are not finite, with their utterances; "" if all are."""
    bad = [f"{name} loss is {float(value.detach()):.3g}" for name, value in values.items() if not value.isfinite()]
    if not bad:
        return ""
    text = [name for name, value in values.items() if name.startswith("text_") and not value.isfinite()]
    also = f" and texts {' '.join(batch.text_ids)}" if text else ""
    return f"{', '.join(bad)} in utterances {' '.join(batch.utt_ids)}{also}"


class Faults:
    """Counts skipped utterances, and skipped steps in a row; ends the run when there are too many."""

    def __init__(
        self,
        expdir: Path,
        fabric: Fabric,
        limit: int,
        utterance_limit: int = 0,
        shard_limit: int = 0,
        report: Callable[[str], None] = lambda line: None,
    ):
        """
        Args:
            limit: of steps in a row; utterance_limit, shard_limit: of utterances and shards in the whole run.
            report: takes a line for the log.
        """
        self.folder, self.fabric, self.limit = Path(expdir) / "faults", fabric, limit
        self.utterance_limit, self.shard_limit, self.report = utterance_limit, shard_limit, report
        self.unusable: dict[str, None] = {}  # what is wrong with each skipped utterance, once
        self.lost: dict[str, str] = {}  # shard -> what is wrong with it
        self.in_a_row = 0
        self.largest_done = 0  # padded frames of the largest batch of a finite step

    def finite(self, parts: list[Batch]) -> None:
        """Record a step that was taken."""
        self.in_a_row = 0
        self.largest_done = max(self.largest_done, *(batch.counts()["padded_frames"] for batch in parts))

    def skipped(self, step: int, fault: str, parts: list[Batch], norm: float) -> str:
        """Record a step that all processes skipped; returns the fault for the log line.

        Args:
            fault: of this process; "": none, another process has it.
            parts: the batches of the step.
            norm: of the gradient, not finite.
        Raises:
            JstasrError: `limit` steps in a row were skipped; the batches are in exp/<tag>/faults.
        """
        self.in_a_row += 1
        reports = gather_objects(self.fabric, fault)
        if not any(reports):  # a gradient that is not finite from finite losses: its utterance is unknown
            mine = " ".join(utt for batch in parts for utt in batch.utt_ids)
            reports = gather_objects(self.fabric, f"the gradient norm is {norm:.3g} in a step with utterances {mine}")
        single = len(reports) == 1
        named = "; ".join(text if single else f"process {rank}: {text}" for rank, text in enumerate(reports) if text)
        if self.in_a_row >= self.limit:
            saved = self.save_batches(step, parts)
            raise JstasrError(
                f"{self.in_a_row} steps in a row were skipped; the last, step {step}: {named}. "
                f"Its batch is in {saved}. Lower optim.learning_rate, or look at these utterances"
            )
        return named

    def skipped_utterances(self, found: list[str]) -> None:
        """Log utterances whose features turned out to be unusable; every process has to call it.

        Args:
            found: what is wrong with each of this process, beginning with its id.
        Raises:
            JstasrError: there are more than the limit.
        """
        for fault in self.everywhere(found):
            if fault not in self.unusable:
                self.unusable[fault] = None
                self.report(f"skipped utterance {len(self.unusable)} (of at most {self.utterance_limit}): {fault}")
        if len(self.unusable) > self.utterance_limit:
            raise JstasrError(
                f"{len(self.unusable)} utterances have unusable features, more than data.max_skipped "
                f"({self.utterance_limit}): {list_faults(list(self.unusable), indent='  ')}\n"
                "Extract the features again: --stage 5 --stop_stage 5"
            )

    def lost_shards(self, found: list[str]) -> None:
        """Log shards that turned out to be missing or damaged; every process has to call it.

        Args:
            found: the message of each LostShard of this process.
        Raises:
            JstasrError: there are more than the limit.
        """
        for fault in self.everywhere(found):
            shard = fault.partition(": ")[0]
            if shard not in self.lost:
                self.lost[shard] = fault
                self.report(f"skipped shard {len(self.lost)} (of at most {self.shard_limit}): {fault}")
        if len(self.lost) > self.shard_limit:
            raise JstasrError(
                f"{len(self.lost)} shards are missing or damaged, more than data.max_lost_shards "
                f"({self.shard_limit}):\n{list_faults(list(self.lost.values()), indent='  ')}"
            )

    def everywhere(self, found: list[str]) -> list[str]:
        """What was found in all processes, once each; every process has to call it."""
        lines = "\n".join(gather_objects(self.fabric, "\n".join(found))).split("\n")
        return [line for line in dict.fromkeys(lines) if line]

    def save_batches(self, step: int, parts: list[Batch]) -> Path:
        """Save the batches of a step as dictionaries that torch.load reads."""
        path = self.folder / f"step{step}.process{self.fabric.global_rank}.pth"
        save_atomically([{f.name: getattr(batch, f.name) for f in fields(batch)} for batch in parts], path)
        return path

    @contextmanager
    def memory_watched(self, step: int, batch: Batch) -> Iterator[None]:
        """Turn an out-of-memory error into one that says what would fit.

        Raises:
            JstasrError: out of memory; ids and shapes of the batch are in exp/<tag>/faults.
        """
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            message, memory_error = self.out_of_memory(step, batch), error
        else:
            return
        raise JstasrError(message) from memory_error

    def out_of_memory(self, step: int, batch: Batch) -> str:
        """Save ids and shapes of the batch; returns the message with a remedy."""
        values = {f.name: getattr(batch, f.name) for f in fields(batch)}
        shapes = {name: list(value.shape) for name, value in values.items() if isinstance(value, torch.Tensor)}
        path = self.folder / f"out_of_memory.step{step}.process{self.fabric.global_rank}.json"
        with atomic_write(path) as file:
            json.dump({"utt_ids": batch.utt_ids, "text_ids": batch.text_ids, "shapes": shapes}, file, indent=1)
        count, longest = batch.speech.shape[0], batch.speech.shape[1] * batch.frame_ms // FRAME_SHIFT_MS
        if self.largest_done >= count * longest:
            advice = f"Batches of {self.largest_done} padded frames fitted before: something else takes the memory now"
        elif self.largest_done:
            advice = (
                f"The largest batch that fitted so far had {self.largest_done} padded frames: "
                f"set data.batch_frames={int(MARGIN * self.largest_done)}"
            )
        else:
            advice = f"No larger batch fitted yet: try data.batch_frames={count * longest // 2}"
        return (
            f"step {step}: out of memory with {count} utterances of up to {longest} frames "
            f"({count * longest} padded frames) and {len(batch.text_ids)} texts; their ids and shapes are in {path}. "
            f"{advice}; `jstasr train --find-batch` with the same options finds what fits"
        )
