// y = x / (1 - p) where word i of a Philox sequence is at least p 2^32, else 0 (Srivastava et al., JMLR 2014). The backward pass is
// the same on the gradient: the mask is made again, not stored.
//
// x, y          float32[count]
// threshold     p 2^32 as 64 bits, because at p = 1 it is 2^32; scale: 1 / (1 - p), 0 at p = 1
// counter       uint64[1] on the device, added to the stream's number, so that a captured graph draws anew at each step; null for 0
// launch        grid-stride, 256 threads, the 4 elements of a Philox block a thread
// bytes         least and actual: reads 4 and writes 4 an element
// equals        CpuBackend.Dropout
#include "../include/map.cuh"
#include "../include/philox.cuh"

KERNEL MEMORY_BOUND(MAP_THREADS) dropout(float* y, Input<float> x, unsigned long long threshold, float scale, unsigned long long seed,
    unsigned long long stream, Input<unsigned long long> counter, long long count)
{
    stream += counter ? *counter : 0;
    bool whole = are_whole(y, x);
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        uint4 words = philox(seed, stream, (unsigned long long)i / 4);
        if (whole && i + 4 <= count)
        {
            float4 v = load4_whole(x + i);
            v.x = words.x >= threshold ? v.x * scale : 0.0f;
            v.y = words.y >= threshold ? v.y * scale : 0.0f;
            v.z = words.z >= threshold ? v.z * scale : 0.0f;
            v.w = words.w >= threshold ? v.w * scale : 0.0f;
            store4(y + i, v);
            continue;
        }
        y[i] = words.x >= threshold ? load_input(x + i) * scale : 0.0f;
        if (i + 1 < count)
            y[i + 1] = words.y >= threshold ? load_input(x + i + 1) * scale : 0.0f;
        if (i + 2 < count)
            y[i + 2] = words.z >= threshold ? load_input(x + i + 2) * scale : 0.0f;
        if (i + 3 < count)
            y[i + 3] = words.w >= threshold ? load_input(x + i + 3) * scale : 0.0f;
    }
}
