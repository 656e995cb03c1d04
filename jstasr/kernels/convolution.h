/* Gated depthwise convolution over time, for one type of element and one set of instructions; see rows.h.
 *
 *     gated(t, c) = a(t, c) sigmoid(b(t, c)),    out(t, c) = bias(c) + sum_k weight(k, c) gated(t + k - past, c)
 *
 * Frames outside the utterance, and those where `inside` is 0, count as 0. Channels are padded to a multiple of
 * eight in the work space and in `weight` (K + 1, padded), whose last row is the bias. */

INLINE ptrdiff_t NAME(padded)(ptrdiff_t channels) { return (channels + 7) / 8 * 8; }

/* room (T + K - 1, padded) = gated, with `past` empty rows before it. */
TARGET static void NAME(gate)(const ELEMENT *x, const uint8_t *inside, float *room, ptrdiff_t frames,
                        ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past)
{
    const ptrdiff_t width = NAME(padded)(channels);
    memset(room, 0, (size_t)((frames + taps - 1) * width) * sizeof *room);
    for (ptrdiff_t t = 0; t < frames; t++) {
        const ELEMENT *a = x + t * 2 * channels, *b = a + channels;
        float *row = room + (t + past) * width;
        if (inside && !inside[t])
            continue;
        for (ptrdiff_t c = 0; c < channels; c++)
            row[c] = LOAD(a + c) * fast_sigmoid(LOAD(b + c));
    }
}

/* row (padded) = sum_k weight(k) rows(k) */
TARGET INLINE void NAME(window)(const float *rows, const float *weight, ptrdiff_t step, ptrdiff_t taps, ptrdiff_t width,
                        const float *bias, float *row)
{
    for (ptrdiff_t c = 0; c < width; c += 8) {
        v8 sum = bias ? *(const v8 *)(bias + c) : (v8){0};
        for (ptrdiff_t k = 0; k < taps; k++)
            sum += *(const v8 *)(weight + k * step + c) * *(const v8 *)(rows + k * width + c);
        *(v8 *)(row + c) = sum;
    }
}

/* Utterances [first, last) of x (N, T, 2 C) -> out (N, T, C). room: (T + K, padded) floats. */
TARGET static void NAME(gated_convolution)(const ELEMENT *x, const uint8_t *inside, const float *weight, ELEMENT *out,
                        ptrdiff_t frames, ptrdiff_t channels, ptrdiff_t taps, ptrdiff_t past, float *room,
                        ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t width = NAME(padded)(channels);
    float *row = room + (frames + taps - 1) * width;
    for (ptrdiff_t n = first; n < last; n++) {
        NAME(gate)(x + n * frames * 2 * channels, inside ? inside + n * frames : NULL, room, frames, channels, taps,
                   past);
        for (ptrdiff_t t = 0; t < frames; t++) {
            NAME(window)(room + t * width, weight, width, taps, width, weight + taps * width, row);
            for (ptrdiff_t c = 0; c < channels; c++)
                STORE(out + (n * frames + t) * channels + c, row[c]);
        }
    }
}

/* Gradients of x (N, T, 2 C), and of each utterance's share of the weights: to_weight (N, K + 1, padded).
 * room: (2 (T + K - 1) + 1, padded) floats. */
TARGET static void NAME(gated_convolution_backward)(const ELEMENT *x, const uint8_t *inside, const float *weight,
                        const ELEMENT *gradient, ELEMENT *to_x, float *to_weight, ptrdiff_t frames, ptrdiff_t channels,
                        ptrdiff_t taps, ptrdiff_t past, float *room, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t width = NAME(padded)(channels), rows = frames + taps - 1, ahead = taps - 1 - past;
    float *given = room + rows * width, *row = given + rows * width;
    for (ptrdiff_t n = first; n < last; n++) {
        const ELEMENT *item = x + n * frames * 2 * channels;
        const uint8_t *present = inside ? inside + n * frames : NULL;
        NAME(gate)(item, present, room, frames, channels, taps, past);
        memset(given, 0, (size_t)(rows * width) * sizeof *given);
        for (ptrdiff_t t = 0; t < frames; t++)
            for (ptrdiff_t c = 0; c < channels; c++)
                given[(t + ahead) * width + c] = LOAD(gradient + (n * frames + t) * channels + c);

        const float *from = given + ahead * width;
        float *weights = to_weight + n * (taps + 1) * width;
        for (ptrdiff_t c = 0; c < width; c += 8) {
            v8 bias = {0};
            for (ptrdiff_t t = 0; t < frames; t++)
                bias += *(const v8 *)(from + t * width + c);
            *(v8 *)(weights + taps * width + c) = bias;
            ptrdiff_t k = 0;
            for (; k + 4 <= taps; k += 4) {
                v8 sum[4] = {{0}};
                for (ptrdiff_t t = 0; t < frames; t++) {
                    const v8 g = *(const v8 *)(from + t * width + c);
                    const float *seen = room + (t + k) * width + c;
                    sum[0] += g * *(const v8 *)seen;
                    sum[1] += g * *(const v8 *)(seen + width);
                    sum[2] += g * *(const v8 *)(seen + 2 * width);
                    sum[3] += g * *(const v8 *)(seen + 3 * width);
                }
                for (int i = 0; i < 4; i++)
                    *(v8 *)(weights + (k + i) * width + c) = sum[i];
            }
            for (; k < taps; k++) {
                v8 sum = {0};
                for (ptrdiff_t t = 0; t < frames; t++)
                    sum += *(const v8 *)(from + t * width + c) * *(const v8 *)(room + (t + k) * width + c);
                *(v8 *)(weights + k * width + c) = sum;
            }
        }

        for (ptrdiff_t t = 0; t < frames; t++) {
            const ELEMENT *a = item + t * 2 * channels, *b = a + channels;
            ELEMENT *to_a = to_x + (n * frames + t) * 2 * channels, *to_b = to_a + channels;
            if (present && !present[t]) {
                memset(to_a, 0, (size_t)(2 * channels) * sizeof *to_a);
                continue;
            }
            /* the frame is seen by the windows behind it and ahead: the taps from the last to the first */
            NAME(window)(given + t * width, weight + (taps - 1) * width, -width, taps, width, NULL, row);
            for (ptrdiff_t c = 0; c < channels; c++) {
                const float s = fast_sigmoid(LOAD(b + c));
                STORE(to_a + c, row[c] * s);
                STORE(to_b + c, row[c] * LOAD(a + c) * s * (1.0f - s));
            }
        }
    }
}
