"""Probes: each returns what it found, as a short text for the table, or raises Missing.

A probe uses the thing itself where that is cheap: a program that is there but does not run counts as missing.
"""

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jstasr
from jstasr.errors import JstasrError
from jstasr.kaldi.files import cannot_write
from jstasr.text.g2p import G2p

PACKAGE = Path(jstasr.__file__).parent
PROBE_SECONDS = 20  # after which a program is stopped


class Missing(Exception):
    """A tool or resource is missing or does not work; the message gives the reason."""


def python() -> str:
    """The version of this Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        raise Missing(f"{version} is not 3.10 to 3.13")
    return version


def run_program(command: Sequence[str]) -> tuple[bytes, bytes]:
    """Standard output and error of a command; Missing where the program is absent or fails."""
    if shutil.which(command[0]) is None:
        raise Missing("not found")
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"does not run: {error}") from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise Missing(f"`{' '.join(command)}` failed: {reason[-1]}")
    return done.stdout, done.stderr


def program(*command: str) -> str:
    """The version that `command` prints, or "present" where it prints none."""
    output, errors = run_program(command)
    version = re.search(r"\d+\.\d+[.\d]*", (output + errors).decode(errors="replace"))
    return version.group().rstrip(".") if version else "present"


def present(name: str) -> str:
    """The path of a program on the PATH; for those that cannot be run without effect."""
    path = shutil.which(name)
    if path is None:
        raise Missing("not found")
    return path


FORMATS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}


def write_tone(path: Path) -> None:
    """Write a tone of half a second at 16 kHz, in the format that the suffix names."""
    import numpy as np
    import soundfile

    suffix = path.suffix[1:]
    tone = 0.1 * np.sin(np.arange(8000) / 5)
    form = {"opus": "OGG"}.get(suffix, suffix.upper())
    soundfile.write(path, tone, 16000, format=form, subtype=FORMATS[suffix])


def audio_formats() -> str:
    """The installed libsndfile reads each format that recipes meet, of a tone that it wrote."""
    try:
        import soundfile

        from jstasr.kaldi.audio import read_audio
    except (ImportError, OSError) as error:  # OSError: the package without its library
        raise Missing(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        for suffix in FORMATS:
            path = Path(folder) / f"tone.{suffix}"
            try:
                write_tone(path)
                read_audio(path)
            except (JstasrError, soundfile.SoundFileError, ValueError) as error:
                raise Missing(f"{suffix}: {error}") from None
    return " ".join(FORMATS)


def sox() -> str:
    """sox changes the speed of a tone, as WAV and as what `jstasr to-wav` makes of other formats."""
    version = program("sox", "--version")
    try:
        from jstasr.kaldi.audio import read_audio
    except (ImportError, OSError) as error:
        raise Missing(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        for suffix, pipe in (("wav", "sox -t wav {} -t wav -"), ("mp3", "jstasr to-wav {} | sox -t wav - -t wav -")):
            path = Path(folder) / f"tone.{suffix}"
            write_tone(path)
            try:
                samples, _ = read_audio(f"{pipe.format(path)} speed 0.5 |")
            except JstasrError as error:
                raise Missing(str(error)) from None
            if not 1.9 < len(samples) / len(read_audio(path)[0]) < 2.1:
                raise Missing(f"{suffix} is not played at the speed asked for")
    return version


def module(name: str, distribution: str) -> str:
    """The version of the distribution of a Python module that can be imported."""
    try:
        importlib.import_module(name)
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        raise Missing("not installed") from None
    except ImportError as error:
        not_installed = isinstance(error, ModuleNotFoundError) and error.name == name
        raise Missing("not installed" if not_installed else f"fails: {str(error).splitlines()[0]}") from None


def extensions() -> str:
    """All Cython modules of the package are built and import."""
    sources = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.pyx"))
    for name in (".".join(source.with_suffix("").parts) for source in sources):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise Missing(f"{name}: {str(error).splitlines()[0]}") from None
    return f"{len(sources)} built"


def rnnt_loss() -> str:
    """The transducer loss of torchaudio gives a finite number on a lattice of two frames and one label."""
    import torch
    import torchaudio.functional

    loss = torchaudio.functional.rnnt_loss(
        torch.full((1, 2, 2, 3), 1 / 3).log(),
        torch.tensor([[1]], dtype=torch.int32),
        torch.tensor([2], dtype=torch.int32),
        torch.tensor([1], dtype=torch.int32),
        blank=0,
        fused_log_softmax=False,
    )
    # Two alignments, each of three steps of probability 1/3.
    expected = -torch.log(torch.tensor(2 / 27)).item()
    if abs(loss.item() - expected) > 1e-4:
        raise Missing(f"wrong value: {loss.item():.5f}, not {expected:.5f}")
    return "works"


def phonemes(language: str, g2p: G2p) -> str:
    """The method that phonemizes `language`, and why it was chosen; espeak is tried on digits, and on letters."""
    from jstasr.text.g2p import choose_method
    from jstasr.text.phonemes import phonemize_texts

    try:
        choice = choose_method(g2p, language)
        # some voices, such as those of cv and he, have no words for numbers
        if choice.method == "espeak" and not any(phonemize_texts(["1 2 3", "a b", "а б"], language)):
            raise Missing("no phonemes for `1 2 3`, nor for letters")
    except JstasrError as error:
        raise Missing(str(error)) from None
    return f"{choice.method}: {choice.reason}"


def numbers(language: str) -> str:
    """num2words or CLDR's rules can write out the numbers of `language`."""
    from jstasr.text.numbers import spell_numbers

    words = spell_numbers("12", language).strip()
    if words == "12":
        raise Missing("neither num2words nor CLDR has the language: digits stay digits")
    return f"12 is {words}"


def pretrained(name: str, seconds: float) -> str:
    """What a pretrained encoder is, and the disk space that its features of `seconds` of audio need (0: not known)."""
    from jstasr.features.frames import PRETRAINED_SHIFT_MS
    from jstasr.pretrained.encoder import load_located, locate

    try:
        encoder = load_located(name, locate(name))
    except JstasrError as error:
        raise Missing(str(error)) from None
    hour = 3600 * 1000 / PRETRAINED_SHIFT_MS * encoder.width * 2 / 1e9  # two bytes a value
    text = f"{encoder.family}, {encoder.num_layers} layers of {encoder.width}; features of an hour: {hour:.2f} GB"
    if seconds:
        needed, free = hour * seconds / 3600, shutil.disk_usage(".").free / 1e9
        text += f", {needed:.2f} GB here"
        if free < needed:
            raise Missing(f"{text}, and {free:.1f} GB are free")
    return text


def gpus(count: int) -> str:
    """torch can use `count` GPUs."""
    import torch

    if not torch.cuda.is_available():
        raise Missing("torch sees no GPU")
    if torch.cuda.device_count() < count:
        raise Missing(f"{torch.cuda.device_count()} of {count}")
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"


def disk(wanted_gb: float) -> str:
    """The current folder has so much free space."""
    free = shutil.disk_usage(".").free / 1e9
    if free < wanted_gb:
        raise Missing(f"{free:.1f} GB free, {wanted_gb:g} GB needed")
    return f"{free:.0f} GB free"


def writable(folder: str) -> str:
    """Files can be written into a folder, or the folder can be made."""
    path = Path(folder)
    while not path.exists() and not path.is_symlink():
        path = path.parent
    try:
        if path.is_symlink() and not path.exists():
            raise Missing(f"{path} is a link to {os.readlink(path)}, which is not there")
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise Missing(str(cannot_write(path, error))) from error
    return "can be written" if path == Path(folder) else "can be made"


def memory(wanted_gb: float) -> str:
    """Processes can still allocate so much memory."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / 1e9
    except (OSError, StopIteration):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if free < wanted_gb:
        raise Missing(f"{free:.1f} GB free, {wanted_gb:g} GB needed")
    return f"{free:.0f} GB free"
