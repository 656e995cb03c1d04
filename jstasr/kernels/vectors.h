/* What the kernels share: vectors of eight floats, bfloat16, exp, sigmoid and tanh without calls, random dropout.
 *
 * Everything here is plain C and is inlined into kernels of every instruction set (instructions.h). The pragma lets the
 * compiler turn a choice between two values into a blend; NaN and infinity keep their meaning. */
#ifndef JSTASR_KERNELS_VECTORS_H
#define JSTASR_KERNELS_VECTORS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-trapping-math", "no-math-errno")
#endif

/* Vectors go from function to function only where these are inlined. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint16_t bfloat16;

/* Which elements a dropout keeps: a function of the seed and the index, so that the backward
 * pass computes it again. */
typedef struct {
    uint32_t seed[2];
    int32_t threshold; /* of 2^24: the share that is dropped */
    float scale;       /* of those that are kept */
} dropout;

/* Two rounds of multiply and shift on each side of the second half of the seed, with the multipliers of
 * MurmurHash3's finaliser (Appleby): indexes that follow each other give numbers that do not. */
INLINE float keep(const dropout d, uint32_t index)
{
    uint32_t x = (index ^ d.seed[0]) * 0x85ebca6bu;
    x = (x ^ (x >> 15)) + d.seed[1];
    x *= 0xc2b2ae35u;
    x = (x ^ (x >> 13)) * 0x85ebca6bu;
    x ^= x >> 16;
    return (int32_t)(x >> 8) >= d.threshold ? d.scale : 0.0f;
}

INLINE float load_float(const float *x) { return *x; }
INLINE void store_float(float *x, float value) { *x = value; }

INLINE float load_bfloat16(const bfloat16 *x)
{
    const uint32_t bits = (uint32_t)*x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* Rounds to nearest, ties to even. */
INLINE void store_bfloat16(bfloat16 *x, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    *x = (bfloat16)(value != value ? 0x7fc0u : rounded);
}

/* exp(x) - 1 = 2^n p + (2^n - 1) with x = n log 2 + r, |r| <= log(2) / 2, and p = exp(r) - 1 by its series: the
 * first left-out term is under 2e-9 of the result. Sets *power to 2^n. */
INLINE float series(float x, float *power)
{
    const float low = -87.0f, high = 88.0f, whole = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    x = x < low ? low : x;
    x = x > high ? high : x;
    const float n = (x * 1.44269504088896341f + whole) - whole;
    const float r = (x - n * 0.693145751953125f) - n * 1.42860682030941723e-6f;
    const uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    memcpy(power, &bits, 4);
    float p = 1.0f / 40320;
    p = p * r + 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    return p * r * r + r;
}

INLINE float fast_exp(float x)
{
    float power;
    const float p = series(x, &power);
    return power * p + power;
}

INLINE float fast_sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

/* tanh x = e / (e + 2), e = exp(2x) - 1: without cancellation near 0. */
INLINE float fast_tanh(float x)
{
    float power;
    x = x > 20.0f ? 20.0f : x;
    const float p = series(2.0f * x, &power);
    const float e = power * p + (power - 1.0f);
    return e / (e + 2.0f);
}

/* log(exp(a) + exp(b)) in double precision. */
INLINE double log_add(double a, double b)
{
    const double high = a > b ? a : b, low = a > b ? b : a;
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/* Numbers nearer to 0 than the smallest normal one count as 0 from here on, on this thread: some processors take a
 * hundred cycles for each, and the vector code computes both sides of a choice. Returns the setting before. */
INLINE unsigned flush_denormals(void)
{
#if defined(__x86_64__)
    const unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040u);
    return before;
#else
    return 0;
#endif
}

INLINE void restore_denormals(unsigned before)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(before);
#else
    (void)before;
#endif
}

#endif
