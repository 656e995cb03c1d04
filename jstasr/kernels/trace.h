/* Back-pointers of an alignment of n frames with m positions, and the path read from them.
 *
 * Each cell has one bit, dtw two. Bit j % 32 of word j / 32 of row i says where the best path to (i, j) comes from:
 *
 *     skip      set if D(i, j) <= D(i, k) for all k < j: no column up to j is better than j
 *     noskip    set if the path comes from (i-1, j-1), else from (i-1, j)
 *     dtw       set if (i-1, j) is better than (i-1, j-1); in the word after it, if (i, j-1) is better than both
 *
 * Items that were aligned side by side have their words side by side: `lanes` words from one of an item to its next. */

typedef struct {
    const uint32_t *bits;
    ptrdiff_t row_words; /* from row to row */
    int lanes;
} back_pointers;

static inline ptrdiff_t bit_words(ptrdiff_t m) { return (m + 31) / 32; }

static void trace_skip(const back_pointers *back, ptrdiff_t n, ptrdiff_t m, int64_t *path)
{
    ptrdiff_t j = m - 1;
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        const uint32_t *row = back->bits + i * back->row_words;
        ptrdiff_t w = j / 32;
        uint32_t up_to_j = row[w * back->lanes] & (~(uint32_t)0 >> (31 - j % 32));
        while (up_to_j == 0) /* ends: the bit of column 0 is always set */
            up_to_j = row[--w * back->lanes];
        j = 32 * w + 31 - __builtin_clz(up_to_j);
        path[i] = j;
    }
}

static void trace_noskip(const back_pointers *back, ptrdiff_t n, ptrdiff_t m, int64_t *path)
{
    ptrdiff_t j = m - 1;
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        const int advance = back->bits[i * back->row_words + j / 32 * back->lanes] >> j % 32 & 1;
        path[i] = j;
        /* On the edges there is no choice, whatever a sum that overflowed has left in the bit. */
        j -= (advance | (j == i)) & (j > 0);
    }
}

/* Writes the pairs (i, j) so that they end at `end`; returns their number. */
static ptrdiff_t trace_dtw(const back_pointers *back, ptrdiff_t n, ptrdiff_t m, int64_t *end)
{
    int64_t *pair = end;
    ptrdiff_t i = n - 1, j = m - 1;
    while (i > 0 && j > 0) {
        const uint32_t *word = back->bits + i * back->row_words + j / 32 * 2 * back->lanes;
        const int left = word[back->lanes] >> j % 32 & 1, above = (word[0] >> j % 32 & 1) & ~left;
        *--pair = j;
        *--pair = i;
        i -= !left;
        j -= !above;
    }
    for (;; i -= i > 0, j -= j > 0) { /* on an edge there is no choice; one of the two is 0 */
        *--pair = j;
        *--pair = i;
        if (i == 0 && j == 0)
            return (end - pair) / 2;
    }
}
