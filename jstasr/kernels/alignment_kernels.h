/* Every kernel of the alignment, for one instruction set; see instructions.h. */

#define BITS uint32_t
#define LANES 1
#define MASK(condition) (-(uint32_t)(condition))
#define LESSER(a, b) ((a) < (b) ? (a) : (b))
#define CELL(row, items, j, whole) (row[0][j])
#define GET(v, lane) (v)
#define ELEMENT float
#define V float
#include "recursion.h"
#undef ELEMENT
#undef V
#define ELEMENT double
#define V double
#include "recursion.h"
#undef ELEMENT
#undef V
#undef BITS
#undef LANES
#undef MASK
#undef LESSER
#undef CELL
#undef GET

#define BITS v8u
#define LANES 8
#define MASK(condition) ((v8u)(condition))
#define LESSER(a, b) lesser(a, b)
#define CELL(row, items, j, whole) ((whole) ? column(row, j) : column_inside(row, items, j))
#define GET(v, lane) ((v)[lane])
#define ELEMENT float_x8
#define V v8
#include "recursion.h"
#undef ELEMENT
#undef V
#undef BITS
#undef LANES
#undef MASK
#undef LESSER
#undef CELL
#undef GET

#define ELEMENT float
#include "product.h"
#include "path.h"
#undef ELEMENT
