"""best_alignment: from encoder outputs to paths."""

import numpy as np
import pytest
import torch

from jstasr.align import best_alignment, best_alignment_from_cost

TOPOLOGIES = ("skip", "noskip", "dtw")


def distances(speech, text, distance="sqeuclidean", layer_norm=False):
    """All distances in double precision, from their definitions."""
    a, t = speech.double()[:, :, None], text.double()[:, None]
    if layer_norm:
        a, t = (
            (x - x.mean(-1, keepdim=True)) / ((x.var(-1, correction=0, keepdim=True) + 1e-5) * x.shape[-1]).sqrt()
            for x in (a, t)
        )
    if distance == "cosine":
        return 1 - torch.cosine_similarity(a, t, dim=-1)
    square = (a - t).square().sum(-1)
    return square.sqrt() if distance == "euclidean" else square


def batch(seed, n=30, m=12, d=16, items=10):
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(items, n, d, generator=generator)
    text = torch.randn(items, m, d, generator=generator)
    speech_lengths = torch.randint(m, n + 1, (items,), generator=generator)
    text_lengths = torch.randint(1, m + 1, (items,), generator=generator)
    return speech, text, speech_lengths, text_lengths


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("distance", ["sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_the_alignment_of_the_distances(kernels, topology, distance, layer_norm):
    speech, text, *lengths = batch(1)
    expected = best_alignment_from_cost(distances(speech, text, distance, layer_norm), *lengths, topology)
    result = best_alignment(speech, text, *lengths, topology, distance, layer_norm)
    assert all(np.array_equal(a, b) for a, b in zip(result.path, expected.path))
    torch.testing.assert_close(result.cost, expected.cost.float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_product_is_right_around_the_widths_of_vectors(kernels, topology):
    """Of whole numbers, whose distances are exact in every order of summing."""
    generator = torch.Generator().manual_seed(7)
    for m in (1, 3, 7, 9, 15, 16, 17, 20, 21, 33, 36, 50):
        for n, d in ((m, 5), (m + 13, 16), (m + 30, 40)):
            speech = torch.randint(-4, 5, (2, n, d), generator=generator).float()
            text = torch.randint(-4, 5, (2, m, d), generator=generator).float()
            lengths = [n, n], [m, m]
            expected = best_alignment_from_cost(distances(speech, text).float(), *lengths, topology)
            result = best_alignment(speech, text, *lengths, topology)
            assert all(np.array_equal(a, b) for a, b in zip(result.path, expected.path))
            assert torch.equal(result.cost, expected.cost)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_padding_does_not_matter(topology):
    speech, text, speech_lengths, text_lengths = batch(2)
    expected = best_alignment(speech, text, speech_lengths, text_lengths, topology)
    for filler in (torch.nan, torch.inf, 1e30):
        padded = torch.full((10, 40, 16), filler), torch.full((10, 20, 16), filler)
        for b in range(10):
            padded[0][b, : speech_lengths[b]] = speech[b, : speech_lengths[b]]
            padded[1][b, : text_lengths[b]] = text[b, : text_lengths[b]]
        result = best_alignment(*padded, speech_lengths, text_lengths, topology)
        torch.testing.assert_close(result.cost, expected.cost, rtol=1e-6, atol=0)
        for b in range(10):
            length = len(expected.path[b]) if topology == "dtw" else speech_lengths[b]
            assert np.array_equal(result.path[b][:length], expected.path[b][:length])


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("side", ["speech", "text"])
def test_an_embedding_that_is_not_finite_is_an_error_that_names_the_items(kernels, topology, side):
    for bad in (torch.nan, torch.inf):
        speech, text, *lengths = batch(3)
        (speech if side == "speech" else text)[[2, 7], 0, 3] = bad
        with pytest.raises(ValueError, match="batch items: 2, 7$"):
            best_alignment(speech, text, *lengths, topology)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_and_layouts(dtype):
    speech, text, *lengths = batch(4)
    speech, text = speech.to(dtype), text.to(dtype)
    expected = best_alignment_from_cost(distances(speech, text), *lengths)
    for a, t in (
        (speech, text),
        (speech.transpose(0, 1).contiguous().transpose(0, 1), text.transpose(1, 2).contiguous().transpose(1, 2)),
        (speech.clone().requires_grad_(), text.clone().requires_grad_()),
    ):
        result = best_alignment(a, t, *lengths)
        assert torch.equal(result.path, expected.path)
        assert result.cost.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        torch.testing.assert_close(result.cost.double(), expected.cost, rtol=1e-5, atol=0)


def test_autocast_does_not_round_the_distances():
    speech, text, *lengths = batch(5)
    expected = best_alignment(speech, text, *lengths)
    with torch.autocast("cpu", torch.bfloat16):
        result = best_alignment(speech, text, *lengths)
    assert torch.equal(result.path, expected.path) and torch.equal(result.cost, expected.cost)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_groups_of_items_change_nothing(monkeypatch, topology):
    """Where the library makes the distances, which for float64 it does."""
    speech, text, *lengths = batch(6)
    speech, text = speech.double(), text.double()
    expected = best_alignment(speech, text, *lengths, topology)
    monkeypatch.setattr("jstasr.kernels.alignment.GROUP_BYTES", 3 * 30 * 12 * 8)
    result = best_alignment(speech, text, *lengths, topology)
    assert all(np.array_equal(a, b) for a, b in zip(result.path, expected.path))
    speech[5, 0] = torch.nan
    with pytest.raises(ValueError, match="batch items: 5$"):
        best_alignment(speech, text, *lengths, topology)


def test_cost_does_not_suffer_from_cancellation():
    """|a|^2 - 2 a.t + |t|^2 of near vectors far from the origin would be all rounding error."""
    speech = torch.randn(1, 20, 8) * 1e-3 + 100
    text = speech[:, ::4] + 1e-3
    result = best_alignment(speech, text, [20], [5])
    expected = (speech[0].double() - text[0, result.path[0]].double()).square().sum()
    torch.testing.assert_close(result.cost[0].double(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_an_empty_batch_gives_an_empty_result(topology, dtype):
    none = torch.zeros(0, dtype=torch.int64)
    for shapes in (((0, 5, 4), (0, 3, 4)), ((0, 0, 4), (0, 0, 4))):
        result = best_alignment(*(torch.zeros(shape, dtype=dtype) for shape in shapes), none, none, topology)
        assert len(result.path) == 0 and result.cost.shape == (0,)


def test_shapes_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"speech must be \(B, n, d\)"):
        best_alignment(torch.rand(2, 5, 3), torch.rand(2, 5, 4), [5, 5], [5, 5])


@pytest.mark.slow
def test_a_minute_of_speech_needs_little_memory():
    """60 s (1,500 frames) against 600 phonemes, 16 utterances: under 200 MB beyond the embeddings."""
    import subprocess
    import sys

    code = """
import resource, torch
from jstasr.align import best_alignment, consistency_loss
torch.set_num_threads(1)
speech, text = torch.randn(16, 1500, 256), torch.randn(16, 600, 256)
lengths = [1500] * 16, [600] * 16
best_alignment(speech[:, :10], text[:, :10], [10] * 16, [10] * 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
best_alignment(speech, text, *lengths, "TOPOLOGY")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    for topology in TOPOLOGIES:
        run = [sys.executable, "-c", code.replace("TOPOLOGY", topology)]
        extra_mb = float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
        assert extra_mb < 200
