"""`jstasr tune`: weights of fusion by the WER on a dev set."""

import itertools
import os
import random
import signal

import jiwer
import pytest
import yaml

from jstasr.decode.tune import NONE, best_weights, forks, minimise
from jstasr.errors import JstasrError

GRID = [round(0.1 * step, 1) for step in range(21)]


@pytest.mark.parametrize("lm, internal", [(0.8, 0.4), (0.3, 0.1), (1.5, 1.2), (0.2, 0.0)])
def test_the_search_ends_at_the_lowest_point_of_the_grid(lm, internal):
    def errors(weights):
        first, second = weights[0] - lm, weights[2] - internal
        return round(1000 * (first**2 + second**2 + 1.2 * -first * second))  # a valley along the diagonal

    tried = minimise(errors, errors, (0.8, 0.0, 0.4, 0.0))
    allowed = [(a, 0.0, b, 0.0) for a, b in itertools.product(GRID, GRID) if b <= a]
    assert errors(best_weights(tried)) == min(map(errors, allowed))
    assert NONE in tried and len(tried) < 60
    assert all(neural == 0 <= internal <= ngram for ngram, neural, internal, _ in tried)


@pytest.mark.parametrize("seed", range(20))
def test_what_a_part_of_the_set_finds_is_corrected_on_all_of_it(seed):
    generator = random.Random(seed)
    noise = {(a, 0.0, b, 0.0): generator.randint(-120, 120) for a, b in itertools.product(GRID, GRID)}
    asked = []

    def errors(weights):
        first, second = weights[0] - 0.8, weights[2] - 0.4
        return round(1000 * (first**2 + second**2 + 1.2 * -first * second))

    def fine(weights):
        asked.append(weights)
        return errors(weights)

    tried = minimise(lambda weights: errors(weights) + noise[weights], fine, (0.8, 0.0, 0.4, 0.0))
    assert best_weights(tried) == (0.8, 0.0, 0.4, 0.0) and NONE in tried
    assert tried == {weights: errors(weights) for weights in asked} and len(asked) == len(tried)


def test_of_equal_points_the_smallest_weights_are_taken():
    tried = {
        (0.6, 0.0, 0.2, 0.0): 5,
        NONE: 5,
        (0.4, 0.0, 0.0, 0.2): 5,
        (0.4, 0.0, 0.0, 0.0): 5,
        (0.4, 0.0, 0.2, 0.0): 7,
    }
    assert best_weights(tried) == (0.4, 0.0, 0.0, 0.0)


def test_a_length_bonus_is_taken_where_it_helps_and_the_weights_again_with_it():
    def errors(weights):
        ngram, _, internal, bonus = weights
        best = 0.8 + 0.3 * bonus  # with longer texts the language model may count more
        return round(1000 * ((ngram - best) ** 2 + (internal - 0.4) ** 2 + (bonus - 0.6) ** 2))

    tried = minimise(errors, errors, (0.8, 0.0, 0.4, 0.0))
    assert best_weights(tried) == (1.0, 0.0, 0.4, 0.6)
    assert all(bonus >= 0 for *_, bonus in tried)


def test_both_language_models_share_the_weight_that_is_best():
    def errors(weights):
        ngram, neural, internal, bonus = weights
        assert 0 <= bonus <= 0.2, "no text gets better by it"
        return round(1000 * ((ngram - 0.3) ** 2 + (neural - 0.9) ** 2 + (internal - 0.5) ** 2 + bonus))

    tried = minimise(errors, errors, (0.4, 0.4, 0.4, 0.0))
    assert best_weights(tried) == (0.3, 0.9, 0.5, 0.0)
    assert all(ngram > 0 and neural > 0 for ngram, neural, *_ in tried if (ngram, neural) != (0.0, 0.0))
    assert all(0 <= internal <= round(ngram + neural, 2) for ngram, neural, internal, _ in tried)


@pytest.fixture
def tune(jstasr, experiment, toy, tmp_path):
    def run(sentence, *options, folder=None):
        folder = folder or toy.speech_set("tuning", ["ab c", "fed a", "bad face", "cab"])
        (tmp_path / "text").write_text("".join(f"u{i:02} {sentence}\n" for i in range(50)))
        made = jstasr(
            "lm", "--text", tmp_path / "text", "--token-list", toy.token_list, "--output", tmp_path / "lm.arpa"
        )
        assert made.returncode == 0, made.stderr
        command = ["tune", "--expdir", experiment, "--data-dir", folder, "--lm", tmp_path / "lm.arpa"]
        return jstasr(*command, "--output", tmp_path / "tuned.yaml", *options)

    return run


@pytest.mark.parametrize("mostly_wrong, measure", [(0.0, "CER"), (1000.0, "WER")])
def test_the_written_configuration_decodes_with_the_rate_that_it_states(
    tune, jstasr, experiment, toy, tmp_path, monkeypatch, mostly_wrong, measure
):
    monkeypatch.setattr("jstasr.decode.tune.MOSTLY_WRONG", mostly_wrong)
    folder = toy.speech_set("tuning", ["bad", "bad face", "bad", "bad cab"])
    done = tune("bad", folder=folder)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "tuned.yaml"
    stated, values = path.read_text().splitlines()[0], yaml.safe_load(path.read_text())
    assert (
        values["search"] == "beam" and 0 <= values["internal_lm_weight"] <= values["lm_weight"] and values["lm_weight"]
    )
    command = ["decode", "--expdir", experiment, "--data-dir", folder, "--config", path, "--lm", tmp_path / "lm.arpa"]
    decoded = jstasr(*command, "--outdir", tmp_path / "out")
    assert decoded.returncode == 0, decoded.stderr
    refs = dict(line.split(maxsplit=1) for line in (folder / "text").read_text().splitlines())
    rates = []
    for mode in ("streaming", "full"):
        lines = (tmp_path / "out" / mode / "logdir" / "text.1").read_text().splitlines()
        hyps = {line.split(maxsplit=1)[0]: line.partition(" ")[2] for line in lines}
        rate = jiwer.cer if measure == "CER" else jiwer.wer
        rates.append(100 * rate([refs[utt] for utt in refs], [hyps[utt] for utt in refs]))
    assert f": {measure} " in stated and f"{sum(rates) / 2:.1f}% with it" in stated


def test_a_large_set_is_searched_coarsely_on_a_part_of_it(tune, toy, monkeypatch):
    monkeypatch.setattr("jstasr.bin.tune.COARSE_UTTERANCES", 2)
    done = tune("bad", folder=toy.speech_set("tuning", ["bad", "bad face", "bad", "bad cab"]))
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("lm_weight")]
    coarse = [line for line in lines if line.endswith(" (2 utterances)")]
    assert coarse and coarse == lines[: len(coarse)] and len(lines) > len(coarse) + 1
    none = "lm_weight 0.0 internal_lm_weight 0.0 length_bonus 0.0: "
    assert coarse[0].startswith(none) and lines[len(coarse)].startswith(none)


def test_a_killed_process_ends_the_search():
    def killed(task):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(JstasrError, match="was killed.*smaller --nj"), forks(killed, 2) as counted:
        counted([(NONE, "full", 0)])


def test_processes_change_nothing(tune, toy, tmp_path, monkeypatch):
    monkeypatch.setattr("jstasr.bin.tune.COARSE_UTTERANCES", 2)
    folder = toy.speech_set("tuning", ["bad", "bad face", "bad", "bad cab"])
    results = []
    for options in ([], ["--nj", "2"]):
        done = tune("bad", *options, folder=folder)
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("lm_weight")]
        results.append((lines, (tmp_path / "tuned.yaml").read_text()))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--nj", "0"], "--nj 0: must be 1 or more"),
        (["--nj", "2", "--ngpu", "1"], "--nj 2: must be 1 or more, and 1 with --ngpu 1"),
        (["--mode", "greedy"], "must be streaming or full"),
        (["--utterances", "-1"], "--utterances -1: must be 0 or more"),
        (["--set", "beam_size=0"], "beam_size: must be 1 or more"),
    ],
)
def test_wrong_options_are_told_in_one_sentence(tune, options, message):
    done = tune("bad", *options)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_a_set_without_transcripts_is_refused(tune, toy, tmp_path):
    folder = toy.speech_set("silent", ["ab c"])
    (folder / "text").write_text("silent-000\n")
    done = tune("bad", folder=folder)
    assert done.returncode == 1 and "holds no utterance with features and a transcript" in done.stderr
