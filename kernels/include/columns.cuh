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

/// Whether all parts of the block's columns are there.
DEVICE bool parts_are_complete() { return arrives_last(block_x(), grid_size_y()); }

DEVICE int thread_index() { return thread_y() * COLUMNS + thread_x(); }

/// The column that a thread puts together, one a thread, neighbours of neighbours, and whether it exists.
template <typename V>
DEVICE bool has_column(int columns, int& column)
{
    column = block_x() * COLUMNS * NUMBERS<V> + thread_index();
    return thread_index() < COLUMNS * NUMBERS<V> && column < columns;
}

/// Shared memory in which the rows of threads are added up: number k of thread (x, y) at [k][16 y + x]. The planes are padded so that
/// neighbouring columns, whose numbers lie in neighbouring planes, are in different banks.
template <typename V>
using Planes = float[NUMBERS<V>][COLUMN_THREADS + WARP / NUMBERS<V>];

/// Sum over the 16 rows of threads, in order, of the column that the thread puts together. A column a thread, not a V: all rows of a V,
/// loaded ahead, are 60 registers. Every thread of the block calls it.
template <typename V>
DEVICE float sum_thread_rows(V v, Planes<V>& shared)
{
    Each<V> own = each(v);
    // What stands there from before has been read.
    barrier();
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
        shared[k][thread_index()] = own.of[k];
    barrier();
    if (thread_index() >= COLUMNS * NUMBERS<V>)
        return 0;
    const float* column = &shared[thread_index() % NUMBERS<V>][thread_index() / NUMBERS<V>];
    float sum = column[0];
    for (int row = 1; row < ROWS_AT_ONCE; row++)
        sum += column[row * COLUMNS];
    return sum;
}

/// total[s] = the s-th sum over the parts, for the column that the thread puts together, of what add(sums, column, part) adds. A thread
/// takes every fourth part of a column, or every sixteenth, eight of them at a time, because one waits for each in turn. add is called
/// for existing columns only; every thread of the block calls this.
template <typename V, typename T, int Sums, typename F>
DEVICE void sum_parts(T (&total)[Sums], int columns, T (&shared)[COLUMN_THREADS], F add)
{
    constexpr int own = COLUMNS * NUMBERS<V>;
    int parts = grid_size_y(), column = block_x() * own + thread_index() % own;
    T sum[Sums];
#pragma unroll
    for (int s = 0; s < Sums; s++)
        sum[s] = 0;
    if (column < columns)
#pragma unroll 8
        for (int part = thread_index() / own; part < parts; part += COLUMN_THREADS / own)
            add(sum, column, part);
#pragma unroll
    for (int s = 0; s < Sums; s++)
    {
        // What stands there from before has been read.
        barrier();
        shared[thread_index()] = sum[s];
        barrier();
        total[s] = shared[thread_index() % own];
        for (int i = thread_index() % own + own; i < COLUMN_THREADS; i += own)
            total[s] += shared[i];
    }
}
