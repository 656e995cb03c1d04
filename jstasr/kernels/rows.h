/* Elementwise and row-wise kernels, for one type of element and one set of instructions. layer_kernels.h includes this
 * file, convolution.h and joint.h with
 *
 *     ELEMENT            float or bfloat16
 *     LOAD(address)      the element as a float
 *     STORE(address, x)  the float x as an element, rounded
 *
 * and NAME and TARGET of instructions.h: NAME(dropout) is dropout_bfloat16_avx2, say. Each kernel works on a part of
 * the whole, [first, last). */

/* out = silu(x) * keep */
TARGET static void NAME(silu_dropout)(const ELEMENT *x, ELEMENT *out, dropout d, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t i = first; i < last; i++) {
        const float value = LOAD(x + i);
        STORE(out + i, value * fast_sigmoid(value) * keep(d, (uint32_t)i));
    }
}

/* to_x = gradient * keep * silu'(x) */
TARGET static void NAME(silu_dropout_backward)(const ELEMENT *x, const ELEMENT *gradient, ELEMENT *to_x, dropout d,
                        ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t i = first; i < last; i++) {
        const float value = LOAD(x + i), s = fast_sigmoid(value);
        STORE(to_x + i, LOAD(gradient + i) * keep(d, (uint32_t)i) * (s * (1.0f + value * (1.0f - s))));
    }
}

/* out = residual + x * keep */
TARGET static void NAME(add_dropout)(const ELEMENT *residual, const ELEMENT *x, ELEMENT *out, dropout d,
                        ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t i = first; i < last; i++)
        STORE(out + i, LOAD(residual + i) + LOAD(x + i) * keep(d, (uint32_t)i));
}

/* out = x * keep */
TARGET static void NAME(dropout)(const ELEMENT *x, ELEMENT *out, dropout d, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t i = first; i < last; i++)
        STORE(out + i, LOAD(x + i) * keep(d, (uint32_t)i));
}

/* Rows [first, last) of (B T, 3, H, D), queries, keys and values, to three of (B, H, T, D): queries and keys
 * rotated by the angles of their time (T, D / 2), queries times `scale`. */
TARGET static void NAME(split_heads)(const ELEMENT *projected, const float *cosine, const float *sine, ELEMENT *out,
                        ptrdiff_t items, ptrdiff_t heads, ptrdiff_t frames, ptrdiff_t size, float scale,
                        ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t half_size = size / 2;
    for (ptrdiff_t row = first; row < last; row++) {
        const ptrdiff_t b = row / frames, t = row % frames;
        const float *c = cosine + t * half_size, *s = sine + t * half_size;
        for (ptrdiff_t part = 0; part < 3; part++) {
            const float factor = part == 0 ? scale : 1.0f;
            for (ptrdiff_t h = 0; h < heads; h++) {
                const ELEMENT *from = projected + ((row * 3 + part) * heads + h) * size;
                ELEMENT *to = out + (((part * items + b) * heads + h) * frames + t) * size;
                if (part == 2) {
                    memcpy(to, from, (size_t)size * sizeof *to);
                    continue;
                }
                for (ptrdiff_t i = 0; i < half_size; i++) {
                    const float x = LOAD(from + i) * factor, y = LOAD(from + half_size + i) * factor;
                    STORE(to + i, x * c[i] - y * s[i]);
                    STORE(to + half_size + i, x * s[i] + y * c[i]);
                }
            }
        }
    }
}

/* The backward pass of split_heads: gradients (3, B, H, T, D) to that of the rows (B T, 3, H, D). */
TARGET static void NAME(split_heads_backward)(const ELEMENT *gradient, const float *cosine, const float *sine,
                        ELEMENT *out, ptrdiff_t items, ptrdiff_t heads, ptrdiff_t frames, ptrdiff_t size, float scale,
                        ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t half_size = size / 2;
    for (ptrdiff_t row = first; row < last; row++) {
        const ptrdiff_t b = row / frames, t = row % frames;
        const float *c = cosine + t * half_size, *s = sine + t * half_size;
        for (ptrdiff_t part = 0; part < 3; part++) {
            const float factor = part == 0 ? scale : 1.0f;
            for (ptrdiff_t h = 0; h < heads; h++) {
                const ELEMENT *from = gradient + (((part * items + b) * heads + h) * frames + t) * size;
                ELEMENT *to = out + ((row * 3 + part) * heads + h) * size;
                if (part == 2) {
                    memcpy(to, from, (size_t)size * sizeof *to);
                    continue;
                }
                for (ptrdiff_t i = 0; i < half_size; i++) {
                    const float x = LOAD(from + i) * factor, y = LOAD(from + half_size + i) * factor;
                    STORE(to + i, x * c[i] + y * s[i]);
                    STORE(to + half_size + i, y * c[i] - x * s[i]);
                }
            }
        }
    }
}

/* In place: softmax of the scores (B, H, T, T) over the keys where mask (B, T, T) is not 0; mask NULL: over all.
 * Rows [first, last) of B H T; `room`: T floats. */
TARGET static void NAME(softmax)(ELEMENT *scores, const uint8_t *mask, ptrdiff_t heads, ptrdiff_t frames, float *room,
                        ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t row = first; row < last; row++) {
        ELEMENT *x = scores + row * frames;
        const uint8_t *allowed = mask ? mask + (row / (heads * frames) * frames + row % frames) * frames : NULL;
        float highest = -INFINITY, sum = 0.0f;
        if (allowed)
            for (ptrdiff_t j = 0; j < frames; j++)
                room[j] = allowed[j] ? LOAD(x + j) : -INFINITY;
        else
            for (ptrdiff_t j = 0; j < frames; j++)
                room[j] = LOAD(x + j);
#pragma omp simd reduction(max : highest)
        for (ptrdiff_t j = 0; j < frames; j++)
            highest = room[j] > highest ? room[j] : highest;
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t j = 0; j < frames; j++) {
            const float power = room[j] == -INFINITY ? 0.0f : fast_exp(room[j] - highest);
            room[j] = power;
            sum += power;
        }
        const float factor = 1.0f / sum;
        for (ptrdiff_t j = 0; j < frames; j++)
            STORE(x + j, room[j] * factor);
    }
}

/* In place: the gradient of dropout(P), rows of T, becomes that of the scores whose softmax P is. */
TARGET static void NAME(softmax_backward)(const ELEMENT *probability, ELEMENT *gradient, dropout d, ptrdiff_t frames,
                        float *room, ptrdiff_t first, ptrdiff_t last)
{
    for (ptrdiff_t row = first; row < last; row++) {
        const ELEMENT *p = probability + row * frames;
        ELEMENT *g = gradient + row * frames;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (ptrdiff_t j = 0; j < frames; j++) {
            const float value = LOAD(g + j) * keep(d, (uint32_t)(row * frames + j));
            room[j] = value;
            sum += value * LOAD(p + j);
        }
        for (ptrdiff_t j = 0; j < frames; j++)
            STORE(g + j, LOAD(p + j) * (room[j] - sum));
    }
}
