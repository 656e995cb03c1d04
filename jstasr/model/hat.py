"""Hybrid autoregressive transducer (Variani et al., arXiv 2003.07705): a Bernoulli blank beside a label softmax."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.kernels.ops import hat_cells, transducer_loss
from jstasr.model.config import DecoderConfig
from jstasr.text.tokens import BLANK_ID


class HatDecoder(nn.Module):
    """Stateless prediction network over the last labels, and a joint network.

    P(blank | t, u) = sigmoid(b);  P(y | t, u) = (1 - P(blank)) softmax(labels)_y      (arXiv 2003.07705, eq. 5-7)
    """

    def __init__(self, encoder_dim: int, vocab_size: int, config: DecoderConfig):
        super().__init__()
        self.context = config.context
        self.embedding = nn.Embedding(vocab_size, config.embed_dim)  # row BLANK_ID: no label yet
        self.prediction = nn.Linear(config.context * config.embed_dim, config.joint_dim)
        self.encoder_projection = nn.Linear(encoder_dim, config.joint_dim)
        self.blank = nn.Linear(config.joint_dim, 1)  # the Bernoulli's logit
        self.labels = nn.Linear(config.joint_dim, vocab_size - 1)  # column y - 1: label y

    def predict(self, history: Tensor) -> Tensor:
        """Prediction network: the last labels (..., context) int -> (..., joint_dim)."""
        return self.prediction(self.embedding(history).flatten(-2))

    def label_history(self, labels: Tensor) -> Tensor:
        """For each prefix of the labels (N, U), its last `context` labels: (N, U + 1, context)."""
        return F.pad(labels, (self.context, 0), value=BLANK_ID).unfold(1, self.context, 1)

    def logits(self, encoded: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """Joint network on projected inputs that broadcast: (..., joint_dim) -> blank (..., 1), labels (..., V-1)."""
        joint = (encoded + predicted).tanh_()
        return self.blank(joint).float(), self.labels(joint).float()

    def log_probs(self, encoded: Tensor, predicted: Tensor) -> Tensor:
        """Log-probabilities over blank (index 0) and labels: (..., V), normalised."""
        blank, labels = self.logits(encoded, predicted)
        return torch.cat([F.logsigmoid(blank), F.logsigmoid(-blank) + labels.log_softmax(-1)], dim=-1)

    def internal_lm(self, predicted: Tensor) -> Tensor:
        """Internal language model: label log-probabilities for an encoder output of zero (arXiv 2003.07705, eq. 8).

        (..., joint_dim) -> (..., V) with -inf at blank.
        """
        _, labels = self.logits(torch.zeros_like(predicted), predicted)
        return F.pad(labels.log_softmax(-1), (1, 0), value=float("-inf"))

    def loss(self, encoded: Tensor, encoded_lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
        """Negative log-likelihood of the labels, one value for each utterance.

        A cell of the lattice needs only the log-probabilities of blank and of the next label: (N, T, U+1, 2) instead of
        (N, T, U+1, V).

        Args:
            encoded: (N, T, C) encoder output; encoded_lengths: (N,) int.
            labels: (N, U) int, padded with any label; label_lengths: (N,) int.
        Returns:
            (N,) float32, nats.
        Raises:
            ValueError: shapes that do not fit each other.
        """
        if (
            encoded.dim() != 3
            or labels.dim() != 2
            or not (labels.shape[:1] == label_lengths.shape == encoded_lengths.shape == encoded.shape[:1])
        ):
            shapes = ", ".join(str(tuple(x.shape)) for x in (encoded, encoded_lengths, labels, label_lengths))
            raise ValueError(f"expected encoded (N, T, C), labels (N, U) and their lengths (N,), got {shapes}")
        frames, symbols = torch.stack([encoded_lengths.max(), label_lengths.max()]).tolist()  # one copy from a GPU
        encoded, labels = encoded[:, :frames], labels[:, :symbols]
        predicted = self.predict(self.label_history(labels))  # (N, U+1, J)
        projected = self.encoder_projection(encoded)
        # the next label of each row; the last row has none, any label does
        following = F.pad(labels, (0, 1), value=1).clamp(min=1)
        weight = torch.cat([self.blank.weight, self.labels.weight])
        bias = torch.cat([self.blank.bias, self.labels.bias])
        cells = hat_cells(projected, predicted, weight, bias, following)
        return transducer_loss(cells, encoded_lengths, label_lengths)
