/* The one dispatcher: which instruction set the kernels of an extension use, float32 and bfloat16 alike.
 *
 * A kernel is written once, in plain C with gcc's vectors, and compiled for each set:
 *
 *     #define KERNELS "rows.h"
 *     #include "each_instruction_set.h"
 *
 * includes rows.h once for each set, with TARGET as the attribute of its functions and NAME(operation) as their names.
 * With ELEMENT, which is `float`, `double` or `bfloat16`, defined by whoever includes it last,
 *
 *     TARGET static void NAME(add)(ELEMENT *x)
 *
 * becomes add_float_portable, add_float_avx2 and add_float_avx512, and CALL(add, float, x) calls the one in use.
 * AVX2 and AVX-512 exist on x86-64 with gcc or clang; -DJSTASR_PORTABLE leaves them out, as on other machines. */
#ifndef JSTASR_KERNELS_INSTRUCTIONS_H
#define JSTASR_KERNELS_INSTRUCTIONS_H

enum { PORTABLE, AVX2, AVX512 };

#define JOIN_(operation, element, instructions) operation##_##element##_##instructions
#define JOIN(operation, element, instructions) JOIN_(operation, element, instructions)
#define NAME(operation) JOIN(operation, ELEMENT, INSTRUCTIONS)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(JSTASR_PORTABLE)
#define HAVE_X86_KERNELS 1
#define CALL(operation, element, ...)                                                                                  \
    (instructions_in_use == AVX512 ? operation##_##element##_avx512(__VA_ARGS__)                                       \
     : instructions_in_use == AVX2 ? operation##_##element##_avx2(__VA_ARGS__)                                         \
                                   : operation##_##element##_portable(__VA_ARGS__))
#else
#define HAVE_X86_KERNELS 0
#define CALL(operation, element, ...) operation##_##element##_portable(__VA_ARGS__)
#endif

static int instructions_in_use = PORTABLE; /* each extension sets its own when it is imported */

/* The best set that the processor has. */
static int best_instructions(void)
{
#if HAVE_X86_KERNELS
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return AVX512;
    return AVX2;
#else
    return PORTABLE;
#endif
}

/* Used from now on; a set that the processor has. */
static void use_instructions(int instructions) { instructions_in_use = instructions; }

#endif
