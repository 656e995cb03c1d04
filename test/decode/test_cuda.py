"""Decoding on a GPU: the labels and frames of the CPU."""

import pytest
import torch

from jstasr.data.collate import pad_features
from jstasr.decode.greedy import search
from jstasr.decode.hotwords import hotword_graph
from jstasr.decode.streaming import search_in_pieces
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import SearchConfig
from jstasr.lm.external import ExternalLm
from jstasr.lm.kneser_ney import estimate
from jstasr.lm.ngram import NgramModel

SEARCHES = {
    "greedy": SearchConfig(),
    "beam": SearchConfig(search="beam", beam_size=4),
    "language model": SearchConfig(search="beam", beam_size=4, lm_weight=0.4, internal_lm_weight=0.2),
    "hotwords": SearchConfig(search="beam", beam_size=4, hotwords=["fed cab", "a :2"]),
}


def language_model(experiment, device):
    """Trigrams of arbitrary labels."""
    size = len(experiment.tokenizer)
    labels = torch.randint(1, size, (50, 12), generator=torch.Generator().manual_seed(0)).tolist()
    return ExternalLm(NgramModel(estimate(labels, size, 3), size).to(device))


@torch.inference_mode()
def decode(folder, matrices, config, device):
    """Hypotheses of both decoders on a batch, and of the streaming one in pieces."""
    experiment = Experiment.load(folder, device=str(device), own_search=False)
    model, lm = experiment.model, language_model(experiment, device)
    hotwords = hotword_graph(config.hotwords, config.hotwords_score, experiment.tokenizer, device)
    features, lengths = (part.to(device) for part in pad_features(matrices))
    encoded = model.encode_speech(features, lengths)
    found = []
    for mode in ("streaming", "full"):
        found += search(model.decoder(mode), encoded.of(mode), encoded.lengths, config, lm, None, hotwords)
    return [*found, search_in_pieces(model, features[0, : lengths[0]], config, lm, None, hotwords)]


@pytest.mark.parametrize("kind", SEARCHES)
def test_hypotheses_are_those_of_the_cpu(kind, experiment, toy, device):
    matrices = [toy.features(text, seed) for seed, text in enumerate(["abc def fed cab", "fa bed", "cab dad"])]
    expected, found = (decode(experiment, matrices, SEARCHES[kind], place) for place in ("cpu", device))
    assert len(found) == 7 and any(hypothesis.labels for hypothesis in expected)
    for ours, theirs in zip(found, expected):
        assert (ours.labels, ours.frames) == (theirs.labels, theirs.frames)
        assert ours.score == pytest.approx(theirs.score, rel=1e-3, abs=1e-3)


def test_the_command_decodes(experiment, toy, device, jstasr, tmp_path):
    """`jstasr decode --ngpu 1` writes the text that the CPU writes."""
    data = toy.speech_set("test", ["abc def fed cab", "fa bed", "cab dad"])
    texts = []
    for ngpu in (0, int(device.type == "cuda")):
        out = tmp_path / f"decode{ngpu}"
        done = jstasr("decode", "--expdir", experiment, "--data-dir", data, "--outdir", out, "--ngpu", ngpu)
        assert done.returncode == 0, done.stderr
        texts.append({mode: (out / mode / "logdir/text.1").read_text() for mode in ("streaming", "full")})
    assert texts[0] == texts[1] and any(line.strip() for line in texts[0]["full"].splitlines())
