"""Who works in an experiment, seen from outside: the lock is neither taken nor touched."""

import time
from dataclasses import dataclass
from pathlib import Path

from jstasr.kaldi.locks import LOCK, STALE, Holder, read_holder, runs_here, touched


@dataclass(frozen=True)
class Seen:
    """A lock."""

    holder: Holder
    alive: bool
    here: bool  # is the holder a process of this machine?
    silence: float  # seconds since its last sign of life, by the clock of this machine

    @property
    def trains(self) -> bool:
        """Is or was it a training? A damaged lock does not say."""
        return is_training(self.holder) or not self.holder.token

    @property
    def where(self) -> str:
        """The machine of the holder."""
        return self.holder.host or "its holder"


def is_training(holder: Holder | None) -> bool:
    """Is this the holder of `jstasr train`?"""
    return holder is not None and holder.command.split()[:2] == ["jstasr", "train"]


def look(expdir: Path) -> Seen | None:
    """The lock of an experiment; None: there is none.

    A process of another machine counts as alive until it has not touched its lock for STALE seconds, for which the
    clocks of this machine and of the file server must agree.
    """
    path = expdir / LOCK
    holder = read_holder(path)
    if holder is None:
        return None
    last = touched(path)
    silence = max(0.0, time.time() - last) if last is not None else 0.0
    here = runs_here(holder)
    return Seen(holder, silence < STALE if here is None else here, here is not None, silence)
