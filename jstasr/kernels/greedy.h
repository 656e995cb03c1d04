/* Greedy search of a HAT decoder, float32, for one set of instructions; see rows.h. The formula stands in
 * jstasr/decode/greedy.py.
 *
 * A frame takes a few microseconds where the weights stay in the cache of a core; calls of a library, of which a frame
 * needs twenty, take that each. */

#ifndef JSTASR_KERNELS_GREEDY_H
#define JSTASR_KERNELS_GREEDY_H

/* V symbols, blank (0) and the labels; J: width of the joint network; E: of an embedding; H: labels of a history. */
typedef struct {
    ptrdiff_t symbols, joint, embed, context;
    const float *embedding;                    /* (V, E) */
    const float *prediction, *prediction_bias; /* (J, H E), (J,) */
    const float *blank, *blank_bias;           /* (J,), (1,) */
    const float *labels, *labels_bias;         /* (V - 1, J), (V - 1,) */
} hat_decoder;

/* Where the search of N utterances stands: `GreedyState` of jstasr/decode/greedy.py. */
typedef struct {
    int64_t *history;          /* (N, H) */
    float *none, *some, *score; /* (N,), (N, V - 1), (N,) */
} greedy_state;

#endif

TARGET INLINE float NAME(dot)(const float *a, const float *b, ptrdiff_t size)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (ptrdiff_t i = 0; i < size; i++)
        sum += a[i] * b[i];
    return sum;
}

/* predicted (J,): the prediction network on a history (H,). */
TARGET static void NAME(predict)(const hat_decoder *d, const int64_t *history, float *predicted)
{
    for (ptrdiff_t j = 0; j < d->joint; j++) {
        const float *weight = d->prediction + j * d->context * d->embed;
        predicted[j] = d->prediction_bias[j];
        for (ptrdiff_t h = 0; h < d->context; h++)
            predicted[j] += NAME(dot)(weight + h * d->embed, d->embedding + history[h] * d->embed, d->embed);
    }
}

/* The joint network on a frame (J,) and a prediction (J,): label (V - 1,) gets exp(logit - their highest). Returns the
 * logit of blank; *sum: of the exponentials. `joint`: room of J floats. */
TARGET static float NAME(joint_network)(const hat_decoder *d, const float *frame, const float *predicted, float *joint,
                                        float *label, float *sum)
{
    const ptrdiff_t labels = d->symbols - 1;
    float highest = -INFINITY, total = 0.0f;
    for (ptrdiff_t j = 0; j < d->joint; j++)
        joint[j] = fast_tanh(frame[j] + predicted[j]);
    for (ptrdiff_t y = 0; y < labels; y++)
        label[y] = NAME(dot)(d->labels + y * d->joint, joint, d->joint) + d->labels_bias[y];
#pragma omp simd reduction(max : highest)
    for (ptrdiff_t y = 0; y < labels; y++)
        highest = label[y] > highest ? label[y] : highest;
#pragma omp simd reduction(+ : total)
    for (ptrdiff_t y = 0; y < labels; y++) {
        label[y] = fast_exp(label[y] - highest);
        total += label[y];
    }
    *sum = total;
    return NAME(dot)(d->blank, joint, d->joint) + *d->blank_bias;
}

/* Searches utterance n of projected frames (N, T, J), of which it has `length`. emitted (N, T, max_symbols), cleared
 * before: the labels that each frame emits, then 0. `room`: 2 J + V floats. */
TARGET static void NAME(greedy)(const hat_decoder *d, const float *projected, ptrdiff_t n, ptrdiff_t frames,
                                ptrdiff_t length, ptrdiff_t max_symbols, const greedy_state *state, int64_t *emitted,
                                float *room)
{
    const ptrdiff_t labels = d->symbols - 1;
    int64_t *history = state->history + n * d->context;
    float *some = state->some + n * labels, none = state->none[n], score = state->score[n];
    float *predicted = room, *joint = predicted + d->joint, *label = joint + d->joint, sum;
    NAME(predict)(d, history, predicted);
    for (ptrdiff_t t = 0; t < length; t++) {
        const float *frame = projected + (n * frames + t) * d->joint;
        for (ptrdiff_t symbol = 0; symbol < max_symbols; symbol++) {
            const float blank = NAME(joint_network)(d, frame, predicted, joint, label, &sum);
            const float share = none * fast_sigmoid(-blank) / sum;
            float most = -INFINITY;
#pragma omp simd reduction(max : most)
            for (ptrdiff_t y = 0; y < labels; y++) {
                some[y] += share * label[y];
                most = some[y] > most ? some[y] : most;
            }
            none *= fast_sigmoid(blank);
            if (!(most > none))
                break;
            ptrdiff_t best = 0;
            while (best < labels - 1 && some[best] < most)
                best++;
            emitted[(n * frames + t) * max_symbols + symbol] = best + 1;
            score += logf(most);
            none = 1.0f;
            memset(some, 0, (size_t)labels * sizeof *some);
            memmove(history, history + 1, (size_t)(d->context - 1) * sizeof *history);
            history[d->context - 1] = best + 1;
            NAME(predict)(d, history, predicted);
        }
    }
    state->none[n] = none;
    state->score[n] = score;
}
