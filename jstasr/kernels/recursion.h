/* The three recursions, for one item or for eight side by side: one text, included (alignment_kernels.h) with
 *
 *     V          what holds a cell: `float` or `double` for one item, v8, a vector of eight floats, for eight
 *     BITS       an integer, or a vector of integers, of the same number of lanes
 *     LANES      1 or 8
 *     NAME(x)    the function's name; TARGET, its attribute; ELEMENT, the type of a cost: see instructions.h
 *
 * and four small operations that C writes differently for numbers and for vectors:
 *
 *     MASK(condition)              all ones where it holds, else 0
 *     LESSER(a, b)                 a < b ? a : b
 *     CELL(row, items, j, whole)   column j of the current row of every item; 0 where an item has none, unless `whole`
 *     GET(v, lane)                 one lane
 *
 * With V = float, `lefts |= MASK(left < sooner) & bit; left = x + LESSER(left, sooner);` sets a bit of an integer and adds
 * two numbers; with V = v8 it does the same for eight items at once.
 *
 * All lanes run over the largest n and m. A lane past its own length repeats its last row, and reads 0 past its last
 * column. Neither matters: columns only look to their left, and an item's total is taken at its own last row.
 *
 * D(i, j) takes its value from the cell that the path would come from, and of equals from the preferred one, so that
 * even the sign of a zero is that of the recursion as written. The first row is added to -0, the only number that
 * leaves every other unchanged, -0 included. */

#define ALL(x) ((ELEMENT)(x) - (V){0}) /* x in every lane, the sign of -0 kept */

/* Fills bits, total and finite of LANES items. `best`: work space for as many V as the largest m. */
TARGET INLINE void NAME(recursion)(alignment_item *items, const int topology, const int check_outside, V *best)
{
    const int banded = LANES == 1 && topology == TOPOLOGY_NOSKIP;
    ptrdiff_t max_n = 0, max_m = 0, min_m = PTRDIFF_MAX;
    for (int l = 0; l < LANES; l++) {
        max_n = items[l].n > max_n ? items[l].n : max_n;
        max_m = items[l].m > max_m ? items[l].m : max_m;
        min_m = items[l].m < min_m ? items[l].m : min_m;
    }
    const ptrdiff_t words = bit_words(max_m);
    BITS bad = {0};
    for (ptrdiff_t j = 0; j < max_m; j++)
        best[j] = ALL(topology == TOPOLOGY_SKIP ? -0.0f : INFINITY);
    for (ptrdiff_t i = 0; i < max_n; i++) {
        const ELEMENT *row[LANES];
        for (int l = 0; l < LANES; l++)
            row[l] = (const ELEMENT *)items[l].cost + smaller(i, items[l].n - 1) * items[l].stride;
        const ptrdiff_t lo = banded ? band_lo(i, max_n, max_m) : 0, hi = banded ? band_hi(i, max_m) : max_m - 1;
        V left = ALL(INFINITY);                 /* D(i, j-1); skip: the least D(i, k), k < j */
        V diagonal = ALL(i ? INFINITY : -0.0f); /* D(i-1, j-1); every path comes diagonally into (0, 0) */
        if (lo > 0)
            diagonal = best[lo - 1];
        for (ptrdiff_t w = lo / 32; w <= hi / 32; w++) {
            const ptrdiff_t first = w == lo / 32 ? lo : 32 * w, last = w == hi / 32 ? hi : 32 * w + 31;
            BITS bit = (BITS){0} + ((uint32_t)1 << first % 32), steps = {0}, lefts = {0};
            for (ptrdiff_t j = first; j <= last; j++, bit += bit) {
                const V x = j < min_m ? CELL(row, items, j, 1) : CELL(row, items, j, 0);
                const V above = best[j]; /* D(i-1, j); skip: the least D(i-1, k), k <= j */
                if (LANES > 1)
                    bad |= MASK(x - x != 0);
                if (topology == TOPOLOGY_SKIP) {
                    const V d = x + above;
                    steps |= MASK(d <= left) & bit;
                    left = best[j] = LESSER(left, d);
                } else if (topology == TOPOLOGY_NOSKIP) {
                    steps |= MASK(diagonal < above) & bit;
                    best[j] = x + LESSER(diagonal, above);
                } else {
                    const V sooner = LESSER(above, diagonal);
                    steps |= MASK(above < diagonal) & bit;
                    lefts |= MASK(left < sooner) & bit;
                    left = best[j] = x + LESSER(left, sooner);
                }
                diagonal = above;
            }
            BITS *to = (BITS *)items->bits + (i * words + w) * (topology == TOPOLOGY_DTW ? 2 : 1);
            to[0] = steps;
            if (topology == TOPOLOGY_DTW)
                to[1] = lefts;
        }
        if (LANES == 1) { /* apart, where it takes vectors of columns */
            const ptrdiff_t from = check_outside ? 0 : lo, to = check_outside ? max_m - 1 : hi;
            for (ptrdiff_t j = from; j <= to; j++)
                bad |= MASK(CELL(row, items, j, 1) - CELL(row, items, j, 1) != 0);
        }
        for (int l = 0; l < LANES; l++)
            if (i + 1 == items[l].n)
                items[l].total = GET(best[items[l].m - 1], l);
    }
    for (int l = 0; l < LANES; l++)
        items[l].finite = !GET(bad, l);
}

/* The same, compiled for each topology. */
TARGET static void NAME(align)(alignment_item *items, int topology, int check_outside, void *best)
{
    if (topology == TOPOLOGY_SKIP)
        NAME(recursion)(items, TOPOLOGY_SKIP, check_outside, best);
    else if (topology == TOPOLOGY_NOSKIP)
        NAME(recursion)(items, TOPOLOGY_NOSKIP, check_outside, best);
    else
        NAME(recursion)(items, TOPOLOGY_DTW, check_outside, best);
}

#undef ALL
