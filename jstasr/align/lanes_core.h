/* Eight items at once, one in each lane of a vector: for batches of items of similar size, where this takes
 * about half the time of one item after the other, and much less where the items are small. Float32, AVX2.
 *
 * All lanes run over the largest n and m of the group. A lane that is past its own length repeats its last
 * row, and reads 0 in the columns past its last: columns only ever look to their left, and the result is
 * taken when the item's last row has been computed, so neither matters.
 *
 * Back-pointers, packed for all lanes together: 32-bit words of four bits for each lane, lane 0 lowest,
 *     skip, noskip  four columns, the first lowest
 *     dtw           two columns, of each the bit for above and then that for left
 * The walk back waits for one word after the other, so all lanes take their steps in turn.
 *
 * A minimum of equals is its second operand: everywhere that of the step that is preferred, so that even the
 * sign of a zero comes out as in the recursion. */

#define LANES 8
#define INLINE AVX2 __attribute__((always_inline)) static inline
#define UNROLLED _Pragma("GCC unroll 8")

typedef struct {
    const float *cost[LANES];
    ptrdiff_t n[LANES], m[LANES], stride;
    ptrdiff_t max_n, max_m, min_n, min_m;
    float *best;    /* LANES * room_for_columns(max_m) floats on a cache line */
    void *inside;   /* the same again */
    uint32_t *bits; /* lane_words() for each row */
    float total[LANES];
    int64_t *path[LANES], path_length[LANES]; /* dtw: the end of the pairs, and their number */
} lane_group;

static inline ptrdiff_t room_for_columns(ptrdiff_t m) { return (m + 7) / 8 * 8; }
static inline ptrdiff_t lane_words(int pairs, ptrdiff_t m) { return (m + 7) / 8 * (pairs ? 4 : 2); }

/* What a row hands from one column to the next. */
typedef struct {
    __m256 left, diagonal;
} row_state;

/* Eight columns of all lanes: costs x[8], D or P of the row above in `best`, which those of this row replace. */
INLINE uint32_t pack_masks(__m256 a, __m256 b, __m256 c, __m256 d)
{
    const __m256i ac = _mm256_blend_epi16(_mm256_castps_si256(a), _mm256_castps_si256(c), 0xaa);
    const __m256i bd = _mm256_blend_epi16(_mm256_castps_si256(b), _mm256_castps_si256(d), 0xaa);
    return (uint32_t)_mm256_movemask_epi8(_mm256_blendv_epi8(ac, bd, _mm256_set1_epi16((short)0xff00)));
}

INLINE void skip_tile(row_state *row, const __m256 x[8], float *best, uint32_t *bits)
{
    __m256 record[8];
    UNROLLED for (int k = 0; k < 8; k++) {
        const __m256 d = _mm256_add_ps(x[k], _mm256_load_ps(best + 8 * k));
        record[k] = _mm256_cmp_ps(d, row->left, _CMP_LE_OQ);
        row->left = _mm256_min_ps(row->left, d); /* the least of all columns up to this one */
        _mm256_store_ps(best + 8 * k, row->left);
    }
    bits[0] = pack_masks(record[0], record[1], record[2], record[3]);
    bits[1] = pack_masks(record[4], record[5], record[6], record[7]);
}

INLINE void noskip_tile(row_state *row, const __m256 x[8], float *best, uint32_t *bits)
{
    __m256 advance[8];
    UNROLLED for (int k = 0; k < 8; k++) {
        const __m256 above = _mm256_load_ps(best + 8 * k);
        advance[k] = _mm256_cmp_ps(row->diagonal, above, _CMP_LT_OQ);
        _mm256_store_ps(best + 8 * k, _mm256_add_ps(x[k], _mm256_min_ps(row->diagonal, above)));
        row->diagonal = above;
    }
    bits[0] = pack_masks(advance[0], advance[1], advance[2], advance[3]);
    bits[1] = pack_masks(advance[4], advance[5], advance[6], advance[7]);
}

INLINE void dtw_tile(row_state *row, const __m256 x[8], float *best, uint32_t *bits)
{
    __m256 up[8], left[8];
    UNROLLED for (int k = 0; k < 8; k++) {
        const __m256 above = _mm256_load_ps(best + 8 * k);
        const __m256 sooner = _mm256_min_ps(above, row->diagonal);
        up[k] = _mm256_cmp_ps(above, row->diagonal, _CMP_LT_OQ);
        left[k] = _mm256_cmp_ps(row->left, sooner, _CMP_LT_OQ);
        row->left = _mm256_add_ps(x[k], _mm256_min_ps(row->left, sooner));
        row->diagonal = above;
        _mm256_store_ps(best + 8 * k, row->left);
    }
    UNROLLED for (int k = 0; k < 8; k += 2)
        bits[k / 2] = pack_masks(up[k], left[k], up[k + 1], left[k + 1]);
}

/* x[k]: column first + k of all lanes. low[l] holds four columns of lane l and of lane l + 4, high[l] the next. */
INLINE __m256 transpose_lanes(__m256 x[8], const __m256 low[4], const __m256 high[4], __m256 check)
{
    UNROLLED for (int k = 0; k < 8; k += 4) {
        const __m256 *four = k ? high : low;
        const __m256 a = _mm256_unpacklo_ps(four[0], four[1]), b = _mm256_unpackhi_ps(four[0], four[1]);
        const __m256 c = _mm256_unpacklo_ps(four[2], four[3]), d = _mm256_unpackhi_ps(four[2], four[3]);
        x[k] = _mm256_shuffle_ps(a, c, 0x44);
        x[k + 1] = _mm256_shuffle_ps(a, c, 0xee);
        x[k + 2] = _mm256_shuffle_ps(b, d, 0x44);
        x[k + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    return check_eight(check, x);
}

/* Lanes a and b of a vector side by side. */
INLINE __m256 two_halves(const float *a, const float *b)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
}

INLINE __m256 load_columns(__m256 x[8], const float *const row[LANES], ptrdiff_t first, __m256 check)
{
    __m256 low[4], high[4];
    UNROLLED for (int l = 0; l < 4; l++) {
        low[l] = two_halves(row[l] + first, row[l + 4] + first);
        high[l] = two_halves(row[l] + first + 4, row[l + 4] + first + 4);
    }
    return transpose_lanes(x, low, high, check);
}

/* The same where some lane has fewer columns: only those that `inside` has ones for. */
INLINE __m256 load_last_columns(__m256 x[8], const float *const row[LANES], const __m256i inside[LANES],
                                ptrdiff_t first, __m256 check)
{
    __m256 low[4], high[4];
    UNROLLED for (int l = 0; l < 4; l++) {
        const __m256 a = _mm256_maskload_ps(row[l] + first, inside[l]);
        const __m256 b = _mm256_maskload_ps(row[l + 4] + first, inside[l + 4]);
        low[l] = _mm256_permute2f128_ps(a, b, 0x20);
        high[l] = _mm256_permute2f128_ps(a, b, 0x31);
    }
    return transpose_lanes(x, low, high, check);
}

/* The columns that each lane has, for all tiles from that of column min_m on. */
AVX2 static void set_inside(lane_group *group)
{
    __m256i *inside = (__m256i *)group->inside;
    for (ptrdiff_t first = group->min_m / 8 * 8; first < group->max_m; first += 8)
        for (int l = 0; l < LANES; l++)
            _mm256_store_si256(inside++, lanes_inside(first, group->m[l]));
}

AVX2 static inline void take_totals(lane_group *group, ptrdiff_t i)
{
    for (int l = 0; l < LANES; l++)
        if (i + 1 == group->n[l])
            group->total[l] = group->best[LANES * (group->m[l] - 1) + l];
}

/* NAME_lanes returns the lanes of which some cell is not finite, as bits. */
#define LANES_KERNEL(name, words, first_row, left_of_rows, diagonal_of_first)                           \
    AVX2 static int name##_lanes(lane_group *group)                                                     \
    {                                                                                                   \
        const ptrdiff_t min_m = group->min_m, max_m = group->max_m;                                     \
        const float *row[LANES];                                                                        \
        uint32_t *bits = group->bits;                                                                   \
        __m256 check = _mm256_setzero_ps(), x[8];                                                       \
        set_inside(group);                                                                              \
        fill(group->best, LANES * room_for_columns(max_m), first_row);                                  \
        for (ptrdiff_t i = 0; i < group->max_n; i++) {                                                  \
            row_state state = {_mm256_set1_ps(left_of_rows),                                            \
                               _mm256_set1_ps(i ? INFINITY : diagonal_of_first)};                       \
            float *best = group->best;                                                                  \
            const __m256i *inside = group->inside;                                                      \
            ptrdiff_t j = 0;                                                                            \
            for (int l = 0; l < LANES; l++)                                                             \
                row[l] = group->cost[l] + (i < group->n[l] ? i : group->n[l] - 1) * group->stride;      \
            for (; j + 8 <= min_m; j += 8, best += 8 * LANES, bits += words) {                          \
                check = load_columns(x, row, j, check);                                                 \
                name##_tile(&state, x, best, bits);                                                     \
            }                                                                                           \
            for (; j < max_m; j += 8, best += 8 * LANES, bits += words, inside += LANES) {              \
                check = load_last_columns(x, row, inside, j, check);                                    \
                name##_tile(&state, x, best, bits);                                                     \
            }                                                                                           \
            if (i + 1 >= group->min_n)                                                                  \
                take_totals(group, i);                                                                  \
        }                                                                                               \
        return _mm256_movemask_ps(_mm256_cmp_ps(check, check, _CMP_UNORD_Q));                           \
    }

/* Into the first row of noskip and dtw, only from the diagonal to (0, 0). */
LANES_KERNEL(skip, 2, -0.0f, INFINITY, -0.0f)
LANES_KERNEL(noskip, 2, INFINITY, INFINITY, -0.0f)
LANES_KERNEL(dtw, 4, INFINITY, INFINITY, -0.0f)

/* The paths of the lanes in `wanted`; the bits of others may say anything. */
static void trace_skip_lanes(lane_group *group, int wanted)
{
    const ptrdiff_t words = lane_words(0, group->max_m);
    ptrdiff_t j[LANES];
    for (int l = 0; l < LANES; l++)
        j[l] = group->m[l] - 1;
    for (ptrdiff_t i = group->max_n - 1; i >= 0; i--)
        for (int l = 0; l < LANES; l++) {
            if (!(wanted >> l & 1) || i >= group->n[l])
                continue;
            const uint32_t *word = group->bits + i * words + (j[l] >> 2);
            uint32_t upto = *word >> 4 * l & (0xfu >> (3 - (j[l] & 3)));
            j[l] |= 3;
            for (; upto == 0; j[l] -= 4) /* ends: column 0 is always a best one so far */
                upto = *--word >> 4 * l & 0xf;
            j[l] -= __builtin_clz(upto) - 28;
            group->path[l][i] = j[l];
        }
}

static void trace_noskip_lanes(lane_group *group, int wanted)
{
    const ptrdiff_t words = lane_words(0, group->max_m);
    ptrdiff_t j[LANES];
    for (int l = 0; l < LANES; l++)
        j[l] = group->m[l] - 1;
    for (ptrdiff_t i = group->max_n - 1; i >= 0; i--)
        for (int l = 0; l < LANES; l++) {
            if (!(wanted >> l & 1) || i >= group->n[l])
                continue;
            group->path[l][i] = j[l];
            const int advance = (int)(group->bits[i * words + (j[l] >> 2)] >> (4 * l + (j[l] & 3)) & 1);
            j[l] -= (advance | (j[l] == i)) & (j[l] > 0);
        }
}

/* Where a lane is on its way back: `at` counts pairs of bits in words of two columns. */
typedef struct {
    int64_t *end;
    ptrdiff_t i, j, at;
    int lane;
} way_back;

static void trace_dtw_lanes(lane_group *group, int wanted)
{
    const ptrdiff_t row = 2 * lane_words(1, group->max_m);
    /* By the two bits: diagonal, above, left, left. */
    const ptrdiff_t up[4] = {1, 1, 0, 0}, back[4] = {1, 0, 1, 1}, by[4] = {row + 1, row, 1, 1};
    way_back way[LANES];
    int count = 0;
    for (int l = 0; l < LANES; l++)
        if (wanted >> l & 1) {
            const ptrdiff_t i = group->n[l] - 1, j = group->m[l] - 1;
            way[count++] = (way_back){group->path[l], i, j, i * row + j, l};
        }
    while (count > 0) {
        ptrdiff_t steps = PTRDIFF_MAX; /* as many as no lane can need to meet an edge */
        for (int k = 0; k < count; k++) {
            way_back *w = &way[k];
            const ptrdiff_t least = w->i < w->j ? w->i : w->j;
            if (least == 0) {
                w->end -= 2;
                w->end[0] = w->i;
                w->end[1] = w->j;
                group->path_length[w->lane] = (group->path[w->lane] - w->end) / 2 + trace_edge(w->i, w->j, w->end);
                way[k--] = way[--count];
                continue;
            }
            steps = least < steps ? least : steps;
        }
        for (; steps > 0 && count > 0; steps--)
            for (int k = 0; k < count; k++) {
                way_back *w = &way[k];
                const uint32_t word = group->bits[w->at >> 1];
                const uint32_t step = word >> (4 * w->lane + 2 * (w->at & 1)) & 3;
                w->end -= 2;
                w->end[0] = w->i;
                w->end[1] = w->j;
                w->i -= up[step];
                w->j -= back[step];
                w->at -= by[step];
            }
    }
}
