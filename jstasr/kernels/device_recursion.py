"""Triton kernels of the best alignment on a GPU: costs to back-pointers, back-pointers to paths; skip and noskip.

One program aligns one item, frame by frame: a row of the recursion (best_alignment_from_cost) stays in registers, its
columns side by side. Sums, comparisons and ties are those of recursion.h, so paths and totals are the CPU's to the last
bit.

Back-pointers are packed bits, one a cell, with the meaning of trace.h. Bit i % 32 of word (i / 32, j) is that of cell
(i, j): 32 frames of a column share a word, as the thread that holds a column collects its bits in a register and writes
them every 32 frames, with no word from another thread. 32 columns in a word, as on the CPU, would need an exchange
between threads at every frame, bytes eight times the memory traffic.

This module needs Triton; jstasr.kernels.device imports it where Triton is.
"""

import triton
import triton.language as tl

NO_VARIANTS = ["frames", "width", "item_stride", "row_stride", "first"]  # not compiled anew for other sizes


@triton.jit
def later_of_least(a, b):
    """The lesser; of equals the later, whose zero may have the other sign."""
    return tl.where(a < b, a, b)


@triton.jit(do_not_specialize=NO_VARIANTS)
def align_columns(
    cost,  # (B, frames, width) float32 or float64: rows row_stride cells apart, items item_stride, columns side by side
    speech_lengths,  # (B,) int32
    text_lengths,  # (B,) int32
    bits,  # out: (B, ceil(frames / 32), width) int32, columns first .. first + BLOCK
    total,  # out: (B,) of the type of cost, where the last column of an item is among these
    bad,  # out: (B,) int8, 1 if a cost of these columns is not finite
    left_edge,  # (B, frames): what the columns before these have left; not read where `first` is 0
    right_edge,  # out: (B, frames), the same for the columns after these
    frames,
    width,
    item_stride,
    row_stride,
    first,
    NOSKIP: tl.constexpr,
    FIRST: tl.constexpr,  # first == 0
    LAST: tl.constexpr,  # no columns come after these
    BLOCK: tl.constexpr,
):
    """The rows of the recursion for BLOCK columns of every item.

    The edge is, for each frame, the last column's D (noskip) or the least D up to it (skip).
    """
    item = tl.program_id(0).to(tl.int64)
    n, m = tl.load(speech_lengths + item), tl.load(text_lengths + item)
    rows = tl.where(first < m, n, 0)
    lane = tl.arange(0, BLOCK)
    column = first + lane
    inside = column < m
    row = cost + item * item_stride + column
    word_row = bits + item * ((frames + 31) // 32) * width + column
    infinity = tl.full([BLOCK], float("inf"), cost.dtype.element_ty)
    not_finite = tl.zeros([BLOCK], tl.int32)
    best = infinity  # D(i-1, j); skip: the least D(i-1, k), k <= j
    before = tl.full([], float("inf"), cost.dtype.element_ty)  # noskip: D(i-1, first - 1)
    x = tl.load(row, mask=inside & (rows > 0), other=0.0)
    for block in range(0, (rows + 31) // 32):
        word = tl.zeros([BLOCK], tl.int32)
        for bit in range(0, tl.minimum(32, rows - 32 * block)):
            i = 32 * block + bit
            row += row_stride
            following = tl.load(row, mask=inside & (i + 1 < rows), other=0.0)  # on its way while this row is computed
            not_finite |= (x - x != 0.0).to(tl.int32)
            if NOSKIP:
                diagonal = tl.gather(best, tl.maximum(lane - 1, 0), 0)
                diagonal = tl.where(lane == 0, before, diagonal)
                step = diagonal < best
                # a path begins at (0, 0), with nothing added: a sum with 0 would lose the sign of a zero
                start = tl.where(column == 0, x, infinity)
                best = tl.where(i == 0, start, x + tl.where(step, diagonal, best))
                if not FIRST:
                    before = tl.load(left_edge + item * frames + i)
            else:
                d = tl.where(i == 0, x, x + best)
                best = tl.associative_scan(d, 0, later_of_least)
                if not FIRST:
                    best = later_of_least(tl.load(left_edge + item * frames + i), best)
                step = d <= best  # no column up to this one is better
            if not LAST:
                edge = right_edge + item * frames + i + tl.zeros([BLOCK], tl.int32)
                tl.store(edge, best, mask=lane == BLOCK - 1)
            word |= step.to(tl.int32) << bit
            x = following
        tl.store(word_row, word, mask=inside)
        word_row += width
    # of the one thread that has it, as a sum over threads would lose the sign of a zero
    tl.store(total + item + tl.zeros([BLOCK], tl.int32), best, mask=column == m - 1)
    tl.store(bad + item, tl.max(tl.where(inside, not_finite, 0), 0).to(tl.int8))


@triton.jit(do_not_specialize=NO_VARIANTS)
def trace(bits, speech_lengths, text_lengths, path, frames, width, NOSKIP: tl.constexpr, WINDOW: tl.constexpr):
    """Reads the path (B, frames) int64 of every item from its back-pointers, the last frame first.

    skip looks for the last marked column among WINDOW columns at a time; few paths leave the first window.
    """
    item = tl.program_id(0).to(tl.int64)
    n = tl.load(speech_lengths + item)
    j = tl.load(text_lengths + item) - 1
    words = bits + item * ((frames + 31) // 32) * width
    out = path + item * frames
    for back in range(1, n + 1):
        i = n - back
        row = words + (i // 32).to(tl.int64) * width
        if NOSKIP:
            tl.store(out + i, j.to(tl.int64))
            advance = (tl.load(row + j) >> (i % 32)) & 1
            # On the edges there is no choice, whatever a sum that overflowed has left in the bit.
            j = tl.where(((advance != 0) | (j == i)) & (j > 0), j - 1, j)
        else:
            found = tl.full([], -1, tl.int32)
            end = j
            while (found < 0) & (end >= 0):  # column 0 is marked, but where a cost is NaN
                column = end - tl.arange(0, WINDOW)
                word = tl.load(row + column, mask=column >= 0, other=0)
                found = tl.max(tl.where(((word >> (i % 32)) & 1) != 0, column, -1), 0)
                end -= WINDOW
            j = tl.maximum(found, 0)
            tl.store(out + i, j.to(tl.int64))
