"""A bonus for phrases in the text that a search spells, looked up for many hypotheses at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from jstasr.lm.rows import KeptRows
from jstasr.text.unspaced import split_unspaced

SPACE = " "
SAME = -1  # in place of a character: the end of a token that has fewer


class HotwordGraph:
    """Aho-Corasick automaton over the characters of phrases: however the tokens cut a text, its bonus is the same.

    A phrase counts as whole words, in scripts without spaces anywhere. Each occurrence in a hypothesis adds the score
    of the phrase; of phrases within a phrase that much less, so that words count once. A phrase that has begun adds
    its share so far, in proportion to its characters, and takes it back where it breaks off: the bonus of a whole text
    is that of its complete phrases.

    A state is the number of the longest beginning of a phrase with which the text ends; 0: none.

    Args:
        phrases: text -> score, more than 0; words are separated by one space.
        spellings: of each token of the model, with its spaces.
    """

    def __init__(self, phrases: dict[str, float], spellings: Sequence[str]):
        symbols = {character: index for index, character in enumerate(sorted({SPACE, *"".join(phrases)}))}
        self.width = len(symbols) + 1  # the last: any other character
        self.space = symbols[SPACE]
        trie = Trie(phrases)
        edges = sorted(
            (state * self.width + symbols[character], child)
            for state, children in enumerate(trie.children)
            for character, child in children.items()
        )
        self.keys = torch.tensor([key for key, _ in edges])
        self.targets = torch.tensor([child for _, child in edges])
        self.fail = torch.tensor(trie.fail)
        self.gain = torch.tensor(trie.gain)
        self.pending = torch.tensor(trie.pending)
        self.begins = torch.zeros(self.width, dtype=torch.bool)  # characters with which phrases begin
        self.begins[[symbols[character] for character in trie.children[0]]] = True
        self.after_space = torch.tensor([path.endswith(SPACE) for path in trie.paths])
        length = max(map(len, spellings))
        codes = [[symbols.get(character, self.width - 1) for character in token] for token in spellings]
        self.spellings = torch.tensor([code + [SAME] * (length - len(code)) for code in codes])
        self.vocab_size = len(spellings)
        self.kept = KeptRows(len(trie.paths), 2 * self.vocab_size, self.rows)
        nowhere = torch.zeros(1, dtype=torch.long)
        self.start_state = int(self.follow(nowhere, torch.full_like(nowhere, self.space))[0])

    def to(self, device: str | torch.device) -> "HotwordGraph":
        """Move all tables to a device; returns the graph itself."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        self.kept.to(device)
        return self

    def follow(self, states: Tensor, characters: Tensor) -> Tensor:
        """The states after one more character each: (M,), (M,) -> (M,)."""
        found = torch.zeros_like(states)
        current = states
        while True:
            wanted = current * self.width + characters
            entry = torch.searchsorted(self.keys, wanted).clamp(max=len(self.keys) - 1)
            hit = (self.keys[entry] == wanted) & (found == 0)
            found = torch.where(hit, self.targets[entry], found)
            if not bool(((found == 0) & (current != 0)).any()):
                return found
            current = self.fail[current]

    def walk(self, states: Tensor, spelled: Tensor) -> tuple[Tensor, Tensor]:
        """The states (M,) after spellings (M, L), and what these add to the scores (M,)."""
        bonus, states = -self.pending[states], states.clone()
        for characters in spelled.unbind(1):
            stays = (characters == SAME) | ((characters == self.space) & self.after_space[states])
            stays |= (states == 0) & ~self.begins[characters]
            moving = (~stays).nonzero()[:, 0]  # a few: most tokens have no part in a phrase
            following = self.follow(states[moving], characters[moving])
            bonus[moving] += self.gain[following]
            states[moving] = following
        return states, bonus + self.pending[states]

    def rows(self, states: Tensor) -> Tensor:
        """What each token adds after states (M,), and in the second half the states that follow: (M, 2 V) float32."""
        spelled = self.spellings.repeat(len(states), 1)
        following, bonus = self.walk(states.repeat_interleave(self.vocab_size), spelled)
        return torch.cat([bonus.view(len(states), -1), following.view(len(states), -1)], dim=1)

    def bonus(self, states: Tensor) -> Tensor:
        """What each token adds after each state: (...) int -> (..., V) float32."""
        return self.kept.of(states)[..., : self.vocab_size]

    def advance(self, states: Tensor, labels: Tensor) -> Tensor:
        """States after one more token: (...) int, (...) int -> (...) int."""
        columns = self.vocab_size + labels[..., None]
        return self.kept.of(states).gather(-1, columns)[..., 0].long()

    def end_bonus(self, states: Tensor) -> Tensor:
        """What the end of the text adds after each state: (...) int -> (...) float32."""
        flat = states.flatten()
        end = self.follow(flat, torch.full_like(flat, self.space))
        complete = torch.where(self.after_space[flat], 0.0, self.gain[end])
        return (complete - self.pending[flat]).view(states.shape)


class Trie:
    """The phrases letter by letter, a space on either side where a word begins or ends.

    Of each node, the root first and then by depth: `paths`, its characters; `children`; `fail`, the node of the longest
    shorter end of its path; `gain`, what the phrases add that end here; `pending`, the share of those that have begun.
    """

    def __init__(self, phrases: dict[str, float]):
        scores = {bounded(phrase): score for phrase, score in phrases.items()}
        self.paths = sorted(
            {path[:end] for path in scores for end in range(len(path) + 1)}, key=lambda path: (len(path), path)
        )
        node = {path: index for index, path in enumerate(self.paths)}
        self.children: list[dict[str, int]] = [{} for _ in self.paths]
        self.fail, self.gain, self.pending = ([0] * len(self.paths), [0.0] * len(self.paths), [0.0] * len(self.paths))
        collected = [0.0] * len(self.paths)  # on the way to each node
        share = {path: 0.0 for path in self.paths}  # largest part of a longer phrase
        for path, score in scores.items():
            length = len(path.strip(SPACE))
            for end in range(len(path)):
                part = score * len(path[:end].lstrip(SPACE)) / length
                share[path[:end]] = max(share[path[:end]], part)
        for index, path in enumerate(self.paths[1:], 1):
            parent = node[path[:-1]]
            fail = self.fail[parent]
            while fail and path[-1] not in self.children[fail]:
                fail = self.fail[fail]
            fail = self.children[fail].get(path[-1], 0) if parent else 0
            self.children[parent][path[-1]] = index
            before = collected[parent] + self.gain[fail]
            self.fail[index] = fail
            self.gain[index] = self.gain[fail] + max(0.0, scores.get(path, 0.0) - before)
            collected[index] = collected[parent] + self.gain[index]
            self.pending[index] = max(self.pending[fail], share[path] - collected[index])


def bounded(phrase: str) -> str:
    """A phrase with a space at each end that is the end of a word, which in scripts without spaces it is not."""
    before = "" if split_unspaced(f"x{phrase[0]}") != f"x{phrase[0]}" else SPACE
    after = "" if split_unspaced(f"{phrase[-1]}x") != f"{phrase[-1]}x" else SPACE
    return f"{before}{phrase}{after}"
