/* A batch of alignments: what is aligned, work space, order, threads. */
#ifndef JSTASR_KERNELS_ALIGNMENT_H
#define JSTASR_KERNELS_ALIGNMENT_H

#include "instructions.h"
#include "vectors.h"
#include "trace.h"

enum { TOPOLOGY_SKIP, TOPOLOGY_NOSKIP, TOPOLOGY_DTW };
enum { ITEM_DONE, ITEM_NOT_FINITE, ITEM_NO_MEMORY };

typedef uint32_t v8u __attribute__((vector_size(32), aligned(4), may_alias));
typedef float float_x8; /* a cost of eight items side by side */

/* One item, or one of eight side by side: see recursion.h. */
typedef struct {
    const void *cost;       /* (n, m), rows `stride` cells apart */
    ptrdiff_t stride, n, m;
    uint32_t *bits;         /* out: back-pointers, of the first item those of all: see trace.h */
    double total;           /* out: the cost of the best path */
    int finite;             /* out: whether every cost is; if not, total and bits mean nothing */
} alignment_item;

/* Aligned pairs, item after item: rows of (batch * n, d) and (batch * m, d) matrices; a row may come again. */
typedef struct {
    const float *speech, *text;
    ptrdiff_t d, batch;
    const int64_t *start; /* (batch + 1,) first pair of each item, and the number of pairs */
    const int64_t *speech_row, *text_row;
} path_pairs;

/* What a path under noskip can reach: it starts at column 0 and ends at column m-1, so row i uses columns lo..hi. */
static inline ptrdiff_t band_lo(ptrdiff_t i, ptrdiff_t n, ptrdiff_t m) { return i > n - m ? i - (n - m) : 0; }
static inline ptrdiff_t band_hi(ptrdiff_t i, ptrdiff_t m) { return i < m ? i : m - 1; }

/* Column j of eight rows; and 0 for the rows that have no such column. */
INLINE v8 column(const float *const row[8], ptrdiff_t j)
{
    return (v8){row[0][j], row[1][j], row[2][j], row[3][j], row[4][j], row[5][j], row[6][j], row[7][j]};
}

INLINE v8 column_inside(const float *const row[8], const alignment_item items[8], ptrdiff_t j)
{
    v8 x;
    for (int l = 0; l < 8; l++)
        x[l] = j < items[l].m ? row[l][j] : 0;
    return x;
}

INLINE v8 lesser(v8 a, v8 b)
{
    const v8u less = (v8u)(a < b);
    return (v8)((less & (v8u)a) | (~less & (v8u)b));
}

#define TILE_ROWS 6      /* with two vectors each they leave four of sixteen registers */
#define PRODUCT_BLOCK 24 /* frames, a multiple of the rows of a tile */
#define UNROLLED _Pragma("GCC unroll 8")

/* Cells from one row of distances to the next: whole panels of the widest. */
static inline ptrdiff_t product_stride(ptrdiff_t m) { return (m + 31) / 32 * 32; }
/* Floats of work space to compute the costs of an item from embeddings: |t|^2, cells, packed text. */
static inline size_t product_room(ptrdiff_t n, ptrdiff_t m, ptrdiff_t d)
{
    return (size_t)(product_stride(m) * (1 + n + d));
}

#include "soft.h"

#define KERNELS "alignment_kernels.h"
#include "each_instruction_set.h"

/* Below this many cells in the batch, starting a second thread costs more than it saves. A cell computed from
 * embeddings counts as one more for each 32 dimensions. */
#define CELLS_FOR_THREADS 65536
/* Eight items go side by side if their cells are at least this share of eight times those of the largest. */
#define SIDE_BY_SIDE_PERCENT 30

/* What to align: costs, or embeddings to compute them from. */
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
    int64_t *path; /* skip, noskip: (batch, path_stride); dtw: pairs, right-aligned in path_stride */
    ptrdiff_t path_stride;
    int64_t *path_length; /* (batch,) pairs; dtw only */
    void *total;          /* (batch,) float or double: the path's cost, of embeddings the sum along it */
    int8_t *status;       /* (batch,) ITEM_... */
} align_job;

/* Items order[first .. first + count), aligned together: one, or up to eight side by side. */
typedef struct {
    ptrdiff_t first, max_n, max_m;
    int count;
} unit;

/* Bytes of work space of a unit, each part from a cache line on: costs, a row of the recursion, back-pointers. */
typedef struct {
    size_t costs, row, bits;
} workspace;

static size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

static workspace unit_workspace(const align_job *job, const unit *u)
{
    const size_t lanes = u->count > 1 ? 8 : 1, planes = job->topology == TOPOLOGY_DTW ? 2 : 1;
    const size_t element = job->is_double ? sizeof(double) : sizeof(float);
    return (workspace){.costs = job->cost ? 0 : whole_lines(product_room(u->max_n, u->max_m, job->d) * sizeof(float)),
                       .row = whole_lines((size_t)u->max_m * lanes * element),
                       .bits = (size_t)(u->max_n * bit_words(u->max_m)) * planes * lanes * sizeof(uint32_t)};
}

/* Reads the path of item b from its back-pointers. */
static void finish_item(const align_job *job, ptrdiff_t b, const alignment_item *item, const back_pointers *back)
{
    int64_t *path = job->path + b * job->path_stride;
    job->status[b] = item->finite ? ITEM_DONE : ITEM_NOT_FINITE;
    if (!item->finite)
        return;
    if (job->is_double)
        ((double *)job->total)[b] = item->total;
    else
        ((float *)job->total)[b] = (float)item->total;
    if (job->topology == TOPOLOGY_DTW) {
        job->path_length[b] = trace_dtw(back, item->n, item->m, path + job->path_stride);
        return;
    }
    if (job->topology == TOPOLOGY_SKIP)
        trace_skip(back, item->n, item->m, path);
    else
        trace_noskip(back, item->n, item->m, path);
    for (ptrdiff_t i = item->n; i < job->path_stride; i++)
        path[i] = -1;
}

/* The total of an item of embeddings along its path, straight from its vectors, which are still in the cache. */
static void sum_along_path(const align_job *job, ptrdiff_t b)
{
    const int pairs = job->topology == TOPOLOGY_DTW;
    const ptrdiff_t steps = pairs ? job->path_length[b] : job->speech_lengths[b];
    const int64_t *path = job->path + b * job->path_stride + (pairs ? job->path_stride - 2 * steps : 0);
    const float *speech = job->speech + b * job->n * job->d, *text = job->text + b * job->m * job->d;
    ((float *)job->total)[b] = CALL(path_total, float, speech, text, job->d, path, pairs, steps, job->root);
}

static void align_unit(const align_job *job, const ptrdiff_t *order, const unit *u, char *block)
{
    const workspace bytes = unit_workspace(job, u);
    const size_t element = job->is_double ? sizeof(double) : sizeof(float);
    const int lanes = u->count > 1 ? 8 : 1;
    uint32_t *bits = (uint32_t *)(block + bytes.costs + bytes.row);
    void *row = block + bytes.costs;
    alignment_item items[8];
    for (int l = 0; l < lanes; l++) {
        const ptrdiff_t b = order[u->first + (l < u->count ? l : 0)]; /* lanes to spare repeat the first item */
        items[l] = (alignment_item){.cost = (const char *)job->cost + (size_t)(b * job->item_stride) * element,
                                    .stride = job->row_stride, .n = job->speech_lengths[b],
                                    .m = job->text_lengths[b], .bits = bits + l};
    }
    const ptrdiff_t b = order[u->first];
    if (job->cost == NULL) {
        items->cost = CALL(make_costs, float, job->speech + b * job->n * job->d, job->text + b * job->m * job->d,
                           items->n, items->m, job->d, job->topology == TOPOLOGY_NOSKIP, job->constant, job->root,
                           (float *)block);
        items->stride = product_stride(items->m);
    }
    if (lanes > 1)
        CALL(align, float_x8, items, job->topology, 1, row);
    else if (job->is_double)
        CALL(align, double, items, job->topology, 1, row);
    else /* outside the band, costs of embeddings have not been made */
        CALL(align, float, items, job->topology, job->cost != NULL, row);
    const ptrdiff_t row_words = bit_words(u->max_m) * (job->topology == TOPOLOGY_DTW ? 2 : 1) * lanes;
    for (int l = 0; l < u->count; l++) {
        const back_pointers back = {items[l].bits, row_words, lanes};
        finish_item(job, order[u->first + l], &items[l], &back);
    }
    if (job->cost == NULL && job->status[b] == ITEM_DONE)
        sum_along_path(job, b);
}

/* The next unit: eight items where they are near enough in size, and where as many units as threads remain. */
static unit next_unit(const align_job *job, const ptrdiff_t *order, ptrdiff_t first, int threads)
{
    const ptrdiff_t b = order[first];
    unit one = {.first = first, .count = 1, .max_n = job->speech_lengths[b], .max_m = job->text_lengths[b]};
    unit eight = one;
    int64_t cells = 0;
    eight.count = (int)smaller(8, job->batch - first);
    for (int l = 0; l < eight.count; l++) {
        const int64_t n = job->speech_lengths[order[first + l]], m = job->text_lengths[order[first + l]];
        cells += n * m;
        eight.max_n = n > eight.max_n ? n : eight.max_n;
        eight.max_m = m > eight.max_m ? m : eight.max_m;
    }
    const int similar = cells * 100 >= 8 * eight.max_n * eight.max_m * SIDE_BY_SIDE_PERCENT;
    return job->cost && !job->is_double && eight.count > 1 && job->batch >= 8 * threads && similar ? eight : one;
}

/* The work of one thread of a team, or of all when there is no team. */
static void align_units(const align_job *job, const ptrdiff_t *order, const unit *work, ptrdiff_t units, size_t bytes)
{
    char *block = malloc(bytes + 64);
#pragma omp for schedule(dynamic, 1)
    for (ptrdiff_t k = 0; k < units; k++)
        if (block)
            align_unit(job, order, &work[k], block + (64 - (uintptr_t)block % 64) % 64);
    free(block);
}

typedef struct {
    int64_t cells;
    ptrdiff_t item;
} sized_item;

static int largest_first(const void *a, const void *b)
{
    const int64_t x = ((const sized_item *)a)->cells, y = ((const sized_item *)b)->cells;
    return (x < y) - (x > y);
}

/* Aligns every item; returns the number of items that failed, their status says why. */
static ptrdiff_t align_batch(const align_job *job, int threads)
{
    const size_t batch = (size_t)job->batch;
    ptrdiff_t failed = 0, units = 0;
    int64_t cells = 0;
    size_t bytes = 0;
    int sorted = 1;
    sized_item *sizes = malloc(batch * (sizeof *sizes + sizeof(unit) + sizeof(ptrdiff_t)) + 1);
    unit *work = (unit *)(sizes + batch);
    ptrdiff_t *order = (ptrdiff_t *)(work + batch);
    memset(job->status, ITEM_NO_MEMORY, batch);
    if (sizes == NULL)
        return job->batch;
    for (ptrdiff_t b = 0; b < job->batch; b++) {
        sizes[b] = (sized_item){job->speech_lengths[b] * job->text_lengths[b], b};
        cells += sizes[b].cells;
        sorted &= b == 0 || sizes[b - 1].cells >= sizes[b].cells;
    }
    if (!sorted)
        qsort(sizes, batch, sizeof *sizes, largest_first);
    for (ptrdiff_t k = 0; k < job->batch; k++)
        order[k] = sizes[k].item;
    if (cells * (job->cost ? 1 : 1 + job->d / 32) < CELLS_FOR_THREADS)
        threads = 1;
    for (ptrdiff_t first = 0; first < job->batch; first += work[units++].count) {
        work[units] = next_unit(job, order, first, threads);
        const workspace needed = unit_workspace(job, &work[units]);
        const size_t sum = needed.costs + needed.row + needed.bits;
        bytes = sum > bytes ? sum : bytes;
    }
    if (threads > units)
        threads = (int)units;
    if (threads <= 1) /* OpenMP costs microseconds even for one thread */
        align_units(job, order, work, units, bytes);
    else {
#pragma omp parallel num_threads(threads)
        align_units(job, order, work, units, bytes);
    }
    free(sizes);
    for (size_t b = 0; b < batch; b++)
        failed += job->status[b] != ITEM_DONE;
    return failed;
}

/* distance[p] of each pair, its square root if `root`; total[b], their sum over each item. */
static void run_path_forward(const path_pairs *p, int root, float *distance, float *total, int threads)
{
    (void)threads; /* without OpenMP */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (ptrdiff_t b = 0; b < p->batch; b++)
        CALL(path_forward, float, p, b, root, distance, total);
}

/* Adds to the gradients, which come as zeros, those of sum_b weight[b] * total[b]. */
static void run_path_backward(const path_pairs *p, int root, const float *distance, const float *weight,
                              float *to_speech, float *to_text, int threads)
{
    (void)threads;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
    for (ptrdiff_t b = 0; b < p->batch; b++)
        CALL(path_backward, float, p, b, root, distance, weight, to_speech, to_text);
}

#endif
