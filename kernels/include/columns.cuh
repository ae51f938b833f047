// Sums over the rows of a matrix [rows, columns], columns contiguous, in two deterministic stages of one launch: a block of 16 x 16
// threads adds up a part of the rows, a thread for 4 columns at once (V = float4) or, for columns not divisible by 4, for one
// (V = float); the last block of a group of columns to arrive adds the parts, in their order. Parts depend on the shape alone.
// Launch: grid (ceil(columns / (16 numbers of a V)), parts), block (16, 16).
#pragma once
#include "arrival.cuh"
#include "vector.cuh"

constexpr int COLUMNS = 16, ROWS_AT_ONCE = 16, COLUMN_THREADS = COLUMNS * ROWS_AT_ONCE;

/// The part of the rows and the first column of a thread.
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

/// Whether all parts of the block's columns are there.
DEVICE bool parts_are_complete() { return arrives_last(block_x(), grid_size_y()); }

/// Shared memory of both stages: of `Sums` sums over the rows of threads, then of one of type T over the parts.
template <typename V, typename T, int Sums>
union Stages
{
    V rows[Sums][ROWS_AT_ONCE][COLUMNS];
    T parts[NUMBERS<V>][ROWS_AT_ONCE][COLUMNS];
};

/// sum[k] = the sum over the parts of what add adds for column k of the thread, in every thread; add(sum, part) is called for
/// existing columns only. Every thread of the block calls it.
template <typename V, typename T, typename F>
DEVICE void sum_parts(T (&sum)[NUMBERS<V>], bool exists, T (&shared)[NUMBERS<V>][ROWS_AT_ONCE][COLUMNS], F add)
{
    int parts = grid_size_y();
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
        sum[k] = 0;
    if (exists)
#pragma unroll 4
        for (int part = thread_y(); part < parts; part += ROWS_AT_ONCE)
            add(sum, part);
    // What stands there from before has been read.
    barrier();
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
        shared[k][thread_y()][thread_x()] = sum[k];
    barrier();
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
    {
        sum[k] = shared[k][0][thread_x()];
        for (int row = 1; row < ROWS_AT_ONCE; row++)
            sum[k] += shared[k][row][thread_x()];
    }
}
