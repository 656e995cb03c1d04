"""The contrastive form of the consistency loss, against its formula written as loops."""

import math

import pytest
import torch

from jstasr.align import contrast
from jstasr.align.contrast import contrastive_loss


def draw(seed=0, dtype=torch.float64):
    """Three utterances of 7 frames at most, their texts of 5 positions at most, and a path for each."""
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(3, 7, 8, generator=generator, dtype=dtype)
    text = torch.randn(3, 5, 8, generator=generator, dtype=dtype)
    symbols = torch.randint(1, 4, (3, 5), generator=generator)
    path = torch.tensor([[0, 0, 1, 2, 3, 4, 4], [0, 1, 1, 2, -1, -1, -1], [0, 1, 2, 3, 3, -1, -1]])
    return speech, text, torch.tensor([7, 4, 5]), torch.tensor([5, 3, 4]), symbols, path


def by_loops(speech, text, speech_lengths, text_lengths, symbols, path, temperature):
    def prepared(vector):
        centred = vector - vector.mean()
        return centred / math.sqrt(len(vector)) / (centred.square().mean() + 1e-5).sqrt()

    places = [(row, at) for row, length in enumerate(text_lengths.tolist()) for at in range(length)]
    total = speech.new_zeros(())
    for row, length in enumerate(speech_lengths.tolist()):
        nats = 0.0
        for frame in range(length):
            own = row, int(path[row, frame])
            scores = {
                place: -(prepared(speech[row, frame]) - prepared(text[place])).square().sum() / temperature
                for place in places
                if place == own or symbols[place] != symbols[own]
            }
            nats += torch.stack(list(scores.values())).logsumexp(0) - scores[own]
        total += nats / length
    return total / len(speech)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_loss_and_its_gradient_are_those_of_the_formula(temperature):
    speech, text, *rest = draw()
    results = []
    for function in (contrastive_loss, by_loops):
        sides = speech.clone().requires_grad_(), text.clone().requires_grad_()
        value = function(*sides, *rest, temperature=temperature)
        results.append((value.detach(), *torch.autograd.grad(value, sides)))
    for found, expected in zip(*results):
        torch.testing.assert_close(found, expected)


def test_equal_vectors_cost_the_logarithm_of_the_number_of_candidates():
    """The plain distance is 0 there: what it is smallest for costs this loss as much as no knowledge."""
    speech, text, speech_lengths, text_lengths, _, path = draw()
    symbols = torch.arange(15).reshape(3, 5)
    ones = torch.linspace(0, 1, 8, dtype=torch.float64)
    value = contrastive_loss(
        ones.expand_as(speech), ones.expand_as(text), speech_lengths, text_lengths, symbols, path, 0.1
    )
    assert float(value) == pytest.approx(math.log(5 + 3 + 4))


def test_large_batches_are_told_apart_in_groups(monkeypatch):
    speech, text, *rest = draw()
    monkeypatch.setattr(contrast, "GROUP", 2)
    two, one = [
        contrastive_loss(*(x[rows] for x in (speech, text, *rest)), temperature=0.2)
        for rows in (slice(0, 2), slice(2, 3))
    ]
    expected = (2 * two + one) / 3
    torch.testing.assert_close(contrastive_loss(speech, text, *rest, temperature=0.2), expected)


def test_padding_changes_nothing():
    speech, text, speech_lengths, text_lengths, symbols, path = draw()
    value = contrastive_loss(speech, text, speech_lengths, text_lengths, symbols, path, 0.1)
    speech[1, 4:], text[1, 3:], symbols[1, 3:] = float("nan"), float("nan"), 9
    torch.testing.assert_close(contrastive_loss(speech, text, speech_lengths, text_lengths, symbols, path, 0.1), value)


def test_half_precision_is_computed_in_single():
    speech, text, *rest = draw(dtype=torch.float32)
    halves = contrastive_loss(speech.bfloat16(), text.bfloat16(), *rest, temperature=0.1)
    assert halves.dtype is torch.float32
    rounded = contrastive_loss(speech.bfloat16().float(), text.bfloat16().float(), *rest, temperature=0.1)
    torch.testing.assert_close(halves, rounded)
