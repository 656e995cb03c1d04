/* The float32 kernels of scalar_core.h eight cells at a time, for x86-64 with AVX2 and FMA; chosen at run
 * time. Same arguments, same results. Lanes that stand for no cell may hold anything: no lane of a real
 * cell ever reads them. */

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

/* Adds 0 for finite cells, NaN for others. */
AVX2 static inline __m256 checked(__m256 check, __m256 cells)
{
    return _mm256_fmadd_ps(cells, _mm256_setzero_ps(), check);
}

/* The same of eight vectors, with a single addition that waits for the check before. */
AVX2 static inline __m256 check_eight(__m256 check, const __m256 x[8])
{
    __m256 sum = _mm256_mul_ps(x[0], _mm256_setzero_ps());
    for (int k = 1; k < 8; k++)
        sum = checked(sum, x[k]);
    return _mm256_add_ps(check, sum);
}

AVX2 static inline int all_finite(__m256 check)
{
    return _mm256_movemask_ps(_mm256_cmp_ps(check, check, _CMP_UNORD_Q)) == 0;
}

/* All ones in the lanes k with 0 <= first + k < m. */
AVX2 static inline __m256i lanes_inside(ptrdiff_t first, ptrdiff_t m)
{
    /* Only the distances to the ends matter, and only up to a vector's width: they fit in 32 bits. */
    const int front = first < -8 ? -8 : first > 0 ? 0 : (int)first;
    const int room = m - first > 8 ? 8 : m - first < 0 ? 0 : (int)(m - first);
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32(-front - 1)),
                            _mm256_cmpgt_epi32(_mm256_set1_epi32(room), lane));
}

AVX2 static void fill(float *row, ptrdiff_t count, float value)
{
    for (ptrdiff_t k = 0; k < count; k++)
        row[k] = value;
}

/* One vector of a row of `skip`: minima over all columns up to each, in three steps of doubling reach,
 * then over the `least` of the vectors before. A minimum of equals is its second operand: here the right
 * one, and in the other kernels too that of the preferred step, so that even the sign of a zero comes out
 * as in the recursion. */
#define SKIP_VECTOR(k, load)                                                                           \
    do {                                                                                               \
        const __m256 x = load;                                                                         \
        const __m256 d = _mm256_add_ps(x, _mm256_load_ps(best + 8 * (k)));                             \
        __m256 p = _mm256_min_ps(_mm256_permute_ps(d, 0x90), d);                                       \
        p = _mm256_min_ps(_mm256_permute_ps(p, 0x44), p);                                              \
        p = _mm256_min_ps(_mm256_permutevar8x32_ps(p, low_top), p);                                    \
        const __m256 top = _mm256_permutevar8x32_ps(p, last);                                          \
        p = _mm256_min_ps(least, p);                                                                   \
        least = _mm256_min_ps(least, top);                                                             \
        check = checked(check, x);                                                                     \
        _mm256_store_ps(best + 8 * (k), p);                                                            \
        record[k] = (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(d, p, _CMP_LE_OQ));                      \
    } while (0)

AVX2 static int skip_avx2(const float *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, float *row,
                          uint64_t *bits, float *total)
{
    const ptrdiff_t words = bit_words(m), whole = m / 8;
    const __m256i low_top = _mm256_setr_epi32(0, 1, 2, 3, 3, 3, 3, 3), last = _mm256_set1_epi32(7);
    const __m256i tail = lanes_inside(8 * whole, m);
    float *best = row + ROW_FRONT;
    __m256 check = _mm256_setzero_ps();
    fill(best, m + 8, -0.0f);
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *c = cost + i * stride;
        uint8_t *record = (uint8_t *)(bits + i * words);
        __m256 least = _mm256_set1_ps(INFINITY);
        for (ptrdiff_t k = 0; k < whole; k++)
            SKIP_VECTOR(k, _mm256_loadu_ps(c + 8 * k));
        if (m % 8)
            SKIP_VECTOR(whole, _mm256_maskload_ps(c + 8 * whole, tail));
    }
    *total = best[m - 1];
    return all_finite(check);
}

AVX2 static int noskip_avx2(const float *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, float *row,
                            uint64_t *bits, float *total)
{
    const ptrdiff_t words = bit_words(m);
    const __m256i rotate = _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6);
    float *best = row + ROW_FRONT;
    __m256 check = _mm256_setzero_ps();
    fill(row, ROW_FRONT + m + 8, INFINITY);
    best[-1] = -0.0f; /* the one way into the first row is the diagonal to (0, 0) */
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *c = cost + i * stride;
        uint8_t *advance = (uint8_t *)(bits + i * words);
        const ptrdiff_t from = band_lo(i, n, m) / 8, to = band_hi(i, m) / 8;
        __m256 below = _mm256_load_ps(best + 8 * from - 8); /* of the row before, as is `here` */
        for (ptrdiff_t k = from; k <= to; k++) {
            const __m256 x = 8 * k + 8 <= m ? _mm256_loadu_ps(c + 8 * k)
                                            : _mm256_maskload_ps(c + 8 * k, lanes_inside(8 * k, m));
            const __m256 here = _mm256_load_ps(best + 8 * k);
            const __m256 before = _mm256_permutevar8x32_ps(_mm256_blend_ps(here, below, 0x80), rotate);
            check = checked(check, x);
            _mm256_store_ps(best + 8 * k, _mm256_add_ps(x, _mm256_min_ps(before, here)));
            advance[k] = (uint8_t)_mm256_movemask_ps(_mm256_cmp_ps(before, here, _CMP_LT_OQ));
            below = here;
        }
        best[-1] = INFINITY;
    }
    *total = best[m - 1];
    return all_finite(check);
}

AVX2 static inline __m256 check_cells(__m256 check, const float *cells, ptrdiff_t count)
{
    ptrdiff_t k = 0;
    for (; k + 8 <= count; k += 8)
        check = checked(check, _mm256_loadu_ps(cells + k));
    return k < count ? checked(check, _mm256_maskload_ps(cells + k, lanes_inside(k, count))) : check;
}

AVX2 static int outside_finite_avx2(const float *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m)
{
    __m256 check = _mm256_setzero_ps();
    for (ptrdiff_t i = 0; i < n; i++) {
        const float *c = cost + i * stride;
        const ptrdiff_t end = band_hi(i, m) + 1;
        check = check_cells(check, c, band_lo(i, n, m));
        check = check_cells(check, c + end, m - end);
    }
    return all_finite(check);
}

AVX2 static inline void transpose(__m256 r[8])
{
    for (int k = 0; k < 4; k++) {
        const __m256 low = _mm256_permute2f128_ps(r[k], r[k + 4], 0x20);
        const __m256 high = _mm256_permute2f128_ps(r[k], r[k + 4], 0x31);
        r[k] = low;
        r[k + 4] = high;
    }
    for (int k = 0; k < 8; k += 4) {
        const __m256 a = _mm256_unpacklo_ps(r[k], r[k + 1]), b = _mm256_unpackhi_ps(r[k], r[k + 1]);
        const __m256 c = _mm256_unpacklo_ps(r[k + 2], r[k + 3]), d = _mm256_unpackhi_ps(r[k + 2], r[k + 3]);
        r[k] = _mm256_shuffle_ps(a, c, 0x44);
        r[k + 1] = _mm256_shuffle_ps(a, c, 0xee);
        r[k + 2] = _mm256_shuffle_ps(b, d, 0x44);
        r[k + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
}

/* Cells of eight rows from `first` on, skewed: out[s] holds in lane r column step + s - r of row first + r,
 * infinity where there is no such column. Past the last row the last one is repeated. */
AVX2 static inline __m256 load_skewed(__m256 out[8], const float *cost, ptrdiff_t stride, ptrdiff_t n,
                                      ptrdiff_t m, ptrdiff_t first, ptrdiff_t step, __m256 check)
{
    __m256 r[8];
    if (step >= 7 && step + 8 <= m && first + 8 <= n) {
        for (int k = 0; k < 8; k++) {
            r[k] = _mm256_loadu_ps(cost + (first + k) * stride + step - k);
        }
        check = check_eight(check, r);
    } else {
        for (int k = 0; k < 8; k++) {
            const ptrdiff_t i = first + k < n ? first + k : n - 1;
            const __m256i inside = lanes_inside(step - k, m);
            const __m256 x = _mm256_maskload_ps(cost + i * stride + step - k, inside);
            check = checked(check, x);
            r[k] = _mm256_blendv_ps(_mm256_set1_ps(INFINITY), x, _mm256_castsi256_ps(inside));
        }
    }
    transpose(r);
    for (int k = 0; k < 8; k++)
        out[k] = r[k];
    return check;
}

/* Sixteen rows as the lanes of two vectors, each row one column behind the row above it, so that a step
 * computes an anti-diagonal: its cells do not depend on each other. For lane r at step s, column s - r:
 * the cell to the left is the same lane one step ago, the one above is lane r-1 one step ago, and the
 * diagonal one is what was above one step ago. Lane 0 looks at the last row of the strip before, kept in
 * `best`; lane 15 replaces it there, sixteen steps behind. */
AVX2 static int dtw_avx2(const float *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, float *row,
                         uint32_t *bits, float *total)
{
    const ptrdiff_t steps = strip_steps(m);
    const ptrdiff_t final_step = m - 1 + (n - 1) % STRIP;
    const __m256i rotate = _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6);
    const __m256 infinity = _mm256_set1_ps(INFINITY);
    float *best = row + ROW_FRONT;
    __m256 check = _mm256_setzero_ps();
    fill(row, ROW_FRONT + m + ROW_BACK, INFINITY);
    for (ptrdiff_t i = 0; i < n; i += STRIP) {
        __m256 a = infinity, b = infinity, diagonal_b = infinity;
        __m256 diagonal_a = i ? infinity : _mm256_blend_ps(infinity, _mm256_set1_ps(-0.0f), 1);
        for (ptrdiff_t s = 0; s < steps; s += 8) {
            __m256 cells_a[8], cells_b[8];
            float cost_so_far[8][STRIP];
            check = load_skewed(cells_a, cost, stride, n, m, i, s, check);
            check = load_skewed(cells_b, cost, stride, n, m, i + 8, s - 8, check);
            for (int k = 0; k < 8; k++) {
                const __m256 turned_a = _mm256_permutevar8x32_ps(a, rotate);
                const __m256 turned_b = _mm256_permutevar8x32_ps(b, rotate);
                const __m256 above_a = _mm256_blend_ps(turned_a, _mm256_broadcast_ss(best + s + k), 1);
                const __m256 above_b = _mm256_blend_ps(turned_b, turned_a, 1);
                best[s + k - STRIP] = _mm256_cvtss_f32(turned_b);
                const __m256 sooner_a = _mm256_min_ps(above_a, diagonal_a);
                const __m256 sooner_b = _mm256_min_ps(above_b, diagonal_b);
                const __m256 left_a = _mm256_cmp_ps(a, sooner_a, _CMP_LT_OQ);
                const __m256 left_b = _mm256_cmp_ps(b, sooner_b, _CMP_LT_OQ);
                const __m256 up_a = _mm256_cmp_ps(above_a, diagonal_a, _CMP_LT_OQ);
                const __m256 up_b = _mm256_cmp_ps(above_b, diagonal_b, _CMP_LT_OQ);
                a = _mm256_add_ps(cells_a[k], _mm256_min_ps(a, sooner_a));
                b = _mm256_add_ps(cells_b[k], _mm256_min_ps(b, sooner_b));
                diagonal_a = above_a;
                diagonal_b = above_b;
                const __m256i up = _mm256_packs_epi32(_mm256_castps_si256(up_a), _mm256_castps_si256(up_b));
                const __m256i left =
                    _mm256_packs_epi32(_mm256_castps_si256(left_a), _mm256_castps_si256(left_b));
                *bits++ = (uint32_t)_mm256_movemask_epi8(_mm256_packs_epi16(up, left));
                if (i + STRIP >= n) {
                    _mm256_storeu_ps(cost_so_far[k], a);
                    _mm256_storeu_ps(cost_so_far[k] + 8, b);
                }
            }
            if (i + STRIP >= n && s == final_step / 8 * 8)
                *total = cost_so_far[final_step % 8][(n - 1) % STRIP];
        }
    }
    return all_finite(check);
}
