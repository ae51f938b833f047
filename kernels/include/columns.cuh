// Sums over the rows of a matrix [rows, columns], columns contiguous, in two deterministic stages: a block of 32 x 8 threads adds up a
// part of the rows for 32 columns, a second kernel adds the parts in order. Parts depend on the shape alone.
#pragma once
#include "device.cuh"

constexpr int COLUMNS = 32, ROWS_AT_ONCE = 8, COLUMN_THREADS = COLUMNS * ROWS_AT_ONCE;

/// The part of the rows and the column of a thread: launch grid (ceil(columns / 32), parts), block (32, 8).
struct ColumnPart
{
    long long first, end;
    int column;
    bool exists;
};

DEVICE ColumnPart column_part(long long rows, int columns, int rows_per_part)
{
    long long first = (long long)block_y() * rows_per_part, end = first + rows_per_part;
    int column = block_x() * COLUMNS + thread_x();
    ColumnPart part = {first, end < rows ? end : rows, column, column < columns};
    return part;
}

/// Sum over the 8 rows of threads, in order; valid in the first row of threads. Every thread of the block calls it.
DEVICE float sum_thread_rows(float v, float (&shared)[ROWS_AT_ONCE][COLUMNS])
{
    shared[thread_y()][thread_x()] = v;
    barrier();
    float sum = shared[0][thread_x()];
    for (int row = 1; row < ROWS_AT_ONCE; row++)
        sum += shared[row][thread_x()];
    return sum;
}
