"""The HAT loss against a lattice that is written out by hand."""

import itertools
import math

import pytest
import torch

from jstasr.model.config import DecoderConfig
from jstasr.model.hat import HatDecoder
from jstasr.text.tokens import BLANK_ID


@pytest.fixture
def decoder():
    torch.manual_seed(3)
    return HatDecoder(encoder_dim=6, vocab_size=5, config=DecoderConfig(context=2, embed_dim=4, joint_dim=7)).double()


def path_probability(decoder, encoded, labels, emission_frames):
    """Probability of one alignment: label u is emitted at frame emission_frames[u], then each frame ends in blank."""
    probability, emitted = 1.0, 0
    for frame in range(len(encoded)):
        while emitted < len(labels) and emission_frames[emitted] == frame:
            probability *= symbol_probability(decoder, encoded[frame], labels[:emitted], labels[emitted])
            emitted += 1
        probability *= symbol_probability(decoder, encoded[frame], labels[:emitted], BLANK_ID)
    return probability


def symbol_probability(decoder, frame, history, symbol):
    """P(symbol | frame, history), from the definition: sigmoid for blank, the rest shared by a softmax."""
    recent = ([BLANK_ID] * decoder.context + list(history))[-decoder.context :]
    predicted = decoder.prediction(decoder.embedding.weight[recent].reshape(-1))
    hidden = torch.tanh(decoder.encoder_projection(frame) + predicted)
    blank = 1 / (1 + math.exp(-float(decoder.blank(hidden))))
    if symbol == BLANK_ID:
        return blank
    weights = decoder.labels(hidden).exp()
    return (1 - blank) * float(weights[symbol - 1] / weights.sum())


def brute_force(decoder, encoded, labels):
    """-log of the summed probability of every alignment."""
    total = 0.0
    for frames in itertools.combinations_with_replacement(range(len(encoded)), len(labels)):
        total += path_probability(decoder, encoded, labels, frames)
    return -math.log(total)


def test_loss_equals_the_sum_over_all_alignments(decoder):
    encoded = torch.randn(3, 5, 6, dtype=torch.float64)
    labels = torch.tensor([[1, 2, 4], [3, 3, 0], [4, 0, 0]])
    encoded_lengths, label_lengths = torch.tensor([5, 3, 4]), torch.tensor([3, 2, 1])
    loss = decoder.loss(encoded, encoded_lengths, labels, label_lengths)
    for item in range(3):
        expected = brute_force(
            decoder, encoded[item, : encoded_lengths[item]], labels[item, : label_lengths[item]].tolist()
        )
        assert float(loss[item]) == pytest.approx(expected, abs=2e-5)


def test_gradient_equals_finite_differences_of_the_brute_force_lattice(decoder):
    encoded = torch.randn(1, 4, 6, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[2, 1]])
    decoder.loss(encoded, torch.tensor([4]), labels, torch.tensor([2])).sum().backward()
    step = 1e-5
    for frame, dimension in [(0, 0), (1, 3), (3, 5)]:
        values = []
        for sign in (1, -1):
            moved = encoded.detach().clone()
            moved[0, frame, dimension] += sign * step
            values.append(brute_force(decoder, moved[0], [2, 1]))
        expected = (values[0] - values[1]) / (2 * step)
        assert float(encoded.grad[0, frame, dimension]) == pytest.approx(expected, abs=2e-5)


def test_probabilities_sum_to_one(decoder):
    log_probs = decoder.log_probs(torch.randn(4, 7, dtype=torch.float64), torch.randn(4, 7, dtype=torch.float64))
    assert torch.allclose(log_probs.exp().sum(-1), torch.ones(4, dtype=log_probs.dtype), atol=1e-6)


def test_internal_lm_is_a_distribution_over_labels_that_ignores_the_encoder(decoder):
    predicted = decoder.predict(torch.tensor([[BLANK_ID, 2], [1, 4]]))
    scores = decoder.internal_lm(predicted)
    assert (scores[:, BLANK_ID] == -math.inf).all()
    expected = decoder.labels(torch.tanh(predicted)).log_softmax(-1)
    assert torch.allclose(scores[:, 1:], expected.float(), atol=1e-6)


def test_history_of_each_prefix(decoder):
    history = decoder.label_history(torch.tensor([[3, 1, 2]]))
    assert history.tolist() == [[[0, 0], [0, 3], [3, 1], [1, 2]]]
