/* Includes the file KERNELS once for each instruction set; see instructions.h. TILE_ROWS: how many rows of two vectors of
 * eight floats fit into the registers beside what is multiplied with them. */

#define INSTRUCTIONS portable
#define TARGET
#define TILE_ROWS 2
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef TILE_ROWS

#if HAVE_X86_KERNELS
#define INSTRUCTIONS avx2
#define TARGET __attribute__((target("avx2,fma")))
#define TILE_ROWS 6
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef TILE_ROWS

#define INSTRUCTIONS avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#define TILE_ROWS 6
#include KERNELS
#undef INSTRUCTIONS
#undef TARGET
#undef TILE_ROWS
#endif

#undef KERNELS
