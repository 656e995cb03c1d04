/* Portable alignment kernels, one item each. Included once per type, with REAL (float or double) and
 * K(name) (name_f32 or name_f64) defined. They are the reference for the vector kernels and serve every
 * machine that has none, and float64 everywhere.
 *
 * cost    n x m cells, rows `stride` cells apart
 * row     work space, ROW_FRONT + m + ROW_BACK cells, of which row[ROW_FRONT] is column 0
 * bits    back-pointers, laid out as trace_core.h reads them
 * total   the cost of the best path
 * return  1 if every cell that was looked at is finite; `bits` may be traced only then
 *
 * Finiteness: x * 0 is 0 for a finite x and NaN for the others, and a sum keeps a NaN for ever.
 * The first row is added to -0, the only number that leaves every other unchanged, -0 included. */

static int K(skip_scalar)(const REAL *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, REAL *row,
                          uint64_t *bits, REAL *total)
{
    const ptrdiff_t words = bit_words(m);
    REAL *best = row + ROW_FRONT; /* best[j] = min over k <= j of D(i-1, k) */
    REAL check = 0;
    for (ptrdiff_t j = 0; j < m; j++)
        best[j] = (REAL)-0.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *c = cost + i * stride;
        REAL least = (REAL)INFINITY;
        for (ptrdiff_t w = 0; w < words; w++) {
            const ptrdiff_t end = m < 64 * (w + 1) ? m : 64 * (w + 1);
            uint64_t word = 0;
            for (ptrdiff_t j = 64 * w; j < end; j++) {
                const REAL d = c[j] + best[j];
                const int record = d <= least; /* <=: of equals the largest j is kept */
                check += c[j] * 0;
                least = record ? d : least;
                best[j] = least;
                word |= (uint64_t)record << (j & 63);
            }
            bits[i * words + w] = word;
        }
    }
    *total = best[m - 1];
    return check == 0;
}

/* A path starts at column 0 and ends at column m-1, so row i can only use columns lo..hi. */
static int K(noskip_scalar)(const REAL *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, REAL *row,
                            uint64_t *bits, REAL *total)
{
    const ptrdiff_t words = bit_words(m);
    REAL *best = row + ROW_FRONT; /* best[j] = D(i-1, j) */
    REAL check = 0;
    for (ptrdiff_t j = -1; j < m; j++)
        best[j] = (REAL)INFINITY;
    best[0] = (REAL)-0.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *c = cost + i * stride;
        const ptrdiff_t lo = band_lo(i, n, m), hi = band_hi(i, m);
        for (ptrdiff_t w = hi >> 6; w >= lo >> 6; w--) {
            const ptrdiff_t first = lo > 64 * w ? lo : 64 * w;
            const ptrdiff_t last = hi < 64 * w + 63 ? hi : 64 * w + 63;
            uint64_t word = 0;
            for (ptrdiff_t j = last; j >= first; j--) { /* downwards: best[j-1] is still the row before */
                const int advance = best[j - 1] < best[j];
                best[j] = c[j] + (advance ? best[j - 1] : best[j]);
                check += c[j] * 0;
                word |= (uint64_t)advance << (j & 63);
            }
            bits[i * words + w] = word;
        }
    }
    *total = best[m - 1];
    return check == 0;
}

static int K(dtw_scalar)(const REAL *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m, REAL *row,
                         uint32_t *bits, REAL *total)
{
    const ptrdiff_t steps = strip_steps(m);
    REAL *best = row + ROW_FRONT;
    REAL check = 0;
    for (ptrdiff_t j = 0; j < m; j++)
        best[j] = (REAL)INFINITY;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *c = cost + i * stride;
        const int lane = (int)(i % STRIP), place = lane_place(lane);
        uint32_t *word = bits + (i / STRIP) * steps + lane;
        REAL diagonal = i ? (REAL)INFINITY : (REAL)-0.0, left = (REAL)INFINITY;
        if (lane == 0)
            memset(word, 0, (size_t)steps * sizeof *word);
        for (ptrdiff_t j = 0; j < m; j++) {
            const REAL above = best[j];
            const int from_above = above < diagonal;
            const REAL sooner = from_above ? above : diagonal;
            const int from_left = left < sooner;
            left = c[j] + (from_left ? left : sooner);
            best[j] = left;
            diagonal = above;
            check += c[j] * 0;
            word[j] |= ((uint32_t)from_above | (uint32_t)from_left << 8) << place;
        }
    }
    *total = best[m - 1];
    return check == 0;
}

/* Whether the cells that noskip never looks at, those outside the band, are finite too. */
static int K(outside_finite)(const REAL *cost, ptrdiff_t stride, ptrdiff_t n, ptrdiff_t m)
{
    REAL check = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *c = cost + i * stride;
        const ptrdiff_t lo = band_lo(i, n, m), hi = band_hi(i, m);
        for (ptrdiff_t j = 0; j < lo; j++)
            check += c[j] * 0;
        for (ptrdiff_t j = hi + 1; j < m; j++)
            check += c[j] * 0;
    }
    return check == 0;
}
