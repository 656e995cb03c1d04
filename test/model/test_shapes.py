"""Shapes that a caller can get wrong are refused with what was expected and what came."""

import pytest
import torch


@pytest.mark.parametrize(
    "features, lengths",
    [((2, 30, 40), (2,)), ((30, 20), (30,)), ((2, 30, 20), (3,)), ((2, 30, 20), (2, 1))],
    ids=["mel bins", "no batch", "lengths of another batch", "lengths of two dimensions"],
)
def test_speech(model, features, lengths):
    with pytest.raises(ValueError, match=r"features \(N, T, 20\) and lengths \(N,\), got \(\d+, "):
        model.encode_speech(torch.zeros(features), torch.ones(lengths, dtype=torch.long))


@pytest.mark.parametrize("phones, lengths", [((9,), (9,)), ((2, 9), (3,))])
def test_text(model, phones, lengths):
    with pytest.raises(ValueError, match=r"phones \(N, P\) and lengths \(N,\), got"):
        model.encode_text(torch.ones(phones, dtype=torch.long), torch.ones(lengths, dtype=torch.long))


@pytest.mark.parametrize("labels, label_lengths", [((3, 4), (3,)), ((2, 4), (3,)), ((4,), (2,))])
def test_labels(model, labels, label_lengths):
    decoder = model.decoders["full"]
    with pytest.raises(ValueError, match=r"expected encoded \(N, T, C\), labels \(N, U\) and their lengths \(N,\)"):
        decoder.loss(
            torch.zeros(2, 9, 16),
            torch.tensor([9, 9]),
            torch.ones(labels, dtype=torch.long),
            torch.ones(label_lengths, dtype=torch.long),
        )
