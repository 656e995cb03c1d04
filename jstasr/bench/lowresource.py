"""`jstasr bench lowresource`: a pretrained encoder with jstasr on top, beside the usual CTC head on the same encoder.

Works in the current folder, that of a recipe whose stages 0 to 5 are done. jstasr's systems are trained, decoded and
scored by run.sh, without and with the n-gram model of stage 4; a CTC head has the time of the longest of these
trainings for each of its learning rates, of which dev chooses one, and the same n-gram model. What is there already is
not done again.

    exp/lowresource_<system>_seed<N>/{seconds,decode_<search>[_lm]/test/full/...}
"""

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import torch

from jstasr.bench.ctc import CtcModel, CtcSet, Trained, audio_set, feature_set, outputs, train_ctc
from jstasr.bench.ctc_search import LabelScores, greedy, prefix_beam_search
from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.kaldi.tables import write_table
from jstasr.lm.ngram import NgramModel
from jstasr.pretrained.encoder import open_encoder
from jstasr.score.prepare import prepare_kaldi
from jstasr.score.scoring import score_prepared
from jstasr.text.tokens import build_tokenizer

JSTASR = {  # system -> options of training
    "speech": ["losses.text=0", "losses.consistency.weight=0"],
    "text": ["losses.consistency.weight=0"],
    "consistency": [
        "losses.consistency.weight=0.2",
        "losses.consistency.layers=[0]",
        "losses.consistency.topology=noskip",
        "losses.consistency.contrast=0.1",
        "losses.consistency.start_step=300",
    ],
}
CTC = ("ctc", "ctc-finetuned")
SYSTEMS = (*CTC, *JSTASR)
MEASURES = {"wer": "word", "cer": "char"}
WEIGHTS = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3)  # of the n-gram model, tried on dev
BONUSES = (0.0, 0.5, 1.0, 1.5, 2.0)  # for each label
TUNED_ON = 60  # dev utterances at most, every n-th
MODE = "full"
SECONDS, RESULT = "seconds", "score_wer/result.json"


@dataclass
class Comparison:
    """What is compared.

    Attributes:
        pretrained: name of the encoder; lang: of the speech.
        run_options: of run.sh, in every call; asr_args: further options of `jstasr train`.
        rates: learning rates of the head on frozen features; tuned_rates: of the fine-tuned encoder.
        minutes: of each training of a CTC head; None: as long as the longest of jstasr with the same seed.
        batch_seconds: of audio in a batch of CTC; beam: of its search with the n-gram model.
    """

    pretrained: str
    lang: str
    seeds: list[int]
    systems: list[str]
    run_options: list[str] = field(default_factory=list)
    asr_args: str = ""
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    tuned_rates: tuple[float, ...] = (3e-5, 1e-4, 3e-4)
    minutes: float | None = None
    batch_seconds: float = 60.0
    beam: int = 16

    @property
    def features(self) -> Path:
        """What stage 5 wrote."""
        return Path("dump") / f"pretrained_{self.pretrained.strip('/').replace('/', '_')}"

    @property
    def train_set(self) -> str:
        """The set that is trained on: run.sh perturbs the speed, unless it is told otherwise."""
        words = self.run_options
        perturbs = "--speed_perturb_factors" not in words or words[words.index("--speed_perturb_factors") + 1]
        return "train_sp" if perturbs else "train"

    @property
    def tokens(self) -> Path:
        """The list of tokens, characters."""
        return Path("data/token_list/char/tokens.txt")

    @property
    def language_model(self) -> Path:
        """The n-gram model of stage 4."""
        return Path("exp/lm_char/lm.arpa.gz")

    def experiment(self, system: str, seed: int) -> Path:
        """Folder of a system with a seed."""
        return Path("exp") / f"lowresource_{system}_seed{seed}"

    def run_words(self) -> list[str]:
        """run.sh with the options of every call."""
        return ["./run.sh", "--langs", self.lang, "--pretrained", self.pretrained, *self.run_options]


def run(job: Comparison, say: Callable[[str], None]) -> None:
    """Train, decode and score every system with every seed.

    Raises:
        JstasrError: the data of the recipe are not there; a training failed.
    """
    require_data(job)
    for seed in job.seeds:
        for system in (name for name in JSTASR if name in job.systems):
            run_jstasr(job, system, seed, say)
        for system in (name for name in CTC if name in job.systems):
            run_ctc(job, system, seed, say)


def require_data(job: Comparison) -> None:
    """Refuse a recipe without features, tokens or n-gram model."""
    sets = (job.train_set, "dev", "test")
    needed = [job.tokens, job.language_model, *(job.features / name / "text" for name in sets)]
    missing = [path for path in needed if not path.is_file()]
    if missing:
        command = shlex.join([*job.run_words(), "--stop_stage", "5"])
        raise JstasrError(f"{missing[0]}: no such file in {Path.cwd()}. Run {command}")


def run_jstasr(job: Comparison, system: str, seed: int, say: Callable[[str], None]) -> None:
    """One system of jstasr: stages 6 to 9."""
    folder = job.experiment(system, seed)
    if len(decodings(folder)) == 2:
        say(f"{folder.name}: done before")
        return
    values = [f"seed={seed}", *JSTASR[system]]
    given = " ".join([*([job.asr_args] if job.asr_args else []), *(f"--set {value}" for value in values)])
    words = [*job.run_words(), "--asr_tag", folder.name, "--asr_args", given, "--use_lm", "true"]
    if not (folder / "valid.wer.ave.pth").is_file():
        begin = time.perf_counter()
        try:
            call([*words, "--stage", "6", "--stop_stage", "6"], folder)
        finally:
            if folder.is_dir():  # of a training that was interrupted, all parts count
                write_seconds(folder, read_seconds(folder) + time.perf_counter() - begin)
    call([*words, "--stage", "7", "--stop_stage", "9"], folder)
    say(f"{folder.name}: trained in {read_seconds(folder) / 60:.1f} minutes")


def call(words: Sequence[str], folder: Path) -> None:
    """Run a command; its output goes to a log beside the experiment."""
    log = folder.with_name(f"{folder.name}.log").resolve()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
    if done.returncode:
        raise JstasrError(f"{shlex.join(words)} failed; its output: {log}")


def read_seconds(folder: Path) -> float:
    """How long the training took; 0 where none was begun."""
    path = folder / SECONDS
    return float(path.read_text("ascii")) if path.is_file() else 0.0


def write_seconds(folder: Path, seconds: float) -> None:
    """Keep how long the training took."""
    with atomic_write(folder / SECONDS) as file:
        file.write(f"{seconds:.1f}\n")


def decodings(folder: Path) -> dict[bool, Path]:
    """With the n-gram model? -> the scored folder of the test set."""
    scored = [path.parent.parent for path in sorted(folder.glob(f"decode_*/test/{MODE}/{RESULT}"))]
    return {path.parents[1].name.endswith("_lm"): path for path in scored}


def budget(job: Comparison, seed: int) -> float:
    """Seconds that each training of a CTC head has.

    Raises:
        JstasrError: nothing says how long.
    """
    if job.minutes is not None:
        return 60 * job.minutes
    seconds = max(read_seconds(job.experiment(system, seed)) for system in JSTASR)
    if seconds == 0:
        raise JstasrError("no training of jstasr says how long a CTC head has: give --minutes, or more --systems")
    return seconds


def run_ctc(job: Comparison, system: str, seed: int, say: Callable[[str], None]) -> None:
    """One CTC system: the best of its learning rates on dev, decoded without and with the n-gram model."""
    folder = job.experiment(system, seed)
    if len(decodings(folder)) == 2:
        say(f"{folder.name}: done before")
        return
    seconds, tokenizer = budget(job, seed), build_tokenizer(job.tokens)
    tuned = system == "ctc-finetuned"
    sets = {name: ctc_set(job, name, tuned) for name in (job.train_set, "dev", "test")}
    best: tuple[Trained, CtcModel] | None = None
    for rate in job.tuned_rates if tuned else job.rates:
        encoder = open_encoder(job.pretrained, "", -1, 16000)[0] if tuned else None
        width = encoder.width if encoder else sets["dev"].read(next(iter(sets["dev"].texts))).shape[1]
        torch.manual_seed(seed)
        model = CtcModel(width, len(tokenizer), encoder)
        trained = train_ctc(model, sets[job.train_set], sets["dev"], tokenizer, rate, seconds, seed)
        say(f"{folder.name}: rate {rate:g}: {trained.steps} steps, CER {trained.cer:.1f}% on dev")
        if best is None or trained.cer < best[0].cer:
            best = trained, model
    if best is None:
        raise JstasrError("--rates and --tuned-rates: name at least one learning rate")
    dev, test = outputs(best[1], sets["dev"]), outputs(best[1], sets["test"])
    dev = {name: dev[name] for name in sorted(dev)[:: -(-len(dev) // TUNED_ON)]}
    scores = LabelScores(NgramModel.load(job.language_model, tokenizer.token_list.tokens))
    references = sets["dev"].texts

    def search(found: dict, weights: tuple[float, float]) -> dict[str, str]:
        return {
            utterance: tokenizer.decode(prefix_beam_search(found[utterance], job.beam, scores, *weights))
            for utterance in sorted(found)
        }

    def errors(weights: tuple[float, float]) -> float:
        texts = search(dev, weights)
        return float(jiwer.wer([references[name] for name in texts], list(texts.values())))

    weights = min(((lm, bonus) for lm in WEIGHTS for bonus in BONUSES), key=errors)
    say(f"{folder.name}: n-gram weight {weights[0]:g}, bonus {weights[1]:g}, chosen on dev")
    score_texts(job, folder / "decode_greedy", {name: tokenizer.decode(greedy(test[name])) for name in sorted(test)})
    score_texts(job, folder / "decode_beam_lm", search(test, weights))
    write_seconds(folder, seconds)
    chosen = {"rate": best[0].rate, "steps": best[0].steps, "dev_cer": best[0].cer, "weights": weights}
    with atomic_write(folder / "chosen.json") as file:
        json.dump(chosen, file, indent=1)


def ctc_set(job: Comparison, name: str, tuned: bool) -> CtcSet:
    """Features of a set, or its audio where the encoder is trained."""
    if tuned:
        return audio_set(Path("dump/audio") / name, job.features / name, job.batch_seconds)
    return feature_set(job.features / name, job.features / job.train_set / "cmvn.ark", job.batch_seconds)


def score_texts(job: Comparison, decoding: Path, texts: dict[str, str]) -> None:
    """Write the hypotheses of the test set, and score them as stage 9 does."""
    data, folder = job.features / "test", decoding / "test" / MODE
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "text", texts)
    languages = data / "utt2lang"
    for measure, token_type in reversed(MEASURES.items()):  # WER last: it marks what is done
        prepared = prepare_kaldi(
            data / "text",
            folder / "text",
            data / "utt2spk",
            token_type=token_type,
            cleaner="basic",
            utt2lang=languages if languages.is_file() else None,
            language=job.lang,
        )
        score_prepared(prepared, folder / f"score_{measure}", token_type, "basic")
