/* Distances along a path and their gradient, float32, for one instruction set: what is left to do once the path is
 * known. See path_pairs in alignment.h. */

TARGET INLINE float NAME(add_partial)(const float *part)
{
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/* |a - t|^2, or its square root; 32 partial sums keep four vectors of eight busy. */
TARGET INLINE float NAME(pair_distance)(const float *a, const float *t, ptrdiff_t d, int root)
{
    float part[4][8] = {{0}}, rest = 0;
    ptrdiff_t k = 0;
    for (; k + 32 <= d; k += 32)
        for (int u = 0; u < 4; u++)
            for (int l = 0; l < 8; l++) {
                const float x = a[k + 8 * u + l] - t[k + 8 * u + l];
                part[u][l] += x * x;
            }
    for (; k < d; k++)
        rest += (a[k] - t[k]) * (a[k] - t[k]);
    const float square = ((NAME(add_partial)(part[0]) + NAME(add_partial)(part[1])) +
                          (NAME(add_partial)(part[2]) + NAME(add_partial)(part[3]))) +
                         rest;
    return root ? sqrtf(square) : square;
}

/* The sum of the distances of one item's pairs (i, j), or with `pairs` NULL of (k, column[k]). */
TARGET static float NAME(path_total)(const float *speech, const float *text, ptrdiff_t d, const int64_t *path,
                                     int pairs, ptrdiff_t steps, int root)
{
    double sum = 0;
    for (ptrdiff_t k = 0; k < steps; k++) {
        const int64_t i = pairs ? path[2 * k] : k, j = pairs ? path[2 * k + 1] : path[k];
        sum += NAME(pair_distance)(speech + i * d, text + j * d, d, root);
    }
    return (float)sum;
}

/* Item b: distance[p] of each pair, and total[b], their sum. */
TARGET static void NAME(path_forward)(const path_pairs *p, ptrdiff_t b, int root, float *distance, float *total)
{
    double sum = 0;
    for (int64_t k = p->start[b]; k < p->start[b + 1]; k++) {
        distance[k] =
            NAME(pair_distance)(p->speech + p->speech_row[k] * p->d, p->text + p->text_row[k] * p->d, p->d, root);
        sum += distance[k];
    }
    total[b] = (float)sum;
}

/* Item b: adds to the gradients, which come as zeros, those of weight[b] * total[b]. */
TARGET static void NAME(path_backward)(const path_pairs *p, ptrdiff_t b, int root, const float *distance,
                                       const float *weight, float *to_speech, float *to_text)
{
    for (int64_t k = p->start[b]; k < p->start[b + 1]; k++) {
        const ptrdiff_t row_a = p->speech_row[k] * p->d, row_t = p->text_row[k] * p->d;
        const float *restrict a = p->speech + row_a, *restrict t = p->text + row_t;
        float *restrict to_a = to_speech + row_a, *restrict to_t = to_text + row_t;
        /* d|x|^2 = 2x; d|x| = x / |x|, 0 at 0 */
        const float scale = weight[b] * (root ? (distance[k] > 0 ? 1 / distance[k] : 0) : 2);
        for (ptrdiff_t c = 0; c < p->d; c++) {
            const float x = scale * (a[c] - t[c]);
            to_a[c] += x;
            to_t[c] -= x;
        }
    }
}
