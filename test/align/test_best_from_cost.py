"""best_alignment_from_cost is exact on every input."""

import multiprocessing

import numpy as np
import pytest
import torch

from jstasr.align import BestAlignment, best_alignment_from_cost
from jstasr.kernels import instructions

TOPOLOGIES = ("skip", "noskip", "dtw")

COSTS = {
    "uniform": lambda rng, shape: rng.random(shape),
    "ties": lambda rng, shape: rng.integers(0, 3, shape),
    "negative ties": lambda rng, shape: rng.integers(-3, 2, shape),
    "all equal": lambda rng, shape: np.full(shape, rng.integers(-1, 2)),
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e35,
    "near the largest": lambda rng, shape: rng.choice([1, -1], shape) * rng.random(shape) * 3.4e38 / 90,
    "denormal": lambda rng, shape: rng.integers(-5, 9, shape) * 1.4e-45,
    "zeros of either sign": lambda rng, shape: rng.choice([0.0, -0.0], shape),
    "mixed sizes": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-30, 30, shape),
}


def draw(rng, topology, largest, batch, kind, dtype=np.float32):
    """A batch of costs with NaN as padding, and its lengths."""
    shape = (int(rng.integers(1, batch + 1)), *(int(rng.integers(1, most + 1)) for most in largest))
    speech_lengths = rng.integers(1, shape[1] + 1, shape[0])
    text_lengths = rng.integers(1, shape[2] + 1, shape[0])
    if topology == "noskip":
        text_lengths = np.minimum(speech_lengths, text_lengths)
    cost = COSTS[kind](rng, shape).astype(dtype)
    for b in range(shape[0]):
        cost[b, speech_lengths[b] :] = np.nan
        cost[b, :, text_lengths[b] :] = np.nan
    return cost, speech_lengths, text_lengths


def aligned_pairs(result, b, topology, length):
    if topology == "dtw":
        return tuple(map(tuple, result.path[b].tolist()))
    assert (result.path[b, length:] == -1).all()
    return tuple(enumerate(result.path[b, :length].tolist()))


def check_against(oracle, cost, speech_lengths, text_lengths, topology):
    result = best_alignment_from_cost(
        torch.from_numpy(cost), torch.from_numpy(speech_lengths), torch.from_numpy(text_lengths), topology
    )
    for b, (n, m) in enumerate(zip(speech_lengths, text_lengths)):
        path, total = oracle(cost[b, :n, :m], topology)
        assert aligned_pairs(result, b, topology, n) == path, (topology, n, m)
        # to the last bit, the sign of a zero included
        assert np.array(result.cost[b]).tobytes() == np.asarray(total, cost.dtype).tobytes()


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_enumeration_of_all_paths(kernels, oracles, topology):
    rng = np.random.default_rng(1)
    for _ in range(40):
        kind = rng.choice(["ties", "negative ties", "all equal"])
        check_against(oracles.by_enumeration, *draw(rng, topology, (5, 4), 3, kind), topology)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_the_recursion_as_written(kernels, oracles, topology, kind, dtype):
    rng = np.random.default_rng(2)
    for _ in range(6):
        check_against(oracles.by_recursion, *draw(rng, topology, (40, 40), 4, kind, dtype), topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_the_recursion_around_the_widths_of_vectors(kernels, oracles, topology):
    rng = np.random.default_rng(3)
    for n in (1, 2, 15, 16, 17, 33):
        for m in (1, 2, 7, 8, 9, 16, 17, 63, 64, 65):
            if topology == "noskip" and n < m:
                continue
            cost = rng.integers(0, 5, (1, n, m)).astype(np.float32)
            check_against(oracles.by_recursion, cost, np.array([n]), np.array([m]), topology)


@pytest.mark.slow
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_equals_the_recursion_on_thousands_of_batches(kernels, oracles, topology):
    rng = np.random.default_rng(4)
    for _ in range(1000):
        kind = rng.choice(list(COSTS))
        check_against(oracles.by_recursion, *draw(rng, topology, (24, 24), 20, kind), topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_all_kernels_agree_on_large_ragged_batches(kernels, topology):
    rng = np.random.default_rng(5)
    lengths = torch.from_numpy(rng.integers(150, 300, 19)), torch.from_numpy(rng.integers(80, 150, 19))
    cost = torch.from_numpy(rng.random((19, 300, 150)).astype(np.float32))
    ours = best_alignment_from_cost(cost, *lengths, topology)
    instructions.use("portable")
    reference = best_alignment_from_cost(cost, *lengths, topology)
    assert torch.equal(ours.cost, reference.cost)
    for a, b in zip(ours.path, reference.path):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_threads_change_nothing(kernels, topology):
    rng = np.random.default_rng(6)
    cost = torch.from_numpy(rng.random((24, 120, 60)).astype(np.float32))
    lengths = torch.from_numpy(rng.integers(60, 121, 24)), torch.from_numpy(rng.integers(20, 61, 24))
    serial = best_alignment_from_cost(cost, *lengths, topology)
    torch.set_num_threads(3)
    parallel = best_alignment_from_cost(cost, *lengths, topology)
    assert torch.equal(serial.cost, parallel.cost)
    assert all(np.array_equal(a, b) for a, b in zip(serial.path, parallel.path))


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_sums_that_overflow_still_give_a_path_inside_the_text(kernels, topology):
    for value in (3e38, -3e38):
        cost = torch.full((9, 20, 12), value)
        cost[:, ::3] *= -1
        result = best_alignment_from_cost(cost, torch.full((9,), 20), torch.full((9,), 12), topology)
        for b in range(9):
            frames, positions = zip(*aligned_pairs(result, b, topology, 20))
            assert set(frames) == set(range(20))
            assert all(0 <= j < 12 for j in positions)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_not_finite_is_an_error_that_names_the_items(kernels, topology, bad):
    rng = np.random.default_rng(7)
    lengths = torch.full((12,), 20), torch.full((12,), 9)
    for i, j in ((0, 0), (0, 8), (19, 0), (19, 8), (7, 3), (16, 8)):
        cost = torch.from_numpy(rng.random((12, 21, 10)).astype(np.float32))
        cost[[3, 10], i, j] = bad
        with pytest.raises(ValueError, match=r"batch items: 3, 10$"):
            best_alignment_from_cost(cost, *lengths, topology)


@pytest.mark.parametrize("which", ["speech_lengths", "text_lengths"])
@pytest.mark.parametrize("length", [0, -1, 6, 2**40])
def test_a_length_out_of_range_is_an_error_that_names_the_items(which, length):
    lengths = {"speech_lengths": torch.full((3,), 5), "text_lengths": torch.full((3,), 5)}
    lengths[which][1] = length
    with pytest.raises(ValueError, match=rf"{which} must lie in 1..5; item 1: {length}$"):
        best_alignment_from_cost(torch.rand(3, 5, 5), **lengths)


def test_fewer_frames_than_positions_is_an_error_under_noskip():
    with pytest.raises(ValueError, match="item 0: 3 frames < 4 positions, item 2: 1 frames < 2 positions"):
        best_alignment_from_cost(torch.rand(3, 5, 5), torch.tensor([3, 5, 1]), torch.tensor([4, 5, 2]), "noskip")


@pytest.mark.parametrize(
    "shape, speech, text, topology, message",
    [
        ((5, 5), [5], [5], "skip", "cost must be"),
        ((2, 5, 5), [5], [5, 5], "skip", r"speech_lengths must be \(2,\)"),
        ((2, 5, 5), [5, 5], [5.0, 5.0], "skip", "text_lengths must be .* integers"),
        ((2, 5, 5), [True, True], [5, 5], "skip", "speech_lengths must be .* integers"),
        ((2, 5, 5), [5, 5], [5, 5], "hop", "topology must be one of skip, noskip, dtw"),
    ],
)
def test_arguments_of_the_wrong_form_are_errors(shape, speech, text, topology, message):
    with pytest.raises(ValueError, match=message):
        best_alignment_from_cost(torch.rand(shape), speech, text, topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_layout_type_and_gradient_of_the_input_do_not_matter(kernels, topology):
    rng = np.random.default_rng(8)
    cost = torch.from_numpy(rng.integers(0, 9, (10, 20, 12)).astype(np.float32))
    lengths = torch.from_numpy(rng.integers(12, 21, 10)), torch.from_numpy(rng.integers(1, 13, 10))
    wide = torch.full((10, 25, 40), torch.nan)
    wide[:, :20, :12] = cost
    expected = best_alignment_from_cost(cost, *lengths, topology)
    for other in (
        cost.transpose(1, 2).contiguous().transpose(1, 2),
        cost.transpose(0, 1).contiguous().transpose(0, 1),
        wide[:, :20, :12],
        cost.clone().requires_grad_(),
        cost.double(),
        cost.half(),
        cost.bfloat16(),
        cost.int(),
        cost.numpy(),
    ):
        for form in (lengths, [x.int() for x in lengths], [x.tolist() for x in lengths], [x.numpy() for x in lengths]):
            result = best_alignment_from_cost(other, *form, topology)
            assert all(np.array_equal(a, b) for a, b in zip(result.path, expected.path))
            assert torch.equal(result.cost.float(), expected.cost)


def test_rows_of_an_expanded_tensor_may_share_memory():
    cost = torch.rand(1, 1, 6).expand(3, 4, 6)
    result = best_alignment_from_cost(cost, [4] * 3, [6] * 3)
    assert (result.path == cost[0, 0].argmin()).all()


def test_result_has_the_documented_form():
    cost = torch.rand(3, 7, 4)
    result = best_alignment_from_cost(cost, [7, 5, 6], [4, 4, 3])
    assert isinstance(result, BestAlignment)
    assert result.path.dtype == torch.int64 and result.path.shape == (3, 7)
    assert result.cost.dtype == torch.float32 and result.cost.shape == (3,)
    assert best_alignment_from_cost(cost.double(), [7, 5, 6], [4, 4, 3]).cost.dtype == torch.float64
    pairs = best_alignment_from_cost(cost, [7, 5, 6], [4, 4, 3], "dtw").path
    assert isinstance(pairs, list) and [p.shape[1] for p in pairs] == [2, 2, 2]
    assert all(p.dtype == np.int64 for p in pairs)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_an_empty_batch_gives_an_empty_result(topology):
    result = best_alignment_from_cost(torch.rand(0, 5, 4), torch.zeros(0, dtype=torch.int64), [], topology)
    assert len(result.path) == 0 and result.cost.shape == (0,)


def test_the_global_interpreter_lock_is_released():
    """Another thread runs on while a batch is aligned."""
    import threading

    cost, lengths = torch.rand(2, 6000, 3000), ([6000] * 2, [3000] * 2)
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.0005):
            ticks.append(aligning)

    aligning = False
    thread = threading.Thread(target=tick)
    thread.start()
    aligning = True
    best_alignment_from_cost(cost.double(), *lengths, "dtw")  # the slowest kernel
    aligning = False
    stop.set()
    thread.join()
    assert sum(ticks) > 5


def test_a_forked_process_aligns_without_the_threads_that_it_does_not_have():
    cost, lengths = torch.rand(20, 120, 60), ([120] * 20, [60] * 20)
    torch.set_num_threads(2)
    expected = best_alignment_from_cost(cost, *lengths).cost.tolist()
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: sender.send(best_alignment_from_cost(cost, *lengths).cost.tolist()), daemon=True
    )
    child.start()
    try:
        assert receiver.poll(60), "the forked process waits for ever"
        assert receiver.recv() == expected
    finally:
        child.kill()
