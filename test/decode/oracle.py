"""Straightforward search over a HAT decoder: one utterance, plain Python, float64, every alignment written out."""

import math

import torch


def step(decoder, frame, history):
    """List of log-probabilities (blank first) after `history` labels at one encoder frame (C,)."""
    padded = [0] * decoder.context + list(history)
    context = torch.tensor(padded[len(padded) - decoder.context :])
    with torch.no_grad():
        joint = torch.tanh(decoder.encoder_projection(frame) + decoder.predict(context))
        blank, labels = decoder.blank(joint)[0].double(), decoder.labels(joint).double()
    not_blank = 1.0 - torch.sigmoid(blank)
    label_share = labels.exp() / labels.exp().sum()
    return [math.log(torch.sigmoid(blank)), *torch.log(not_blank * label_share).tolist()]


def internal_lm(decoder, history):
    """List: index 0 unused, then log P_ilm of the labels after `history`."""
    padded = [0] * decoder.context + list(history)
    with torch.no_grad():
        joint = torch.tanh(decoder.predict(torch.tensor(padded[len(padded) - decoder.context :])))
        labels = decoder.labels(joint).double()
    return [0.0, *(labels - labels.logsumexp(0)).tolist()]


def greedy(decoder, encoded, max_symbols, start=()):
    """Labels, frames and log-probability of greedy search through (T, C).

    At every frame all ways through the frames since the last label are written out: those without a label, and those
    whose first label is y.
    """
    labels, frames, score, since = list(start), [0] * len(start), 0.0, 0
    none = 1.0
    for index in range(len(encoded)):
        for _ in range(max_symbols):
            probs = [[math.exp(value) for value in step(decoder, encoded[s], labels)] for s in range(since, index + 1)]
            blanks = [row[0] for row in probs]
            none = math.prod(blanks)
            some = [
                sum(math.prod(blanks[:s]) * row[label] for s, row in enumerate(probs))
                for label in range(1, len(probs[0]))
            ]
            best = max(range(len(some)), key=some.__getitem__)
            if some[best] <= none:
                break
            labels.append(best + 1)
            frames.append(index)
            score += math.log(some[best])
            since, none = index, 1.0
        else:
            since = index + 1  # as many labels as one frame may have
    return labels, frames, score + math.log(none)


def all_sequences(decoder, encoded, max_symbols, start=(), bonus=lambda history, label: 0.0):
    """Label sequence -> summed probability over all its alignments with at most `max_symbols` labels a frame.

    bonus(history, label): added to the log-probability of each label.
    """
    totals = {}

    def walk(index, labels, in_frame, score):
        if index == len(encoded):
            key = tuple(labels)
            totals[key] = totals.get(key, 0.0) + math.exp(score)
            return
        log_probs = step(decoder, encoded[index], labels)
        walk(index + 1, labels, 0, score + log_probs[0])
        if in_frame < max_symbols:
            for label in range(1, len(log_probs)):
                walk(index, [*labels, label], in_frame + 1, score + log_probs[label] + bonus(labels, label))

    walk(0, list(start), 0, 0.0)
    return totals
