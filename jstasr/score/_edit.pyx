# cython: boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Word alignment with sclite's costs and tie-breaks, and its printed form, for a whole test set at once.

A test set is two flat arrays of word numbers with offsets: utterance u has words[offsets[u]:offsets[u + 1]].
"""

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

cimport numpy as cnp

cnp.import_array()

cdef enum:
    CORRECT = 0
    SUBSTITUTION = 1
    DELETION = 2
    INSERTION = 3

# sclite works in single precision; only the empty word "@" has a cost that is not a whole number, and for it
# the rounding decides ties, so single precision is part of the result.
cdef float COST_INSERT_DELETE = 3.0
cdef float COST_SUBSTITUTE = 4.0
cdef float COST_NULL = 0.001
cdef float COST_NULL_NULL = 1.0


cdef void fill_table(
    const int *ref, Py_ssize_t n, const int *hyp, Py_ssize_t m, int null, float *row, unsigned char *back
) noexcept nogil:
    """Fill back[(m + 1) * i + j] with the step that reaches ref[:i], hyp[:j] at the least cost.

    D(i, j) = min(D(i-1, j-1) + sub, D(i-1, j) + del, D(i, j-1) + ins); among equal costs sclite takes the
    substitution (or match) first, then the insertion, then the deletion.
    """
    cdef Py_ssize_t i, j
    cdef float diagonal, substitute, delete, insert, cost_ref
    cdef unsigned char *steps
    row[0] = 0.0
    for j in range(1, m + 1):
        row[j] = row[j - 1] + (COST_NULL if hyp[j - 1] == null else COST_INSERT_DELETE)
        back[j] = INSERTION
    for i in range(1, n + 1):
        steps = back + i * (m + 1)
        cost_ref = COST_NULL if ref[i - 1] == null else COST_INSERT_DELETE
        diagonal = row[0]
        row[0] += cost_ref
        steps[0] = DELETION
        for j in range(1, m + 1):
            if ref[i - 1] != hyp[j - 1]:
                substitute = diagonal + COST_SUBSTITUTE
            elif ref[i - 1] == null:
                substitute = diagonal + COST_NULL_NULL
            else:
                substitute = diagonal
            diagonal = row[j]
            delete = row[j] + cost_ref
            insert = row[j - 1] + (COST_NULL if hyp[j - 1] == null else COST_INSERT_DELETE)
            if substitute <= delete and substitute <= insert:
                row[j] = substitute
                steps[j] = SUBSTITUTION
            elif delete < insert:
                row[j] = delete
                steps[j] = DELETION
            else:
                row[j] = insert
                steps[j] = INSERTION


def _align_pairs(
    const int[::1] ref,
    const long long[::1] ref_offsets,
    const int[::1] hyp,
    const long long[::1] hyp_offsets,
    int null,
):
    """`align_pairs`, with the arrays of steps longer than their content."""
    cdef Py_ssize_t utterances = ref_offsets.shape[0] - 1, u, n, m, i, j, k, start, steps, size = 0, width = 0
    cdef Py_ssize_t total = ref.shape[0] + hyp.shape[0], filled = 0
    cdef unsigned char mark
    cdef unsigned char *back = NULL
    cdef float *row = NULL
    cdef const int *r
    cdef const int *h
    cdef unsigned char *grown_back
    cdef float *grown_row
    marks_array = np.empty(total, np.uint8)
    step_ref_array = np.empty(total, np.int32)
    step_hyp_array = np.empty(total, np.int32)
    offsets_array = np.zeros(utterances + 1, np.int64)
    counts_array = np.zeros((utterances, 4), np.int64)
    cdef unsigned char[::1] marks = marks_array
    cdef int[::1] step_ref = step_ref_array
    cdef int[::1] step_hyp = step_hyp_array
    cdef long long[::1] offsets = offsets_array
    cdef long long[:, ::1] counts = counts_array
    try:
        for u in range(utterances):
            n = ref_offsets[u + 1] - ref_offsets[u]
            m = hyp_offsets[u + 1] - hyp_offsets[u]
            r = &ref[ref_offsets[u]] if n else NULL
            h = &hyp[hyp_offsets[u]] if m else NULL
            if (n + 1) * (m + 1) > size:
                grown_back = <unsigned char *> realloc(back, (n + 1) * (m + 1))
                if grown_back == NULL:
                    raise MemoryError(f"aligning {n} words with {m} needs {(n + 1) * (m + 1)} bytes")
                back = grown_back
                size = (n + 1) * (m + 1)
            if m + 1 > width:
                grown_row = <float *> realloc(row, (m + 1) * sizeof(float))
                if grown_row == NULL:
                    raise MemoryError(f"no memory for a row of {m} words")
                row = grown_row
                width = m + 1
            with nogil:
                fill_table(r, n, h, m, null, row, back)
                start = filled
                i = n
                j = m
                while i > 0 or j > 0:
                    mark = back[i * (m + 1) + j]
                    step_ref[filled] = -1
                    step_hyp[filled] = -1
                    if mark != INSERTION:
                        i -= 1
                        step_ref[filled] = r[i]
                    if mark != DELETION:
                        j -= 1
                        step_hyp[filled] = h[j]
                    if null >= 0 and (
                        (mark == INSERTION and h[j] == null)
                        or (mark == DELETION and r[i] == null)
                        or (mark == SUBSTITUTION and r[i] == null and h[j] == null)
                    ):
                        continue
                    if mark == SUBSTITUTION and r[i] == h[j]:
                        mark = CORRECT
                    marks[filled] = mark
                    counts[u, mark] += 1
                    filled += 1
                steps = filled - start
                i = start
                j = filled - 1
                for k in range(steps // 2):  # traced from the end: reverse them
                    marks[i + k], marks[j - k] = marks[j - k], marks[i + k]
                    step_ref[i + k], step_ref[j - k] = step_ref[j - k], step_ref[i + k]
                    step_hyp[i + k], step_hyp[j - k] = step_hyp[j - k], step_hyp[i + k]
                offsets[u + 1] = filled
    finally:
        free(back)
        free(row)
    return marks_array, step_ref_array, step_hyp_array, offsets_array, counts_array


def align_pairs(ref, ref_offsets, hyp, hyp_offsets, null):
    """Align every utterance's reference and hypothesis as sclite does.

    Args:
        ref, hyp: (total words,) int32, word numbers; equal words have equal numbers.
        ref_offsets, hyp_offsets: (U + 1,) int64.
        null: the number of the empty word "@", -1 when the set has none. It costs nearly nothing to insert or
            delete, and such a step is left out of the result.
    Returns:
        marks: (total steps,) uint8, 0 correct, 1 substitution, 2 deletion, 3 insertion.
        step_ref, step_hyp: (total steps,) int32, the words of each step, -1 for none.
        step_offsets: (U + 1,) int64.
        counts: (U, 4) int64, correct, substituted, deleted and inserted words.
    Raises:
        MemoryError: an utterance's table does not fit in memory.
    """
    *steps, offsets, counts = _align_pairs(ref, ref_offsets, hyp, hyp_offsets, null)
    for array in steps:
        # in place, since a copy would need half as much memory again
        array.resize(offsets[len(offsets) - 1], refcheck=False)
    return *steps, offsets, counts


cdef class _Buffer:
    """Bytes that grow."""

    cdef char *data
    cdef Py_ssize_t length, capacity

    def __cinit__(self):
        self.capacity = 1 << 16
        self.length = 0
        self.data = <char *> malloc(self.capacity)
        if self.data == NULL:
            raise MemoryError("no memory for the report")

    def __dealloc__(self):
        free(self.data)

    cdef int reserve(self, Py_ssize_t extra) except -1:
        cdef char *grown
        if self.length + extra > self.capacity:
            self.capacity = max(self.capacity * 2, self.length + extra)
            grown = <char *> realloc(self.data, self.capacity)
            if grown == NULL:
                raise MemoryError("no memory for the report")
            self.data = grown
        return 0

    cdef int add(self, const char *text, Py_ssize_t length) except -1:
        self.reserve(length)
        memcpy(self.data + self.length, text, length)
        self.length += length
        return 0

    cdef int repeat(self, char letter, Py_ssize_t times) except -1:
        if times > 0:
            self.reserve(times)
            memset(self.data + self.length, letter, times)
            self.length += times
        return 0

    cdef int add_bytes(self, bytes text) except -1:
        return self.add(text, len(text))


def format_alignments(
    const long long[::1] order,
    list names,
    const unsigned char[::1] marks,
    const int[::1] step_ref,
    const int[::1] step_hyp,
    const long long[::1] step_offsets,
    const long long[:, ::1] counts,
    list words,
    const int[::1] widths,
    int line_width,
):
    """The alignments of some utterances as sclite prints them.

    Args:
        order: (K,) int64, the utterances to print, in this order.
        names: U bytes, what follows `id: `.
        marks, step_ref, step_hyp, step_offsets, counts: what `align_pairs` returned.
        words: V bytes, the words by number, ASCII letters in lower case.
        widths: (V,) int32, how many terminal columns each word takes.
        line_width: columns after which a long alignment continues in a new block.
    Returns:
        bytes, for each utterance id, counts and the REF, HYP and Eval lines; errors in capitals (ASCII).
    """
    cdef _Buffer out = _Buffer()
    cdef Py_ssize_t k, u, i, first, last, used, end, columns, width, ref_width, hyp_width
    cdef int line, word
    cdef bytes lower
    cdef list upper = [text.upper() for text in words]
    cdef bytes heads = b"REF:  HYP:  Eval: "
    cdef bytes letters = b" SDI"
    for k in range(order.shape[0]):
        u = order[k]
        first = step_offsets[u]
        last = step_offsets[u + 1]
        out.add_bytes(b"id: ")
        out.add_bytes(names[u])
        out.add_bytes(
            b"\nScores: (#C #S #D #I) %d %d %d %d\n"
            % (counts[u, 0], counts[u, 1], counts[u, 2], counts[u, 3])
        )
        used = first
        while used < last:
            # sclite measures until the line is full, then leaves the word that filled it to the next block
            columns = 9 if used > first else 6
            end = used
            while columns < line_width and end < last:
                ref_width = widths[step_ref[end]] if step_ref[end] >= 0 else 1
                hyp_width = widths[step_hyp[end]] if step_hyp[end] >= 0 else 1
                columns += 1 + max(ref_width, hyp_width)
                end += 1
            if end < last and end > used + 1:
                end -= 1
            if used > first:
                out.repeat(b"\n", 1)
            for line in range(3):
                if used > first:
                    out.add(b">> ", 3)
                out.add(<char *> heads + 6 * line, 6)
                for i in range(used, end):
                    ref_width = widths[step_ref[i]] if step_ref[i] >= 0 else 1
                    hyp_width = widths[step_hyp[i]] if step_hyp[i] >= 0 else 1
                    width = max(ref_width, hyp_width)
                    if line == 2:
                        if marks[i] != CORRECT:
                            out.add(<char *> letters + marks[i], 1)
                            out.repeat(b" ", width)
                        else:
                            out.repeat(b" ", width + 1)
                        continue
                    word = step_ref[i] if line == 0 else step_hyp[i]
                    if word < 0:
                        # one star for each column of the other word
                        if line == 0:
                            out.repeat(b"*", hyp_width)
                            out.repeat(b" ", width - hyp_width + 1)
                        else:
                            out.repeat(b"*", ref_width)
                            out.repeat(b" ", width - ref_width + 1)
                    else:
                        lower = words[word] if marks[i] == CORRECT else upper[word]
                        out.add_bytes(lower)
                        out.repeat(b" ", width - widths[word] + 1)
                out.repeat(b"\n", 1)
            used = end
        out.repeat(b"\n", 1)
    return out.data[: out.length]
