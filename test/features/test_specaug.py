"""SpecAugment: what may be masked, how much, and for whom."""

import pytest
import torch

from jstasr.features.specaug import SpecAugmentConfig, spec_augment


def masked(lengths, frames=200, bins=80, seed=0, **settings):
    """Boolean (N, T, F): what became 0."""
    torch.manual_seed(seed)
    features = torch.ones(len(lengths), frames, bins)
    found = spec_augment(features, torch.tensor(lengths), SpecAugmentConfig(**settings))
    assert torch.equal(found, (found != 0).float()) and features.min() == 1
    return found == 0


def test_time_masks_are_whole_frames_within_width_and_share():
    hidden = masked([200] * 300, freq_masks=0, time_masks=1, time_width=15, time_share=0.5)
    assert (hidden.all(2) == hidden.any(2)).all()
    widths = hidden[:, :, 0].sum(1)
    assert widths.max() <= 15 and 6.5 < widths.float().mean() < 8.5
    edges = hidden[:, :, 0].int().diff(dim=1).abs().sum(1)
    assert edges.max() <= 2  # one stretch
    hidden = masked([200] * 300, freq_masks=0, time_masks=1, time_width=100, time_share=0.05)
    assert 8 <= hidden[:, :, 0].sum(1).max() <= 10


def test_frequency_masks_are_whole_bins_within_width():
    hidden = masked([200] * 300, time_masks=0, freq_masks=1, freq_width=27)
    assert (hidden.all(1) == hidden.any(1)).all()
    widths = hidden[:, 0].sum(1)
    assert 25 <= widths.max() <= 27 and 12 < widths.float().mean() < 15
    assert hidden[:, 0].any(0).all()  # every bin now and then


def test_masks_lie_within_the_utterance_wherever_that_is():
    lengths = [30, 200, 7, 1]
    hidden = torch.stack([masked(lengths, seed=seed, freq_masks=0, time_share=1.0) for seed in range(150)])
    for index, length in enumerate(lengths):
        assert not hidden[:, index, length:].any()
    assert hidden[:, 1].any(2).any(0).all()


def test_utterances_are_masked_independently():
    hidden = masked([200] * 20)
    assert len({tuple(row.flatten().tolist()) for row in hidden}) == 20


def test_no_masks_no_change():
    assert not masked([200, 50], freq_masks=0, time_masks=0).any()


@pytest.mark.parametrize("bins", [20, 40])
def test_a_width_of_all_bins_leaves_some(bins):
    """A configuration for 80 bins must not silence a model of 20."""
    hidden = torch.cat([masked([100] * 200, bins=bins, seed=seed, time_masks=0) for seed in range(3)])
    assert not hidden[:, 0].all(1).any()


def test_the_seed_decides():
    assert torch.equal(masked([200, 100], seed=4), masked([200, 100], seed=4))
    assert not torch.equal(masked([200, 100], seed=4), masked([200, 100], seed=5))
