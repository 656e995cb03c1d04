# Arguments by position, as _alignment.pyx names them: addresses, sizes and switches.

import numpy as np

NO_MEMORY: int
TOPOLOGIES: dict[str, int]

def use(instructions: int) -> None: ...
def in_use() -> int: ...
def best() -> int: ...
def pair_views(path: np.ndarray, path_length: np.ndarray) -> list[np.ndarray]: ...
def check_lengths(speech_lengths: int, text_lengths: int, batch: int, n: int, m: int, topology: int) -> None: ...
def align(
    cost: int,
    is_double: bool,
    item_stride: int,
    row_stride: int,
    batch: int,
    n: int,
    m: int,
    speech_lengths: int,
    text_lengths: int,
    topology: int,
    threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bytearray | None]: ...
def align_embeddings(
    speech: int,
    text: int,
    batch: int,
    n: int,
    m: int,
    d: int,
    speech_lengths: int,
    text_lengths: int,
    topology: int,
    constant: bool,
    root: bool,
    threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bytearray | None]: ...
def soft_align(*arguments: float) -> None: ...
def path_forward(*arguments: float) -> None: ...
def path_backward(*arguments: float) -> None: ...
