# cython: language_level=3, boundscheck=False, wraparound=False
"""Binding of the model's kernels (kernels_core.h). Private: jstasr.kernels.ops prepares what it passes here.

Tensors come as addresses, contiguous and of the shapes that the C files name; `half`: bfloat16 instead of float32.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t


cdef extern from "kernels_core.h":
    ctypedef struct c_dropout "dropout":
        uint32_t seed[2]
        int32_t threshold
        float scale

    int c_choose_kernels "choose_kernels"(int wanted)
    void run_silu_dropout(int half, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_silu_dropout_back(
        int half, const void *x, const void *gradient, void *to_x, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_add_dropout(
        int half, const void *residual, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_dropout(int half, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_split_heads(
        int half, int back, const void *given, const float *cosine, const float *sine, void *out, Py_ssize_t items,
        Py_ssize_t heads, Py_ssize_t frames, Py_ssize_t size, float scale, int threads) nogil
    int run_softmax(
        int half, void *scores, const uint8_t *mask, Py_ssize_t items, Py_ssize_t heads, Py_ssize_t frames,
        int threads) nogil
    int run_softmax_back(
        int half, const void *probability, void *gradient, c_dropout d, Py_ssize_t rows, Py_ssize_t frames,
        int threads) nogil
    int run_gated_convolution(
        int half, const void *x, const uint8_t *inside, const float *weight, void *out, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past, int threads) nogil
    int run_gated_convolution_back(
        int half, const void *x, const uint8_t *inside, const float *weight, const void *gradient, void *to_x,
        float *to_weight, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps,
        Py_ssize_t past, int threads) nogil
    void run_add_tanh(
        int half, const void *encoded, const void *predicted, void *out, Py_ssize_t items, Py_ssize_t frames,
        Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_add_tanh_back(
        int half, const void *out, const void *gradient, float *to_encoded, float *to_predicted, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_cells(
        int half, const void *logits, const int64_t *following, float *cells, float *normaliser, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_cells_back(
        int half, const void *logits, const int64_t *following, const float *normaliser, const float *gradient,
        void *to_logits, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size,
        int threads) nogil
    int run_lattice(
        const float *cells, const int64_t *lengths, const int64_t *label_lengths, float *nats, float *gradient,
        Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, int threads) nogil


def choose(int wanted=2):
    """Use the best kernels up to 0: portable, 1: AVX2, 2: AVX-512, that the processor has; returns which."""
    return c_choose_kernels(wanted)


cdef c_dropout drawn(uint64_t seed, double probability, double scale) noexcept:
    cdef c_dropout d
    d.seed[0] = <uint32_t> seed
    d.seed[1] = <uint32_t> (seed >> 32)
    d.threshold = <int32_t> (probability * (1 << 24) + 0.5)
    d.scale = scale / (1.0 - probability)
    return d


cdef int check_room(int enough) except -1:
    if not enough:
        raise MemoryError("no memory for the work space of a layer: use smaller batches")
    return 0


def silu_dropout(
    bint half, uintptr_t x, uintptr_t out, uint64_t seed, double probability, Py_ssize_t total, int threads,
):
    cdef c_dropout d = drawn(seed, probability, 1.0)
    with nogil:
        run_silu_dropout(half, <const void *> x, <void *> out, d, total, threads)


def silu_dropout_back(
    bint half, uintptr_t x, uintptr_t gradient, uintptr_t to_x, uint64_t seed, double probability, Py_ssize_t total,
    int threads,
):
    cdef c_dropout d = drawn(seed, probability, 1.0)
    with nogil:
        run_silu_dropout_back(half, <const void *> x, <const void *> gradient, <void *> to_x, d, total, threads)


def add_dropout(
    bint half, uintptr_t residual, uintptr_t x, uintptr_t out, uint64_t seed, double probability, double factor,
    Py_ssize_t total, int threads,
):
    cdef c_dropout d = drawn(seed, probability, factor)
    with nogil:
        run_add_dropout(half, <const void *> residual, <const void *> x, <void *> out, d, total, threads)


def dropout(
    bint half, uintptr_t x, uintptr_t out, uint64_t seed, double probability, double factor, Py_ssize_t total,
    int threads,
):
    cdef c_dropout d = drawn(seed, probability, factor)
    with nogil:
        run_dropout(half, <const void *> x, <void *> out, d, total, threads)


def split_heads(
    bint half, bint back, uintptr_t given, uintptr_t cosine, uintptr_t sine, uintptr_t out, Py_ssize_t items,
    Py_ssize_t heads, Py_ssize_t frames, Py_ssize_t size, double scale, int threads,
):
    with nogil:
        run_split_heads(
            half, back, <const void *> given, <const float *> cosine, <const float *> sine, <void *> out, items,
            heads, frames, size, scale, threads)


def softmax(
    bint half, uintptr_t scores, uintptr_t mask, Py_ssize_t items, Py_ssize_t heads, Py_ssize_t frames, int threads,
):
    cdef int enough
    with nogil:
        enough = run_softmax(half, <void *> scores, <const uint8_t *> mask, items, heads, frames, threads)
    check_room(enough)


def softmax_back(
    bint half, uintptr_t probability, uintptr_t gradient, uint64_t seed, double dropped, Py_ssize_t rows,
    Py_ssize_t frames, int threads,
):
    cdef c_dropout d = drawn(seed, dropped, 1.0)
    cdef int enough
    with nogil:
        enough = run_softmax_back(half, <const void *> probability, <void *> gradient, d, rows, frames, threads)
    check_room(enough)


def gated_convolution(
    bint half, uintptr_t x, uintptr_t inside, uintptr_t weight, uintptr_t out, Py_ssize_t items, Py_ssize_t frames,
    Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past, int threads,
):
    cdef int enough
    with nogil:
        enough = run_gated_convolution(
            half, <const void *> x, <const uint8_t *> inside, <const float *> weight, <void *> out, items, frames,
            channels, taps, past, threads)
    check_room(enough)


def gated_convolution_back(
    bint half, uintptr_t x, uintptr_t inside, uintptr_t weight, uintptr_t gradient, uintptr_t to_x,
    uintptr_t to_weight, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past,
    int threads,
):
    cdef int enough
    with nogil:
        enough = run_gated_convolution_back(
            half, <const void *> x, <const uint8_t *> inside, <const float *> weight, <const void *> gradient,
            <void *> to_x, <float *> to_weight, items, frames, channels, taps, past, threads)
    check_room(enough)


def add_tanh(
    bint half, uintptr_t encoded, uintptr_t predicted, uintptr_t out, Py_ssize_t items, Py_ssize_t frames,
    Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_add_tanh(
            half, <const void *> encoded, <const void *> predicted, <void *> out, items, frames, prefixes, size,
            threads)


def add_tanh_back(
    bint half, uintptr_t out, uintptr_t gradient, uintptr_t to_encoded, uintptr_t to_predicted, Py_ssize_t items,
    Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_add_tanh_back(
            half, <const void *> out, <const void *> gradient, <float *> to_encoded, <float *> to_predicted, items,
            frames, prefixes, size, threads)


def cells(
    bint half, uintptr_t logits, uintptr_t following, uintptr_t out, uintptr_t normaliser, Py_ssize_t items,
    Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_cells(
            half, <const void *> logits, <const int64_t *> following, <float *> out, <float *> normaliser, items,
            frames, prefixes, size, threads)


def cells_back(
    bint half, uintptr_t logits, uintptr_t following, uintptr_t normaliser, uintptr_t gradient, uintptr_t to_logits,
    Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_cells_back(
            half, <const void *> logits, <const int64_t *> following, <const float *> normaliser,
            <const float *> gradient, <void *> to_logits, items, frames, prefixes, size, threads)


def lattice(
    uintptr_t cells, uintptr_t lengths, uintptr_t label_lengths, uintptr_t nats, uintptr_t gradient,
    Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, int threads,
):
    cdef int enough
    with nogil:
        enough = run_lattice(
            <const float *> cells, <const int64_t *> lengths, <const int64_t *> label_lengths, <float *> nats,
            <float *> gradient, items, frames, prefixes, threads)
    check_room(enough)


choose()
