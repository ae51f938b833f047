// Standard normal numbers for the trained parameters of an arena: the number of an element depends on seed, stream and its index alone.
#pragma once
#include "tile.cuh"
#include "../include/philox.cuh"

/// A part of a trained parameter, without padding; index is the number of its first element, a multiple of 4.
struct Run
{
    long long offset;
    long long length;
    unsigned long long index;
};

/// Numbers of elements i to i + 3 of a run, i a multiple of 4.
DEVICE float4 normals(const Run& run, long long i, unsigned long long seed, unsigned long long stream)
{
    uint4 words = philox(seed, stream, (run.index + i) / 4);
    float2 low = normals_of(words.x, words.y), high = normals_of(words.z, words.w);
    float4 four = {low.x, low.y, high.x, high.y};
    return four;
}

/// Stores elements i to i + 3 of a run, as far as they exist. The remainder is a loop, so that clang does not merge its first store with
/// a part of the store of all four.
DEVICE void store_run(float* y, const Run& run, long long i, float4 v)
{
    y += run.offset;
    if (i + 4 <= run.length)
        store4(y + i, v);
    else
        for (long long j = i; j < run.length; j++)
            y[j] = j == i ? v.x : j == i + 1 ? v.y : v.z;
}
