/* Layout of the back-pointers, and the walk back along them.
 *
 * skip    one bit a cell: D(i, j) <= D(i, k) for all k < j, that is, j is the best column up to j.
 * noskip  one bit a cell: the best path to (i, j) comes from (i-1, j-1), not from (i-1, j).
 *         Both: bit j % 64 of word j / 64 of row i.
 * dtw     two bits a cell: from above (i-1, j), from the left (i, j-1), neither for the diagonal; the
 *         left one decides where both are set. Rows go in strips of 16. Step s of a strip holds in one
 *         32-bit word the cells (lane, s - lane) of an anti-diagonal: that is how the vector kernel
 *         meets them, and lane_place() is the order in which its packing leaves them. */

#define STRIP 16
#define ROW_FRONT 32 /* cells in front of column 0 of a work row, for strip steps left of column 0 */
#define ROW_BACK 64  /* and behind the last, for whole vectors and the steps past it */

static inline ptrdiff_t bit_words(ptrdiff_t m) { return (m + 63) / 64; }
/* Lane 15 ends at step m + 14 and hands its last cell on one step later; in blocks of eight. */
static inline ptrdiff_t strip_steps(ptrdiff_t m) { return (m + STRIP + 7) / 8 * 8; }
static inline int lane_place(int lane) { return (lane & 3) | (lane & 8) >> 1 | (lane & 4) << 2; }
static inline ptrdiff_t band_lo(ptrdiff_t i, ptrdiff_t n, ptrdiff_t m) { return i > n - m ? i - (n - m) : 0; }
static inline ptrdiff_t band_hi(ptrdiff_t i, ptrdiff_t m) { return i < m ? i : m - 1; }

static void trace_skip(const uint64_t *bits, ptrdiff_t n, ptrdiff_t m, int64_t *path)
{
    const ptrdiff_t words = bit_words(m);
    ptrdiff_t j = m - 1;
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        const uint64_t *row = bits + i * words;
        ptrdiff_t w = j >> 6;
        uint64_t upto = row[w] & (~(uint64_t)0 >> (63 - (j & 63)));
        while (upto == 0) /* ends: column 0 is always a best one so far */
            upto = row[--w];
        j = 64 * w + 63 - __builtin_clzll(upto);
        path[i] = j;
    }
}

static void trace_noskip(const uint64_t *bits, ptrdiff_t n, ptrdiff_t m, int64_t *path)
{
    const ptrdiff_t words = bit_words(m);
    ptrdiff_t j = m - 1;
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        path[i] = j;
        const int advance = (int)(bits[i * words + (j >> 6)] >> (j & 63) & 1);
        /* On the edges there is no choice, whatever a sum that overflowed has left in the bit. */
        j -= (advance | (j == i)) & (j > 0);
    }
}

/* The rest of a dtw path once it has met an edge, where there is no choice left. */
static ptrdiff_t trace_edge(ptrdiff_t i, ptrdiff_t j, int64_t *end)
{
    const ptrdiff_t count = i + j;
    while (i + j > 0) {
        i -= i > 0;
        j -= j > 0; /* one of the two is 0 */
        end -= 2;
        end[0] = i;
        end[1] = j;
    }
    return count;
}

/* Writes the pairs (i, j) so that they end at `end`; returns their number. */
static ptrdiff_t trace_dtw(const uint32_t *bits, ptrdiff_t n, ptrdiff_t m, int64_t *end)
{
    const ptrdiff_t steps = strip_steps(m);
    ptrdiff_t i = n - 1, j = m - 1, count = 1;
    for (;; count++) {
        end -= 2;
        end[0] = i;
        end[1] = j;
        if (i == 0 || j == 0)
            break;
        const int lane = (int)(i & (STRIP - 1));
        const uint32_t word = bits[i / STRIP * steps + lane + j] >> lane_place(lane);
        const int left = word >> 8 & 1, above = word & 1 & ~left;
        i -= !left;
        j -= !above;
    }
    return count + trace_edge(i, j, end);
}
