# cython: language_level=3, boundscheck=False, wraparound=False
"""Binding of the alignment kernels (alignment.h). Private: jstasr.kernels.alignment prepares what it passes here."""

import os

cimport numpy as cnp
from libc.stdint cimport int8_t, int64_t, uintptr_t

cnp.import_array()


cdef extern from "alignment.h":
    enum:
        TOPOLOGY_SKIP
        TOPOLOGY_NOSKIP
        TOPOLOGY_DTW
        ITEM_DONE
        ITEM_NOT_FINITE
        ITEM_NO_MEMORY

    ctypedef struct align_job:
        const void *cost
        int is_double
        Py_ssize_t item_stride
        Py_ssize_t row_stride
        const float *speech
        const float *text
        Py_ssize_t n
        Py_ssize_t m
        Py_ssize_t d
        int constant
        int root
        Py_ssize_t batch
        const int64_t *speech_lengths
        const int64_t *text_lengths
        int topology
        int64_t *path
        Py_ssize_t path_stride
        int64_t *path_length
        void *total
        int8_t *status

    ctypedef struct path_pairs:
        const float *speech
        const float *text
        Py_ssize_t d
        Py_ssize_t batch
        const int64_t *start
        const int64_t *speech_row
        const int64_t *text_row

    void c_path_forward "run_path_forward"(
        const path_pairs *p, int root, float *distance, float *total, int threads) nogil
    void c_path_backward "run_path_backward"(
        const path_pairs *p, int root, const float *distance, const float *weight, float *to_speech,
        float *to_text, int threads) nogil
    int instructions_in_use
    int best_instructions()
    void use_instructions(int instructions)
    Py_ssize_t align_batch(const align_job *job, int threads) nogil

    int soft_align_batch(
        int topology, const double *cost, Py_ssize_t batch, Py_ssize_t n, Py_ssize_t m,
        const int64_t *speech_lengths, const int64_t *text_lengths, double gamma,
        double *value, double *probability, int threads) nogil


NO_MEMORY = ITEM_NO_MEMORY
TOPOLOGIES = {"skip": TOPOLOGY_SKIP, "noskip": TOPOLOGY_NOSKIP, "dtw": TOPOLOGY_DTW}



def use(int instructions):
    """Use the kernels of an instruction set that the processor has; jstasr.kernels.instructions names them."""
    use_instructions(instructions)


def in_use():
    return instructions_in_use


def best():
    """The best instruction set of this processor."""
    return best_instructions()


use(best())

# A process that was forked after OpenMP had started its threads has none of them, and would wait for them for ever.
cdef bint forked = False


def _after_fork():
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


cdef int usable(int threads) noexcept:
    return 1 if forked else threads


cdef tuple run(align_job *job, Py_ssize_t n, Py_ssize_t m, int threads):
    """Align without the GIL what `job` describes, into new arrays.

    Returns:
        path: (batch, n) int64, or for dtw pairs (batch, n + m - 1, 2), right-aligned.
        path_length: (batch,) int64, number of pairs; only dtw fills it.
        total: (batch,) float32 or float64.
        status: None, or if some item failed bytes that say which and why.
    """
    cdef bint pairs = job.topology == TOPOLOGY_DTW
    cdef cnp.npy_intp[3] shape = [job.batch, max(n + m - 1, 0) if pairs else n, 2]
    cdef cnp.ndarray path = cnp.PyArray_EMPTY(3 if pairs else 2, shape, cnp.NPY_INT64, 0)
    cdef cnp.ndarray path_length = cnp.PyArray_EMPTY(1, shape, cnp.NPY_INT64, 0)
    cdef cnp.ndarray total = cnp.PyArray_EMPTY(1, shape, cnp.NPY_DOUBLE if job.is_double else cnp.NPY_FLOAT, 0)
    cdef bytearray status = bytearray(job.batch)
    cdef Py_ssize_t failed
    job.path = <int64_t *> cnp.PyArray_DATA(path)
    job.path_stride = 2 * shape[1] if pairs else n
    job.path_length = <int64_t *> cnp.PyArray_DATA(path_length)
    job.total = cnp.PyArray_DATA(total)
    job.status = <int8_t *> <char *> status
    threads = usable(threads)
    with nogil:
        failed = align_batch(job, threads)
    return path, path_length, total, status if failed else None


def pair_views(cnp.ndarray path, cnp.ndarray path_length):
    """The pairs of each item as a list of arrays (L, 2) that share the memory of `path`."""
    cdef Py_ssize_t b, batch = cnp.PyArray_DIM(path, 0), room = cnp.PyArray_DIM(path, 1)
    cdef const int64_t *length = <const int64_t *> cnp.PyArray_DATA(path_length)
    cdef int64_t *end = <int64_t *> cnp.PyArray_DATA(path)
    cdef cnp.npy_intp[2] shape
    cdef cnp.ndarray view
    cdef list views = []
    shape[1] = 2
    for b in range(batch):
        end += 2 * room
        shape[0] = length[b]
        view = cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_INT64, end - 2 * length[b])
        cnp.set_array_base(view, path)
        views.append(view)
    return views


def check_lengths(
    uintptr_t speech_lengths, uintptr_t text_lengths, Py_ssize_t batch, Py_ssize_t n, Py_ssize_t m, int topology,
):
    """Raise ValueError naming the items whose lengths, int64 (batch,) at these addresses, are out of range.

    They must lie in 1..n and 1..m; under noskip, which visits every position, a frame is needed for each.
    """
    cdef const int64_t *frames = <const int64_t *> speech_lengths
    cdef const int64_t *positions = <const int64_t *> text_lengths
    cdef Py_ssize_t b
    cdef bint good = True
    for b in range(batch):
        good &= 1 <= frames[b] <= n and 1 <= positions[b] <= m
        good &= topology != TOPOLOGY_NOSKIP or frames[b] >= positions[b]
    if good:
        return
    for name, lengths, limit in (
        ("speech_lengths", [frames[b] for b in range(batch)], n),
        ("text_lengths", [positions[b] for b in range(batch)], m),
    ):
        bad = [f"item {k}: {length}" for k, length in enumerate(lengths) if not 1 <= length <= limit]
        if bad:
            raise ValueError(f"{name} must lie in 1..{limit}; {', '.join(bad)}")
    bad = [
        f"item {k}: {frames[k]} frames < {positions[k]} positions" for k in range(batch) if frames[k] < positions[k]
    ]
    raise ValueError(
        "topology 'noskip' visits every text position, so it needs a frame for each; " + ", ".join(bad)
    )


def align(
    uintptr_t cost, bint is_double, Py_ssize_t item_stride, Py_ssize_t row_stride, Py_ssize_t batch, Py_ssize_t n,
    Py_ssize_t m, uintptr_t speech_lengths, uintptr_t text_lengths, int topology, int threads,
):
    """Align given costs; arguments as in `align_job`, addresses as int. Returns what `run` returns."""
    cdef align_job job
    job.cost = <const void *> cost
    job.is_double = is_double
    job.item_stride = item_stride
    job.row_stride = row_stride
    job.batch = batch
    job.speech_lengths = <const int64_t *> speech_lengths
    job.text_lengths = <const int64_t *> text_lengths
    job.topology = topology
    return run(&job, n, m, threads)


def align_embeddings(
    uintptr_t speech, uintptr_t text, Py_ssize_t batch, Py_ssize_t n, Py_ssize_t m, Py_ssize_t d,
    uintptr_t speech_lengths, uintptr_t text_lengths, int topology, bint constant, bint root, int threads,
):
    """The same for contiguous float32 embeddings.

    The total of an item is the sum along its path, as `path_forward` computes it.
    """
    cdef align_job job
    job.cost = NULL
    job.is_double = False
    job.item_stride = job.row_stride = 0
    job.speech = <const float *> speech
    job.text = <const float *> text
    job.batch, job.n, job.m, job.d = batch, n, m, d
    job.constant = constant
    job.root = root
    job.speech_lengths = <const int64_t *> speech_lengths
    job.text_lengths = <const int64_t *> text_lengths
    job.topology = topology
    return run(&job, n, m, threads)


def soft_align(
    int topology, uintptr_t cost, Py_ssize_t batch, Py_ssize_t n, Py_ssize_t m, uintptr_t speech_lengths,
    uintptr_t text_lengths, double gamma, uintptr_t value, uintptr_t probability, int threads,
):
    """Soft minima and visiting probabilities, see soft.h; contiguous float64 arrays as addresses."""
    cdef int enough
    threads = usable(threads)
    with nogil:
        enough = soft_align_batch(
            topology, <const double *> cost, batch, n, m, <const int64_t *> speech_lengths,
            <const int64_t *> text_lengths, gamma, <double *> value, <double *> probability, threads)
    if not enough:
        raise MemoryError("no memory for the sums of the soft alignment")


cdef path_pairs pairs_at(
    uintptr_t speech, uintptr_t text, Py_ssize_t d, Py_ssize_t batch, uintptr_t start, uintptr_t speech_row,
    uintptr_t text_row,
) noexcept:
    cdef path_pairs pairs
    pairs.speech = <const float *> speech
    pairs.text = <const float *> text
    pairs.d = d
    pairs.batch = batch
    pairs.start = <const int64_t *> start
    pairs.speech_row = <const int64_t *> speech_row
    pairs.text_row = <const int64_t *> text_row
    return pairs


def path_forward(
    uintptr_t speech, uintptr_t text, Py_ssize_t d, Py_ssize_t batch, uintptr_t start, uintptr_t speech_row,
    uintptr_t text_row, bint root, uintptr_t distance, uintptr_t total, int threads,
):
    """Distances of all pairs and their sum for each item, see path.h; addresses as int."""
    cdef path_pairs pairs = pairs_at(speech, text, d, batch, start, speech_row, text_row)
    threads = usable(threads)
    with nogil:
        c_path_forward(&pairs, root, <float *> distance, <float *> total, threads)


def path_backward(
    uintptr_t speech, uintptr_t text, Py_ssize_t d, Py_ssize_t batch, uintptr_t start, uintptr_t speech_row,
    uintptr_t text_row, bint root, uintptr_t distance, uintptr_t weight, uintptr_t to_speech, uintptr_t to_text,
    int threads,
):
    """Add the gradients of the weighted sums of the items, see path.h; addresses as int."""
    cdef path_pairs pairs = pairs_at(speech, text, d, batch, start, speech_row, text_row)
    threads = usable(threads)
    with nogil:
        c_path_backward(
            &pairs, root, <const float *> distance, <const float *> weight, <float *> to_speech,
            <float *> to_text, threads)
