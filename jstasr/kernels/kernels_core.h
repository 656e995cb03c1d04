/* The kernels of the model's training on a CPU: for float32 and bfloat16, portable, AVX2 or AVX-512, chosen at run
 * time, and shared among threads. No result depends on the number of threads. */

#include "vector_core.h"
#include "lattice_core.h"

#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NAME(operation) JOIN(operation, ELEMENT, INSTRUCTIONS)

#define INSTRUCTIONS portable
#define TARGET
#include "types_core.h"
#undef INSTRUCTIONS
#undef TARGET

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_VECTOR_KERNELS 1
#define INSTRUCTIONS avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "types_core.h"
#undef INSTRUCTIONS
#undef TARGET

#define INSTRUCTIONS avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#include "types_core.h"
#undef INSTRUCTIONS
#undef TARGET
#else
#define HAVE_VECTOR_KERNELS 0
#endif

static int chosen_kernels; /* 0: portable, 1: AVX2, 2: AVX-512 */

/* Which kernels are used from now on: the best up to `wanted` that the processor has. */
static int choose_kernels(int wanted)
{
    chosen_kernels = 0;
#if HAVE_VECTOR_KERNELS
    if (wanted > 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        chosen_kernels = 1;
    if (wanted > 1 && chosen_kernels && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        chosen_kernels = 2;
#else
    (void)wanted;
#endif
    return chosen_kernels;
}

#if HAVE_VECTOR_KERNELS
#define CALL_TYPE(operation, type, ...)                                                                                \
    (chosen_kernels == 2   ? operation##_##type##_avx512(__VA_ARGS__)                                                  \
     : chosen_kernels == 1 ? operation##_##type##_avx2(__VA_ARGS__)                                                    \
                           : operation##_##type##_portable(__VA_ARGS__))
#else
#define CALL_TYPE(operation, type, ...) operation##_##type##_portable(__VA_ARGS__)
#endif
#define CALL(operation, half, ...)                                                                                     \
    do {                                                                                                               \
        if (half)                                                                                                      \
            CALL_TYPE(operation, bfloat16, __VA_ARGS__);                                                               \
        else                                                                                                           \
            CALL_TYPE(operation, float, __VA_ARGS__);                                                                  \
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

static void run_silu_dropout(int half, const void *x, void *out, dropout d, ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL(silu_dropout, half, x, out, d, first, last));
}

static void run_silu_dropout_back(int half, const void *x, const void *gradient, void *to_x, dropout d,
                                  ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL(silu_dropout_back, half, x, gradient, to_x, d, first, last));
}

static void run_add_dropout(int half, const void *residual, const void *x, void *out, dropout d, ptrdiff_t total,
                            int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL(add_dropout, half, residual, x, out, d, first, last));
}

static void run_dropout(int half, const void *x, void *out, dropout d, ptrdiff_t total, int threads)
{
    SHARED(total, total < SMALL ? 1 : threads, CALL(dropout, half, x, out, d, first, last));
}

static void run_split_heads(int half, int back, const void *from, const float *cosine, const float *sine, void *to,
                            ptrdiff_t items, ptrdiff_t heads, ptrdiff_t frames, ptrdiff_t size, float scale,
                            int threads)
{
    const ptrdiff_t rows = items * frames;
    if (back)
        SHARED(rows, threads,
               CALL(split_heads_back, half, from, cosine, sine, to, items, heads, frames, size, scale, first, last));
    else
        SHARED(rows, threads,
               CALL(split_heads, half, from, cosine, sine, to, items, heads, frames, size, scale, first, last));
}

/* Work space of each thread of the next three; 0: there was no memory. */
static int run_softmax(int half, void *scores, const uint8_t *mask, ptrdiff_t items, ptrdiff_t heads,
                       ptrdiff_t frames, int threads)
{
    int enough = 1;
    SHARED(items * heads * frames, threads, {
        float *room = malloc((size_t)frames * sizeof *room);
        if (room)
            CALL(softmax, half, scores, mask, heads, frames, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_softmax_back(int half, const void *probability, void *gradient, dropout d, ptrdiff_t rows,
                            ptrdiff_t frames, int threads)
{
    int enough = 1;
    SHARED(rows, threads, {
        float *room = malloc((size_t)frames * sizeof *room);
        if (room)
            CALL(softmax_back, half, probability, gradient, d, frames, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_gated_convolution(int half, const void *x, const uint8_t *inside, const float *weight, void *out,
                                 ptrdiff_t items, ptrdiff_t frames, ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past,
                                 int threads)
{
    const size_t width = (size_t)(channels + 7) / 8 * 8;
    int enough = 1;
    SHARED(items, threads, {
        float *room = malloc((size_t)(frames + taps) * width * sizeof *room);
        if (room)
            CALL(gated_convolution, half, x, inside, weight, out, frames, channels, taps, past, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static int run_gated_convolution_back(int half, const void *x, const uint8_t *inside, const float *weight,
                                      const void *gradient, void *to_x, float *to_weight, ptrdiff_t items,
                                      ptrdiff_t frames, ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past,
                                      int threads)
{
    const size_t width = (size_t)(channels + 7) / 8 * 8;
    int enough = 1;
    SHARED(items, threads, {
        float *room = malloc((size_t)(2 * (frames + taps - 1) + 1) * width * sizeof *room);
        if (room)
            CALL(gated_convolution_back, half, x, inside, weight, gradient, to_x, to_weight, frames, channels, taps,
                 past, room, first, last);
        else
            enough = 0;
        free(room);
    });
    return enough;
}

static void run_add_tanh(int half, const void *encoded, const void *predicted, void *out, ptrdiff_t items,
                         ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items, threads, CALL(add_tanh, half, encoded, predicted, out, frames, prefixes, size, first, last));
}

static void run_add_tanh_back(int half, const void *out, const void *gradient, float *to_encoded, float *to_predicted,
                              ptrdiff_t items, ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items, threads,
           CALL(add_tanh_back, half, out, gradient, to_encoded, to_predicted, frames, prefixes, size, first, last));
}

static void run_cells(int half, const void *logits, const int64_t *following, float *cells, float *normaliser,
                      ptrdiff_t items, ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items * frames * prefixes, threads,
           CALL(cells, half, logits, following, cells, normaliser, frames, prefixes, size, first, last));
}

static void run_cells_back(int half, const void *logits, const int64_t *following, const float *normaliser,
                           const float *gradient, void *to_logits, ptrdiff_t items, ptrdiff_t frames,
                           ptrdiff_t prefixes, ptrdiff_t size, int threads)
{
    SHARED(items * frames * prefixes, threads,
           CALL(cells_back, half, logits, following, normaliser, gradient, to_logits, frames, prefixes, size, first,
                last));
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
