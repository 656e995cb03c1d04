/* Every kernel for both types of element; included by kernels_core.h once for each set of instructions. */

#define ELEMENT float
#define LOAD load_float
#define STORE store_float
#include "rows_core.h"
#include "convolution_core.h"
#include "joint_core.h"
#undef ELEMENT
#undef LOAD
#undef STORE

#define ELEMENT bfloat16
#define LOAD load_bfloat16
#define STORE store_bfloat16
#include "rows_core.h"
#include "convolution_core.h"
#include "joint_core.h"
#undef ELEMENT
#undef LOAD
#undef STORE
