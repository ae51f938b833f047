// A row of numbers that is read once and kept while it is worked on: up to 256 numbers in the registers of a warp, with four rows a block
// (a block of one warp would leave half of an SM's warps unused, on sm_86 two thirds, because it holds 32 blocks, there 16), more in the
// block's dynamic shared memory, with a row a block. Both are walked alike, so that a kernel is written once for both.
#pragma once
#include "reduce.cuh"
#include "vector.cuh"

constexpr int FEW_NUMBERS = 256, ROWS_OF_FEW = 4, FEW_THREADS = ROWS_OF_FEW * WARP;

/// A V of a row: number j of it, which the thread comes to in its turn t.
struct Turn
{
    int j, t;
};

/// The row of a warp, in registers. Threads: of a row; BlockThreads and Rows: of a block.
template <typename V>
struct WarpRow
{
    static constexpr int Threads = WARP, BlockThreads = FEW_THREADS, Rows = ROWS_OF_FEW, Turns = FEW_NUMBERS / WARP / NUMBERS<V>;

    V kept[Turns];

    DEVICE_METHOD WarpRow(V*) {}
    DEVICE_METHOD V get(Turn i) const { return kept[i.t]; }
    DEVICE_METHOD void put(Turn i, V v) { kept[i.t] = v; }

    /// Which of the block's rows is the thread's, and the thread among those of the row.
    DEVICE_METHOD static int row() { return thread_x() / WARP; }
    DEVICE_METHOD static int thread() { return thread_x() % WARP; }

    /// What the row's threads wrote to shared memory is visible to them.
    DEVICE_METHOD static void meet() { warp_barrier(); }

    /// f(i) for those of the n Vs of a row that are the thread's.
    template <typename F>
    DEVICE_METHOD static void walk(int n, F f)
    {
#pragma unroll
        for (int t = 0; t < Turns; t++)
            if (thread() + t * WARP < n)
                f(Turn{thread() + t * WARP, t});
    }
};

/// The row of a block, in shared memory.
template <int BlockSize, typename V>
struct BlockRow
{
    static constexpr int Threads = BlockSize, BlockThreads = BlockSize, Rows = 1;

    V* kept;

    DEVICE_METHOD BlockRow(V* kept) : kept(kept) {}
    DEVICE_METHOD V get(Turn i) const { return load(kept + i.j); }
    DEVICE_METHOD void put(Turn i, V v) { store(kept + i.j, v); }

    DEVICE_METHOD static int row() { return 0; }
    DEVICE_METHOD static int thread() { return thread_x(); }
    DEVICE_METHOD static void meet() { barrier(); }

    template <typename F>
    DEVICE_METHOD static void walk(int n, F f)
    {
        for (int j = thread_x(); j < n; j += BlockSize)
            f(Turn{opaque(j), 0});
    }
};
