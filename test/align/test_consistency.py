"""consistency_loss: values from their definition, gradients from finite differences."""

import pytest
import torch

from jstasr.align import best_alignment, consistency_loss
from jstasr.align.paths import framewise_path

CONSTANT = ("best", "framewise", "random", "forced")
DISTANCES = ("sqeuclidean", "euclidean", "cosine")


def batch(seed, dtype=torch.float64, n=7, m=4, d=5, items=3):
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(items, n, d, generator=generator, dtype=dtype).requires_grad_()
    text = torch.randn(items, m, d, generator=generator, dtype=dtype).requires_grad_()
    return speech, text, torch.tensor([7, 5, 6]), torch.tensor([4, 3, 4])


def options(kind, lengths):
    """What makes a repeated call return the same."""
    return {
        "path": framewise_path(*lengths) if kind == "forced" else None,
        "generator": torch.Generator().manual_seed(0) if kind == "random" else None,
    }


@pytest.mark.parametrize("topology", ["skip", "noskip", "dtw"])
def test_is_the_cost_per_frame_averaged_over_utterances(topology):
    speech, text, *lengths = batch(1)
    cost = best_alignment(speech, text, *lengths, topology).cost
    loss = consistency_loss(speech, text, *lengths, topology=topology, layer_norm=False)
    torch.testing.assert_close(loss, (cost / lengths[0]).mean())


@pytest.mark.parametrize("distance", DISTANCES)
def test_framewise_is_the_distance_to_the_stretched_text(distance):
    speech, text, *lengths = batch(2)
    means = []
    for b, (n, m) in enumerate(zip(*(x.tolist() for x in lengths))):
        stretched = text[b, [i * m // n for i in range(n)]]
        difference = (speech[b, :n] - stretched).norm(dim=1)
        means.append(
            {
                "sqeuclidean": difference.square(),
                "euclidean": difference,
                "cosine": 1 - torch.cosine_similarity(speech[b, :n], stretched),
            }[distance].mean()
        )
    loss = consistency_loss(speech, text, *lengths, "framewise", distance=distance, layer_norm=False)
    torch.testing.assert_close(loss, torch.stack(means).mean())


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("kind", [*CONSTANT, "soft_dtw"])
def test_gradient_equals_finite_differences(kind, distance, layer_norm):
    speech, text, *lengths = batch(3)

    def loss(speech, text):
        return consistency_loss(
            speech, text, *lengths, kind, distance=distance, layer_norm=layer_norm, **options(kind, lengths)
        )

    assert torch.autograd.gradcheck(loss, (speech, text))


@pytest.mark.parametrize("topology", ["noskip", "dtw"])
@pytest.mark.parametrize("kind", ["best", "soft_dtw"])
def test_gradient_equals_finite_differences_under_other_topologies(kind, topology):
    speech, text, *lengths = batch(4)
    assert torch.autograd.gradcheck(
        lambda a, t: consistency_loss(a, t, *lengths, kind, topology=topology), (speech, text)
    )


def test_transport_has_the_gradient_of_its_plan_held_fixed():
    from jstasr.align.distance import pairwise_distances
    from jstasr.align.soft import transport_plan

    speech, text, *lengths = batch(5)
    loss = consistency_loss(speech, text, *lengths, "sinkhorn", layer_norm=False, gamma=0.5)
    plan = transport_plan(pairwise_distances(speech, text, "sqeuclidean").detach(), *lengths, 0.5)
    fixed = (plan * torch.cdist(speech, text).square()).sum((1, 2)).mean()
    torch.testing.assert_close(loss, fixed)
    for ours, theirs in zip(*(torch.autograd.grad(x, (speech, text)) for x in (loss, fixed))):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", [*CONSTANT, "soft_dtw", "sinkhorn"])
def test_padding_changes_neither_value_nor_gradient_and_gets_none(kind):
    speech, text, *lengths = batch(6, torch.float32)
    extra = options(kind, lengths)
    loss = consistency_loss(speech, text, *lengths, kind, **extra)
    expected = torch.autograd.grad(loss, (speech, text))
    with torch.no_grad():
        for x, length in ((speech, lengths[0]), (text, lengths[1])):
            for b in range(3):
                x[b, length[b] :] = torch.nan
    again = consistency_loss(speech, text, *lengths, kind, **options(kind, lengths))
    torch.testing.assert_close(again, loss)
    for grad, other, length in zip(torch.autograd.grad(again, (speech, text)), expected, lengths):
        torch.testing.assert_close(grad, other)
        for b in range(3):
            assert (grad[b, length[b] :] == 0).all()


@pytest.mark.parametrize("kind", [*CONSTANT, "soft_dtw", "sinkhorn", "none"])
def test_stop_gradient_leaves_one_side_constant(kind):
    speech, text, *lengths = batch(7)
    both = torch.autograd.grad(consistency_loss(speech, text, *lengths, kind, **options(kind, lengths)), (speech, text))
    for side, index in (("speech", 0), ("text", 1)):
        loss = consistency_loss(speech, text, *lengths, kind, stop_gradient=side, **options(kind, lengths))
        grads = torch.autograd.grad(loss, (speech, text), allow_unused=True)
        if kind != "none":
            assert grads[index] is None
        torch.testing.assert_close(grads[1 - index], both[1 - index])


def test_none_is_zero_and_may_be_differentiated():
    speech, text, *lengths = batch(8)
    loss = consistency_loss(speech, text, *lengths, "none")
    loss.backward()
    assert loss.item() == 0 and not speech.grad.any() and not text.grad.any()


def test_layer_norm_bounds_the_loss_whatever_the_scale():
    for d in (4, 300):
        speech, text = torch.randn(2, 20, d) * 1000 + 7, torch.randn(2, 9, d) / 1000
        lengths = [20, 20], [9, 9]
        loss = consistency_loss(speech, text, *lengths, "framewise")
        assert 0 <= loss <= 4
        normal = [torch.nn.functional.layer_norm(x, (d,)) for x in (speech, text)]
        plain = consistency_loss(*normal, *lengths, "framewise", layer_norm=False)
        torch.testing.assert_close(loss, plain / d, rtol=1e-2, atol=0)  # 1e-5 beside a variance of 1e-6


def test_layers_are_averaged_with_their_weights():
    layers = [batch(seed)[:2] for seed in (1, 2, 3)]
    lengths = batch(1)[2:]
    single = [consistency_loss(a, t, *lengths).item() for a, t in layers]
    speech, text = zip(*layers)
    assert consistency_loss(speech, text, *lengths).item() == pytest.approx(sum(single) / 3)
    weighted = consistency_loss(speech, text, *lengths, layer_weights=[1, 0, 3]).item()
    assert weighted == pytest.approx((single[0] + 3 * single[2]) / 4)
    for weights in ([1, 1], [0, 0, 0], [1, 1, -1]):
        with pytest.raises(ValueError, match="weights"):
            consistency_loss(speech, text, *lengths, layer_weights=weights)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", [*CONSTANT, "soft_dtw", "sinkhorn"])
def test_half_precision_and_autocast_compute_in_single(kind, dtype):
    speech, text, *lengths = batch(9, torch.float32)
    speech, text = (x.detach().to(dtype).requires_grad_() for x in (speech, text))
    expected = consistency_loss(speech.float(), text.float(), *lengths, kind, **options(kind, lengths))
    with torch.autocast("cpu", torch.bfloat16):
        loss = consistency_loss(speech, text, *lengths, kind, **options(kind, lengths))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert speech.grad.dtype == dtype and speech.grad.isfinite().all()


@pytest.mark.parametrize("kind", [*CONSTANT, "soft_dtw", "sinkhorn"])
def test_layout_does_not_matter(kind):
    speech, text, *lengths = batch(10)
    expected = consistency_loss(speech, text, *lengths, kind, **options(kind, lengths))
    turned = [x.detach().transpose(0, 2).contiguous().transpose(0, 2) for x in (speech, text)]
    torch.testing.assert_close(consistency_loss(*turned, *lengths, kind, **options(kind, lengths)), expected)


def test_equal_vectors_have_no_distance_and_a_finite_gradient():
    for distance in DISTANCES:
        speech = torch.randn(1, 4, 6, requires_grad=True)
        text = speech.detach().clone().requires_grad_()
        for kind in ("best", "soft_dtw", "sinkhorn"):
            loss = consistency_loss(speech, text, [4], [4], kind, distance=distance, gamma=1e-3)
            assert abs(loss.item()) < 1e-2
            grads = torch.autograd.grad(loss, (speech, text))
            assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"alignment": "worst"}, "alignment must be one of best"),
        ({"topology": "hop"}, "topology must be one of skip"),
        ({"distance": "l7"}, "distance must be one of sqeuclidean"),
        ({"stop_gradient": "both"}, "stop_gradient must be one of none"),
        ({"alignment": "soft_dtw", "gamma": 0}, "gamma must be above 0"),
        ({"alignment": "sinkhorn", "gamma": -1}, "gamma must be above 0"),
        ({"alignment": "forced"}, "needs a path"),
        ({"alignment": "forced", "path": torch.zeros(3, 5)}, r"path must be \(3, 7\)"),
        ({"alignment": "forced", "path": torch.full((3, 7), 3)}, "batch items: 1$"),
    ],
)
def test_wrong_options_are_errors(wrong, message):
    with pytest.raises(ValueError, match=message):
        consistency_loss(*batch(11), **wrong)


@pytest.mark.parametrize("kind", ["best", "framewise", "random", "forced", "soft_dtw", "sinkhorn"])
def test_an_embedding_that_is_not_finite_is_an_error_that_names_the_items(kind):
    speech, text, *lengths = batch(12)
    speech = speech.detach()
    speech[1, 2, 0] = torch.inf
    with pytest.raises(ValueError, match="batch items: 1$"):
        consistency_loss(speech, text, *lengths, kind, **options(kind, lengths))


def test_training_on_it_pulls_the_two_sides_together():
    torch.manual_seed(0)
    speech, text = torch.randn(4, 30, 8), torch.randn(4, 10, 8)
    weight = torch.eye(8).requires_grad_()
    optimiser = torch.optim.SGD([weight], 0.5)
    losses = []
    for _ in range(30):
        loss = consistency_loss(speech @ weight, text, [30] * 4, [10] * 4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_layers_on_one_side_alone_are_refused():
    frames, lengths = torch.zeros(1, 3, 2), torch.tensor([3])
    with pytest.raises(ValueError, match="both be tensors, or both sequences"):
        consistency_loss([frames], frames, lengths, lengths)
