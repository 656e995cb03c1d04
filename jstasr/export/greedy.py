"""Greedy search inside an exported encoder.

A program that takes the most probable symbol of each frame, as sherpa-onnx's greedy search does, finds few labels where
alignments are diffuse: `jstasr.decode.greedy` sums over frames, and may find several labels in one. So the encoder
searches by itself, and each of its frames hands out the label that was found.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from jstasr.model.hat import HatDecoder

QUEUE = 32  # labels that may wait: a frame hands out one, and the search may find several in it


class SearchState(NamedTuple):
    """Where the search stands in N utterances.

    history: (N, context) int64, the last labels.
    none: (N,) probability that no label has followed them so far.
    some: (N, V - 1) probability that label y has followed them, in column y - 1.
    waiting: (N, QUEUE) int64, labels that no frame has handed out yet, then zeros.
    confidence: (N, QUEUE) probabilities of the labels that wait.
    """

    history: Tensor
    none: Tensor
    some: Tensor
    waiting: Tensor
    confidence: Tensor


class GreedySearch(nn.Module):
    """`jstasr.decode.greedy.greedy_search` as a part of a graph; its formula stands there.

    Args:
        max_symbols: largest number of labels that are found in one frame.
    """

    def __init__(self, decoder: HatDecoder, max_symbols: int):
        super().__init__()
        self.decoder, self.max_symbols = decoder, max_symbols

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each part of an utterance's state."""
        sizes = (self.decoder.context,), (), (self.decoder.labels.out_features,), (QUEUE,), (QUEUE,)
        return dict(zip(SearchState._fields, sizes))

    def first_state(self, like: Tensor) -> SearchState:
        """The state before the first frame, of as many utterances as `like` (N, ...) has."""
        state = SearchState(**{name: like.new_zeros(len(like), *shape) for name, shape in self.shapes.items()})
        return state._replace(
            history=state.history.long(), waiting=state.waiting.long(), none=torch.ones_like(state.none)
        )

    def forward(self, projected: Tensor, inside: Tensor, state: SearchState) -> tuple[Tensor, SearchState]:
        """Search the next frames.

        Args:
            projected: (N, T, J), the decoder's projection of the encoder output.
            inside: (N, T) bool, False on padding: nothing is found there, but labels that wait are handed out.
            state: after the frames before.
        Returns:
            (N, T, 2): the label that each frame hands out, 0 for none, and its probability; the state after them.
        """
        if not torch.compiler.is_compiling():
            decisions = []
            for frame in range(projected.shape[1]):
                state, decision = self.advance(state, projected[:, frame], inside[:, frame])
                decisions.append(decision)
            return torch.stack(decisions, dim=1), state

        from torch._higher_order_ops.scan import scan  # becomes a Scan of the graph; older versions of torch lack it

        def step(carry: tuple[Tensor, ...], frame: tuple[Tensor, Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
            after, decision = self.advance(SearchState(*carry), *frame)
            return tuple(part.clone(memory_format=torch.contiguous_format) for part in after), decision

        first = tuple(part.contiguous() for part in state)
        after, found = scan(step, first, (projected.transpose(0, 1), inside.transpose(0, 1)))
        return found.transpose(0, 1), SearchState(*after)

    def advance(self, state: SearchState, projected: Tensor, inside: Tensor) -> tuple[SearchState, Tensor]:
        """One frame, projected (N, J) and inside (N,): the state after it, and (N, 2) as of `forward`."""
        history, none, some, waiting, confidence = state
        places = torch.arange(QUEUE, device=waiting.device)
        active = inside
        for _ in range(self.max_symbols):
            probs = self.decoder.log_probs(projected, self.decoder.predict(history)).exp()
            new_some = some + none[:, None] * probs[:, 1:]
            new_none = none * probs[:, 0]
            most, column = new_some.max(dim=-1)
            length = (waiting > 0).sum(dim=-1)
            emits = active & (most > new_none) & (length < QUEUE)
            moves = active & ~emits
            none = torch.where(emits, torch.ones_like(none), torch.where(moves, new_none, none))
            some = torch.where(moves[:, None], new_some, some * ~emits[:, None])
            label = (column + 1)[:, None]
            history = torch.where(emits[:, None], torch.cat([history[:, 1:], label], dim=1), history)
            place = emits[:, None] & (places == length[:, None])
            waiting = torch.where(place, label, waiting)
            confidence = torch.where(place, most[:, None], confidence)
            active = emits
        first = waiting[:, 0]
        probability = torch.where(first > 0, confidence[:, 0], none)
        waiting, confidence = (torch.cat([queue[:, 1:], queue[:, :1] * 0], dim=1) for queue in (waiting, confidence))
        decision = torch.stack([first.to(probability.dtype), probability], dim=-1)
        return SearchState(history, none, some, waiting, confidence), decision
