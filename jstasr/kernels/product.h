/* Squared distances of one item's frames and positions by a matrix product, float32; for one instruction set.
 *
 *     out(i, j) = |t_j|^2 - 2 a_i . t_j,   and where asked for + |a_i|^2, and the square root
 *
 * The product is made here, and not by the library that torch uses, for three reasons: the cells that no path under
 * `noskip` can reach are left out, nothing is spent on padding, and the alignment follows while the cells are still in
 * the cache of the core that made them.
 *
 * The text is packed into panels of as many positions as two vectors hold, so that a panel (d rows) stays in the first
 * level of cache while all frames of a block pass it. A tile of TILE_ROWS frames by one panel is kept in registers. */

/* Text (m, d) to packed, panel after panel of (d, 2 WIDTH), and square (m,) = |t_j|^2; past the last position it is
 * repeated, up to a whole vector. */
TARGET static void NAME(pack_text)(const float *text, ptrdiff_t m, ptrdiff_t d, float *packed, float *square)
{
    const ptrdiff_t panel_width = 2 * WIDTH;
    for (ptrdiff_t j = 0; j < (m + WIDTH - 1) / WIDTH * WIDTH; j += 8) {
        float *panel = packed + j / panel_width * panel_width * d + j % panel_width;
        const float *row[8];
        v8 sum = {0};
        for (int l = 0; l < 8; l++)
            row[l] = text + smaller(j + l, m - 1) * d;
        for (ptrdiff_t k = 0; k < d; k++) {
            const v8 x = column(row, k);
            sum += x * x;
            *(v8 *)(panel + panel_width * k) = x;
        }
        *(v8 *)(square + j) = sum;
    }
}

/* A vector in a register, and one in memory, wherever it begins. */
typedef float NAME(v) __attribute__((vector_size(4 * WIDTH)));
typedef float NAME(stored) __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* `rows` frames by one or two vectors of positions. */
TARGET INLINE void NAME(product_tile)(const int rows, const int vectors, const float *a, const float *panel,
                                      ptrdiff_t d, const float *square, float *out, ptrdiff_t stride)
{
    NAME(v) low[TILE_ROWS], high[TILE_ROWS];
    UNROLLED for (int r = 0; r < rows; r++) low[r] = high[r] = (NAME(v)){0};
    for (ptrdiff_t k = 0; k < d; k++) {
        const NAME(v) t_low = *(const NAME(stored) *)(panel + 2 * WIDTH * k);
        NAME(v) t_high;
        if (vectors == 2)
            t_high = *(const NAME(stored) *)(panel + 2 * WIDTH * k + WIDTH);
        UNROLLED for (int r = 0; r < rows; r++)
        {
            low[r] += a[r * d + k] * t_low;
            if (vectors == 2)
                high[r] += a[r * d + k] * t_high;
        }
    }
    UNROLLED for (int r = 0; r < rows; r++)
    {
        *(NAME(stored) *)(out + r * stride) = *(const NAME(stored) *)square - 2.0f * low[r];
        if (vectors == 2)
            *(NAME(stored) *)(out + r * stride + WIDTH) = *(const NAME(stored) *)(square + WIDTH) - 2.0f * high[r];
    }
}

/* out (n, product_stride(m)) without |a_i|^2. If `band`, only vectors that the band of `noskip` touches. */
TARGET static void NAME(product)(const float *speech, const float *packed, const float *square, ptrdiff_t n,
                                 ptrdiff_t m, ptrdiff_t d, int band, float *out)
{
    const ptrdiff_t stride = product_stride(m);
    const int rows = n < TILE_ROWS ? 1 : TILE_ROWS;
    for (ptrdiff_t first = 0; first < n; first += PRODUCT_BLOCK)
        for (ptrdiff_t j = 0; j < m; j += 2 * WIDTH)
            for (ptrdiff_t i = first; i < smaller(first + PRODUCT_BLOCK, n); i += rows) {
                const ptrdiff_t top = smaller(i, n - rows); /* the last rows once more, rather than fewer at a time */
                const ptrdiff_t from = band ? band_lo(top, n, m) : 0, last = band ? band_hi(top + rows - 1, m) : m - 1;
                const int low = from < j + WIDTH && last >= j, high = from < j + 2 * WIDTH && last >= j + WIDTH;
                const ptrdiff_t at = low ? j : j + WIDTH;
                const float *a = speech + top * d, *panel = packed + j * d + (at - j);
                float *cells = out + top * stride + at;
                if (rows == 1)
                    for (ptrdiff_t k = at; k < j + 2 * WIDTH && k <= last; k += WIDTH)
                        NAME(product_tile)(1, 1, a, panel + k - at, d, square + k, cells + k - at, stride);
                else if (low && high)
                    NAME(product_tile)(TILE_ROWS, 2, a, panel, d, square + at, cells, stride);
                else if (low || high)
                    NAME(product_tile)(TILE_ROWS, 1, a, panel, d, square + at, cells, stride);
            }
}

/* Adds |a_i|^2 to each row, and takes the square root if `root`; rounding can leave a little below 0. */
TARGET static void NAME(finish_distances)(const float *speech, ptrdiff_t n, ptrdiff_t m, ptrdiff_t d, int root,
                                          float *out)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        float *row = out + i * product_stride(m), square = 0;
        const float *a = speech + i * d;
#pragma omp simd reduction(+ : square)
        for (ptrdiff_t k = 0; k < d; k++)
            square += a[k] * a[k];
        for (ptrdiff_t j = 0; j < m; j++) {
            const float x = row[j] + square;
            row[j] = x < 0 ? 0 : x; /* keeps NaN */
        }
        if (root)
            for (ptrdiff_t j = 0; j < m; j++)
                row[j] = sqrtf(row[j]);
    }
}

/* Costs (n, product_stride(m)) of prepared embeddings; `room`: as many floats as product_room tells. Returns them. */
TARGET static float *NAME(make_costs)(const float *speech, const float *text, ptrdiff_t n, ptrdiff_t m, ptrdiff_t d,
                                      int band, int constant, int root, float *room)
{
    float *square = room, *cells = square + product_stride(m), *packed = cells + n * product_stride(m);
    NAME(pack_text)(text, m, d, packed, square);
    NAME(product)(speech, packed, square, n, m, d, band, cells);
    if (constant || root)
        NAME(finish_distances)(speech, n, m, d, root, cells);
    return cells;
}
