// y = independent standard normal numbers of one Philox stream: the direction of random SAM. The number of an element depends on seed,
// stream and its index alone.
//
// y             float32, flat buffer of an arena; padding and frozen parameters are not touched
// call          uint64[1] on the device, added to the stream's number, so that a captured graph draws anew at each step; null for 0
// runs          parts of the trained parameters without padding
// launch        one block of 256 threads a run
// bytes         least and actual: writes 4 a parameter
// equals        CpuBackend.FillNormal
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

KERNEL MEMORY_BOUND(TILE_THREADS) fill_normal(float* y, unsigned long long seed, unsigned long long stream,
    Input<unsigned long long> call, Input<Run> runs)
{
    Run run = runs[block_x()];
    stream += call ? *call : 0;
    for (long long i = 4 * thread_x(); i < run.length; i += 4 * TILE_THREADS)
        store_run(y, run, i, normals(run, i, seed, stream));
}
