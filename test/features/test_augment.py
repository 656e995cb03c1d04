"""Augmentation of log-mel features, against what it stands for in power."""

import math

import pytest
import torch

from jstasr.features.augment import (
    AugmentConfig,
    add_edges,
    add_noise,
    augment,
    change_tempo,
    random_filter,
    warp_mel,
)


def test_nothing_happens_by_default():
    features = torch.randn(2, 7, 10)
    lengths = torch.tensor([7, 5])
    same, same_lengths = augment(features, lengths, AugmentConfig())
    assert torch.equal(same, features) and torch.equal(same_lengths, lengths)


def test_tempo_is_linear_interpolation_within_the_utterance():
    features = torch.zeros(3, 9, 2)
    features[:, :, 0] = torch.arange(9.0)  # frame t says t; past the lengths: other utterances' rubbish
    features[1, 4:] = 1e9
    changed, lengths = change_tempo(features, torch.tensor([9, 4, 9]), torch.tensor([1.0, 2.0, 1 / 3]))
    assert lengths.tolist() == [9, 8, 3]
    assert torch.equal(changed[0], features[0])
    assert changed[1, :8, 0].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
    assert changed[2, :3, 0].tolist() == [0.0, 3.0, 6.0]


def test_tempo_leaves_one_frame_at_least():
    assert change_tempo(torch.randn(1, 1, 3), torch.tensor([1]), torch.tensor([0.3]))[1].tolist() == [1]


def test_edges_are_quiet_and_the_speech_between_them_is_untouched():
    torch.manual_seed(0)
    features = torch.full((2, 50, 40), 10.0)
    features[0, 20] = 4.0  # the quietest frame of the first
    features[1, 30:] = -99.0  # padding of the second
    before, after = torch.tensor([3, 0]), torch.tensor([60, 5])
    moved, lengths = add_edges(features, torch.tensor([50, 30]), before, after, torch.tensor([1.0, 2.0]))
    assert lengths.tolist() == [113, 35]
    assert torch.equal(moved[0, 3:53], features[0]) and torch.equal(moved[1, :30], features[1, :30])
    assert float(moved[0, 53:113].mean()) == pytest.approx(3.0, abs=0.05)
    assert float(moved[1, 30:35].mean()) == pytest.approx(8.0, abs=0.15)


def test_lengths_are_drawn_for_each_utterance_within_their_limits():
    torch.manual_seed(0)
    features, lengths = torch.randn(300, 60, 8), torch.full((300,), 60)
    _, changed = augment(features, lengths, AugmentConfig(tempo=0.5))
    assert 40 <= int(changed.min()) < 42 and 88 < int(changed.max()) <= 90
    _, changed = augment(features, lengths, AugmentConfig(edge_frames=10))
    assert set(changed.tolist()) == set(range(60, 81))


def test_warp_moves_a_formant_by_its_factor():
    bins = torch.arange(80.0)
    features = -((bins - 40.0) ** 2)[None, None].repeat(3, 2, 1)  # a peak at bin 40
    warped = warp_mel(features, torch.tensor([1.0, 0.8, 1.25]))
    assert torch.equal(warped[0], features[0])
    assert warped[:, 0].argmax(dim=-1).tolist() == [40, 50, 32]


def test_gain_shifts_all_of_an_utterance_by_at_most_its_dB():
    torch.manual_seed(0)
    features = torch.randn(200, 3, 4)
    shift = augment(features, torch.full((200,), 3), AugmentConfig(gain_db=20))[0] - features
    assert torch.allclose(shift, shift[:, :1, :1].expand_as(shift), atol=1e-5)
    limit = 20 * math.log(10) / 10
    assert 0.9 * limit < float(shift.abs().max()) <= limit


def test_filter_is_one_curve_for_an_utterance():
    torch.manual_seed(0)
    features = torch.randn(50, 6, 20)
    shift = augment(features, torch.full((50,), 6), AugmentConfig(filter_db=6))[0] - features
    assert torch.allclose(shift, shift[:, :1].expand_as(shift), atol=1e-5)
    assert float(shift.abs().max()) <= 6 * math.log(10) / 10 + 1e-5
    assert not torch.allclose(shift[0], shift[1])


def test_filter_passes_through_its_points():
    curve = random_filter(torch.tensor([[1.0, 3.0, -2.0]]), 5)
    assert curve[0].tolist() == pytest.approx([1.0, 2.0, 3.0, 0.5, -2.0])


def test_noise_has_the_level_asked_for_and_padding_does_not_count():
    torch.manual_seed(0)
    features = torch.full((2, 400, 40), 8.0)
    features[1, 100:] = 0.0  # padding
    silent = features - 50.0
    noisy = add_noise(silent, torch.tensor([400, 100]), torch.tensor([10.0, 10.0]), torch.zeros(2, 40))
    drop = 10 * math.log(10) / 10
    inside = noisy[1, :100] - silent[1, :100]
    assert float(inside.mean()) == pytest.approx(math.log(1 + math.exp(-drop)), abs=0.02)
    assert torch.allclose(noisy[0, :100].mean(), noisy[1, :100].mean(), atol=0.05)


def test_noise_at_infinite_ratio_is_none():
    features = torch.randn(1, 9, 4)
    assert torch.equal(add_noise(features, torch.tensor([9]), torch.tensor([math.inf]), torch.zeros(1, 4)), features)


def test_noise_fills_silence_and_leaves_loud_parts():
    features = torch.zeros(1, 100, 4)
    features[:, :50] = 20.0
    noisy = add_noise(features, torch.tensor([100]), torch.tensor([0.0]), torch.zeros(1, 4))
    assert float((noisy - features)[:, :50].abs().max()) < 0.01
    assert float(noisy[:, 50:].mean()) == pytest.approx(10.0, abs=0.3)
