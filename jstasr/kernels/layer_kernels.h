/* Every kernel of the layers for both types of element, for one instruction set; see instructions.h. */

#define ELEMENT float
#define LOAD load_float
#define STORE store_float
#include "rows.h"
#include "convolution.h"
#include "joint.h"
#include "greedy.h"
#undef ELEMENT
#undef LOAD
#undef STORE

#define ELEMENT bfloat16
#define LOAD load_bfloat16
#define STORE store_bfloat16
#include "rows.h"
#include "convolution.h"
#include "joint.h"
#undef ELEMENT
#undef LOAD
#undef STORE
