// Sums over the rows of a matrix [rows, columns], columns contiguous, in two deterministic stages: a block of 16 x 16 threads adds up a
// part of the rows, a thread for 4 columns at once (V = float4) or, for columns not divisible by 4, for one (V = float); a second
// kernel adds the parts, 16 x 16 threads for 16 columns. Parts depend on the shape alone.
#pragma once
#include "vector.cuh"

constexpr int COLUMNS = 16, ROWS_AT_ONCE = 16, COLUMN_THREADS = COLUMNS * ROWS_AT_ONCE;

/// The part of the rows and the first column of a thread: launch grid (ceil(columns / (16 numbers of a V)), parts), block (16, 16).
struct ColumnPart
{
    long long first, end;
    int column;
    bool exists;
};

template <typename V>
DEVICE ColumnPart column_part(long long rows, int columns, int rows_per_part)
{
    long long first = (long long)block_y() * rows_per_part, end = first + rows_per_part;
    int column = (block_x() * COLUMNS + thread_x()) * NUMBERS<V>;
    return {first, end < rows ? end : rows, column, column < columns};
}

/// Sum over the 16 rows of threads, in order, in every thread. Every thread of the block calls it.
template <typename V>
DEVICE V sum_thread_rows(V v, V (&shared)[ROWS_AT_ONCE][COLUMNS])
{
    shared[thread_y()][thread_x()] = v;
    barrier();
    V sum = shared[0][thread_x()];
    for (int row = 1; row < ROWS_AT_ONCE; row++)
        sum = sum + shared[row][thread_x()];
    return sum;
}

/// Sum over the parts p of term(p) for the column of a thread, in every thread: launch grid ceil(columns / 16), block (16, 16).
template <typename T, typename F>
DEVICE T sum_parts(int parts, bool exists, T (&shared)[ROWS_AT_ONCE][COLUMNS], F term)
{
    T sum = 0;
    if (exists)
        for (int part = thread_y(); part < parts; part += ROWS_AT_ONCE)
            sum += term(part);
    return sum_thread_rows(sum, shared);
}

/// The column of a thread of the second stage.
DEVICE int column_of_thread() { return block_x() * COLUMNS + thread_x(); }
