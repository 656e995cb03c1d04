"""What each stage of asr.sh needs, as one list."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from jstasr.check import probes
from jstasr.text.g2p import G2p
from jstasr.text.indic_numbers import NAMES

IN_CHECKOUT = (probes.PACKAGE.parent / "tools" / "setup.sh").is_file()
SETUP = "run tools/setup.sh" if IN_CHECKOUT else "pip install 'jstasr[all]'"
ALL = tuple(range(12))
AUDIO, PHONES, TOKENS, FEATURES, TRAIN, AVERAGE, DECODE, SCORE, REPORT, PACK = range(2, 12)
MODEL = (TRAIN, AVERAGE, DECODE, REPORT, PACK)


@dataclass(frozen=True)
class Item:
    """One row of the table: what `probe` looks for, which `stages` need it, and how the user gets it (`remedy`)."""

    name: str
    probe: Callable[[], str]
    stages: tuple[int, ...]
    remedy: str
    required: bool = True


@dataclass(frozen=True)
class Recipe:
    """The options of a recipe on which its needs depend."""

    token_type: str = "bpe"
    g2p: G2p = field(default_factory=G2p)
    languages: tuple[str, ...] = ("en",)  # codes as in utt2lang
    ngpu: int = 0
    num_nodes: int = 1
    disk_gb: float = 5
    memory_gb: float = 2
    speed_perturb: bool = False
    job_command: str = "run.pl"  # train_cmd of cmd.sh
    pretrained: str = ""  # name of a pretrained encoder
    dumpdir: str = ""  # "": of no recipe
    expdir: str = ""
    seconds: float = 0.0  # of audio in all sets, each copy of speed perturbation counted; 0: not known yet


def module_items(recipe: Recipe) -> list[Item]:
    """Python packages."""
    rows: list[tuple[str, str, tuple[int, ...]]] = [  # module, distribution, stages
        ("numpy", "numpy", ALL),
        ("scipy", "scipy", (1,)),
        ("soundfile", "soundfile", (AUDIO, FEATURES)),
        ("soxr", "soxr", (AUDIO,)),
        ("babel", "babel", (1,)),
        ("langcodes", "langcodes", (1, AUDIO, PHONES, TOKENS, SCORE)),
        ("num2words", "num2words", (1, AUDIO, PHONES, SCORE)),
        ("unicode_rbnf", "unicode-rbnf", (1, AUDIO, PHONES, SCORE)),
        ("phonemizer", "phonemizer", (PHONES,)),
        ("kaldiio", "kaldiio", (FEATURES, TRAIN, DECODE, REPORT)),
        ("torch", "torch", (FEATURES, *MODEL)),
        ("torchaudio", "torchaudio", (FEATURES, *MODEL)),
        ("omegaconf", "omegaconf", (FEATURES, *MODEL)),
        ("lightning_fabric", "lightning-fabric", (TRAIN,)),
        ("jiwer", "jiwer", (TRAIN,)),
        ("tensorboard", "tensorboard", (TRAIN, REPORT)),
        ("rich", "rich", (SCORE,)),
        ("matplotlib", "matplotlib", (TRAIN, REPORT)),
    ]
    if any(re.split("[-_]", language)[0] in NAMES for language in recipe.languages):
        rows.append(("indic_numtowords", "indic-numtowords", (1, AUDIO, PHONES, SCORE)))
    if recipe.token_type == "bpe":
        rows.append(("sentencepiece", "sentencepiece", (TOKENS, TRAIN, DECODE, PACK)))
    return [Item(name, partial(probes.module, name, dist), stages, SETUP) for name, dist, stages in rows]


def program_items(recipe: Recipe) -> list[Item]:
    """Programs that the shell scripts call."""
    debian = "apt-get install {} (Debian, Ubuntu; as root)".format
    items = [
        Item("bash", partial(probes.program, "bash", "--version"), ALL, debian("bash")),
        Item("perl", partial(probes.program, "perl", "--version"), ALL, debian("perl")),
        Item("awk", partial(probes.program, "awk", "BEGIN { print 1 }"), ALL, debian("mawk")),
        Item("audio formats", probes.audio_formats, (AUDIO,), SETUP),
        Item("sox", probes.sox, (AUDIO,), debian("sox"), required=recipe.speed_perturb),
    ]
    scheduler = {"slurm.pl": ("sbatch", "squeue"), "queue.pl": ("qsub", "qstat")}
    for name in scheduler.get((recipe.job_command.split() or [""])[0], ()):
        remedy = "use a submit host, or cmd_backend=local"
        items.append(Item(name, partial(probes.present, name), ALL, remedy))
    if recipe.num_nodes > 1:
        items.append(Item("srun", partial(probes.present, "srun"), (TRAIN,), "use a submit host of Slurm"))
    return items


def folder_items(recipe: Recipe) -> list[Item]:
    """The folders that stages write to."""
    if not recipe.dumpdir:
        return []
    rows = [
        ("data", (1, AUDIO, PHONES, TOKENS), "put the recipe where you may write"),
        (recipe.dumpdir, (AUDIO, PHONES, FEATURES), "--dumpdir names another folder"),
        (recipe.expdir, (TOKENS, TRAIN, AVERAGE, DECODE, SCORE, REPORT, PACK), "--expdir names another folder"),
    ]
    return [
        Item(f"folder {folder}", partial(probes.writable, folder), stages, remedy) for folder, stages, remedy in rows
    ]


def all_items(recipe: Recipe) -> list[Item]:
    """Every row of the table for `recipe`, whichever stages will run."""
    items = [
        Item("Python", probes.python, ALL, "tools/setup.sh --python PATH, with Python 3.10 to 3.13"),
        *program_items(recipe),
        *module_items(recipe),
        Item("extensions", probes.extensions, (TRAIN, SCORE, REPORT), SETUP),
        Item("rnnt_loss", probes.rnnt_loss, (TRAIN,), SETUP),
    ]
    for language in recipe.languages:
        remedy = "--g2p auto takes letters where espeak has no voice (see espeak-ng --voices); or correct --lexicon"
        items.append(Item(f"phonemes: {language}", partial(probes.phonemes, language, recipe.g2p), (PHONES,), remedy))
        if recipe.g2p.cleaner != "none":
            remedy = "write numbers out in the transcripts"
            probe = partial(probes.numbers, language)
            items.append(Item(f"numbers: {language}", probe, (AUDIO, PHONES, SCORE), remedy, required=False))
    items += [
        Item(
            "disk",
            partial(probes.disk, recipe.disk_gb),
            ALL,
            "free some space, or set --disk_gb to what you need",
        ),
        *folder_items(recipe),
        Item("memory", partial(probes.memory, recipe.memory_gb), ALL, "end other programs"),
    ]
    if recipe.pretrained:
        remedy = "see docs/guide/pretrained.md"
        stages = (FEATURES, PACK)
        items.append(Item("encoder", partial(probes.pretrained, recipe.pretrained, recipe.seconds), stages, remedy))
    if recipe.ngpu > 0:
        remedy = "run on a machine with a GPU and its driver, or train with --ngpu 0"
        items.append(Item("GPU", partial(probes.gpus, recipe.ngpu), (TRAIN,), remedy))
    return items
