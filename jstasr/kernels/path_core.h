/* Distances along a path and their gradient, float32: what is left to do once the path is known.
 *
 * pairs are rows of (batch * n, d) and (batch * m, d) matrices, item after item; a row may come again. */

typedef struct {
    const float *speech, *text;
    ptrdiff_t d, batch;
    const int64_t *start; /* (batch + 1,) first pair of each item, and the number of pairs */
    const int64_t *speech_row, *text_row;
} path_pairs;

/* 32 partial sums keep four vectors of eight busy. */
static inline float add_partial(const float *part)
{
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

#define PATH_ROWS(suffix, attribute)                                                                    \
    attribute static float square_distance_##suffix(const float *a, const float *t, ptrdiff_t d)        \
    {                                                                                                   \
        float part[4][8] = {{0}}, rest = 0;                                                             \
        ptrdiff_t k = 0;                                                                                \
        for (; k + 32 <= d; k += 32)                                                                    \
            for (int u = 0; u < 4; u++)                                                                 \
                for (int l = 0; l < 8; l++) {                                                           \
                    const float x = a[k + 8 * u + l] - t[k + 8 * u + l];                                \
                    part[u][l] += x * x;                                                                \
                }                                                                                       \
        for (; k < d; k++)                                                                              \
            rest += (a[k] - t[k]) * (a[k] - t[k]);                                                      \
        return ((add_partial(part[0]) + add_partial(part[1])) +                                         \
                (add_partial(part[2]) + add_partial(part[3]))) + rest;                                  \
    }                                                                                                   \
    attribute static void add_difference_##suffix(const float *restrict a, const float *restrict t,     \
                                                  float scale, float *restrict to_a,                    \
                                                  float *restrict to_t, ptrdiff_t d)                    \
    {                                                                                                   \
        for (ptrdiff_t k = 0; k < d; k++) {                                                             \
            const float x = scale * (a[k] - t[k]);                                                      \
            to_a[k] += x;                                                                               \
            to_t[k] -= x;                                                                               \
        }                                                                                               \
    }

PATH_ROWS(plain, )
static float (*square_distance)(const float *, const float *, ptrdiff_t) = square_distance_plain;
static void (*add_difference)(const float *restrict, const float *restrict, float, float *restrict,
                              float *restrict, ptrdiff_t) = add_difference_plain;
#if HAVE_AVX2_KERNELS
PATH_ROWS(avx2, AVX2)
#endif

static void choose_path_kernels(int vector)
{
    square_distance = square_distance_plain;
    add_difference = add_difference_plain;
#if HAVE_AVX2_KERNELS
    if (vector) {
        square_distance = square_distance_avx2;
        add_difference = add_difference_avx2;
    }
#endif
    (void)vector;
}

static inline float pair_distance(const float *a, const float *t, ptrdiff_t d, int root)
{
    const float x = square_distance(a, t, d);
    return root ? sqrtf(x) : x;
}

/* distance[p] of each pair, its square root if `root`; total[b], their sum over each item. */
static void path_forward(const path_pairs *p, int root, float *distance, float *total, int threads)
{
    (void)threads; /* without OpenMP */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (ptrdiff_t b = 0; b < p->batch; b++) {
        double sum = 0;
        for (int64_t k = p->start[b]; k < p->start[b + 1]; k++) {
            distance[k] = pair_distance(p->speech + p->speech_row[k] * p->d,
                                        p->text + p->text_row[k] * p->d, p->d, root);
            sum += distance[k];
        }
        total[b] = (float)sum;
    }
}

/* Adds to the gradients, which come as zeros, those of sum_b weight[b] * total[b]. */
static void path_backward(const path_pairs *p, int root, const float *distance, const float *weight,
                          float *to_speech, float *to_text, int threads)
{
    (void)threads;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (ptrdiff_t b = 0; b < p->batch; b++)
        for (int64_t k = p->start[b]; k < p->start[b + 1]; k++) {
            const ptrdiff_t row_a = p->speech_row[k] * p->d, row_t = p->text_row[k] * p->d;
            /* d|x|^2 = 2x; d|x| = x / |x|, 0 at 0 */
            const float scale = root ? (distance[k] > 0 ? 1 / distance[k] : 0) : 2;
            add_difference(p->speech + row_a, p->text + row_t, weight[b] * scale, to_speech + row_a,
                           to_text + row_t, p->d);
        }
}
