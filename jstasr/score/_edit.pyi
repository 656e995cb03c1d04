import numpy as np

def align_pairs(
    ref: np.ndarray, ref_offsets: np.ndarray, hyp: np.ndarray, hyp_offsets: np.ndarray, null: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]: ...
def format_alignments(
    order: np.ndarray,
    names: list[bytes],
    marks: np.ndarray,
    step_ref: np.ndarray,
    step_hyp: np.ndarray,
    step_offsets: np.ndarray,
    counts: np.ndarray,
    words: list[bytes],
    widths: np.ndarray,
    line_width: int,
) -> bytes: ...
