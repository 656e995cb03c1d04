"""Alignments that do not look at distances."""

import pytest
import torch

from jstasr.align.paths import forced_path, framewise_path, random_path


def test_framewise_repeats_positions_evenly():
    path = framewise_path(torch.tensor([6, 5, 2]), torch.tensor([3, 2, 4]))
    assert path.tolist() == [[0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, -1], [0, 2, -1, -1, -1, -1]]


def test_random_is_monotone_inside_the_text_and_reproducible():
    lengths = torch.tensor([50, 30, 1]), torch.tensor([7, 20, 3])
    path = random_path(*lengths, 60, torch.Generator().manual_seed(0))
    assert path.shape == (3, 60)
    for b in range(3):
        inside = path[b, : lengths[0][b]]
        assert (inside.diff() >= 0).all() and inside.min() >= 0 and inside.max() < lengths[1][b]
        assert (path[b, lengths[0][b] :] == -1).all()
    assert torch.equal(path, random_path(*lengths, 60, torch.Generator().manual_seed(0)))
    assert not torch.equal(path, random_path(*lengths, 60, torch.Generator().manual_seed(1)))


def test_random_visits_positions_equally_often():
    path = random_path(torch.full((2000,), 10), torch.full((2000,), 4), generator=torch.Generator().manual_seed(0))
    share = torch.bincount(path.flatten()) / path.numel()
    torch.testing.assert_close(share, torch.full((4,), 0.25), rtol=0, atol=0.02)


def confident(labels, size=5):
    """Log-probabilities (1, n, size) that leave no doubt about the label of each frame."""
    return torch.nn.functional.one_hot(torch.tensor([labels]), size).float().mul(20).log_softmax(-1)


def test_forced_follows_the_labels_and_shares_out_the_blanks():
    log_probs = confident([0, 0, 3, 3, 0, 0, 0, 0, 1, 0, 2, 0])
    path = forced_path(log_probs, torch.tensor([[3, 1, 2]]), [12], [3])
    assert path.tolist() == [[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]]


def test_forced_keeps_repeated_labels_apart():
    log_probs = confident([4, 4, 0, 4, 4, 4])
    assert forced_path(log_probs, torch.tensor([[4, 4]]), [6], [2]).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_forced_equals_the_cheapest_ctc_path_by_enumeration():
    """Emissions of the most probable of all frame labellings that collapse to the text."""
    import itertools

    torch.manual_seed(0)
    for _ in range(20):
        log_probs = torch.randn(1, 6, 4).log_softmax(-1)
        text = torch.randint(1, 4, (1, 3))
        wanted = text[0].tolist()
        best = max(
            (frames for frames in itertools.product(range(4), repeat=6)
             if [k for k, _ in itertools.groupby(frames) if k] == wanted),
            key=lambda frames: sum(log_probs[0, i, k].item() for i, k in enumerate(frames)),
        )  # fmt: skip
        path = forced_path(log_probs, text, [6], [3])[0].tolist()
        index = -1
        for i, label in enumerate(best):
            if label and (i == 0 or best[i - 1] != label):
                index += 1
            if label:
                assert path[i] == index


def test_forced_falls_back_to_uniform_where_ctc_has_no_path():
    log_probs = confident([1, 1, 2, 2]).expand(2, 4, 5)
    path = forced_path(log_probs, torch.tensor([[1, 2, 0], [1, 1, 1]]), [4, 4], [2, 3])
    assert path.tolist() == [[0, 0, 1, 1], [0, 0, 1, 2]]


def test_forced_spreads_frames_over_the_copies_of_a_label():
    log_probs = confident([1, 1, 1, 1, 2, 2, 2, 2])
    path = forced_path(log_probs, torch.tensor([[1, 2]]), [8], [2], repeats=torch.tensor([[2, 3]]))
    assert path.tolist() == [[0, 0, 1, 1, 2, 2, 3, 4]]


@pytest.mark.parametrize("n", [10, 14])
def test_paths_are_padded_to_the_width_of_the_batch(n):
    lengths = torch.tensor([10, 4]), torch.tensor([3, 2])
    assert framewise_path(*lengths, n).shape == random_path(*lengths, n).shape == (2, n)
