// Elementwise kernels: 16 bytes a thread and turn, a grid-stride loop; one by one the elements behind the last whole four, and all where
// a tensor is a view that begins between multiples of 16 bytes.
// Launch: 256 threads; reads 4 bytes a source and element, writes 4.
#pragma once
#include "device.cuh"

constexpr int MAP_THREADS = 256;

/// y = f(x); y may be x.
template <typename F>
DEVICE void map(float* y, const float* x, long long count, F f)
{
    bool whole = are_whole(y, x);
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (whole && i + 4 <= count)
        {
            float4 v = load4(x + i);
            v.x = f(v.x), v.y = f(v.y), v.z = f(v.z), v.w = f(v.w);
            store4(y + i, v);
        }
        else
            for (long long j = i; j < i + 4 && j < count; j++)
                y[j] = f(x[j]);
    }
}

/// y = f(a, b); y may be either.
template <typename F>
DEVICE void map(float* y, const float* a, const float* b, long long count, F f)
{
    bool whole = are_whole(y, a, b);
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (whole && i + 4 <= count)
        {
            float4 u = load4(a + i), v = load4(b + i);
            v.x = f(u.x, v.x), v.y = f(u.y, v.y), v.z = f(u.z, v.z), v.w = f(u.w, v.w);
            store4(y + i, v);
        }
        else
            for (long long j = i; j < i + 4 && j < count; j++)
                y[j] = f(a[j], b[j]);
    }
}

/// Walks over elements of rows of `width` with the place in the row, without a division a turn.
struct RowWalk
{
    long long i, step;
    unsigned column, column_step, width;
};

DEVICE RowWalk row_walk(int width, int elements)
{
    long long first = elements * global_index(), step = elements * global_threads();
    RowWalk walk = {first, step, (unsigned)(first % width), (unsigned)(step % width), (unsigned)width};
    return walk;
}

DEVICE void advance(RowWalk& walk)
{
    walk.i += walk.step;
    walk.column += walk.column_step;
    walk.column -= walk.column >= walk.width ? walk.width : 0;
}
