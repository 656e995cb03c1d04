/* Items side by side, one in each lane of a vector: for batches of items of similar size, where this takes
 * less than half the time of one item after the other, and much less where the items are small. Float32; eight items
 * with AVX2, sixteen with AVX-512. The kernels are in lanes_core.h, here is what the widths share and what differs.
 *
 * Back-pointers: for each cell an integer with one bit for each lane, skip and noskip the one that trace_core.h
 * describes; dtw two integers, that for above and that for left. The walk back waits for one of them after the
 * other, so all lanes take their steps in turn. */

#ifndef AVX512
#define AVX512 __attribute__((target("avx512f,avx2,fma")))
#endif

#define MOST_LANES 16
#define INLINE WIDE __attribute__((always_inline)) static inline
#define UNROLLED _Pragma("GCC unroll 8")

typedef struct {
    const float *cost[MOST_LANES];
    ptrdiff_t n[MOST_LANES], m[MOST_LANES], stride;
    ptrdiff_t max_n, max_m, min_n, min_m;
    float *best;  /* lanes * room_for_columns(max_m) floats on a cache line */
    void *inside; /* the same again */
    void *bits;   /* lanes bits for each cell, two times for dtw; a word in front of them may be read */
    float total[MOST_LANES];
    int64_t *path[MOST_LANES], path_length[MOST_LANES]; /* dtw: the end of the pairs, and their number */
} lane_group;

static inline ptrdiff_t room_for_columns(ptrdiff_t m) { return (m + 7) / 8 * 8; }

/* Where a lane of dtw is on its way back: cell `at` of the bits. */
typedef struct {
    int64_t *end;
    ptrdiff_t i, j, at;
    int lane;
} way_back;

#define LANES 8
#define K(name) name##_x8
#define WIDE AVX2
#define lane_bits uint8_t
#define V __m256
#define SET _mm256_set1_ps
#define LOAD _mm256_load_ps
#define STORE _mm256_store_ps
#define ADD _mm256_add_ps
#define MIN _mm256_min_ps
#define LESS(a, b) _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ))
#define LESS_EQUAL(a, b) _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LE_OQ))
#define UNORDERED(x) _mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q))
#define CHECK(x, sum) _mm256_fmadd_ps(x, _mm256_setzero_ps(), sum)
#define UNPACK_LOW _mm256_unpacklo_ps
#define UNPACK_HIGH _mm256_unpackhi_ps
#define SHUFFLE _mm256_shuffle_ps

/* Four columns of rows 0 and 4, side by side. */
INLINE V K(four_columns)(const float *const row[], ptrdiff_t first)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[0] + first)), _mm_loadu_ps(row[4] + first), 1);
}

/* The same of eight columns, but only those that `inside` has ones for, else 0. */
INLINE void K(masked_columns)(V *low, V *high, const float *const row[], ptrdiff_t first, const __m256i inside[])
{
    const __m256 a = _mm256_maskload_ps(row[0] + first, inside[0]);
    const __m256 b = _mm256_maskload_ps(row[4] + first, inside[4]);
    *low = _mm256_permute2f128_ps(a, b, 0x20);
    *high = _mm256_permute2f128_ps(a, b, 0x31);
}

#include "lanes_core.h"

#define LANES 16
#define K(name) name##_x16
#define WIDE AVX512
#define lane_bits uint16_t
#define V __m512
#define SET _mm512_set1_ps
#define LOAD _mm512_load_ps
#define STORE _mm512_store_ps
#define ADD _mm512_add_ps
#define MIN _mm512_min_ps
#define LESS(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define LESS_EQUAL(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ)
#define UNORDERED(x) _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q)
#define CHECK(x, sum) _mm512_fmadd_ps(x, _mm512_setzero_ps(), sum)
#define UNPACK_LOW _mm512_unpacklo_ps
#define UNPACK_HIGH _mm512_unpackhi_ps
#define SHUFFLE _mm512_shuffle_ps

INLINE V K(four_columns)(const float *const row[], ptrdiff_t first)
{
    V x = _mm512_castps128_ps512(_mm_loadu_ps(row[0] + first));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(row[4] + first), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(row[8] + first), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(row[12] + first), 3);
}

INLINE V K(two_halves)(__m256 a, __m256 b)
{
    const __m512d both = _mm512_castps_pd(_mm512_castps256_ps512(a));
    return _mm512_castpd_ps(_mm512_insertf64x4(both, _mm256_castps_pd(b), 1));
}

INLINE void K(masked_columns)(V *low, V *high, const float *const row[], ptrdiff_t first, const __m256i inside[])
{
    __m256 low_half[2], high_half[2];
    for (int half = 0; half < 2; half++)
        masked_columns_x8(low_half + half, high_half + half, row + 8 * half, first, inside + 8 * half);
    *low = K(two_halves)(low_half[0], low_half[1]);
    *high = K(two_halves)(high_half[0], high_half[1]);
}

#include "lanes_core.h"
