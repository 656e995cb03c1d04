"""`jstasr bench data`: memory and time of a synthetic set of many utterances, before and in its first epoch."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jstasr.bench.train_worker import CLEAR_PEAK
from jstasr.bench.worker_process import memory
from jstasr.data.batches import StepSampler
from jstasr.data.speech_set import SpeechSet
from jstasr.text.tokens import PhoneList, build_tokenizer

MEDIAN_FRAMES = 1000  # of the log-normal lengths: 10 s
LOG_DEVIATION = 0.5  # standard deviation of the logarithm of the lengths
FRAMES_PER_WORD = 40
MAX_WORDS = 80
SENTENCES = 1000  # different ones
LINES = 100_000  # written at a time
FRAME_BYTES = 80 * 4


def write_lists(folder: Path) -> tuple[Path, Path]:
    """A list of tokens and one of phones, the letters; gives their paths."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens, phones = folder / "char" / "tokens.txt", folder / "phones.txt"
    tokens.parent.mkdir()
    tokens.write_text("".join(f"{token}\n" for token in ("<blank>", "<unk>", "<space>", *letters)))
    phones.write_text("".join(f"{phone}\n" for phone in ("<pad>", "<mask>", "<unk>", "_", *letters)))
    return tokens, phones


def write_set(folder: Path, count: int) -> None:
    """feats.scp (without archives), utt2num_frames, text and phones of `count` utterances."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("etaoinshrdlu"), rng.integers(2, 9))) for _ in range(SENTENCES)]
    sentences = [" ".join(rng.choice(words, MAX_WORDS)).split() for _ in range(SENTENCES)]
    texts = [[" ".join(words[:k]) for k in range(MAX_WORDS + 1)] for words in sentences]
    spelled = [[" _ ".join(" ".join(word) for word in words[:k]) for k in range(MAX_WORDS + 1)] for words in sentences]
    names = ("feats.scp", "utt2num_frames", "text", "phones")
    files = [open(folder / name, "w") for name in names]  # noqa: SIM115, closed below
    for first in range(0, count, LINES):
        some = min(LINES, count - first)
        frames = np.exp(rng.normal(np.log(MEDIAN_FRAMES), LOG_DEVIATION, some)).astype(int).clip(50, 3500)
        which, places = rng.integers(0, SENTENCES, some), frames.cumsum() * FRAME_BYTES
        lines = [[], [], [], []]
        for i, length, sentence, place in zip(range(some), frames.tolist(), which.tolist(), places.tolist()):
            key, size = f"speaker{(first + i) // 100:06}-{first + i:08}", min(MAX_WORDS, 1 + length // FRAMES_PER_WORD)
            lines[0].append(f"{key} dump/fbank/train/feats.{first // LINES}.ark:{place}\n")
            lines[1].append(f"{key} {length}\n")
            lines[2].append(f"{key} {texts[sentence][size]}\n")
            lines[3].append(f"{key} {spelled[sentence][size]}\n")
        for file, part in zip(files, lines):
            file.writelines(part)
    for file in files:
        file.close()


def run(count: int, batch_frames: int, report: Callable[[str], None] = print) -> dict[str, float]:
    """Measure, and report as Markdown, line by line.

    Returns:
        `seconds_load`, `seconds_epoch`, `peak` and `held` in bytes, `padding` as a share.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens, phones = write_lists(folder)
        write_set(folder, count)
        Path(CLEAR_PEAK).write_text("5")  # resets the peak, so that it is not that of the writing
        empty, began = memory("VmRSS"), time.perf_counter()
        speech = SpeechSet(folder, build_tokenizer(tokens), PhoneList.load(phones))
        loaded = time.perf_counter()
        sampler = StepSampler(speech.num_frames, batch_frames, None, 0, seed=1)
        batches = sampler.epoch_batches(0)
        cut = time.perf_counter()
        padded = sum(len(batch) * int(speech.num_frames[batch].max()) for batch in batches)
        found = {
            "seconds_load": loaded - began,
            "seconds_epoch": cut - loaded,
            "held": memory("VmRSS"),
            "peak": memory("VmHWM"),
            "padding": 1.0 - int(speech.num_frames.sum()) / padded,
        }
    report(f"{count} utterances, {len(batches)} batches of at most {batch_frames} padded frames.\n")
    report("| | |\n|---|--:|")
    report(f"| tables scanned, every transcript encoded once | {found['seconds_load']:.0f} s |")
    report(f"| an epoch cut into batches | {found['seconds_epoch']:.1f} s |")
    report(f"| memory then, of it Python and its libraries | {found['held'] / 1e9:.2f} GB, {empty / 1e9:.2f} GB |")
    report(f"| peak memory | {found['peak'] / 1e9:.2f} GB |")
    report(f"| padding, log-normal lengths of 10 s in the median | {found['padding']:.1%} |")
    return found
