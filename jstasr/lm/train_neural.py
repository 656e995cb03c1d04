"""Training of a neural language model on token sequences, until it no longer improves on held-out ones."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from jstasr.errors import JstasrError
from jstasr.lm.neural import NeuralLm, NeuralLmConfig, batches_of, padded

CLIP = 1.0  # largest norm of the gradient
PATIENCE = 2  # epochs in succession that do not improve, before training ends


@dataclass
class NeuralLmTraining:
    """How a neural language model is trained: Adam, its rate falling linearly to 0 over all steps."""

    epochs: int = 8  # At most: training ends earlier where held-out text no longer gains.
    batch_tokens: int = 2000  # Tokens of a batch, padding and sentence ends included.
    learning_rate: float = 3e-3  # At the beginning.
    seed: int = 1


def train_neural_lm(
    config: NeuralLmConfig,
    training: NeuralLmTraining,
    sequences: Sequence[Sequence[int]],
    held_out: Sequence[Sequence[int]],
    device: str | torch.device,
    progress: Callable[[str], None],
) -> tuple[NeuralLm, float]:
    """Minimise the cross-entropy of each token and each sentence's end after what precedes it.

    Args:
        sequences: token ids to train on; held_out: to measure the perplexity on after each epoch.
        progress: called with a line for every epoch.
    Returns:
        The model of the epoch with the lowest perplexity on the held-out sequences, and that perplexity.
    Raises:
        JstasrError: no text in one of the two; a loss that is not finite.
    """
    for texts, name in ((sequences, "train on"), (held_out, "measure the perplexity on")):
        if not any(texts):
            raise JstasrError(f"no text to {name}: each line of the files is empty")
    torch.manual_seed(training.seed)
    model = NeuralLm(config).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    batches = batches_of(sequences, training.batch_tokens)
    draw = torch.Generator().manual_seed(training.seed)
    best, lowest, best_epoch = copy.deepcopy(model.state_dict()), math.inf, 0
    steps = training.epochs * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0 - step / steps)
    for epoch in range(1, training.epochs + 1):
        model.train()
        total = count = 0.0
        for number in torch.randperm(len(batches), generator=draw).tolist():
            inputs, targets, real = padded([sequences[index] for index in batches[number]], torch.device(device))
            scores = model(inputs).gather(-1, targets[..., None])[..., 0]
            loss = -scores[real].mean()
            if not loss.isfinite():
                raise JstasrError(f"epoch {epoch}: the loss is {loss.item()}. Lower --learning-rate")
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            schedule.step()
            total, count = total + loss.item() * int(real.sum()), count + int(real.sum())
        perplexity = model.perplexity(held_out)
        progress(f"epoch {epoch}: perplexity {math.exp(total / count):.2f} in training, {perplexity:.2f} held out")
        if perplexity < lowest:
            best, lowest, best_epoch = copy.deepcopy(model.state_dict()), perplexity, epoch
        elif epoch - best_epoch >= PATIENCE:
            break
    model.load_state_dict(best)
    return model.eval(), lowest
