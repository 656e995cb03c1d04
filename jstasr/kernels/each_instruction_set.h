/* Includes the file KERNELS once for each instruction set; see instructions.h. WIDTH: floats in a vector register. */

#define INSTRUCTIONS portable
#define TARGET
#define WIDTH 4
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef WIDTH

#if HAVE_X86_KERNELS
#define INSTRUCTIONS avx2
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 8
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef WIDTH

#define INSTRUCTIONS avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#define WIDTH 16
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef WIDTH
#endif

#undef KERNELS
