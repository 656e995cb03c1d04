/* The joint network of a transducer and its two numbers a cell, for one type of element and one set of
 * instructions; see rows.h. */

/* Utterances [first, last): out (N, T, U, J) = tanh(encoded (N, T, 1, J) + predicted (N, 1, U, J)). */
TARGET static void NAME(add_tanh)(const ELEMENT *encoded, const ELEMENT *predicted, ELEMENT *out, ptrdiff_t frames,
                        ptrdiff_t prefixes, ptrdiff_t size, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t row = first * frames; row < last * frames; row++)
        for (ptrdiff_t u = 0; u < prefixes; u++) {
            const ELEMENT *e = encoded + row * size, *p = predicted + (row / frames * prefixes + u) * size;
            ELEMENT *to = out + (row * prefixes + u) * size;
            for (ptrdiff_t i = 0; i < size; i++)
                STORE(to + i, fast_tanh(LOAD(e + i) + LOAD(p + i)));
        }
}

/* The backward pass, from the result: sums over U and over T of gradient (1 - out^2); both are cleared before. */
TARGET static void NAME(add_tanh_backward)(const ELEMENT *out, const ELEMENT *gradient, float *to_encoded,
                        float *to_predicted, ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, ptrdiff_t first,
                        ptrdiff_t last)
{
    for (ptrdiff_t row = first * frames; row < last * frames; row++) {
        float *e = to_encoded + row * size;
        for (ptrdiff_t u = 0; u < prefixes; u++) {
            const ELEMENT *y = out + (row * prefixes + u) * size, *g = gradient + (row * prefixes + u) * size;
            float *p = to_predicted + (row / frames * prefixes + u) * size;
#pragma omp simd
            for (ptrdiff_t i = 0; i < size; i++) {
                const float value = LOAD(y + i), passed = LOAD(g + i) * (1.0f - value * value);
                e[i] += passed;
                p[i] += passed;
            }
        }
    }
}

/* log(1 + exp(x)) */
TARGET INLINE float NAME(softplus)(float x) { return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))); }

/* Rows [first, last) of logits (R, V), column 0 the blank's: cells (R, 2) float, the log-probabilities of blank and
 * of the label `following` (R / (T U), U) of the row; and its normaliser (R,). */
TARGET static void NAME(cells)(const ELEMENT *logits, const int64_t *following, float *cells, float *normaliser,
                        ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t row = first; row < last; row++) {
        const ELEMENT *x = logits + row * size;
        const int64_t label = following[row / (frames * prefixes) * prefixes + row % prefixes];
        float highest = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : highest)
        for (ptrdiff_t i = 1; i < size; i++) {
            const float value = LOAD(x + i);
            highest = value > highest ? value : highest;
        }
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t i = 1; i < size; i++)
            sum += fast_exp(LOAD(x + i) - highest);
        const float blank = LOAD(x);
        normaliser[row] = highest + logf(sum);
        cells[2 * row] = -NAME(softplus)(-blank);
        cells[2 * row + 1] = LOAD(x + label) - normaliser[row] - NAME(softplus)(blank);
    }
}

/* The backward pass: gradient (R, 2) of the cells to that of the logits (R, V). */
TARGET static void NAME(cells_backward)(const ELEMENT *logits, const int64_t *following, const float *normaliser,
                        const float *gradient, ELEMENT *to_logits, ptrdiff_t frames, ptrdiff_t prefixes, ptrdiff_t size,
                        ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t row = first; row < last; row++) {
        const ELEMENT *x = logits + row * size;
        ELEMENT *to = to_logits + row * size;
        const int64_t label = following[row / (frames * prefixes) * prefixes + row % prefixes];
        const float to_blank = gradient[2 * row], to_label = gradient[2 * row + 1], log_sum = normaliser[row];
        for (ptrdiff_t i = 1; i < size; i++)
            STORE(to + i, -to_label * fast_exp(LOAD(x + i) - log_sum));
        STORE(to + label, to_label * (1.0f - fast_exp(LOAD(x + label) - log_sum)));
        const float s = fast_sigmoid(LOAD(x));
        STORE(to, to_blank * (1.0f - s) - to_label * s);
    }
}
