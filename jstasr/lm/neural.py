"""A neural language model over tokens: LSTM layers between an embedding and a softmax, as in arXiv 1602.02410."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from jstasr.text.tokens import BLANK_ID

BOUNDARY = BLANK_ID  # no text holds the blank: as an input its number is the sentence's begin, as an output its end
TOKENS_AT_ONCE = 20_000  # padded, where only the log-probabilities are wanted


@dataclass
class NeuralLmConfig:
    """Sizes of a neural language model."""

    vocab_size: int  # V, of the token list
    layers: int = 1
    dim: int = 256  # H, of the embedding and of each layer
    dropout: float = 0.2  # of the input of each layer and of the softmax, in training


class NeuralLm(nn.Module):
    """p(w|h) = softmax(W o(h) + b), with o(h) the output of the last LSTM layer after <s> and the labels h.

    The state of a history is the hidden and the cell state of each layer.
    """

    def __init__(self, config: NeuralLmConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.dim)
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(config.dim, config.dim, config.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.dim, config.vocab_size)

    def forward(self, inputs: Tensor) -> Tensor:
        """Log-probabilities of what follows each input: (N, U) int, BOUNDARY first -> (N, U, V) float32."""
        hidden, _ = self.lstm(self.dropout(self.embedding(inputs)))
        return self.output(self.dropout(hidden)).float().log_softmax(-1)

    def step(self, labels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One more input each, dropout left out.

        Args:
            labels: (M,) int; BOUNDARY begins a sentence.
            state: (M, 2, layers, H) float32, hidden and cell state of each layer; zeros before the first input.
        Returns:
            Log-probabilities of what follows (M, V), of the end in column BOUNDARY; the states then.
        """
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state.unbind(1))
        found, (hidden, cell) = self.lstm(self.embedding(labels)[:, None], (hidden, cell))
        log_probs = self.output(found[:, 0]).float().log_softmax(-1)
        return log_probs, torch.stack([hidden, cell]).permute(2, 0, 1, 3)

    @torch.inference_mode()
    def sequence_log_probs(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """Natural log-probability of each sequence of token ids, its end included."""
        device, training = self.output.weight.device, self.training
        self.eval()
        found = [0.0] * len(sequences)
        for part in batches_of(sequences, TOKENS_AT_ONCE):
            inputs, targets, real = padded([sequences[index] for index in part], device)
            scores = self(inputs).gather(-1, targets[..., None])[..., 0].double()
            for index, score in zip(part, (scores * real).sum(1).tolist()):
                found[index] = score
        self.train(training)
        return found

    def perplexity(self, sequences: Sequence[Sequence[int]]) -> float:
        """Perplexity per token, sentence ends included, of sequences of token ids."""
        count = sum(map(len, sequences)) + len(sequences)
        return math.exp(-sum(self.sequence_log_probs(sequences)) / max(count, 1))


def padded(sequences: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs and targets (N, U + 1) int of sequences of at most U tokens, and which of the targets count (bool)."""
    targets = [torch.tensor([*sequence, BOUNDARY]) for sequence in sequences]
    inputs = pad_sequence([target.roll(1) for target in targets], batch_first=True, padding_value=BOUNDARY)
    lengths = torch.tensor([len(target) for target in targets])
    real = torch.arange(inputs.shape[1]) < lengths[:, None]
    wanted = pad_sequence(targets, batch_first=True, padding_value=BOUNDARY)
    return inputs.to(device), wanted.to(device), real.to(device)


def batches_of(sequences: Sequence[Sequence[int]], tokens: int) -> list[list[int]]:
    """Indexes of sequences of similar length, in batches of at most `tokens` with ends and padding (one at least)."""
    batches: list[list[int]] = []
    for index in sorted(range(len(sequences)), key=lambda index: (len(sequences[index]), index)):
        if not batches or (len(batches[-1]) + 1) * (len(sequences[index]) + 1) > tokens:
            batches.append([])
        batches[-1].append(index)
    return batches
