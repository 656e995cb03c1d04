"""`jstasr bench lowresource`: the search of CTC against brute force, its training, and the tables of known errors."""

import csv
import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from jstasr.bench import lowresource, lowresource_tables
from jstasr.bench.ctc import CtcModel, CtcSet, character_error_rate, train_ctc
from jstasr.bench.ctc_search import LabelScores, greedy, prefix_beam_search
from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.kaldi.tables import write_table
from jstasr.lm.arpa import write_arpa
from jstasr.lm.kneser_ney import estimate
from jstasr.lm.ngram import NgramModel
from jstasr.pretrained.encoder import load_encoder

sys.path.insert(0, str(Path(__file__).parents[1] / "pretrained"))
from tiny import save_encoder  # noqa: E402

NEVER = -math.inf
LETTERS = "abcdefghij"
TOKENS = ["<blank>", "<unk>", "a", "b"]


def collapsed(path):
    """What CTC reads in a path."""
    return tuple(label for label, _ in itertools.groupby(path) if label != 0)


def probabilities(log_probs):
    """Every label sequence -> its log-probability, summed over all its paths."""
    found = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        value = sum(log_probs[frame, symbol] for frame, symbol in enumerate(path))
        labels = collapsed(path)
        found[labels] = np.logaddexp(found.get(labels, NEVER), value)
    return found


@pytest.fixture
def bigrams(tmp_path):
    write_arpa(tmp_path / "lm.arpa", estimate([[2, 3, 3], [2, 2, 3], [3], [2, 3]], 4, 3), TOKENS)
    return NgramModel.load(tmp_path / "lm.arpa", TOKENS)


def of_text(model, labels):
    """Log-probability of a whole sentence, from its perplexity."""
    return -(len(labels) + 1) * math.log(model.perplexity([list(labels)]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight, bonus", [(0.0, 0.0), (0.7, 0.5), (1.5, -0.5)])
def test_the_search_finds_the_best_of_all_label_sequences(bigrams, seed, weight, bonus):
    log_probs = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed)).mul(1.5).log_softmax(-1).numpy()
    scored = {
        labels: value + weight * of_text(bigrams, labels) + bonus * len(labels)
        for labels, value in probabilities(log_probs).items()
    }
    scores = LabelScores(bigrams)
    found = prefix_beam_search(log_probs, 10_000, scores, weight, bonus, least=NEVER)
    assert scored[tuple(found)] == pytest.approx(max(scored.values()), abs=1e-5)


def test_a_beam_keeps_an_utterance_that_greedy_search_misses():
    """Two paths of one label together are likelier than the best path."""
    log_probs = np.log([[0.4, 0.0001, 0.5999, 1e-9], [0.6, 0.0001, 0.3999, 1e-9]])
    assert greedy(log_probs) == [2] == prefix_beam_search(log_probs, 4)
    assert greedy(np.log([[0.6, 0.4], [0.6, 0.4]])) == []
    assert prefix_beam_search(np.log([[0.6, 0.4], [0.6, 0.4]]), 4) == [1]  # 0.64 against 0.36


def speech_like(toy, count, seed):
    """Sentences whose features show each letter as a pattern of its own."""
    texts = {f"u{number}": text for number, text in enumerate(toy.texts(count, seed))}
    features = {name: torch.from_numpy(toy.features(text, seed)) for name, text in texts.items()}
    return CtcSet(features.__getitem__, {name: len(value) for name, value in features.items()}, texts, 400)


def test_a_head_learns_in_the_time_that_it_is_given(toy, monkeypatch):
    ticks = itertools.count(step=0.01)  # a look at the clock takes 10 ms, and nothing else takes time
    monkeypatch.setattr("jstasr.bench.ctc.time.perf_counter", lambda: next(ticks))
    tokenizer, _ = toy.lists()
    train, dev = speech_like(toy, 20, 0), speech_like(toy, 5, 1)
    torch.manual_seed(0)
    model = CtcModel(toy.dim, len(tokenizer))
    before = character_error_rate(model, dev, tokenizer)
    found = train_ctc(model, train, dev, tokenizer, rate=0.1, seconds=3.0, seed=1)
    assert found.cer < 50 < before
    assert 300 - 2 * 10 <= found.steps <= 300  # two looks at each of ten validations
    assert character_error_rate(model, dev, tokenizer) == found.cer  # the weights that were best on dev


def test_batches_hold_each_utterance_once_and_no_more_than_fits(toy):
    data = speech_like(toy, 30, 0)
    for generator in (None, np.random.default_rng(0)):
        batches = list(data.batches(generator))
        assert sorted(name for batch in batches for name in batch) == sorted(data.texts)
        assert all(
            len(batch) * max(data.lengths[name] for name in batch) <= 400 or len(batch) == 1 for batch in batches
        )


def job_of(systems=("ctc", "consistency"), **options):
    return lowresource.Comparison("tiny", "en", [1, 2], list(systems), **options)


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """A recipe's folder with 8 utterances of 10 words, of which each decoding has a known number wrong."""
    monkeypatch.chdir(tmp_path)
    names = [f"u{number}" for number in range(8)]
    texts = {name: " ".join(f"w{letter}" for letter in LETTERS) for name in names}
    folder = Path("dump/pretrained_tiny/test")
    folder.mkdir(parents=True)
    write_table(folder / "text", texts)
    write_table(folder / "utt2spk", {name: name for name in names})
    wrong = {("ctc", False): 8, ("ctc", True): 6, ("consistency", False): 5, ("consistency", True): 3}
    job = job_of()
    for (system, fused), count in wrong.items():
        for seed in job.seeds:
            words = [f"{'x' if index < count else 'w'}{letter}" for index, letter in enumerate(LETTERS)]
            decoding = job.experiment(system, seed) / ("decode_beam_lm" if fused else "decode_greedy")
            lowresource.score_texts(job, decoding, {name: " ".join(words) for name in names})
            lowresource.write_seconds(job.experiment(system, seed), 60.0 * seed)
    return job


def test_the_tables_hold_rates_and_differences_of_the_same_search(scored):
    text = lowresource_tables.write(scored, "out/low", ["jstasr", "bench", "lowresource"])
    assert text == Path("out/low.md").read_text() and text.count("\n| --- |") == 2
    lines = Path("out/low.csv").read_text().splitlines()
    assert lines[0].startswith("# command: `jstasr bench lowresource`, 2 seeds")
    rows = list(csv.DictReader(lines[3:]))
    found = {(row["system"], row["language model"]): row["WER [95% interval]"] for row in rows}
    assert found == {
        ("CTC head, frozen encoder", "without"): "80.0% [80.0, 80.0]",
        ("CTC head, frozen encoder", "n-gram"): "60.0% [60.0, 60.0]",
        ("jstasr, with text and consistency", "without"): "50.0% [50.0, 50.0]",
        ("jstasr, with text and consistency", "n-gram"): "30.0% [30.0, 30.0]",
    }
    assert {row["minutes of training"] for row in rows} == {"1.5"}
    rows = list(csv.DictReader(Path("out/low_differences.csv").read_text().splitlines()[3:]))
    assert [row["WER, relative [95% interval]"] for row in rows] == ["-37.5% [-37.5, -37.5]", "-50.0% [-50.0, -50.0]"]


def test_a_head_has_the_time_of_the_longest_training_of_its_seed(scored):
    assert lowresource.budget(scored, 2) == 120.0
    assert lowresource.budget(job_of(minutes=0.5), 2) == 30.0
    with pytest.raises(JstasrError, match="give --minutes"):
        lowresource.budget(scored, 3)


def test_a_system_without_scores_is_named(scored):
    scored.systems.append("text")
    with pytest.raises(JstasrError, match="lowresource_text_seed1: no decoding without was scored"):
        lowresource_tables.rates(scored)


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "no such file in"),
        (("--systems", "ctc other"), "expected some of ctc ctc-finetuned speech text consistency"),
        (("--rates", "fast"), "are lists of numbers"),
        (("--rates", "0"), "rates above 0"),
        (("--minutes", "0"), "--minutes: must be above 0"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    base = ("bench", "lowresource", "--lang", "en", "--pretrained", "tiny", "--output", "out")
    assert main([*base, *words]) == 1
    assert message in capsys.readouterr().err


def test_fine_tuning_trains_the_transformer_layers_and_not_the_convolutions(toy, tmp_path, monkeypatch):
    ticks = itertools.count(step=0.1)
    monkeypatch.setattr("jstasr.bench.ctc.time.perf_counter", lambda: next(ticks))
    encoder = load_encoder(save_encoder(tmp_path / "tiny", "whisper"))
    before = {name: value.clone() for name, value in encoder.named_parameters()}
    texts = {f"u{number}": text for number, text in enumerate(toy.texts(3))}
    audio = {name: torch.randn(16000, generator=torch.Generator().manual_seed(0)) / 10 for name in texts}
    data = CtcSet(audio.__getitem__, dict.fromkeys(texts, 16000), texts, 40000)
    tokenizer, _ = toy.lists()
    model = CtcModel(encoder.width, len(tokenizer), encoder)
    assert model.train().training and not any(part.training for part in encoder.modules())  # no dropout within it
    found = train_ctc(model, data, data, tokenizer, 1e-3, 1.0, seed=1)
    changed = {name for name, value in encoder.named_parameters() if not torch.equal(value, before[name])}
    assert found.steps > 2 and any(name.endswith("fc1.weight") for name in changed)
    assert all("layers." in name for name in changed)
