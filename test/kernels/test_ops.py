"""Each kernel against its formula in torch's own operations, forward and backward.

In double precision, which no kernel takes, an operation is the formula that stands in ops.py; that one is compared with
another way to write it.
"""

import pytest
import torch
import torch.nn.functional as F
from torchaudio.functional import rnnt_loss

from jstasr.kernels import instructions
from jstasr.kernels.ops import (
    add_dropout,
    add_tanh,
    convolution,
    depthwise_convolution,
    gated_convolution,
    hat_cells,
    log_probabilities,
    rotate,
    self_attention,
    silu_dropout,
    split_heads,
    transducer_loss,
)
from jstasr.model.conformer import attention_mask, rotary_angles

TOLERANCE = {torch.float32: dict(atol=2e-6, rtol=2e-5), torch.bfloat16: dict(atol=2e-2, rtol=2e-2)}

NEARLY_NONE = 1e-9  # a dropout that drops nothing, where 0 would leave the work to torch


@pytest.fixture(params=instructions.INSTRUCTION_SETS, autouse=True)
def instruction_set(request):
    """Every instruction set that the processor has."""
    if request.param not in instructions.available():
        pytest.skip(f"no {request.param} here")
    instructions.use(request.param)
    torch.manual_seed(0)
    yield request.param
    instructions.use()


@pytest.fixture(params=TOLERANCE, ids=str)
def dtype(request):
    return request.param


def with_gradients(operation, weight, *inputs):
    """The value of an operation, and the gradients of its inputs (given the gradient `weight` of the value)."""
    given = [x.detach().clone().requires_grad_() for x in inputs]
    found = operation(*given)
    found.backward(weight.to(found.dtype))
    return found.detach(), [x.grad for x in given]


def assert_same(operation, formula, *inputs):
    """The kernel of `operation`, its own formula, and `formula` give one value and one gradient."""
    tolerance = TOLERANCE[inputs[0].dtype]
    exact = [x.double() for x in inputs]
    weight = torch.randn(formula(*exact).shape).to(inputs[0].dtype)
    wanted, slopes = with_gradients(formula, weight, *exact)
    torch.testing.assert_close(with_gradients(operation, weight, *exact), (wanted, slopes), atol=1e-9, rtol=1e-7)
    found, gradients = with_gradients(operation, weight, *inputs)
    torch.testing.assert_close(found.double(), wanted, **tolerance)
    for x, gradient, slope in zip(inputs, gradients, slopes):
        assert gradient.dtype == x.dtype
        scale = max(1.0, float(slope.abs().max()))  # a sum over a batch rounds in proportion to its largest terms
        torch.testing.assert_close(gradient.double() / scale, slope / scale, **tolerance)
    assert_same_without_gradients(operation, formula, *inputs)


def assert_same_without_gradients(operation, formula, *inputs):
    """`operation` gives the value of `formula` where no gradient is wanted."""
    with torch.inference_mode():
        found, wanted = operation(*inputs), formula(*(x.double() for x in inputs))
    torch.testing.assert_close(found.double(), wanted, **TOLERANCE[inputs[0].dtype])


def test_silu_over_its_whole_range(dtype):
    x = torch.cat([torch.linspace(-100, 100, 1001), torch.linspace(-1e-3, 1e-3, 33), torch.zeros(3)])
    assert_same(lambda x: silu_dropout(x, 0.0), F.silu, x.to(dtype))


def test_residual(dtype):
    residual, x = torch.randn(2, 3, 5, 7).to(dtype)
    assert_same(lambda r, x: add_dropout(r, x, 0.5, 0.0), lambda r, x: r + 0.5 * x, residual, x)


def test_values_that_are_not_finite_stay_so():
    x = torch.tensor([float("nan"), float("inf"), 1.0])
    assert silu_dropout(x, 0.0).isfinite().tolist() == [False, False, True]
    assert add_dropout(x, torch.ones(3), 1.0, 0.0).isfinite().tolist() == [False, False, True]
    short = silu_dropout(x.bfloat16(), 0.0)
    assert short.isnan().tolist() == [True, False, False] and float(short[1]) == float("inf")


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("channels, length", [(16, 9), (13, 1), (8, 30)])
def test_gated_convolution(dtype, causal, channels, length):
    x = torch.randn(3, length, 2 * channels).to(dtype)
    weight, bias = torch.randn(channels, 1, 5), torch.randn(channels)
    past, future = (4, 0) if causal else (2, 2)
    inside = None if causal else (torch.arange(length)[None] < torch.tensor([[length], [1], [5]]))[:, :, None]

    def formula(x, weight, bias):
        gated = F.glu(x, -1) if inside is None else F.glu(x, -1) * inside
        return F.conv1d(F.pad(gated.mT, (past, future)), weight, bias, groups=channels).mT

    assert_same(lambda *given: gated_convolution(*given, inside, past, future), formula, x, weight, bias)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("length", [3, 4, 30])
def test_convolution(dtype, length, stride):
    given = [torch.randn(shape).to(dtype) for shape in ((2, length, 5), (7, 5, 3), (7,))]

    def formula(x, weight, bias):
        return F.conv1d(x.mT, weight, bias, stride).mT

    assert_same_without_gradients(lambda *given: convolution(*given, stride), formula, *given)


@pytest.mark.parametrize("length", [5, 6, 30])
def test_depthwise_convolution(dtype, length):
    given = [torch.randn(shape).to(dtype) for shape in ((2, length, 13), (13, 1, 5), (13,))]

    def formula(x, weight, bias):
        return F.conv1d(x.mT, weight, bias, groups=13).mT

    assert_same_without_gradients(depthwise_convolution, formula, *given)


@pytest.mark.parametrize("part", range(3))
def test_heads(dtype, part):
    heads, size, length = 2, 6, 11
    angles = rotary_angles(3, length, size, torch.device("cpu"))
    projected = torch.randn(3, length, 3 * heads * size).to(dtype)

    def formula(projected):
        vectors = projected.view(3, length, 3, heads, size)[:, :, part].transpose(1, 2)
        turned = torch.polar(torch.ones(()).double(), angles.double()) * torch.complex(*vectors.chunk(2, dim=-1))
        return vectors if part == 2 else torch.cat([turned.real, turned.imag], dim=-1)

    assert_same_without_gradients(
        lambda x: split_heads(x, angles.cos().to(dtype), angles.sin().to(dtype), heads)[part], formula, projected
    )


@pytest.mark.parametrize("chunk", [None, 0, 3])
def test_attention(dtype, chunk):
    batch, length, heads, dim = 3, 11, 2, 12
    lengths = torch.tensor([11, 4, 1])
    mask = None if chunk is None else attention_mask(lengths, length, chunk, left_chunks=1)
    angles = rotary_angles(0, length, dim // heads, torch.device("cpu"))

    def formula(projected):
        query, key, value = projected.view(batch, length, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        query, key = (rotate(x, angles.double().cos(), angles.double().sin()) for x in (query, key))
        scores = query @ key.mT / (dim // heads) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return (scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, length, dim)

    projected = torch.randn(batch, length, 3 * dim).to(dtype)

    def attention(x):  # without dropout the kernel would leave the work to torch
        cos, sin = (f(angles.to(torch.promote_types(x.dtype, torch.float32))) for f in (torch.cos, torch.sin))
        return self_attention(x, mask, cos, sin, heads, NEARLY_NONE if x.dtype != torch.float64 else 0.0)

    assert_same(attention, formula, projected)


def test_sum_of_frame_and_prefix(dtype):
    encoded = torch.cat([torch.randn(2, 4, 9), torch.full((2, 1, 9), 1e-4), torch.full((2, 1, 9), 50.0)], dim=1)
    predicted = torch.cat([torch.randn(2, 2, 9), torch.zeros(2, 1, 9)], dim=1)
    assert_same(add_tanh, lambda e, p: (e[:, :, None] + p[:, None]).tanh(), encoded.to(dtype), predicted.to(dtype))


def test_cells(dtype):
    logits, following = 3 * torch.randn(2, 4, 3, 11).to(dtype), torch.randint(1, 11, (2, 3))

    def formula(logits):
        blank = logits[..., :1]
        labels = F.logsigmoid(-blank) + logits[..., 1:].log_softmax(-1)
        return torch.cat(
            [F.logsigmoid(blank), labels.gather(-1, following[:, None, :, None].expand(2, 4, 3, 1) - 1)], -1
        )

    assert_same(lambda logits: log_probabilities(logits, following), formula, logits)


def test_cells_of_the_whole_joint_network():
    following = torch.randint(1, 11, (2, 3))
    parts = torch.randn(2, 4, 6), torch.randn(2, 3, 6), torch.randn(11, 6), torch.randn(11)

    def formula(encoded, predicted, weight, bias):
        logits = (encoded[:, :, None] + predicted[:, None]).tanh() @ weight.T + bias
        blank, labels = logits[..., :1], logits[..., 1:].log_softmax(-1)
        label = labels.gather(-1, following[:, None, :, None].expand(2, 4, 3, 1) - 1)
        return torch.cat([blank.sigmoid().log(), (1 - blank.sigmoid()).log() + label], -1)

    assert_same(lambda *given: hat_cells(*given, following), formula, *parts)


@pytest.mark.parametrize("label", [0, 11, -1])
def test_cells_refuse_a_label_out_of_range(label):
    with pytest.raises(IndexError, match="only 1 to 10"):
        hat_cells(
            torch.zeros(1, 2, 4),
            torch.zeros(1, 3, 4),
            torch.zeros(11, 4),
            torch.zeros(11),
            torch.tensor([[1, label, 2]]),
        )


def test_lattice_equals_the_transducer_loss_of_torchaudio():
    lengths, label_lengths = torch.tensor([7, 1, 5, 3]), torch.tensor([4, 2, 0, 4])
    cells = torch.randn(4, 7, 5, 2).log_softmax(-1)
    results = []
    for loss in (transducer_loss, None):
        given = cells.clone().requires_grad_()
        if loss is not None:
            nats = loss(given, lengths, label_lengths)
        else:
            ones = torch.ones(4, 4, dtype=torch.int32)
            nats = rnnt_loss(
                given, ones, lengths.int(), label_lengths.int(), blank=0, reduction="none", fused_log_softmax=False
            )
        (nats * torch.tensor([1.0, -2.0, 0.5, 3.0])).sum().backward()
        results.append((nats.detach(), given.grad))
    torch.testing.assert_close(*[nats for nats, _ in results], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*[gradient for _, gradient in results], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "lengths, label_lengths", [([3, 4], [2, 2]), ([3, 0], [2, 2]), ([3, 3], [3, 2]), ([3, 3], [-1, 0])]
)
def test_lattice_refuses_lengths_out_of_range(lengths, label_lengths):
    with pytest.raises(ValueError, match="numbers of (frames|labels) from"):
        transducer_loss(torch.zeros(2, 3, 3, 2), torch.tensor(lengths), torch.tensor(label_lengths))


def test_lattice_that_is_not_finite_says_so():
    cells = torch.zeros(1, 2, 1, 2)
    cells[0, 1, 0, 0] = float("nan")
    assert transducer_loss(cells, torch.tensor([2]), torch.tensor([0])).isnan().all()


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_dropout_keeps_its_share_and_its_mean(dtype, probability):
    count = 200_000
    out = add_dropout(torch.zeros(count, dtype=dtype), torch.ones(count, dtype=dtype), 0.5, probability).float()
    assert sorted(out.unique().tolist()) == pytest.approx([0.0, 0.5 / (1 - probability)], rel=4e-3)
    dropped = (out == 0).double()
    assert float(dropped.mean()) == pytest.approx(probability, abs=5 * (probability / count) ** 0.5)
    # what is dropped says nothing about its neighbours, near or as far as a row of a layer
    for distance in (1, 2, 8, 144, 576):
        pair = ((dropped[distance:] - probability) * (dropped[:-distance] - probability)).mean()
        assert abs(float(pair)) < 5 * probability * (1 - probability) / count**0.5


def test_dropout_differs_from_call_to_call_and_is_the_same_from_the_same_seed():
    x, zero = torch.ones(100_000), torch.zeros(100_000)
    draws = [add_dropout(zero, x, 1.0, 0.1) for _ in range(2)]
    both = ((draws[0] == 0) & (draws[1] == 0)).double().mean()
    assert float(both) == pytest.approx(0.01, abs=0.002)
    torch.manual_seed(0)
    assert torch.equal(add_dropout(zero, x, 1.0, 0.1), draws[0])


def test_dropped_elements_get_no_gradient_and_kept_ones_the_gradient_of_their_formula():
    x = torch.randn(5000, requires_grad=True)
    out = silu_dropout(x, 0.25)
    out.sum().backward()
    kept = (out != 0).detach()
    exact = x.detach().double().requires_grad_()
    (F.silu(exact)[kept] / 0.75).sum().backward()
    torch.testing.assert_close(x.grad.double(), exact.grad, atol=1e-6, rtol=1e-5)
    assert 0.2 < float((~kept).double().mean()) < 0.3


def test_attention_with_dropout_has_the_gradient_of_its_finite_differences():
    angles = rotary_angles(0, 6, 4, torch.device("cpu"))
    projected = torch.randn(1, 6, 24)
    direction = torch.randn(1, 6, 24)

    def value(x):
        torch.manual_seed(5)
        return self_attention(x, None, angles.cos(), angles.sin(), 2, 0.3).double().square().sum()

    given = projected.clone().requires_grad_()
    value(given).backward()
    slope = (value(projected + 1e-2 * direction) - value(projected - 1e-2 * direction)) / 2e-2
    assert float((given.grad * direction).sum()) == pytest.approx(float(slope), rel=2e-3)


def test_results_do_not_depend_on_the_number_of_threads():
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(1)
            x = torch.randn(5, 40, 96, requires_grad=True)
            weight, bias = torch.randn(48, 1, 5), torch.randn(48)
            hidden = silu_dropout(x.repeat(1, 1, 3), 0.2)[:, :, :96]
            hidden = gated_convolution(hidden, weight, bias, None, 4, 0)
            hidden.square().sum().backward()
            results.append((hidden.detach(), x.grad))
    finally:
        torch.set_num_threads(before)
    for hidden, gradient in results[1:]:
        assert torch.equal(hidden, results[0][0]) and torch.equal(gradient, results[0][1])


def test_numbers_near_zero_count_as_zero_in_the_kernels_alone():
    """They would make the vector code ten times slower on some processors; torch's own operations keep them."""
    tiny = torch.full((64,), 1e-39)
    assert float(silu_dropout(tiny, 0.0).abs().max()) < 1e-38
    assert (tiny * 1.0 > 0).all()
