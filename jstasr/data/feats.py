"""Feature matrices in Kaldi archives, one utterance at a time."""

import os
from pathlib import Path

import numpy as np

from jstasr.data.kaldi import read_table
from jstasr.errors import JstasrError

MAX_OPEN_ARCHIVES = 64


class FeatReader:
    """Random access to the matrices of a feats.scp.

    Paths in the scp are relative to the current folder, as in Kaldi. Open archives belong to the process that
    opened them: a reader may be used on both sides of a fork (data loader workers) and may be pickled.

    Args:
        scp: path of feats.scp, or a dict utterance -> `archive:offset`.
    """

    def __init__(self, scp):
        self.name = "feats.scp" if isinstance(scp, dict) else str(scp)
        self.table = scp if isinstance(scp, dict) else read_table(scp)
        self._files = {}
        self._owner = os.getpid()

    def __len__(self):
        return len(self.table)

    def __contains__(self, utterance):
        return utterance in self.table

    def __iter__(self):
        return iter(self.table)

    def __getstate__(self):
        return {"name": self.name, "table": self.table}

    def __setstate__(self, state):
        self.__dict__.update(state, _files={}, _owner=os.getpid())

    def __getitem__(self, utterance):
        """Features of an utterance.

        Returns:
            (T, D) float32.
        Raises:
            JstasrError: naming the utterance: not in the scp, archive missing or cut short, an empty matrix,
                a value that is not finite, or nothing but zeros.
        """
        try:
            entry = self.table[utterance]
        except KeyError:
            raise JstasrError(f"{self.name}: no features of utterance {utterance}") from None
        features = self._load(utterance, entry)
        if features.ndim != 2 or 0 in features.shape:
            raise JstasrError(f"{utterance}: features in {entry} are {features.shape}, expected (T, D)")
        features = features.astype(np.float32, copy=False)
        # One pass without a temporary: the float64 sum of finite float32 values is finite.
        if not np.isfinite(features.sum(dtype=np.float64)):
            raise JstasrError(f"{utterance}: NaN or infinity in its features ({entry}); extract again")
        if not features.any():
            raise JstasrError(f"{utterance}: its features ({entry}) are all zero; check its audio")
        return features

    def _load(self, utterance, entry):
        import kaldiio

        if self._owner != os.getpid():  # a file offset is shared across fork: leave the parent's handles
            self._files, self._owner = {}, os.getpid()
        if len(self._files) > MAX_OPEN_ARCHIVES:
            self.close()
        try:
            matrix = kaldiio.load_mat(entry, fd_dict=self._files)
        except FileNotFoundError:
            raise JstasrError(
                f"{utterance}: no archive {entry} (seen from {Path.cwd()}); paths in {self.name} are "
                "relative to the recipe's folder: start there, or extract the set again"
            ) from None
        except Exception as error:  # kaldiio: assertion, struct.error, ValueError on damaged data
            raise JstasrError(
                f"{utterance}: cannot read its features from {entry}: the archive is cut short or damaged "
                f"({type(error).__name__}: {error}); extract this set again"
            ) from error
        if not isinstance(matrix, np.ndarray):
            raise JstasrError(f"{utterance}: {entry} holds audio, not features")
        return matrix

    def close(self):
        """Close the open archives; the reader stays usable."""
        for file in self._files.values():
            file.close()
        self._files = {}
