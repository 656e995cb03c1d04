"""Attention of long utterances, in blocks: the same numbers as at once, without a matrix of all frames squared."""

import pytest
import torch

from jstasr.model import conformer
from jstasr.model.conformer import BlockMask, attention_mask


def seen(query, key, length, chunk_size, left_chunks):
    """May this query see this key, in words."""
    if key == query:
        return True
    if key >= length:
        return False
    age = query // chunk_size - key // chunk_size if chunk_size else 0
    return age >= 0 and (left_chunks < 0 or age <= left_chunks)


@pytest.mark.parametrize("chunk_size, left_chunks", [(0, -1), (4, -1), (4, 0), (3, 2)])
def test_the_mask_says_which_keys_a_query_may_see(chunk_size, left_chunks):
    mask = attention_mask(torch.tensor([11, 7]), 11, chunk_size, left_chunks)
    assert mask.shape == (2, 1, 11, 11) and mask.dtype == torch.bool
    for row, length in enumerate((11, 7)):
        for query in range(11):
            for key in range(11):
                assert bool(mask[row, 0, query, key]) == seen(query, key, length, chunk_size, left_chunks)


@pytest.mark.parametrize("chunk_size, left_chunks", [(0, -1), (4, -1), (4, 0), (3, 2)])
def test_blocks_hold_every_key_that_their_queries_may_see(monkeypatch, chunk_size, left_chunks):
    monkeypatch.setattr(conformer, "QUERY_BLOCK", 5)
    lengths = torch.tensor([23, 9])
    whole = attention_mask(lengths, 23, chunk_size, left_chunks)
    rebuilt = torch.zeros_like(whole)
    for queries, keys, part in BlockMask(lengths, 23, chunk_size, left_chunks).blocks():
        rebuilt[:, :, queries.start : queries.stop, keys.start : keys.stop] = part
    inside = (torch.arange(23) < lengths[:, None])[:, None, :, None]
    assert torch.equal(rebuilt & inside, whole & inside)


def test_an_utterance_in_blocks_is_encoded_as_at_once(monkeypatch, model):
    features, lengths = torch.randn(2, 260, 20), torch.tensor([260, 150])
    with torch.inference_mode():
        at_once = model.encode_speech(features, lengths)
        monkeypatch.setattr(conformer, "LONGEST_WHOLE", 16)
        monkeypatch.setattr(conformer, "QUERY_BLOCK", 7)
        in_blocks = model.encode_speech(features, lengths)
    for one, two in zip(at_once.layers, in_blocks.layers):
        for row, length in enumerate(at_once.lengths):
            torch.testing.assert_close(one[row, :length], two[row, :length], atol=2e-5, rtol=1e-4)
