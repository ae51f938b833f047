// y = independent standard normal numbers of one Philox stream: the direction of random SAM, made where it is needed and stored
// nowhere else. The number of an element depends on seed, stream and its index alone.
//
// y             float32, flat buffer of an arena; padding and frozen parameters are not touched
// runs          parts of the trained parameters without padding; index is the number of the first element, a multiple of 4
// launch        one block of 256 threads a run
// bytes         least and actual: writes 4 a parameter
// equals        CpuBackend.FillNormal
#include "tile.cuh"
#include "../include/philox.cuh"

struct Run
{
    long long offset;
    long long length;
    unsigned long long index;
};

KERNEL __launch_bounds__(TILE_THREADS) fill_normal(float* y, unsigned long long seed, unsigned long long stream, const Run* runs)
{
    Run run = runs[block_x()];
    float* to = y + run.offset;
    for (long long i = 4 * thread_x(); i < run.length; i += 4 * TILE_THREADS)
    {
        uint4 words = philox(seed, stream, (run.index + i) / 4);
        float2 low = normals_of(words.x, words.y), high = normals_of(words.z, words.w);
        if (i + 4 <= run.length)
        {
            float4 four = {low.x, low.y, high.x, high.y};
            store4(to + i, four);
            continue;
        }
        to[i] = low.x;
        if (i + 1 < run.length)
            to[i + 1] = low.y;
        if (i + 2 < run.length)
            to[i + 2] = high.x;
    }
}
