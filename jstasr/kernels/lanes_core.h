/* The kernels of wide_core.h, included once for each width of vectors, with LANES, K(name) and these defined:
 *
 *     WIDE                   the functions' attribute
 *     lane_bits              an unsigned integer of LANES bits
 *     V                      a vector of LANES floats; SET, LOAD, STORE, ADD, MIN as its intrinsics
 *     LESS, LESS_EQUAL       comparisons, true ones as bits of an integer
 *     CHECK(x, sum)          sum + 0 * x: sum if x is finite, else NaN
 *     UNPACK_LOW, UNPACK_HIGH, SHUFFLE   as of 128 bits, in each part of 128 bits
 *     UNORDERED(x)           where x is NaN, as bits
 *     four_columns, masked_columns   loads, see below
 *
 * All lanes run over the largest n and m of the group. A lane that is past its own length repeats its last
 * row, and reads 0 in the columns past its last: columns only ever look to their left, and the result is
 * taken when the item's last row has been computed, so neither matters.
 *
 * A minimum of equals is its second operand: everywhere that of the step that is preferred, so that even the
 * sign of a zero comes out as in the recursion. */

/* What a row hands from one column to the next. */
typedef struct {
    V left, diagonal;
} K(row_state);

/* Eight columns of all lanes: costs x[8], D or P of the row above in `best`, which those of this row replace. */
INLINE void K(skip_tile)(K(row_state) *row, const V x[8], float *best, lane_bits *bits)
{
    UNROLLED for (int k = 0; k < 8; k++) {
        const V d = ADD(x[k], LOAD(best + LANES * k));
        bits[k] = (lane_bits)LESS_EQUAL(d, row->left);
        row->left = MIN(row->left, d); /* the least of all columns up to this one */
        STORE(best + LANES * k, row->left);
    }
}

INLINE void K(noskip_tile)(K(row_state) *row, const V x[8], float *best, lane_bits *bits)
{
    UNROLLED for (int k = 0; k < 8; k++) {
        const V above = LOAD(best + LANES * k);
        bits[k] = (lane_bits)LESS(row->diagonal, above);
        STORE(best + LANES * k, ADD(x[k], MIN(row->diagonal, above)));
        row->diagonal = above;
    }
}

INLINE void K(dtw_tile)(K(row_state) *row, const V x[8], float *best, lane_bits *bits)
{
    UNROLLED for (int k = 0; k < 8; k++) {
        const V above = LOAD(best + LANES * k);
        const V sooner = MIN(above, row->diagonal);
        bits[2 * k] = (lane_bits)LESS(above, row->diagonal);
        bits[2 * k + 1] = (lane_bits)LESS(row->left, sooner);
        row->left = ADD(x[k], MIN(row->left, sooner));
        row->diagonal = above;
        STORE(best + LANES * k, row->left);
    }
}

/* x[k]: column first + k of all lanes; where `inside` is not NULL, some lane has fewer columns. */
INLINE V K(load_tile)(V x[8], const float *const row[LANES], ptrdiff_t first, const __m256i *inside, V check)
{
    V low[4], high[4];
    UNROLLED for (int l = 0; l < 4; l++) {
        if (inside)
            K(masked_columns)(&low[l], &high[l], row + l, first, inside + l);
        else {
            low[l] = K(four_columns)(row + l, first);
            high[l] = K(four_columns)(row + l, first + 4);
        }
    }
    UNROLLED for (int k = 0; k < 8; k += 4) {
        const V *four = k ? high : low;
        const V a = UNPACK_LOW(four[0], four[1]), b = UNPACK_HIGH(four[0], four[1]);
        const V c = UNPACK_LOW(four[2], four[3]), d = UNPACK_HIGH(four[2], four[3]);
        x[k] = SHUFFLE(a, c, 0x44);
        x[k + 1] = SHUFFLE(a, c, 0xee);
        x[k + 2] = SHUFFLE(b, d, 0x44);
        x[k + 3] = SHUFFLE(b, d, 0xee);
    }
    V sum = CHECK(x[0], SET(0));
    UNROLLED for (int k = 1; k < 8; k++) sum = CHECK(x[k], sum);
    return ADD(check, sum); /* the only addition that waits for those before */
}

/* The columns that each lane has, for all tiles from that of column min_m on. */
WIDE static void K(set_inside)(lane_group *group)
{
    __m256i *inside = group->inside;
    for (ptrdiff_t first = group->min_m / 8 * 8; first < group->max_m; first += 8)
        for (int l = 0; l < LANES; l++)
            _mm256_store_si256(inside++, lanes_inside(first, group->m[l]));
}

WIDE static inline void K(take_totals)(lane_group *group, ptrdiff_t i)
{
    for (int l = 0; l < LANES; l++)
        if (i + 1 == group->n[l])
            group->total[l] = group->best[LANES * (group->m[l] - 1) + l];
}

/* NAME_lanes returns the lanes of which some cell is not finite, as bits. */
#define LANES_KERNEL(name, pointers, first_row, left_of_rows, diagonal_of_first)                        \
    WIDE static unsigned K(name##_lanes)(lane_group *group)                                             \
    {                                                                                                   \
        const ptrdiff_t max_m = group->max_m, whole = group->min_m / 8 * 8;                             \
        const float *row[LANES];                                                                        \
        lane_bits *bits = group->bits;                                                                  \
        V check = SET(0), x[8];                                                                         \
        K(set_inside)(group);                                                                           \
        fill(group->best, LANES * room_for_columns(max_m), first_row);                                  \
        for (ptrdiff_t i = 0; i < group->max_n; i++) {                                                  \
            K(row_state) state = {SET(left_of_rows), SET(i ? INFINITY : diagonal_of_first)};            \
            const __m256i *inside = group->inside;                                                      \
            float *best = group->best;                                                                  \
            ptrdiff_t j = 0;                                                                            \
            for (int l = 0; l < LANES; l++)                                                             \
                row[l] = group->cost[l] + (i < group->n[l] ? i : group->n[l] - 1) * group->stride;      \
            for (; j < whole; j += 8, best += 8 * LANES, bits += 8 * pointers) {                        \
                check = K(load_tile)(x, row, j, NULL, check);                                           \
                K(name##_tile)(&state, x, best, bits);                                                  \
            }                                                                                           \
            for (; j < max_m; j += 8, best += 8 * LANES, bits += 8 * pointers, inside += LANES) {       \
                check = K(load_tile)(x, row, j, inside, check);                                         \
                K(name##_tile)(&state, x, best, bits);                                                  \
            }                                                                                           \
            if (i + 1 >= group->min_n)                                                                  \
                K(take_totals)(group, i);                                                               \
        }                                                                                               \
        return (unsigned)UNORDERED(check);                                                              \
    }

/* Into the first row of noskip and dtw, only from the diagonal to (0, 0). */
LANES_KERNEL(skip, 1, -0.0f, INFINITY, -0.0f)
LANES_KERNEL(noskip, 1, INFINITY, INFINITY, -0.0f)
LANES_KERNEL(dtw, 2, INFINITY, INFINITY, -0.0f)
#undef LANES_KERNEL

/* The paths of the lanes in `wanted`; the bits of others may say anything. */
static void K(trace_skip_lanes)(lane_group *group, unsigned wanted)
{
    enum { COLUMNS = 64 / LANES }; /* that fit into a word: 1 bit in LANES says whether column is a best one so far */
    const ptrdiff_t width = room_for_columns(group->max_m);
    const uint64_t every = ~(uint64_t)0 / ((1u << LANES) - 1);
    const lane_bits *bits = group->bits;
    ptrdiff_t j[LANES];
    for (int l = 0; l < LANES; l++)
        j[l] = group->m[l] - 1;
    for (ptrdiff_t i = group->max_n - 1; i >= 0; i--)
        for (int l = 0; l < LANES; l++) {
            if (!(wanted >> l & 1) || i >= group->n[l])
                continue;
            uint64_t upto;
            for (;; j[l] -= COLUMNS) { /* ends: column 0 is always a best one so far */
                memcpy(&upto, bits + i * width + j[l] - (COLUMNS - 1), sizeof upto);
                upto = upto >> l & every;
                if (upto)
                    break;
            }
            j[l] -= __builtin_clzll(upto) / LANES;
            group->path[l][i] = j[l];
        }
}

static void K(trace_noskip_lanes)(lane_group *group, unsigned wanted)
{
    const ptrdiff_t width = room_for_columns(group->max_m);
    const lane_bits *bits = group->bits;
    ptrdiff_t j[LANES];
    for (int l = 0; l < LANES; l++)
        j[l] = group->m[l] - 1;
    for (ptrdiff_t i = group->max_n - 1; i >= 0; i--)
        for (int l = 0; l < LANES; l++) {
            if (!(wanted >> l & 1) || i >= group->n[l])
                continue;
            group->path[l][i] = j[l];
            const int advance = bits[i * width + j[l]] >> l & 1;
            j[l] -= (advance | (j[l] == i)) & (j[l] > 0);
        }
}

static void K(trace_dtw_lanes)(lane_group *group, unsigned wanted)
{
    const ptrdiff_t width = room_for_columns(group->max_m);
    /* By the two bits: diagonal, above, left, left. */
    const ptrdiff_t up[4] = {1, 1, 0, 0}, back[4] = {1, 0, 1, 1}, by[4] = {width + 1, width, 1, 1};
    const lane_bits *bits = group->bits;
    way_back way[LANES];
    int count = 0;
    for (int l = 0; l < LANES; l++)
        if (wanted >> l & 1) {
            const ptrdiff_t i = group->n[l] - 1, j = group->m[l] - 1;
            way[count++] = (way_back){group->path[l], i, j, i * width + j, l};
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
                const unsigned up_bits = bits[2 * w->at], left_bits = bits[2 * w->at + 1];
                const unsigned step = (up_bits >> w->lane & 1) | (left_bits >> w->lane & 1) << 1;
                w->end -= 2;
                w->end[0] = w->i;
                w->end[1] = w->j;
                w->i -= up[step];
                w->j -= back[step];
                w->at -= by[step];
            }
    }
}

#undef LANES
#undef K
#undef WIDE
#undef lane_bits
#undef V
#undef SET
#undef LOAD
#undef STORE
#undef ADD
#undef MIN
#undef LESS
#undef LESS_EQUAL
#undef UNORDERED
#undef CHECK
#undef UNPACK_LOW
#undef UNPACK_HIGH
#undef SHUFFLE
