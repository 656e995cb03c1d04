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

/* -DJSTASR_PORTABLE leaves the vector kernels out, as on a machine that is not x86-64. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(JSTASR_PORTABLE)
#define HAVE_AVX2_KERNELS 1
#include "avx2_core.h"
#include "wide_core.h"
#include "product_core.h"
#else
#define HAVE_AVX2_KERNELS 0
static inline ptrdiff_t room_for_columns(ptrdiff_t m) { return m; } /* never used */
#endif

#include "path_core.h"

enum { TOPOLOGY_SKIP, TOPOLOGY_NOSKIP, TOPOLOGY_DTW };
enum { ITEM_DONE, ITEM_NOT_FINITE, ITEM_NO_MEMORY };

/* Below this many cells in the batch, starting a second thread costs more than it saves. A cell made of embeddings
 * counts as one more for each 32 dimensions. */
#define CELLS_FOR_THREADS 65536
/* Items go side by side in lanes if their cells are at least this share of those of the largest, times
 * the lanes. */
#define LANES_WORTH_PERCENT 60

/* What to align: costs, or where there are vector kernels, embeddings to make them of. */
typedef struct {
    const void *cost; /* (batch, n, m), float or double, the columns side by side; NULL for embeddings */
    int is_double;
    ptrdiff_t item_stride, row_stride; /* in cells */
    const float *speech, *text;        /* (batch, n, d) and (batch, m, d), contiguous */
    ptrdiff_t n, m, d;
    int constant, root; /* add |a|^2, which changes no path that visits each frame once; square root */
    ptrdiff_t batch;
    const int64_t *speech_lengths, *text_lengths; /* 1 <= length <= n (m), n >= m for noskip */
    int topology;
    int check_outside; /* noskip: cells outside the band must be finite too (they have been computed) */
    int64_t *path;     /* skip, noskip: (batch, path_stride); dtw: pairs, right-aligned in path_stride */
    ptrdiff_t path_stride;
    int64_t *path_length; /* (batch,) pairs; dtw only */
    void *total;          /* (batch,) float or double: the path's cost, of embeddings summed anew along it */
    int8_t *status;       /* (batch,) ITEM_... */
} align_job;

typedef int (*skip_kernel)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, float *, uint64_t *, float *);
typedef int (*dtw_kernel)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, float *, uint32_t *, float *);
typedef int (*finite_check)(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t);
static skip_kernel skip_f32 = skip_scalar_f32, noskip_f32 = noskip_scalar_f32;
static dtw_kernel dtw_f32 = dtw_scalar_f32;
static finite_check outside_f32 = outside_finite_f32;
#if HAVE_AVX2_KERNELS
typedef void (*product_kernel)(const float *, const float *, const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                               int, float *);
static product_kernel product = product_avx2;
static ptrdiff_t product_width = 16;
#endif
static int most_lanes;

/* Chooses the float32 kernels: of vectors of at most `widest` bits; items side by side in `lanes` where that pays.
 * Returns the width chosen: 512, 256, or 0 for the portable ones. */
static int choose_kernels(int widest, int lanes)
{
    most_lanes = 0;
    choose_path_kernels(0);
    skip_f32 = skip_scalar_f32;
    noskip_f32 = noskip_scalar_f32;
    dtw_f32 = dtw_scalar_f32;
    outside_f32 = outside_finite_f32;
#if HAVE_AVX2_KERNELS
    if (widest >= 256 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        const int wide = widest >= 512 && __builtin_cpu_supports("avx512f");
        skip_f32 = skip_avx2;
        noskip_f32 = noskip_avx2;
        dtw_f32 = dtw_avx2;
        outside_f32 = outside_finite_avx2;
        most_lanes = !lanes ? 0 : wide ? 16 : 8;
        choose_path_kernels(1);
        product = wide ? product_avx512 : product_avx2;
        product_width = wide ? 32 : 16;
        return wide ? 512 : 256;
    }
#else
    (void)widest, (void)lanes;
#endif
    return 0;
}

#if HAVE_AVX2_KERNELS
/* Work space for the costs of an item made of embeddings: packed text, |t|^2, cells. In floats. */
static size_t cost_room(const align_job *job, ptrdiff_t n, ptrdiff_t m)
{
    return job->cost ? 0 : (size_t)(product_stride(m) * (job->d + 1 + n));
}

/* The job of aligning item b alone, its costs made in `room`. */
static align_job with_cost(const align_job *job, ptrdiff_t b, float *room)
{
    const ptrdiff_t n = job->speech_lengths[b], m = job->text_lengths[b], d = job->d;
    const float *speech = job->speech + b * job->n * d;
    float *square = room, *cells = square + product_stride(m), *packed = cells + n * product_stride(m);
    align_job made = *job;
    const float *text = job->text + b * job->m * d;
    const int band = job->topology == TOPOLOGY_NOSKIP;
    const ptrdiff_t tail = product == product_avx512 && m % 16 <= PRODUCT_TAIL ? m % 16 : 0;
    pack_text(text, m - tail, d, product_width, packed, square);
    product(speech, packed, square, n, m, m - tail, d, band, cells);
    if (tail)
        product_tail(speech, text, band ? m - tail : 0, n, m - tail, m, d, cells);
    if (job->constant || job->root)
        finish_distances(speech, n, m, d, job->root, cells);
    made.cost = cells;
    made.item_stride = 0;
    made.row_stride = product_stride(m);
    made.check_outside = 0; /* not made; what is not finite shows inside the band too */
    return made;
}
#else
static size_t cost_room(const align_job *job, ptrdiff_t n, ptrdiff_t m) { return (void)job, (void)(n + m), 0; }
#endif

static void end_path(int64_t *path, ptrdiff_t n, ptrdiff_t room)
{
    for (ptrdiff_t i = n; i < room; i++)
        path[i] = -1;
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
                     (!job->check_outside || outside_f32(cost, stride, n, m));
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
        end_path(path, n, job->path_stride);
    return ITEM_DONE;
}

#if HAVE_AVX2_KERNELS
/* Aligns `count` items side by side in 8 or 16 lanes; the rest of the lanes repeat the first. */
static void align_lanes(const align_job *job, const ptrdiff_t *items, int count, int lanes, lane_group *group)
{
    unsigned good = (1u << count) - 1;
    for (int l = 0; l < lanes; l++) {
        const ptrdiff_t b = items[l < count ? l : 0];
        group->cost[l] = (const float *)job->cost + b * job->item_stride;
        group->n[l] = job->speech_lengths[b];
        group->m[l] = job->text_lengths[b];
        group->path[l] = job->path + (b + (job->topology == TOPOLOGY_DTW)) * job->path_stride;
    }
    group->stride = job->row_stride;
    if (job->topology == TOPOLOGY_SKIP) {
        good &= ~(lanes == 16 ? skip_lanes_x16 : skip_lanes_x8)(group);
        (lanes == 16 ? trace_skip_lanes_x16 : trace_skip_lanes_x8)(group, good);
    } else if (job->topology == TOPOLOGY_NOSKIP) {
        good &= ~(lanes == 16 ? noskip_lanes_x16 : noskip_lanes_x8)(group);
        (lanes == 16 ? trace_noskip_lanes_x16 : trace_noskip_lanes_x8)(group, good);
    } else {
        good &= ~(lanes == 16 ? dtw_lanes_x16 : dtw_lanes_x8)(group);
        (lanes == 16 ? trace_dtw_lanes_x16 : trace_dtw_lanes_x8)(group, good);
    }
    for (int l = 0; l < count; l++) {
        const ptrdiff_t b = items[l];
        job->status[b] = good >> l & 1 ? ITEM_DONE : ITEM_NOT_FINITE;
        ((float *)job->total)[b] = group->total[l];
        if (job->topology == TOPOLOGY_DTW)
            job->path_length[b] = group->path_length[l];
        else
            end_path(group->path[l], group->n[l], job->path_stride);
    }
}
#endif

typedef struct {
    int64_t cells;
    ptrdiff_t item;
} sized_item;

static int longest_first(const void *a, const void *b)
{
    const int64_t x = ((const sized_item *)a)->cells, y = ((const sized_item *)b)->cells;
    return (x < y) - (x > y);
}

/* Items order[first .. first + count) done in one go: side by side in 8 or 16 lanes, or one alone (0). */
typedef struct {
    ptrdiff_t first, max_n, max_m, min_n, min_m;
    int count, lanes;
    size_t cost_bytes, row_bytes, bit_bytes;
} unit;

static unit make_unit(const align_job *job, const sized_item *order, ptrdiff_t first, int lanes)
{
    unit u = {.first = first, .count = 1, .lanes = lanes};
    if (lanes)
        u.count = job->batch - first < lanes ? (int)(job->batch - first) : lanes;
    u.max_n = u.min_n = job->speech_lengths[order[first].item];
    u.max_m = u.min_m = job->text_lengths[order[first].item];
    for (int k = 1; k < u.count; k++) {
        const ptrdiff_t n = job->speech_lengths[order[first + k].item];
        const ptrdiff_t m = job->text_lengths[order[first + k].item];
        u.max_n = n > u.max_n ? n : u.max_n;
        u.min_n = n < u.min_n ? n : u.min_n;
        u.max_m = m > u.max_m ? m : u.max_m;
        u.min_m = m < u.min_m ? m : u.min_m;
    }
    const size_t n = (size_t)u.max_n, m = (size_t)u.max_m;
    const int pairs = job->topology == TOPOLOGY_DTW;
    if (lanes) {
        u.row_bytes = 2 * (size_t)(lanes * room_for_columns(u.max_m)) * sizeof(float);
        u.bit_bytes = n * (size_t)(lanes / 8 * (pairs ? 2 : 1) * room_for_columns(u.max_m));
    } else {
        u.row_bytes = (ROW_FRONT + m + ROW_BACK) * (job->is_double ? sizeof(double) : sizeof(float));
        u.bit_bytes = pairs ? (n + STRIP - 1) / STRIP * (size_t)strip_steps(u.max_m) * sizeof(uint32_t)
                            : n * (size_t)bit_words(u.max_m) * sizeof(uint64_t);
    }
    u.cost_bytes = cost_room(job, u.max_n, u.max_m) * sizeof(float);
    u.row_bytes = (u.row_bytes + 63) / 64 * 64; /* the bits start on a cache line */
    return u;
}

/* The lanes in which the next items, side by side, take less time than one after the other: lanes cost less than
 * half as much a cell, but all run over the largest item, and there must be a unit for each thread. */
static int worth_lanes(const align_job *job, const sized_item *order, ptrdiff_t first, int threads)
{
    if (job->cost == NULL || job->is_double)
        return 0;
    if (job->topology == TOPOLOGY_NOSKIP && !job->check_outside)
        return 0; /* lanes look at every cell */
    for (int lanes = most_lanes; lanes >= 8; lanes /= 2) {
        const unit u = make_unit(job, order, first, lanes);
        int64_t cells = 0;
        for (int k = 0; k < u.count; k++)
            cells += order[first + k].cells;
        if (job->batch >= (ptrdiff_t)threads * lanes &&
            cells * 100 >= lanes * u.max_n * u.max_m * LANES_WORTH_PERCENT)
            return lanes;
    }
    return 0;
}

#if HAVE_AVX2_KERNELS
/* The distances along the path of item b, straight from its vectors, which are still in the cache. */
static float total_distance(const align_job *job, ptrdiff_t b)
{
    const int pairs = job->topology == TOPOLOGY_DTW;
    const float *speech = job->speech + b * job->n * job->d, *text = job->text + b * job->m * job->d;
    const int64_t *path = job->path + b * job->path_stride;
    const ptrdiff_t steps = pairs ? job->path_length[b] : job->speech_lengths[b];
    double sum = 0;
    if (pairs)
        path += job->path_stride - 2 * steps;
    for (ptrdiff_t k = 0; k < steps; k++) {
        const int64_t i = pairs ? path[2 * k] : k, j = pairs ? path[2 * k + 1] : path[k];
        sum += pair_distance(speech + i * job->d, text + j * job->d, job->d, job->root);
    }
    return (float)sum;
}
#endif

static void align_unit(const align_job *job, const sized_item *order, const unit *u, char *block)
{
    void *row = block + u->cost_bytes, *bits = block + u->cost_bytes + u->row_bytes;
#if HAVE_AVX2_KERNELS
    if (u->lanes) {
        ptrdiff_t items[MOST_LANES];
        lane_group group = {.max_n = u->max_n, .max_m = u->max_m, .min_n = u->min_n, .min_m = u->min_m,
                            .best = row, .inside = (char *)row + u->row_bytes / 2, .bits = bits};
        for (int k = 0; k < u->count; k++)
            items[k] = order[u->first + k].item;
        align_lanes(job, items, u->count, u->lanes, &group);
        return;
    }
#endif
    const ptrdiff_t b = order[u->first].item;
#if HAVE_AVX2_KERNELS
    if (job->cost == NULL) {
        const align_job made = with_cost(job, b, (float *)block);
        job->status[b] = (int8_t)align_item(&made, b, row, bits);
        if (job->status[b] == ITEM_DONE)
            ((float *)job->total)[b] = total_distance(job, b);
        return;
    }
#endif
    job->status[b] = (int8_t)align_item(job, b, row, bits);
}

/* The work of one thread of a team, or of all when there is no team. */
static void align_units(const align_job *job, const sized_item *order, const unit *work, ptrdiff_t units,
                        size_t room)
{
    char *block = malloc(room + 64);
#pragma omp for schedule(dynamic, 1)
    for (ptrdiff_t k = 0; k < units; k++)
        if (block)
            align_unit(job, order, &work[k], block + (64 - (uintptr_t)block % 64) % 64);
    free(block);
}

/* Aligns every item; returns the number of items that failed, their status says why. */
static ptrdiff_t align_batch(const align_job *job, int threads)
{
    const size_t batch = (size_t)job->batch;
    ptrdiff_t failed = 0, units = 0;
    int64_t cells = 0;
    size_t room = 0;
    int sorted = 1;
    sized_item *order = malloc(batch * (sizeof *order + sizeof(unit)));
    unit *work = (unit *)(order + batch);
    memset(job->status, ITEM_NO_MEMORY, batch);
    if (order == NULL)
        return job->batch;
    for (ptrdiff_t b = 0; b < job->batch; b++) {
        order[b] = (sized_item){job->speech_lengths[b] * job->text_lengths[b], b};
        cells += order[b].cells;
        sorted &= b == 0 || order[b - 1].cells >= order[b].cells;
    }
    if (!sorted)
        qsort(order, batch, sizeof *order, longest_first);
    if (cells * (job->cost ? 1 : 1 + job->d / 32) < CELLS_FOR_THREADS)
        threads = 1;
    for (ptrdiff_t first = 0; first < job->batch; first += work[units++].count) {
        work[units] = make_unit(job, order, first, worth_lanes(job, order, first, threads));
        const size_t bytes = work[units].cost_bytes + work[units].row_bytes + work[units].bit_bytes;
        room = bytes > room ? bytes : room;
    }
    if (threads > units)
        threads = (int)units;
    if (threads <= 1) /* OpenMP costs microseconds even for one thread */
        align_units(job, order, work, units, room);
    else {
#pragma omp parallel num_threads(threads)
        align_units(job, order, work, units, room);
    }
    free(order);
    for (size_t b = 0; b < batch; b++)
        failed += job->status[b] != ITEM_DONE;
    return failed;
}

#endif
