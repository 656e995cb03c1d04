/* Runs every kernel on random batches in memory that is exactly as large as it must be, so that the address
 * and undefined-behaviour sanitizers see each step over an edge. Compiled and run by test_memory.py. */
#include "alignment.h"

#include <stdio.h>

static uint64_t state = 1;

static int64_t draw(int64_t low, int64_t high) /* low..high */
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((state >> 33) % (uint64_t)(high - low + 1));
}

static void one_batch(int topology, int is_double, int threads)
{
    const ptrdiff_t batch = draw(1, 40), n = draw(1, draw(1, 4) == 1 ? 200 : 40), m = draw(1, n < 70 ? 70 : n);
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
    const align_job job = {.cost = cost + (size_t)front * size, .is_double = is_double,
                           .item_stride = item_stride, .row_stride = row_stride, .batch = batch,
                           .speech_lengths = lengths, .text_lengths = text_lengths, .topology = topology,
                           .path = path, .path_stride = room,
                           .path_length = lengths + 2 * batch, .total = total, .status = status};
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

static float *random_matrix(size_t cells)
{
    float *matrix = malloc(cells * sizeof *matrix);
    for (size_t k = 0; k < cells; k++)
        matrix[k] = (float)draw(-9, 9);
    return matrix;
}

/* The matrix product, of small whole numbers, so that every order of summing is exact. */
static void one_product(void)
{
    const ptrdiff_t n = draw(1, 60), m = draw(1, n < 50 ? n : 50), d = draw(1, 40);
    const int band = (int)draw(0, 1);
    float *speech = random_matrix((size_t)(n * d)), *text = random_matrix((size_t)(m * d));
    float *room = malloc(product_room(n, m, d) * sizeof *room);
    const float *out = CALL(make_costs, float, speech, text, n, m, d, band, !band, 0, room);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t j = band ? band_lo(i, n, m) : 0; j < (band ? band_hi(i, m) + 1 : m); j++) {
            float expected = 0;
            for (ptrdiff_t k = 0; k < d; k++) {
                const float a = speech[i * d + k], t = text[j * d + k];
                expected += band ? t * t - 2 * a * t : (a - t) * (a - t);
            }
            if (out[i * product_stride(m) + j] != expected)
                abort();
        }
    free(room);
    free(text);
    free(speech);
}

/* From embeddings to paths and the gradient of their cost. */
static void one_training_step(int topology, int threads)
{
    const ptrdiff_t batch = draw(1, 5), n = draw(1, 70), m = draw(1, n), d = draw(1, 70);
    const ptrdiff_t room = topology == TOPOLOGY_DTW ? 2 * (n + m - 1) : n;
    int64_t *lengths = malloc((size_t)(3 * batch) * sizeof *lengths), *text_lengths = lengths + batch;
    float *speech = malloc((size_t)(batch * n * d) * sizeof *speech), *total = malloc((size_t)batch * sizeof *total);
    float *text = malloc((size_t)(batch * m * d) * sizeof *text);
    int64_t *path = malloc((size_t)(batch * room) * sizeof *path);
    int8_t *status = malloc((size_t)batch);
    for (ptrdiff_t k = 0; k < batch * n * d; k++)
        speech[k] = (float)draw(-9, 9);
    for (ptrdiff_t k = 0; k < batch * m * d; k++)
        text[k] = (float)draw(-9, 9);
    for (ptrdiff_t b = 0; b < batch; b++) {
        lengths[b] = draw(m, n);
        text_lengths[b] = draw(1, m);
    }
    const align_job job = {.speech = speech, .text = text, .n = n, .m = m, .d = d,
                           .constant = topology == TOPOLOGY_DTW, .root = (int)draw(0, 1), .batch = batch,
                           .speech_lengths = lengths, .text_lengths = text_lengths, .topology = topology,
                           .path = path, .path_stride = room, .path_length = lengths + 2 * batch,
                           .total = total, .status = status};
    if (align_batch(&job, threads))
        abort();
    int64_t *start = malloc((size_t)(batch + 1 + 2 * batch * n) * sizeof *start);
    int64_t *speech_row = start + batch + 1, *text_row = speech_row + batch * n;
    float *distance = malloc((size_t)(batch * n) * sizeof *distance);
    float *to_speech = calloc((size_t)(batch * n * d), sizeof *to_speech);
    float *to_text = calloc((size_t)(batch * m * d), sizeof *to_text);
    for (ptrdiff_t b = 0; b <= batch; b++)
        start[b] = b * n;
    for (ptrdiff_t k = 0; k < batch * n; k++) {
        speech_row[k] = k;
        text_row[k] = k / n * m + draw(0, m - 1);
    }
    const path_pairs pairs = {speech, text, d, batch, start, speech_row, text_row};
    run_path_forward(&pairs, topology == TOPOLOGY_DTW, distance, total, threads);
    run_path_backward(&pairs, topology == TOPOLOGY_DTW, distance, total, to_speech, to_text, threads);
    free(to_text);
    free(to_speech);
    free(distance);
    free(start);
    free(status);
    free(path);
    free(text);
    free(total);
    free(speech);
    free(lengths);
}

int main(int count, char **argument)
{
    const int rounds = count > 1 ? atoi(argument[1]) : 100;
    for (int instructions = PORTABLE; instructions <= best_instructions(); instructions++) {
        use_instructions(instructions);
        for (int k = 0; k < rounds; k++) {
            for (int topology = 0; topology < 3; topology++)
                for (int is_double = 0; is_double < 2; is_double++)
                    one_batch(topology, is_double, (int)draw(1, 3));
            one_product();
            one_training_step(k % 3, (int)draw(1, 3));
        }
    }
    puts("done");
    return 0;
}
