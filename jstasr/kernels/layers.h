/* The kernels of the model on a CPU, called by _layers.pyx: each function picks the kernel for its type of
 * element and the instruction set in use, and shares the work among threads. No result depends on their number. */

#include "instructions.h"
#include "vectors.h"
#include "lattice.h"

#define KERNELS "layer_kernels.h"
#include "each_instruction_set.h"

/* CALL_TYPED(dropout, is_bfloat16, x): dropout_bfloat16_avx2(x) or dropout_float_avx2(x), say; see instructions.h. */
#define CALL_TYPED(operation, is_bfloat16, ...)                                                                        \
    do {                                                                                                               \
        if (is_bfloat16)                                                                                               \
            CALL(operation, bfloat16, __VA_ARGS__);                                                                    \
        else                                                                                                           \
            CALL(operation, float, __VA_ARGS__);                                                                       \
    } while (0)

/* Runs the statement for parts [first, last) of `total` things, one part a thread. */
#define SHARED(total, threads, ...)                                                                                    \
    do {                                                                                                               \
        const ptrdiff_t parts_ = smaller(threads, total) > 0 ? smaller(threads, total) : 1;                            \
        _Pragma("omp parallel for num_threads((int)parts_) schedule(static, 1) if (parts_ > 1)") for (                 \
            ptrdiff_t part_ = 0; part_ < parts_; part_++)                                                              \
        {                                                                                                              \
            const ptrdiff_t first = (total) * part_ / parts_, last = (total) * (part_ + 1) / parts_;                   \
            const unsigned before_ = flush_denormals();                                                                \
            __VA_ARGS__;                                                                                               \
            restore_denormals(before_);                                                                                \
        }                                                                                                              \
    } while (0)

#define SMALL 16384 /* elements that are not worth a second thread */

static void run_silu_dropout(int is_bfloat16, const void *x, void *out, dropout d, ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL_TYPED(silu_dropout, is_bfloat16, x, out, d, first, last));
}

static void run_silu_dropout_backward(int is_bfloat16, const void *x, const void *gradient, void *to_x, dropout d,
                                      ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads,
           CALL_TYPED(silu_dropout_backward, is_bfloat16, x, gradient, to_x, d, first, last));
}

static void run_add_dropout(int is_bfloat16, const void *residual, const void *x, void *out, dropout d, ptrdiff_t total,
                            int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL_TYPED(add_dropout, is_bfloat16, residual, x, out, d, first, last));
}

static void run_dropout(int is_bfloat16, const void *x, void *out, dropout d, ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL_TYPED(dropout, is_bfloat16, x, out, d, first, last));
}

static void run_split_heads(int is_bfloat16, int backward, const void *from, const float *cosine, const float *sine,
                            void *to, ptrdiff_t items, ptrdiff_t heads, ptrdiff_t frames, ptrdiff_t size, float scale,
                            int threads)
{
    const ptrdiff_t rows = items * frames;
    if (backward)
        SHARED(rows, threads,
               CALL_TYPED(split_heads_backward, is_bfloat16, from, cosine, sine, to, items, heads, frames, size, scale,
                          first, last));
    else
        SHARED(rows, threads,
               CALL_TYPED(split_heads, is_bfloat16, from, cosine, sine, to, items, heads, frames, size, scale, first,
                          last));
}

/* Work space of each thread of the next three; 0: there was no memory. */
static int run_softmax(int is_bfloat16, void *scores, const uint8_t *mask, ptrdiff_t items, ptrdiff_t heads,
                       ptrdiff_t frames, int threads)
{
    int enough = 1;
    SHARED(items * heads * frames, threads, {
        float *room = malloc((size_t)frames * sizeof *room);
        if (room)
            CALL_TYPED(softmax, is_bfloat16, scores, mask, heads, frames, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_softmax_backward(int is_bfloat16, const void *probability, void *gradient, dropout d, ptrdiff_t rows,
                                ptrdiff_t frames, int threads)
{
    int enough = 1;
    SHARED(rows, threads, {
        float *room = malloc((size_t)frames * sizeof *room);
        if (room)
            CALL_TYPED(softmax_backward, is_bfloat16, probability, gradient, d, frames, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_gated_convolution(int is_bfloat16, const void *x, const uint8_t *inside, const float *weight, void *out,
                                 ptrdiff_t items, ptrdiff_t frames, ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past,
                                 int threads)
{
    const size_t width = (size_t)(channels + 7) / 8 * 8;
    int enough = 1;
    SHARED(items, threads, {
        float *room = malloc((size_t)(frames + taps) * width * sizeof *room);
        if (room)
            CALL_TYPED(gated_convolution, is_bfloat16, x, inside, weight, out, frames, channels, taps, past, room,
                       first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_gated_convolution_backward(int is_bfloat16, const void *x, const uint8_t *inside, const float *weight,
                                          const void *gradient, void *to_x, float *to_weight, ptrdiff_t items,
                                          ptrdiff_t frames, ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past,
                                          int threads)
{
    const size_t width = (size_t)(channels + 7) / 8 * 8;
    int enough = 1;
    SHARED(items, threads, {
        float *room = malloc((size_t)(2 * (frames + taps - 1) + 1) * width * sizeof *room);
        if (room)
            CALL_TYPED(gated_convolution_backward, is_bfloat16, x, inside, weight, gradient, to_x, to_weight, frames,
                       channels, taps, past, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static void run_add_tanh(int is_bfloat16, const void *encoded, const void *predicted, void *out, ptrdiff_t items,
                         ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items, threads,
           CALL_TYPED(add_tanh, is_bfloat16, encoded, predicted, out, frames, prefixes, size, first, last));
}

static void run_add_tanh_backward(int is_bfloat16, const void *out, const void *gradient, float *to_encoded,
                                  float *to_predicted, ptrdiff_t items, ptrdiff_t frames, ptrdiff_t prefixes,
                                  ptrdiff_t size, int threads)
{
    SHARED(items, threads,
           CALL_TYPED(add_tanh_backward, is_bfloat16, out, gradient, to_encoded, to_predicted, frames, prefixes, size,
                      first, last));
}

static void run_cells(int is_bfloat16, const void *logits, const int64_t *following, float *cells, float *normaliser,
                      ptrdiff_t items, ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items * frames * prefixes, threads,
           CALL_TYPED(cells, is_bfloat16, logits, following, cells, normaliser, frames, prefixes, size, first, last));
}

static void run_cells_backward(int is_bfloat16, const void *logits, const int64_t *following, const float *normaliser,
                               const float *gradient, void *to_logits, ptrdiff_t items, ptrdiff_t frames,
                               ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items * frames * prefixes, threads,
           CALL_TYPED(cells_backward, is_bfloat16, logits, following, normaliser, gradient, to_logits, frames, prefixes,
                      size, first, last));
}

/* nats (N,) = -log P; gradient (N, T, U, 2), cleared before, or NULL. 1 <= lengths <= T, 0 <= label lengths < U. */
static int run_lattice(const float *cells, const int64_t *lengths, const int64_t *label_lengths, float *nats,
                       float *gradient, ptrdiff_t items, ptrdiff_t frames, ptrdiff_t prefixes, int threads)
{
    int enough = 1;
    SHARED(items, threads, {
        double *room = malloc((size_t)(2 * frames * prefixes) * sizeof *room);
        if (!room)
            enough = 0;
        for (ptrdiff_t n = first; n < last && room; n++) {
            const ptrdiff_t start = n * frames * prefixes * 2;
            nats[n] = (float)lattice_item(cells + start, gradient ? gradient + start : NULL, lengths[n],
                                          label_lengths[n] + 1, prefixes, room);
        }
        free(room);
    });
    return enough;
}

/* Greedy search of projected frames (N, T, J) with their lengths (N,); emitted (N, T, max_symbols), cleared before. */
static int run_greedy(hat_decoder d, const float *projected, const int64_t *lengths, greedy_state state, int64_t *emitted,
                      ptrdiff_t items, ptrdiff_t frames, ptrdiff_t max_symbols, int threads)
{
    int enough = 1;
    SHARED(items, threads, {
        float *room = malloc((size_t)(2 * d.joint + d.symbols) * sizeof *room);
        if (!room)
            enough = 0;
        for (ptrdiff_t n = first; n < last && room; n++)
            CALL(greedy, float, &d, projected, n, frames, lengths[n], max_symbols, &state, emitted, room);
        free(room);
    });
    return enough;
}
