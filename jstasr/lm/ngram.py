"""A back-off n-gram language model over tokens, looked up for many histories at once."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jstasr.errors import JstasrError
from jstasr.lm.arpa import NEVER, Ngrams, read_arpa
from jstasr.lm.rows import KeptRows
from jstasr.text.tokens import BLANK_ID, UNK_ID

LN10 = math.log(10.0)
SENTENCES_AT_ONCE = 1000


class NgramModel:
    """A history is represented by its state, the number of the longest stored context that it ends with; 0: empty.

    p(w|h) is stored, or backoff(h) p(w|h') with h' without its first word. The n-grams of a state are a contiguous
    range of the sorted array `keys` (state * width + word).

    Args:
        tables: n-grams of each order.
        vocab_size: V, of the token list.
    """

    def __init__(self, tables: list[Ngrams], vocab_size: int):
        self.vocab_size = vocab_size
        self.width = vocab_size + 2  # tokens, <s>, </s>
        self.order = len(tables)
        lookup = SortedNgrams(tables, self.width)
        states = lookup.number_states()
        count = sum(int((table >= 0).sum()) for table in states) + 1
        backoff, shorter = np.zeros(count), np.zeros(count, dtype=np.int64)
        keys, probs, nexts = [], [], []
        for order, table in enumerate(lookup.tables, 1):
            if order < self.order:
                kept = states[order - 1] >= 0
                numbers = states[order - 1][kept]
                backoff[numbers] = table.log10_backoff[kept]
                shorter[numbers] = lookup.longest_state(table.words[kept][:, 1:], states)
            if order > 1:
                context = lookup.longest_state(table.words[:, :-1], states)
                keys.append(context * self.width + table.words[:, -1])
                probs.append(table.log10_prob)
                nexts.append(lookup.longest_state(table.words, states))
        unigrams = np.full(self.width, NEVER)
        unigrams[tables[0].words[:, 0]] = tables[0].log10_prob
        missing = np.setdiff1d(np.arange(vocab_size), tables[0].words[:, 0])
        unigrams[missing] = unigrams[UNK_ID]
        unigrams[[BLANK_ID, vocab_size]] = -np.inf
        keys, probs, nexts = (np.concatenate(part) if part else np.zeros(0) for part in (keys, probs, nexts))
        order = np.argsort(keys)
        self.keys = torch.from_numpy(keys[order].astype(np.int64))
        self.probs = torch.from_numpy(probs[order] * LN10).float()
        self.nexts = torch.from_numpy(nexts[order].astype(np.int64))
        self.backoff = torch.from_numpy(backoff * LN10).float()
        self.shorter = torch.from_numpy(shorter)
        self.unigrams = torch.from_numpy(unigrams * LN10).float()
        everything = np.arange(self.width)[:, None]
        self.first_states = torch.from_numpy(lookup.longest_state(everything, states))
        self.starts = torch.searchsorted(self.keys, torch.arange(count + 1) * self.width)
        self.start_state = int(self.first_states[vocab_size])
        self.kept = KeptRows(count, self.width, self.word_log_probs)

    @classmethod
    def load(cls, path: str | Path, tokens: list[str], device: str | torch.device = "cpu") -> "NgramModel":
        """Read an ARPA file over the tokens of a token list; errors as of `read_arpa`."""
        return cls(read_arpa(path, tokens), len(tokens)).to(device)

    def to(self, device: str | torch.device) -> "NgramModel":
        """Move all tables to a device; returns the model itself."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        self.kept.to(device)
        return self

    def word_log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probabilities of all words after each state: (M,) int -> (M, V + 2) float32."""
        chain = [states]
        while bool((chain[-1] != 0).any()):
            chain.append(self.shorter[chain[-1]])
        rows = self.unigrams.repeat(len(states), 1)
        for level in reversed(chain):  # the empty context has no n-grams and no back-off: its level changes nothing
            rows += self.backoff[level, None]
            begin, size = self.starts[level], self.starts[level + 1] - self.starts[level]
            row = torch.repeat_interleave(size)
            entry = torch.arange(len(row), device=row.device) + (begin - size.cumsum(0) + size)[row]
            rows[row, self.keys[entry] % self.width] = self.probs[entry]
        return rows

    def log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probabilities of the tokens after each state: (...) int -> (..., V), -inf at the blank."""
        return self.kept.of(states)[..., : self.vocab_size]

    def end_log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probability of the sentence's end after each state: (...) int -> (...) float32."""
        distinct, where = states.unique(return_inverse=True)
        return self.word_log_probs(distinct)[:, self.vocab_size + 1][where]

    def advance(self, states: Tensor, labels: Tensor) -> Tensor:
        """States after one more label: states (...) int, labels (...) int -> (...) int."""
        following = self.first_states[labels]
        found = torch.zeros_like(states, dtype=torch.bool)
        for _ in range(self.order - 1):
            wanted = states * self.width + labels
            entry = torch.searchsorted(self.keys, wanted).clamp(max=max(0, len(self.keys) - 1))
            hit = (self.keys[entry] == wanted) & ~found if len(self.keys) else found & False
            following = torch.where(hit, self.nexts[entry] if len(self.keys) else following, following)
            found = found | hit
            states = self.shorter[states]
        return following

    def perplexity(self, sequences: Sequence[Sequence[int]]) -> float:
        """Perplexity per token, sentence ends included, of sequences of token ids."""
        order = sorted(sequences, key=len)
        total = 0.0
        for first in range(0, len(order), SENTENCES_AT_ONCE):
            part = order[first : first + SENTENCES_AT_ONCE]
            states = torch.full((len(part),), self.start_state, device=self.keys.device)
            for position in range(len(part[-1]) + 1):
                ended = [len(labels) <= position for labels in part]
                words = [self.vocab_size + 1 if end else labels[position] for labels, end in zip(part, ended)]
                words = torch.tensor(words, device=states.device)
                distinct, where = states.unique(return_inverse=True)
                total += float(self.word_log_probs(distinct)[where, words].double().sum())
                going = torch.tensor([not end for end in ended], device=states.device)
                states, part = self.advance(states, words)[going], [x for x, end in zip(part, ended) if not end]
                if not part:
                    break
        return math.exp(-total / max(sum(map(len, sequences)) + len(sequences), 1))


class SortedNgrams:
    """The tables sorted for search by (index of the n-gram without its last word, last word).

    Args:
        tables: n-grams of each order.
        width: number of words, <s> and </s> included.
    Raises:
        JstasrError: an n-gram whose part without the last word is in no table.
    """

    def __init__(self, tables: list[Ngrams], width: int):
        self.width = width
        self.tables: list[Ngrams] = []
        self.keys: list[np.ndarray] = []
        for order, table in enumerate(tables, 1):
            key = self.key_of(table.words)
            if (key < 0).any():
                lost = table.words[np.flatnonzero(key < 0)[0]]
                raise JstasrError(f"the language model holds an {order}-gram without its beginning: words {lost}")
            by_key = np.argsort(key, kind="stable")
            self.keys.append(key[by_key])
            self.tables.append(Ngrams(table.words[by_key], table.log10_prob[by_key], table.log10_backoff[by_key]))

    def key_of(self, words: np.ndarray) -> np.ndarray:
        """Search keys of n-grams: (M, n) int -> (M,), -1 where the n-gram without its last word is missing."""
        if words.shape[1] == 1:
            return words[:, 0].copy()
        prefix = self.find(words[:, :-1])
        return np.where(prefix < 0, -1, prefix * self.width + words[:, -1])

    def find(self, words: np.ndarray) -> np.ndarray:
        """Index of each n-gram in its table: (M, n) int -> (M,), -1 where it is not in the table."""
        keys = self.keys[words.shape[1] - 1]
        if not len(keys):
            return np.full(len(words), -1)
        key = self.key_of(words)
        at = np.searchsorted(keys, key).clip(max=len(keys) - 1)
        return np.where(keys[at] == key, at, -1)

    def number_states(self) -> list[np.ndarray]:
        """States of the n-grams that have continuations or a back-off weight.

        Returns:
            For each order below the highest (M,) int, -1 where an n-gram is no state.
        """
        states, used = [], 1
        for shorter, longer in zip(self.tables, self.tables[1:]):
            needed = shorter.log10_backoff != 0
            needed[self.find(longer.words[:, :-1])] = True
            states.append(np.where(needed, used + np.cumsum(needed) - 1, -1))
            used += int(needed.sum())
        return states

    def longest_state(self, words: np.ndarray, states: list[np.ndarray]) -> np.ndarray:
        """State of the longest suffix of each n-gram that is a state, 0 if none is.

        Args:
            words: (M, n) int.
            states: of `number_states`.
        Returns:
            (M,) int64.
        """
        result = np.zeros(len(words), dtype=np.int64)
        for start in range(max(0, words.shape[1] - len(states)), words.shape[1]):
            end = words[:, start:]
            index = self.find(end)
            state = np.where(index >= 0, states[end.shape[1] - 1][index], -1)
            result = np.where((result == 0) & (state > 0), state, result)
        return result
