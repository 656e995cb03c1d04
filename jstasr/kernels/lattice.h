/* The sum over all alignments of a transducer (Graves, arXiv 1211.3711) whose cells hold two log-probabilities,
 * blank and the next label, and its gradient, from the forward and the backward variables in double precision. */

/* One utterance of `frames` frames and prefixes - 1 labels, in cells (T, stride, 2).
 * gradient (T, stride, 2): of the result, -log P; NULL: not wanted. room: 2 frames prefixes doubles. */
static double lattice_item(const float *cells, float *gradient, ptrdiff_t frames, ptrdiff_t prefixes,
                           ptrdiff_t stride, double *room)
{
    double *alpha = room, *beta = room + frames * prefixes;
    for (ptrdiff_t t = 0; t < frames; t++)
        for (ptrdiff_t u = 0; u < prefixes; u++) {
            double stay = -INFINITY, move = -INFINITY;
            if (t > 0)
                stay = alpha[(t - 1) * prefixes + u] + cells[2 * ((t - 1) * stride + u)];
            if (u > 0)
                move = alpha[t * prefixes + u - 1] + cells[2 * (t * stride + u - 1) + 1];
            alpha[t * prefixes + u] = t == 0 && u == 0 ? 0.0 : t == 0 ? move : u == 0 ? stay : log_add(stay, move);
        }
    const ptrdiff_t last = frames * prefixes - 1;
    const double total = alpha[last] + cells[2 * ((frames - 1) * stride + prefixes - 1)];
    if (!gradient)
        return -total;
    for (ptrdiff_t t = frames - 1; t >= 0; t--)
        for (ptrdiff_t u = prefixes - 1; u >= 0; u--) {
            const ptrdiff_t at = t * prefixes + u, cell = 2 * (t * stride + u);
            const int ends = t == frames - 1 && u == prefixes - 1;
            double stay = -INFINITY, move = -INFINITY;
            if (ends || t < frames - 1)
                stay = cells[cell] + (ends ? 0.0 : beta[at + prefixes]);
            if (u < prefixes - 1)
                move = cells[cell + 1] + beta[at + 1];
            beta[at] = move == -INFINITY ? stay : stay == -INFINITY ? move : log_add(stay, move);
            gradient[cell] = stay == -INFINITY ? 0.0f : (float)-exp(alpha[at] + stay - total);
            gradient[cell + 1] = move == -INFINITY ? 0.0f : (float)-exp(alpha[at] + move - total);
        }
    return -total;
}
