/* A batch of alignments: work space, order, threads. */
#ifndef JSTASR_ALIGN_BATCH_CORE_H
#define JSTASR_ALIGN_BATCH_CORE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "trace_core.h"

#define REAL float
#define K(name) name##_f32
#include "scalar_core.h"
#undef REAL
#undef K
#define REAL double
#define K(name) name##_f64
#include "scalar_core.h"
#undef REAL
#undef K

enum { TOPOLOGY_SKIP, TOPOLOGY_NOSKIP, TOPOLOGY_DTW };
enum { ITEM_DONE, ITEM_NOT_FINITE, ITEM_NO_MEMORY };

/* Below this many cells in the batch, starting a second thread costs more than it saves. */
#define CELLS_FOR_THREADS 65536

typedef struct {
    const void *cost; /* (batch, n, m), float or double; the columns lie side by side */
    int is_double;
    ptrdiff_t item_stride, row_stride; /* in cells */
    ptrdiff_t batch;
    const int64_t *speech_lengths, *text_lengths; /* 1 <= length <= n (m), n >= m for noskip */
    int topology;
    int check_outside; /* noskip: cells outside the band must be finite too (they have been computed) */
    int64_t *path;     /* skip, noskip: (batch, path_stride); dtw: pairs, right-aligned in path_stride */
    ptrdiff_t path_stride;
    int64_t *path_length; /* (batch,) pairs; dtw only */
    void *total;          /* (batch,) float or double */
    int8_t *status;       /* (batch,) ITEM_... */
} align_job;

typedef int (*skip_kernel)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, float *, uint64_t *, float *);
typedef int (*dtw_kernel)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, float *, uint32_t *, float *);
static skip_kernel skip_f32 = skip_scalar_f32, noskip_f32 = noskip_scalar_f32;
static dtw_kernel dtw_f32 = dtw_scalar_f32;

static size_t row_bytes(const align_job *job, ptrdiff_t m)
{
    return (size_t)(ROW_FRONT + m + ROW_BACK) * (job->is_double ? sizeof(double) : sizeof(float));
}

static size_t bit_bytes(const align_job *job, ptrdiff_t n, ptrdiff_t m)
{
    if (job->topology == TOPOLOGY_DTW)
        return (size_t)((n + STRIP - 1) / STRIP) * (size_t)strip_steps(m) * sizeof(uint32_t);
    return (size_t)n * (size_t)bit_words(m) * sizeof(uint64_t);
}

static int align_item(const align_job *job, ptrdiff_t b, void *row, void *bits)
{
    const ptrdiff_t n = job->speech_lengths[b], m = job->text_lengths[b], stride = job->row_stride;
    int64_t *path = job->path + b * job->path_stride;
    int finite;
    if (job->is_double) {
        const double *cost = (const double *)job->cost + b * job->item_stride;
        double *total = (double *)job->total + b;
        if (job->topology == TOPOLOGY_SKIP)
            finite = skip_scalar_f64(cost, stride, n, m, row, bits, total);
        else if (job->topology == TOPOLOGY_DTW)
            finite = dtw_scalar_f64(cost, stride, n, m, row, bits, total);
        else
            finite = noskip_scalar_f64(cost, stride, n, m, row, bits, total) &&
                     (!job->check_outside || outside_finite_f64(cost, stride, n, m));
    } else {
        const float *cost = (const float *)job->cost + b * job->item_stride;
        float *total = (float *)job->total + b;
        if (job->topology == TOPOLOGY_SKIP)
            finite = skip_f32(cost, stride, n, m, row, bits, total);
        else if (job->topology == TOPOLOGY_DTW)
            finite = dtw_f32(cost, stride, n, m, row, bits, total);
        else
            finite = noskip_f32(cost, stride, n, m, row, bits, total) &&
                     (!job->check_outside || outside_finite_f32(cost, stride, n, m));
    }
    if (!finite)
        return ITEM_NOT_FINITE;
    if (job->topology == TOPOLOGY_SKIP)
        trace_skip(bits, n, m, path);
    else if (job->topology == TOPOLOGY_NOSKIP)
        trace_noskip(bits, n, m, path);
    else
        job->path_length[b] = trace_dtw(bits, n, m, path + job->path_stride);
    if (job->topology != TOPOLOGY_DTW)
        for (ptrdiff_t i = n; i < job->path_stride; i++)
            path[i] = -1;
    return ITEM_DONE;
}

typedef struct {
    int64_t cells;
    ptrdiff_t item;
} sized_item;

static int longest_first(const void *a, const void *b)
{
    const int64_t x = ((const sized_item *)a)->cells, y = ((const sized_item *)b)->cells;
    return (x < y) - (x > y);
}

/* Aligns every item; returns the number of items that failed, their status says why. */
static ptrdiff_t align_batch(const align_job *job, int threads)
{
    size_t row_size = 0, bit_size = 0;
    int64_t cells = 0;
    ptrdiff_t failed = 0;
    for (ptrdiff_t b = 0; b < job->batch; b++) {
        const ptrdiff_t n = job->speech_lengths[b], m = job->text_lengths[b];
        const size_t row = row_bytes(job, m), bit = bit_bytes(job, n, m);
        row_size = row > row_size ? row : row_size;
        bit_size = bit > bit_size ? bit : bit_size;
        cells += (int64_t)n * m;
    }
    if (threads > job->batch)
        threads = (int)job->batch;
    sized_item *order = NULL;
    if (threads > 1 && cells >= CELLS_FOR_THREADS)
        order = malloc((size_t)job->batch * sizeof *order);
    if (order == NULL)
        threads = 1;
    else {
        for (ptrdiff_t b = 0; b < job->batch; b++)
            order[b] = (sized_item){job->speech_lengths[b] * job->text_lengths[b], b};
        qsort(order, (size_t)job->batch, sizeof *order, longest_first);
    }
    row_size = (row_size + 63) / 64 * 64; /* the bits start on a cache line */
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : failed)
    {
        char *block = malloc(row_size + bit_size + 64);
        char *row = block + (64 - (uintptr_t)block % 64) % 64;
#pragma omp for schedule(dynamic, 1)
        for (ptrdiff_t k = 0; k < job->batch; k++) {
            const ptrdiff_t b = order ? order[k].item : k;
            job->status[b] =
                (int8_t)(block ? align_item(job, b, row, row + row_size) : ITEM_NO_MEMORY);
            failed += job->status[b] != ITEM_DONE;
        }
        free(block);
    }
    free(order);
    return failed;
}

#endif
