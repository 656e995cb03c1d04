"""Repetition and masking of phonemes."""

import pytest
import torch

from jstasr.features.text_input import repeat_phones, span_mask
from jstasr.losses.step import encode_texts
from jstasr.model.config import ModelConfig
from jstasr.text.tokens import PhoneList


def test_fixed_repetition():
    phones = torch.tensor([[5, 6, 7], [8, 0, 0]])
    repeated, lengths, times = repeat_phones(phones, torch.tensor([3, 1]), 2, 2, training=True)
    assert repeated.tolist() == [[5, 5, 6, 6, 7, 7], [8, 8, 0, 0, 0, 0]]
    assert lengths.tolist() == [6, 2]
    assert times.tolist() == [[2, 2, 2], [2, 0, 0]]


def test_random_repetition_keeps_the_order_and_the_range():
    torch.manual_seed(0)
    phones = torch.arange(3, 203)[None].repeat(4, 1)
    repeated, lengths, times = repeat_phones(phones, torch.tensor([200, 200, 200, 150]), 1, 3, training=True)
    counts = set()
    for row, length in zip(repeated, lengths):
        symbols, runs = torch.unique_consecutive(row[:length], return_counts=True)
        assert symbols.tolist() == list(range(3, 3 + len(symbols)))
        counts |= set(runs.tolist())
    assert counts == {1, 2, 3}
    assert len(set(lengths[:3].tolist())) > 1, "each utterance draws its own"


def test_repetition_outside_training_is_the_mean():
    repeated, _, _ = repeat_phones(torch.tensor([[4, 5]]), torch.tensor([2]), 1, 3, training=False)
    assert repeated.tolist() == [[4, 4, 5, 5]]


@pytest.mark.parametrize("ratio, span", [(0.15, 4), (0.5, 10), (0.3, 1)])
def test_masked_share_is_the_ratio_and_utterances_differ(ratio, span):
    torch.manual_seed(0)
    masked = span_mask(torch.full((200,), 200), 200, ratio, span)
    assert float(masked.float().mean()) == pytest.approx(ratio, abs=0.02)
    assert not torch.equal(masked[0], masked[1])


def test_spans_have_their_length():
    torch.manual_seed(0)
    masked = span_mask(torch.full((50,), 300), 300, 0.05, 5)
    for row in masked.int():
        values, runs = torch.unique_consecutive(row, return_counts=True)
        inner = [int(run) for value, run in zip(values[1:-1], runs[1:-1]) if value == 1]
        assert all(run >= 5 for run in inner)


def test_masks_stay_inside_the_lengths_and_never_take_everything():
    torch.manual_seed(0)
    lengths = torch.tensor([1, 2, 5, 9])
    for _ in range(50):
        masked = span_mask(lengths, 9, 0.9, 3)
        assert (masked.sum(1) < lengths).all()
        assert not masked[torch.arange(9)[None] >= lengths[:, None]].any()


def test_only_maskable_utterances_are_masked_and_only_in_training(model):
    seen = {}
    model.text_encoder.embedding.register_forward_hook(lambda module, given, out: seen.update(ids=given[0]))
    phones = torch.randint(3, 9, (2, 40))
    lengths, maskable = torch.tensor([40, 40]), torch.tensor([False, True])
    model.train().text_encoder(phones, lengths, maskable)
    assert not (seen["ids"][0] == PhoneList.MASK_ID).any() and (seen["ids"][1] == PhoneList.MASK_ID).any()
    model.eval().text_encoder(phones, lengths, maskable)
    assert not (seen["ids"] == PhoneList.MASK_ID).any()


@pytest.mark.parametrize("mask_paired", [True, False])
def test_transcripts_of_speech_are_masked_where_the_configuration_says_so(model, batch, mask_paired):
    model.config.text.mask_paired = mask_paired
    seen = []
    model.text_encoder.embedding.register_forward_hook(
        lambda module, given, out: seen.append(given[0] == PhoneList.MASK_ID)
    )
    model.train()
    torch.manual_seed(0)
    for _ in range(20):
        encode_texts(model, batch, unpaired=True, transcripts=True, deep=True)
    paired, unpaired = torch.stack([masked[:3].any() for masked in seen]), [masked[3:].any() for masked in seen]
    assert bool(paired.any()) == mask_paired and any(unpaired)


def test_transcripts_of_speech_are_masked_by_default():
    assert ModelConfig().text.mask_paired
