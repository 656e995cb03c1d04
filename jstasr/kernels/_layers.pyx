# cython: language_level=3, boundscheck=False, wraparound=False
"""Binding of the model's kernels (layers.h). Private: jstasr.kernels.fused prepares what it passes here.

Tensors come as addresses, contiguous and of the shapes that the C files name; `is_bfloat16`: bfloat16 instead of float32.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t


cdef extern from "layers.h":
    ctypedef struct c_dropout "dropout":
        uint32_t seed[2]
        int32_t threshold
        float scale

    ctypedef struct hat_decoder:
        Py_ssize_t symbols, joint, embed, context
        const float *embedding
        const float *prediction
        const float *prediction_bias
        const float *blank
        const float *blank_bias
        const float *labels
        const float *labels_bias

    ctypedef struct greedy_state:
        int64_t *history
        float *none
        float *some
        float *score

    int instructions_in_use
    int best_instructions()
    void use_instructions(int instructions)
    void run_silu_dropout(int is_bfloat16, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_silu_dropout_backward(
        int is_bfloat16, const void *x, const void *gradient, void *to_x, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_add_dropout(
        int is_bfloat16, const void *residual, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_dropout(int is_bfloat16, const void *x, void *out, c_dropout d, Py_ssize_t total, int threads) nogil
    void run_split_heads(
        int is_bfloat16, int backward, const void *given, const float *cosine, const float *sine, void *out, Py_ssize_t items,
        Py_ssize_t heads, Py_ssize_t frames, Py_ssize_t size, float scale, int threads) nogil
    int run_softmax(
        int is_bfloat16, void *scores, const uint8_t *mask, Py_ssize_t items, Py_ssize_t heads, Py_ssize_t frames,
        int threads) nogil
    int run_softmax_backward(
        int is_bfloat16, const void *probability, void *gradient, c_dropout d, Py_ssize_t rows, Py_ssize_t frames,
        int threads) nogil
    int run_gated_convolution(
        int is_bfloat16, const void *x, const uint8_t *inside, const float *weight, void *out, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past, int threads) nogil
    int run_gated_convolution_backward(
        int is_bfloat16, const void *x, const uint8_t *inside, const float *weight, const void *gradient, void *to_x,
        float *to_weight, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps,
        Py_ssize_t past, int threads) nogil
    void run_add_tanh(
        int is_bfloat16, const void *encoded, const void *predicted, void *out, Py_ssize_t items, Py_ssize_t frames,
        Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_add_tanh_backward(
        int is_bfloat16, const void *out, const void *gradient, float *to_encoded, float *to_predicted, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_cells(
        int is_bfloat16, const void *logits, const int64_t *following, float *cells, float *normaliser, Py_ssize_t items,
        Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads) nogil
    void run_cells_backward(
        int is_bfloat16, const void *logits, const int64_t *following, const float *normaliser, const float *gradient,
        void *to_logits, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size,
        int threads) nogil
    int run_lattice(
        const float *cells, const int64_t *lengths, const int64_t *label_lengths, float *nats, float *gradient,
        Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, int threads) nogil
    int run_greedy(
        hat_decoder d, const float *projected, const int64_t *lengths, greedy_state state, int64_t *emitted,
        Py_ssize_t items, Py_ssize_t frames, Py_ssize_t max_symbols, int threads) nogil


def use(int instructions):
    """Use the kernels of an instruction set that the processor has; jstasr.kernels.instructions names them."""
    use_instructions(instructions)


def in_use():
    return instructions_in_use


use(best_instructions())


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
    bint is_bfloat16, uintptr_t x, uintptr_t out, uint64_t seed, double probability, Py_ssize_t total, int threads,
):
    cdef c_dropout d = drawn(seed, probability, 1.0)
    with nogil:
        run_silu_dropout(is_bfloat16, <const void *> x, <void *> out, d, total, threads)


def silu_dropout_backward(
    bint is_bfloat16, uintptr_t x, uintptr_t gradient, uintptr_t to_x, uint64_t seed, double probability, Py_ssize_t total,
    int threads,
):
    cdef c_dropout d = drawn(seed, probability, 1.0)
    with nogil:
        run_silu_dropout_backward(is_bfloat16, <const void *> x, <const void *> gradient, <void *> to_x, d, total, threads)


def add_dropout(
    bint is_bfloat16, uintptr_t residual, uintptr_t x, uintptr_t out, uint64_t seed, double probability, double factor,
    Py_ssize_t total, int threads,
):
    cdef c_dropout d = drawn(seed, probability, factor)
    with nogil:
        run_add_dropout(is_bfloat16, <const void *> residual, <const void *> x, <void *> out, d, total, threads)


def dropout(
    bint is_bfloat16, uintptr_t x, uintptr_t out, uint64_t seed, double probability, double factor, Py_ssize_t total,
    int threads,
):
    cdef c_dropout d = drawn(seed, probability, factor)
    with nogil:
        run_dropout(is_bfloat16, <const void *> x, <void *> out, d, total, threads)


def split_heads(
    bint is_bfloat16, bint backward, uintptr_t given, uintptr_t cosine, uintptr_t sine, uintptr_t out, Py_ssize_t items,
    Py_ssize_t heads, Py_ssize_t frames, Py_ssize_t size, double scale, int threads,
):
    with nogil:
        run_split_heads(
            is_bfloat16, backward, <const void *> given, <const float *> cosine, <const float *> sine, <void *> out, items,
            heads, frames, size, scale, threads)


def softmax(
    bint is_bfloat16, uintptr_t scores, uintptr_t mask, Py_ssize_t items, Py_ssize_t heads, Py_ssize_t frames, int threads,
):
    cdef int enough
    with nogil:
        enough = run_softmax(is_bfloat16, <void *> scores, <const uint8_t *> mask, items, heads, frames, threads)
    check_room(enough)


def softmax_backward(
    bint is_bfloat16, uintptr_t probability, uintptr_t gradient, uint64_t seed, double dropped, Py_ssize_t rows,
    Py_ssize_t frames, int threads,
):
    cdef c_dropout d = drawn(seed, dropped, 1.0)
    cdef int enough
    with nogil:
        enough = run_softmax_backward(is_bfloat16, <const void *> probability, <void *> gradient, d, rows, frames, threads)
    check_room(enough)


def gated_convolution(
    bint is_bfloat16, uintptr_t x, uintptr_t inside, uintptr_t weight, uintptr_t out, Py_ssize_t items, Py_ssize_t frames,
    Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past, int threads,
):
    cdef int enough
    with nogil:
        enough = run_gated_convolution(
            is_bfloat16, <const void *> x, <const uint8_t *> inside, <const float *> weight, <void *> out, items, frames,
            channels, taps, past, threads)
    check_room(enough)


def gated_convolution_backward(
    bint is_bfloat16, uintptr_t x, uintptr_t inside, uintptr_t weight, uintptr_t gradient, uintptr_t to_x,
    uintptr_t to_weight, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t channels, Py_ssize_t taps, Py_ssize_t past,
    int threads,
):
    cdef int enough
    with nogil:
        enough = run_gated_convolution_backward(
            is_bfloat16, <const void *> x, <const uint8_t *> inside, <const float *> weight, <const void *> gradient,
            <void *> to_x, <float *> to_weight, items, frames, channels, taps, past, threads)
    check_room(enough)


def add_tanh(
    bint is_bfloat16, uintptr_t encoded, uintptr_t predicted, uintptr_t out, Py_ssize_t items, Py_ssize_t frames,
    Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_add_tanh(
            is_bfloat16, <const void *> encoded, <const void *> predicted, <void *> out, items, frames, prefixes, size,
            threads)


def add_tanh_backward(
    bint is_bfloat16, uintptr_t out, uintptr_t gradient, uintptr_t to_encoded, uintptr_t to_predicted, Py_ssize_t items,
    Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_add_tanh_backward(
            is_bfloat16, <const void *> out, <const void *> gradient, <float *> to_encoded, <float *> to_predicted, items,
            frames, prefixes, size, threads)


def cells(
    bint is_bfloat16, uintptr_t logits, uintptr_t following, uintptr_t out, uintptr_t normaliser, Py_ssize_t items,
    Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_cells(
            is_bfloat16, <const void *> logits, <const int64_t *> following, <float *> out, <float *> normaliser, items,
            frames, prefixes, size, threads)


def cells_backward(
    bint is_bfloat16, uintptr_t logits, uintptr_t following, uintptr_t normaliser, uintptr_t gradient, uintptr_t to_logits,
    Py_ssize_t items, Py_ssize_t frames, Py_ssize_t prefixes, Py_ssize_t size, int threads,
):
    with nogil:
        run_cells_backward(
            is_bfloat16, <const void *> logits, <const int64_t *> following, <const float *> normaliser,
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



def greedy(
    uintptr_t projected, uintptr_t lengths, uintptr_t embedding, uintptr_t prediction, uintptr_t prediction_bias,
    uintptr_t blank, uintptr_t blank_bias, uintptr_t labels, uintptr_t labels_bias, uintptr_t history, uintptr_t none,
    uintptr_t some, uintptr_t score, uintptr_t emitted, Py_ssize_t items, Py_ssize_t frames, Py_ssize_t symbols,
    Py_ssize_t joint, Py_ssize_t embed, Py_ssize_t context, Py_ssize_t max_symbols, int threads,
):
    cdef hat_decoder d
    cdef greedy_state state
    cdef int enough
    d.symbols, d.joint, d.embed, d.context = symbols, joint, embed, context
    d.embedding = <const float *> embedding
    d.prediction, d.prediction_bias = <const float *> prediction, <const float *> prediction_bias
    d.blank, d.blank_bias = <const float *> blank, <const float *> blank_bias
    d.labels, d.labels_bias = <const float *> labels, <const float *> labels_bias
    state.history, state.none, state.some, state.score = <int64_t *> history, <float *> none, <float *> some, <float *> score
    with nogil:
        enough = run_greedy(
            d, <const float *> projected, <const int64_t *> lengths, state, <int64_t *> emitted, items, frames,
            max_symbols, threads)
    check_room(enough)
