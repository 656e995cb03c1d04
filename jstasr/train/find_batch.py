"""Find the largest `data.batch_frames` that fits into memory, by steps on the longest data before training."""

import os
import resource
import sys
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from jstasr.data.batch import Batch
from jstasr.data.batches import Joining
from jstasr.data.collate import collate
from jstasr.data.join import JoinedRows, Joins, join_texts
from jstasr.data.speech_set import SpeechSet
from jstasr.data.splice import as_long_as_usual
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig, own_encoder
from jstasr.losses.config import loss_weights
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.train.faults import is_out_of_memory
from jstasr.train.loader import step_sampler, text_budget
from jstasr.train.loop import backward
from jstasr.train.optimiser import distribute

GIB = 1 << 30
MARGIN = 0.9  # share of the memory to fill: fragmentation, and batches of other shapes
GROWTH = 1.6  # factor from one batch size that is tried to the next
CPU_SHARE = 0.8  # share of the free memory of a machine


def longest_first(lengths: np.ndarray, budget: int) -> np.ndarray:
    """Indexes of the longest items that fit a budget of padded positions together; at least one."""
    order = np.argsort(-lengths, kind="stable")
    return order[: max(1, budget // int(lengths[order[0]]))]


def free_memory(device: torch.device) -> int:
    """Bytes that a run may use in all, those that it uses now included."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device)
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = {name: int(value.split()[0]) << 10 for name, value in (line.split(":") for line in lines)}
    available = found["MemAvailable"]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            group = Path("/sys/fs/cgroup")
            available = min(available, int((group / limit).read_text()) - int((group / used).read_text()))
        except (OSError, ValueError):  # no such control group, or "max"
            continue
    return int(CPU_SHARE * available) + memory_used(device)


def memory_used(device: torch.device) -> int:
    """Bytes that this process holds now."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def reset_peak(device: torch.device) -> None:
    """Start a new measurement for `peak`."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of the resident set


def peak(device: torch.device) -> int:
    """Largest number of bytes held since `reset_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def heaviest_batch(
    config: TrainConfig, speech: SpeechSet, text: TextSet | None, rows: JoinedRows, joining: Joining | None, frames: int
) -> Batch:
    """A batch of the longest rows of an epoch under a budget of frames, with the longest texts under theirs."""
    members, pauses, counts = rows.take(longest_first(rows.lengths, frames))
    texts = np.zeros(0, dtype=np.int64)
    if text is not None:
        budget = text_budget(config, speech)
        if config.data.text_ratio > 0:
            budget = budget * frames // config.data.batch_frames
        texts = longest_first(text.phones.lengths, budget) if budget > 0 else texts
    text_counts = np.ones_like(texts)
    if text is not None and joining is not None:
        texts, text_counts = join_texts(
            texts, text.phones.lengths, text.language_codes, max(1, len(texts)), joining.max_phones
        )
    return collate(speech, members, text, texts, Joins(counts, pauses, text_counts, (config.seed,)))


def largest_fitting(sizes: list[int], peaks: list[int], limit: float) -> int:
    """Padded frames that fill `limit` bytes, on the line through the two largest measured sizes."""
    slope = (peaks[-1] - peaks[-2]) / (sizes[-1] - sizes[-2])
    if slope <= 0:  # too small to measure beside the memory of the process
        return int(GROWTH * sizes[-1]) + sizes[0]
    return int(sizes[-1] + (limit - peaks[-1]) / slope)


def find_batch(
    config: TrainConfig, speech: SpeechSet, text: TextSet | None, cmvn: tuple, fabric: Fabric, memory_gb: float | None
) -> int:
    """Print the memory of steps of growing size and the largest data.batch_frames that fits; returns it.

    All losses have their final weights, and every size is a step with backward pass and update. On a GPU a size that
    does not fit fails and ends the search; on the CPU, where it would kill the process, a size is only tried if a
    linear fit of the smaller ones predicts that it fits.

    Raises:
        JstasrError: not even the longest utterance fits.
    """
    device = fabric.device
    limit = MARGIN * (memory_gb * GIB if memory_gb else free_memory(device))
    plain = JointModel(config.model, own_encoder(config))
    plain.audio_encoder.front_end.set_cmvn(*cmvn)
    model, optimiser = distribute(StepLosses(plain, config.losses, config.specaug), config.optim, fabric)
    sampler = step_sampler(config, speech, text, None)
    rows, _ = sampler.epoch_rows(0)
    longest = int(rows.lengths.max())
    everything = longest * len(rows)
    weights = loss_weights(config.optim.max_steps, config.losses)
    sizes: list[int] = []
    peaks: list[int] = []
    wanted = longest

    def report(line: str) -> None:
        if fabric.is_global_zero:
            print(line, file=sys.stderr, flush=True)

    report(f"memory: {limit / GIB:.1f} GiB to be filled; longest utterance: {longest} frames")
    while True:
        batch = heaviest_batch(config, speech, text, rows, sampler.joining, wanted)
        if config.losses.consistency.weight > 0:
            frames_per_phone = speech.num_frames.sum() / speech.phones.lengths.sum()
            batch = as_long_as_usual(batch, config.losses.consistency.splice.share, frames_per_phone)
        size = batch.speech.shape[0] * batch.speech.shape[1]
        reset_peak(device)
        try:
            amount = batch.counts()
            backward(config, model, fabric, batch, weights, amount, amount)
            optimiser.step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            report(f"{size} frames ({len(batch.utt_ids)} utterances): does not fit")
            break
        finally:
            optimiser.zero_grad(set_to_none=True)
        if sizes and size <= sizes[-1]:
            break  # all utterances are in it
        sizes.append(size)
        peaks.append(peak(device))
        report(f"{size} frames ({len(batch.utt_ids)} utterances): {peaks[-1] / GIB:.2f} GiB")
        if peaks[-1] > limit or size >= everything:
            break
        wanted = max(int(size * GROWTH), size + longest)
        if len(sizes) > 1:
            fits = largest_fitting(sizes, peaks, limit)
            if fits < size + longest:
                break
            wanted = min(wanted, fits)
    fitting = [size for size, needed in zip(sizes, peaks) if needed <= limit]
    if not fitting:
        raise JstasrError(
            f"the longest utterance alone ({longest} frames) does not fit into {limit / GIB:.1f} GiB: leave such "
            "utterances out (--max_wav_duration), or use a smaller model"
        )
    report(f"data.batch_frames={fitting[-1]}" + (" holds all utterances at once" if fitting[-1] >= everything else ""))
    if fabric.is_global_zero:
        print(f"data.batch_frames={fitting[-1]}")
    return fitting[-1]
