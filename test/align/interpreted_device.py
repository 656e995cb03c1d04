"""The Triton kernels under Triton's interpreter, on the CPU: test_device.py runs this file in a process of its own."""

import numpy as np
import pytest
import torch
from triton.runtime import interpreter

from jstasr.align import best_alignment, best_alignment_from_cost, consistency_loss
from jstasr.kernels import device

TOPOLOGIES = device.TOPOLOGIES


@pytest.fixture(autouse=True)
def numbers_of_one_cell(monkeypatch):
    """Triton 3.6's interpreter takes the bounds of loops from arrays of one cell, which numpy 2.4 refuses."""
    patch = interpreter._patch_lang_tensor

    def patched(tensor, scope):
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: self.handle.data.item())

    monkeypatch.setattr(interpreter, "_patch_lang_tensor", patched)


def ragged(rng, topology, n, m, items):
    """Lengths of a batch, among them the longest and the shortest."""
    text = np.array([m, 1, *rng.integers(1, m + 1, items - 2)])
    speech = np.array([n, 1, *rng.integers(1, n + 1, items - 2)])
    if topology == "noskip":
        speech = np.maximum(speech, text)
    return speech, text


def padded(cost, speech_lengths, text_lengths):
    """The same with NaN past the lengths."""
    cost = torch.from_numpy(np.asarray(cost))
    for b, (n, m) in enumerate(zip(speech_lengths, text_lengths)):
        cost[b, n:], cost[b, :, m:] = torch.nan, torch.nan
    return cost, torch.from_numpy(speech_lengths), torch.from_numpy(text_lengths)


def same_bits(a, b):
    return a.numpy().tobytes() == b.numpy().tobytes()


def check_against_cpu(cost, speech_lengths, text_lengths, topology):
    found, total = device.align_costs(cost, speech_lengths, text_lengths, topology)
    expected = best_alignment_from_cost(cost, speech_lengths, text_lengths, topology)
    assert found.finite.all() and torch.equal(found.path, expected.path) and same_bits(total, expected.cost)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_enumeration_of_all_paths(oracles, topology):
    rng = np.random.default_rng(1)
    for low, high in ((0, 3), (-3, 2), (1, 2), (0, 9)):  # many ties, negative, all equal, few ties
        n, m = 5, 4
        lengths = ragged(rng, topology, n, m, 4)
        cost, *given = padded(rng.integers(low, high, (4, n, m)).astype(np.float32), *lengths)
        found, total = device.align_costs(cost, *given, topology)
        for b, (frames, positions) in enumerate(zip(*lengths)):
            path, least = oracles.by_enumeration(cost[b, :frames, :positions].numpy(), topology)
            assert tuple(enumerate(found.path[b, :frames].tolist())) == path
            assert (found.path[b, frames:] == -1).all() and float(total[b]) == least


@pytest.mark.parametrize("kind", ["ties", "float64"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_more_frames_than_a_word_and_more_text_than_a_block(monkeypatch, topology, kind):
    """Three launches of 32 columns, back-pointers of three words; paths and costs are the CPU's to the last bit."""
    monkeypatch.setattr(device, "LARGEST_BLOCK", 32)
    rng = np.random.default_rng(2)
    shape = 3, 75, 70
    cost = rng.integers(0, 3, shape).astype(np.float32) if kind == "ties" else rng.normal(size=shape)
    check_against_cpu(*padded(cost, *ragged(rng, topology, *shape[1:], 3)), topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_sign_of_a_zero_is_that_of_the_cpu(topology):
    """Of few frames: a sum is -0 only where all its terms are."""
    rng = np.random.default_rng(7)
    for n, m in ((1, 1), (1, 6), (2, 2), (3, 2)):
        m = min(n, m) if topology == "noskip" else m
        cost = torch.from_numpy(rng.choice(np.float32([0.0, -0.0, -0.0]), (12, n, m)))
        check_against_cpu(cost, torch.full((12,), n), torch.full((12,), m), topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_paths_that_jump_over_more_than_a_window(topology):
    """The backtrace of skip finds the column wherever it is; noskip climbs one position a frame."""
    n, m = (4, 200) if topology == "skip" else (140, 130)
    cost = torch.rand(1, n, m, generator=torch.Generator().manual_seed(3))
    cost[0, 0, 2], cost[0, 1, 3], cost[0, 2:, -1] = -9, -9, -9
    lengths = torch.tensor([n]), torch.tensor([m])
    found, _ = device.align_costs(cost, *lengths, topology)
    assert torch.equal(found.path, best_alignment_from_cost(cost, *lengths, topology).path)
    assert topology == "noskip" or found.path.tolist() == [[2, 3, m - 1, m - 1]]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_strides_of_the_costs_do_not_matter(topology):
    rng = np.random.default_rng(4)
    wide = torch.from_numpy(rng.integers(0, 9, (3, 12, 20)).astype(np.float32))
    lengths = torch.tensor([9, 12, 10]), torch.tensor([8, 6, 9])
    check_against_cpu(wide[:, :, :9], *lengths, topology)
    check_against_cpu(wide[:, :9].mT[:, :12].contiguous().mT, *(x.clamp(max=9) for x in lengths), topology)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_items_with_a_cost_that_is_not_finite_are_told(monkeypatch, topology, bad):
    monkeypatch.setattr(device, "LARGEST_BLOCK", 32)
    lengths = torch.full((4,), 40), torch.full((4,), 35)
    cost = torch.rand(4, 41, 36, generator=torch.Generator().manual_seed(5))
    cost[1, 3, 2], cost[2, 39, 34], cost[:, 40], cost[:, :, 35] = bad, bad, torch.nan, torch.nan
    found, _ = device.align_costs(cost, *lengths, topology)
    assert found.finite.tolist() == [True, False, False, True]
    with pytest.raises(ValueError, match="batch items: 1, 2$"):
        found.paths()


@pytest.mark.parametrize("negative", [[], [0, 3, 6]])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_sums_that_overflow_still_give_a_path_inside_the_text(topology, negative):
    cost = torch.full((1, 8, 5), 3e38)
    cost[:, negative] *= -1
    found, _ = device.align_costs(cost, torch.tensor([8]), torch.tensor([5]), topology)
    steps = found.path.diff()
    assert found.path.min() >= 0 and found.path.max() < 5 and (steps >= 0).all()
    if topology == "noskip":
        assert found.path[0, 0] == 0 and found.path[0, -1] == 4 and (steps <= 1).all()


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_an_empty_batch_gives_an_empty_result(topology):
    none = torch.zeros(0, dtype=torch.int64)
    found, total = device.align_costs(torch.zeros(0, 5, 3), none, none, topology)
    assert found.paths().shape == (0, 5) and total.shape == (0,) and len(found.pairs().text_row) == 0


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(6)
    # whole numbers: the distances are exact, however they are summed
    speech, text = (torch.randint(-4, 5, (3, n, 6), generator=generator).double() for n in (11, 7))
    return speech.requires_grad_(), text.requires_grad_(), torch.tensor([11, 7, 9]), torch.tensor([7, 3, 1])


@pytest.fixture
def on_device(monkeypatch):
    """Switches the CPU's tensors to the device's way."""
    return lambda: monkeypatch.setattr(device, "takes", lambda tensor, topology: topology in TOPOLOGIES)


@pytest.mark.parametrize("distance", ["sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_loss_and_gradient_are_those_of_the_cpu(on_device, monkeypatch, batch, topology, distance):
    def results():
        loss = consistency_loss(*batch, topology=topology, distance=distance, layer_norm=False)
        return loss, *torch.autograd.grad(loss, batch[:2])

    expected = results()
    on_device()
    monkeypatch.setattr(device, "GROUP_BYTES", 2 * 11 * 7 * 8)  # costs of two items at a time
    for ours, theirs in zip(results(), expected):
        torch.testing.assert_close(ours, theirs)


def test_best_alignment_is_that_of_the_cpu(on_device, batch):
    expected = best_alignment(*batch)
    on_device()
    ours = best_alignment(*batch)
    assert torch.equal(ours.path, expected.path) and torch.equal(ours.cost, expected.cost)


def test_the_gradient_of_a_frame_on_its_position_is_0(on_device):
    on_device()
    speech = torch.ones(1, 3, 2, requires_grad=True)
    loss = consistency_loss(speech, torch.ones(1, 1, 2), *torch.tensor([[3], [1]]), "best", "skip", "euclidean", False)
    assert loss == 0 and torch.equal(*torch.autograd.grad(loss, speech), torch.zeros(1, 3, 2))


def test_an_embedding_that_is_not_finite_makes_the_loss_nan_and_is_an_error_of_best_alignment(on_device, batch):
    on_device()
    speech, text, *lengths = (x.detach() for x in batch)
    text[1, 2] = torch.inf  # a position that a path could leave out
    assert consistency_loss(speech, text, *lengths, layer_norm=False).isnan()
    with pytest.raises(ValueError, match="batch items: 1$"):
        best_alignment(speech, text, *lengths)


def test_values_past_the_lengths_reach_neither_the_loss_nor_the_gradient(on_device, batch):
    on_device()
    speech, text, *lengths = batch
    past = torch.arange(11) >= lengths[0][:, None]
    filled = speech.detach().masked_fill(past[..., None], torch.nan).requires_grad_()
    loss = consistency_loss(filled, text, *lengths)
    assert torch.equal(loss, consistency_loss(*batch))
    gradient = torch.autograd.grad(loss, filled)[0]
    assert (gradient[past] == 0).all() and gradient.isfinite().all()
