/* Runs every kernel on random batches in memory that is exactly as large as it must be, so that the address
 * and undefined-behaviour sanitizers see each step over an edge. Compiled and run by test_memory.py. */
#include "batch_core.h"
#include "soft_core.h"

#include <stdio.h>

static uint64_t state = 1;

static int64_t draw(int64_t low, int64_t high) /* low..high */
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

static void one_batch(int topology, int is_double, int threads)
{
    const ptrdiff_t batch = draw(1, 18), n = draw(1, draw(1, 4) == 1 ? 200 : 40), m = draw(1, n < 70 ? 70 : n);
    const ptrdiff_t front = draw(0, 3), row_stride = m + draw(0, 5), item_stride = n * row_stride;
    const size_t size = is_double ? sizeof(double) : sizeof(float);
    const size_t cells = (size_t)((batch - 1) * item_stride + (n - 1) * row_stride + m + front);
    int64_t *lengths = malloc((size_t)(3 * batch) * sizeof *lengths), *text_lengths = lengths + batch;
    const ptrdiff_t room = topology == TOPOLOGY_DTW ? 2 * (n + m - 1) : n;
    char *cost = malloc(cells * size), *total = malloc((size_t)batch * size);
    int64_t *path = malloc((size_t)(batch * room) * sizeof *path);
    int8_t *status = malloc((size_t)batch);
    for (size_t k = 0; k < cells; k++) {
        const double x = draw(0, 4) == 0 ? 0 : (double)draw(-1000, 1000) / 7;
        if (is_double)
            ((double *)cost)[k] = x;
        else
            ((float *)cost)[k] = (float)x;
    }
    if (draw(0, 3) == 0) /* one cell that is not finite, if it is looked at */
        memset(cost + size * (size_t)draw(0, (int64_t)cells - 1), 0xff, size);
    for (ptrdiff_t b = 0; b < batch; b++) {
        lengths[b] = draw(0, 1) ? n : draw(1, n);
        text_lengths[b] = draw(0, 1) ? m : draw(1, m);
        if (topology == TOPOLOGY_NOSKIP && text_lengths[b] > lengths[b])
            text_lengths[b] = lengths[b];
    }
    const align_job job = {cost + (size_t)front * size, is_double, item_stride, row_stride, batch, lengths,
                           text_lengths, topology, (int)draw(0, 1), path, room, lengths + 2 * batch, total, status};
    align_batch(&job, threads);
    for (ptrdiff_t b = 0; b < batch; b++) {
        if (status[b] == ITEM_NO_MEMORY)
            abort();
        if (status[b] != ITEM_DONE || topology == TOPOLOGY_DTW)
            continue;
        for (ptrdiff_t i = 0; i < n; i++) {
            const int64_t j = path[b * room + i];
            if (i < lengths[b] ? j < 0 || j >= text_lengths[b] : j != -1)
                abort();
        }
    }
    if (is_double && row_stride == m && front == 0) {
        double *value = malloc((size_t)batch * sizeof *value);
        double *probability = calloc((size_t)(batch * n * m), sizeof *probability);
        if (!soft_align_batch(topology, (double *)cost, batch, n, m, lengths, text_lengths, 0.7, value, probability,
                              threads))
            abort();
        free(value);
        free(probability);
    }
    free(status);
    free(path);
    free(total);
    free(cost);
    free(lengths);
}

int main(int count, char **argument)
{
    const int rounds = count > 1 ? atoi(argument[1]) : 100;
    for (int kernels = 0; kernels < 3; kernels++) {
        choose_kernels(kernels > 0, kernels > 1);
        for (int k = 0; k < rounds; k++)
            for (int topology = 0; topology < 3; topology++)
                for (int is_double = 0; is_double < 2; is_double++)
                    one_batch(topology, is_double, (int)draw(1, 3));
    }
    puts("done");
    return 0;
}
