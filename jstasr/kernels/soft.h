/* Soft minimum over all monotone alignments, and its gradient, in double precision.
 *
 * Z = log sum over alignments of exp(-cost / gamma); the value is -gamma Z, and its derivative by cost(i, j)
 * is the probability that an alignment drawn from this distribution visits (i, j). Forward and backward sums
 * as for a hidden Markov model, in the log domain. */

/* into[j]: log of the sum over the ways to enter (i, j) from the row above, `above` (none if NULL). */
static void enter_row(int topology, const double *above, ptrdiff_t m, double *into)
{
    double sum = -INFINITY;
    for (ptrdiff_t j = 0; j < m; j++) {
        if (above == NULL) /* the first row: anywhere under skip, else at its first column */
            into[j] = topology == TOPOLOGY_SKIP || j == 0 ? 0 : -INFINITY;
        else if (topology == TOPOLOGY_SKIP)
            into[j] = sum = log_add(sum, above[j]);
        else
            into[j] = j ? log_add(above[j], above[j - 1]) : above[j];
    }
}

/* cost and probability are (n, m) with row strides; forward is work space for n * m + 2 m numbers.
 * Returns the value, NaN if a cost is not finite. */
static double soft_align(int topology, const double *cost, ptrdiff_t cost_stride, ptrdiff_t n, ptrdiff_t m,
                         double gamma, double *forward, double *probability, ptrdiff_t probability_stride)
{
    double *after = forward + n * m, *row = after + m; /* log of the sum over the ways on from (i, j) */
    double z = -INFINITY;
    for (ptrdiff_t i = 0; i < n; i++) {
        double *f = forward + i * m;
        enter_row(topology, i ? f - m : NULL, m, f);
        for (ptrdiff_t j = 0; j < m; j++) {
            const double c = cost[i * cost_stride + j];
            if (!isfinite(c))
                return NAN;
            if (topology == TOPOLOGY_DTW && j)
                f[j] = log_add(f[j], f[j - 1]);
            f[j] -= c / gamma;
        }
    }
    for (ptrdiff_t j = topology == TOPOLOGY_SKIP ? 0 : m - 1; j < m; j++)
        z = log_add(z, forward[(n - 1) * m + j]);
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        const double *f = forward + i * m, *c = cost + i * cost_stride;
        if (i == n - 1)
            for (ptrdiff_t j = 0; j < m; j++)
                after[j] = topology == TOPOLOGY_SKIP || j == m - 1 ? 0 : -INFINITY;
        else { /* row[j] = after[j] of the row below with the cost of its cell */
            double sum = -INFINITY;
            for (ptrdiff_t j = m - 1; j >= 0; j--) {
                if (topology == TOPOLOGY_SKIP)
                    after[j] = sum = log_add(sum, row[j]);
                else
                    after[j] = j + 1 < m ? log_add(row[j], row[j + 1]) : row[j];
            }
        }
        for (ptrdiff_t j = m - 1; j >= 0; j--) {
            if (topology == TOPOLOGY_DTW && j + 1 < m)
                after[j] = log_add(after[j], after[j + 1] - c[j + 1] / gamma);
            probability[i * probability_stride + j] = exp(f[j] + after[j] - z);
        }
        for (ptrdiff_t j = 0; j < m; j++)
            row[j] = after[j] - c[j] / gamma;
    }
    return -gamma * z;
}

/* All items, (batch, n, m) contiguous. probability must come as zeros. Returns 0 if out of memory. */
static int soft_align_batch(int topology, const double *cost, ptrdiff_t batch, ptrdiff_t n, ptrdiff_t m,
                            const int64_t *speech_lengths, const int64_t *text_lengths, double gamma,
                            double *value, double *probability, int threads)
{
    int enough = 1;
    (void)threads; /* without OpenMP */
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(&& : enough)
    {
        double *work = malloc((size_t)((n + 2) * m) * sizeof *work);
        enough = work != NULL;
#pragma omp for schedule(dynamic, 1)
        for (ptrdiff_t b = 0; b < batch; b++)
            if (work)
                value[b] = soft_align(topology, cost + b * n * m, m, speech_lengths[b], text_lengths[b], gamma,
                                      work, probability + b * n * m, m);
        free(work);
    }
    return enough;
}
