/* Squared distances of one item's frames and positions, up to |a|^2: |t_j|^2 - 2 a_i . t_j, float32.
 *
 * The matrix product is made here, and not by the library that torch uses, for three reasons: the cells that no
 * path under `noskip` can reach are left out, nothing is spent on padding, and the alignment follows while
 * the cells are still in the cache of the core that made them.
 *
 * The text is packed into panels of two vectors' width, so that a panel (d rows) stays in the first-level
 * cache while all frames of a block pass it. A block of `rows` frames by one panel is kept in registers.
 * Written with gcc's vectors of W floats: instantiated for AVX2 and for AVX-512. */

#define PRODUCT_BLOCK 24 /* frames, a multiple of the rows of each instance */

static inline ptrdiff_t round_up(ptrdiff_t x, ptrdiff_t to) { return (x + to - 1) / to * to; }
/* Cells from one row of distances to the next: whole panels of the widest instance. */
static inline ptrdiff_t product_stride(ptrdiff_t m) { return round_up(m, 32); }

/* Rows of d floats into packed, panel after panel of `width`; square: |t_j|^2. Up to half a panel's width past
 * the last row it comes again. */
AVX2 static void pack_text(const float *text, ptrdiff_t m, ptrdiff_t d, ptrdiff_t width, float *packed,
                           float *square)
{
    for (ptrdiff_t j = 0; j < round_up(m, width / 2); j += 8) {
        float *panel = packed + j / width * width * d + j % width;
        const float *row[8];
        __m256 sum = _mm256_setzero_ps(), r[8];
        ptrdiff_t k = 0;
        for (int l = 0; l < 8; l++)
            row[l] = text + (j + l < m ? j + l : m - 1) * d;
        for (; k + 8 <= d; k += 8) {
            for (int l = 0; l < 8; l++)
                r[l] = _mm256_loadu_ps(row[l] + k);
            transpose(r);
            for (int l = 0; l < 8; l++) {
                sum = _mm256_fmadd_ps(r[l], r[l], sum);
                _mm256_storeu_ps(panel + (k + l) * width, r[l]);
            }
        }
        for (; k < d; k++) {
            for (int l = 0; l < 8; l++)
                panel[k * width + l] = row[l][k];
            const __m256 x = _mm256_loadu_ps(panel + k * width);
            sum = _mm256_fmadd_ps(x, x, sum);
        }
        _mm256_storeu_ps(square + j, sum);
    }
}

#define PRODUCT(suffix, attribute, W, ROWS)                                                            \
    typedef float vector_##suffix __attribute__((vector_size(4 * W), aligned(4)));                     \
                                                                                                       \
    attribute __attribute__((always_inline)) static inline void product_tile_##suffix(                 \
        const int rows, const int halves, const float *a, const float *panel, ptrdiff_t d,             \
        const float *square, float *out, ptrdiff_t stride)                                             \
    {                                                                                                  \
        vector_##suffix low[ROWS], high[ROWS];                                                         \
        _Pragma("GCC unroll 16") for (int r = 0; r < rows; r++) low[r] = high[r] =                     \
            (vector_##suffix){0};                                                                      \
        for (ptrdiff_t k = 0; k < d; k++) {                                                            \
            const vector_##suffix t_low = *(const vector_##suffix *)(panel + 2 * W * k);               \
            vector_##suffix t_high;                                                                    \
            if (halves == 2)                                                                           \
                t_high = *(const vector_##suffix *)(panel + 2 * W * k + W);                            \
            _Pragma("GCC unroll 16") for (int r = 0; r < rows; r++)                                    \
            {                                                                                          \
                low[r] += a[r * d + k] * t_low;                                                        \
                if (halves == 2)                                                                       \
                    high[r] += a[r * d + k] * t_high;                                                  \
            }                                                                                          \
        }                                                                                              \
        _Pragma("GCC unroll 16") for (int r = 0; r < rows; r++)                                        \
        {                                                                                              \
            float *to = out + r * stride;                                                              \
            *(vector_##suffix *)to = *(const vector_##suffix *)square - 2.0f * low[r];                 \
            if (halves == 2)                                                                           \
                *(vector_##suffix *)(to + W) = *(const vector_##suffix *)(square + W) - 2.0f * high[r]; \
        }                                                                                              \
    }                                                                                                  \
                                                                                                       \
    /* The first `columns` of m. Of the halves of panels, only those that the band of `noskip` touches, if    \
     * `band`. */                                                                                      \
    attribute static void product_##suffix(const float *speech, const float *packed,                   \
                                           const float *square, ptrdiff_t n, ptrdiff_t m,              \
                                           ptrdiff_t columns, ptrdiff_t d, int band, float *out)       \
    {                                                                                                  \
        const ptrdiff_t stride = product_stride(m);                                                    \
        const int rows = n < ROWS ? 1 : ROWS;                                                          \
        for (ptrdiff_t first = 0; first < n; first += PRODUCT_BLOCK) {                                 \
            const ptrdiff_t end = first + PRODUCT_BLOCK < n ? first + PRODUCT_BLOCK : n;               \
            for (ptrdiff_t j = 0; j < columns; j += 2 * W)                                             \
                for (ptrdiff_t i = first; i < end; i += rows) {                                        \
                    /* The last rows once more, rather than fewer at a time. */                        \
                    const ptrdiff_t top = i + rows <= n ? i : n - rows;                                \
                    const ptrdiff_t from = band ? band_lo(top, n, m) : 0;                              \
                    const ptrdiff_t last = band ? band_hi(top + rows - 1, columns) : columns - 1;      \
                    const int low = from < j + W && last >= j, high = from < j + 2 * W && last >= j + W; \
                    const ptrdiff_t at = low ? j : j + W;                                              \
                    const float *a = speech + top * d, *panel = packed + j * d + (at - j);             \
                    float *cells = out + top * stride + at;                                            \
                    if (rows == 1)                                                                     \
                        for (ptrdiff_t half = at; half < j + 2 * W && half <= last; half += W)         \
                            product_tile_##suffix(1, 1, a, panel + half - at, d, square + half,        \
                                                  cells + half - at, stride);                          \
                    else if (low && high)                                                              \
                        product_tile_##suffix(ROWS, 2, a, panel, d, square + at, cells, stride);       \
                    else if (low || high)                                                              \
                        product_tile_##suffix(ROWS, 1, a, panel, d, square + at, cells, stride);       \
                }                                                                                      \
        }                                                                                              \
    }

#ifndef PRODUCT_512
#define PRODUCT_512 AVX512
#endif

PRODUCT(avx2, AVX2, 8, 6)
PRODUCT(avx512, PRODUCT_512, 16, 12)

AVX2 static float square_length(const float *a, ptrdiff_t d)
{
    __m256 sum[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    float square = 0;
    ptrdiff_t k = 0;
    for (; k + 32 <= d; k += 32)
        for (int l = 0; l < 4; l++) {
            const __m256 x = _mm256_loadu_ps(a + k + 8 * l);
            sum[l] = _mm256_fmadd_ps(x, x, sum[l]);
        }
    sum[0] = _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3]));
    for (int l = 0; l < 8; l++)
        square += sum[0][l];
    for (; k < d; k++)
        square += a[k] * a[k];
    return square;
}

/* The last columns, from `first` on, if they are too few to fill a vector: a product along d for each, four rows by
 * four columns at a time. Only rows from `from` on. */
#define PRODUCT_TAIL 4
AVX512 static void product_tail(const float *speech, const float *text, ptrdiff_t from, ptrdiff_t n, ptrdiff_t first,
                                ptrdiff_t m, ptrdiff_t d, float *out)
{
    const float *t[4];
    float square[4];
    for (int c = 0; c < 4; c++) {
        t[c] = text + (first + c < m ? first + c : m - 1) * d;
        square[c] = square_length(t[c], d);
    }
    for (ptrdiff_t i = from; i < n; i += 4) {
        const float *a[4];
        __m512 sum[4][4];
        UNROLLED for (int r = 0; r < 4; r++)
        {
            a[r] = speech + (i + r < n ? i + r : n - 1) * d;
            UNROLLED for (int c = 0; c < 4; c++) sum[r][c] = _mm512_setzero_ps();
        }
        for (ptrdiff_t k = 0; k < d; k += 16) {
            const __mmask16 inside = (__mmask16)(d - k < 16 ? (1 << (d - k)) - 1 : 0xffff);
            UNROLLED for (int r = 0; r < 4; r++)
            {
                const __m512 x = _mm512_maskz_loadu_ps(inside, a[r] + k);
                UNROLLED for (int c = 0; c < 4; c++) sum[r][c] =
                    _mm512_fmadd_ps(x, _mm512_maskz_loadu_ps(inside, t[c] + k), sum[r][c]);
            }
        }
        for (int r = 0; r < 4 && i + r < n; r++)
            for (int c = 0; c < m - first; c++)
                out[(i + r) * product_stride(m) + first + c] = square[c] - 2 * _mm512_reduce_add_ps(sum[r][c]);
    }
}

/* Adds |a_i|^2 to each row, and takes the square root if `root`; rounding can leave a little below 0. */
AVX2 static void finish_distances(const float *speech, ptrdiff_t n, ptrdiff_t m, ptrdiff_t d, int root,
                                  float *out)
{
    const ptrdiff_t stride = product_stride(m);
    for (ptrdiff_t i = 0; i < n; i++) {
        float *row = out + i * stride;
        const __m256 add = _mm256_set1_ps(square_length(speech + i * d, d)), zero = _mm256_setzero_ps();
        for (ptrdiff_t j = 0; j < m; j += 8) {
            /* max(0, x) keeps a NaN in its second operand */
            const __m256 x = _mm256_max_ps(zero, _mm256_add_ps(_mm256_loadu_ps(row + j), add));
            _mm256_storeu_ps(row + j, root ? _mm256_sqrt_ps(x) : x);
        }
    }
}
