"""`jstasr bench shards`: how soon the first batches of a made-up set in shards are there, and what is read for them."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from jstasr.bench.data import write_lists, write_set
from jstasr.data.speech_set import SpeechSet, num_frames_of
from jstasr.experiment.config import TrainConfig
from jstasr.features.settings import SETTINGS
from jstasr.kaldi.data_dir import UTT2NUM_FRAMES
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.shards.index import CACHE, local_folder
from jstasr.shards.store import Store
from jstasr.shards.writer import features_content, merge_parts, plan_shards, write_part
from jstasr.text.tokens import PhoneList, build_tokenizer
from jstasr.train.loader import Steps, step_sampler

DIMENSIONS = 80
SUMMARY = {"mean": 0.0, "deviation": 1.0, "projection": 0.0}  # of noise


def write_shards(folder: Path, place: str, shards: int) -> None:
    """About so many shards of the features of a set of bench.data, which are noise in two bytes a value."""
    table = IndexedTable(folder / UTT2NUM_FRAMES)
    num_frames = num_frames_of(table)
    plan = plan_shards(table, num_frames, max(1, int(num_frames.sum()) // shards))
    noise = np.random.default_rng(0).normal(size=(int(num_frames.max()), DIMENSIONS)).astype(np.float16)
    write_part(folder, Store(place), table, plan, lambda row: features_content(noise[: num_frames[row]]))
    merge_parts(folder, Store(place), table, plan, 1, DIMENSIONS, SETTINGS, SUMMARY)


def run(
    shards: int, utterances: int, batch_frames: int, batches: int, workers: int, report: Callable[[str], None] = print
) -> dict[str, float]:
    """Measure, and report as Markdown, line by line.

    Returns:
        `seconds_index`, `seconds_load`, `seconds_first` and `seconds_all`: to copy the index, to open the set, to the
        first and to all of `batches` batches, one after the other; `cpu_first`: CPU-seconds of this process up to the
        first; `bytes_set`, and `bytes_read` for these batches.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[CACHE] = str(folder / "cache")
        lists = write_lists(folder)
        for part in ("set", "shards"):
            (folder / part).mkdir()
        write_set(folder / "set", utterances)
        place = f"local://{folder}/shards"  # read like any other URL
        write_shards(folder / "set", place, shards)
        began, cpu = time.perf_counter(), time.process_time()
        local = local_folder(place)
        copied = time.perf_counter()
        speech = SpeechSet(local, build_tokenizer(lists[0]), PhoneList.load(lists[1]))
        loaded = time.perf_counter()
        config = TrainConfig()
        config.data.batch_frames, config.data.join.share = batch_frames, 0.0
        loader = DataLoader(
            Steps(speech, None),
            sampler=iter(step_sampler(config, speech, None, None)),
            batch_size=None,
            num_workers=workers,
        )
        times, cpu_first, read = [], 0.0, 0
        for _, _, batch in loader:
            times.append(time.perf_counter())
            cpu_first = cpu_first or time.process_time() - cpu
            read += int(batch.speech_lengths.sum()) * DIMENSIONS * 2
            if len(times) == batches:
                break
        assert speech.index is not None
        found = {
            "shards": len(speech.index.shards),
            "seconds_index": copied - began,
            "seconds_load": loaded - copied,
            "seconds_first": times[0] - loaded,
            "cpu_first": cpu_first,
            "seconds_all": times[-1] - loaded,
            "bytes_set": sum(shard.size for shard in speech.index.shards),
            "bytes_read": read,
        }
    report(f"{utterances} utterances in {found['shards']} shards, {found['bytes_set'] / 1e6:.0f} MB.\n")
    report("| | |\n|---|--:|")
    report(f"| the index copied | {found['seconds_index']:.1f} s |")
    report(f"| the set opened, every transcript encoded once | {found['seconds_load']:.1f} s |")
    report(f"| the epoch planned, the first batch read, {workers} worker(s) | {found['seconds_first']:.1f} s |")
    report(f"| up to then, CPU time of this process | {found['cpu_first']:.1f} s |")
    report(f"| {len(times)} batches read | {found['seconds_all']:.1f} s |")
    report(f"| features read for these | {found['bytes_read'] / 1e6:.0f} MB |")
    return found
