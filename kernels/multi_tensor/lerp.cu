// y = factor target + (1 - factor) y: shrink and perturb (Ash and Adams, "On Warm-Starting Neural Network Training", NeurIPS 2020),
// with the factor on the device.
//
// y, target     float32, flat buffers of an arena; frozen tiles are not touched
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 8 and writes 4 a parameter
// equals        CpuBackend.Lerp
#include "tile.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) lerp(float* y, Input<float> target, Input<double> factor, Input<Tile> tiles)
{
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    float f = (float)*factor, rest = (float)(1.0 - *factor);
    for (long long i = tile.offset + 4 * thread_x(); i < tile.offset + tile.length; i += 4 * TILE_THREADS)
    {
        float4 t = load4(target + i), v = load4(y + i);
        v.x = fused(f, t.x, rest * v.x), v.y = fused(f, t.y, rest * v.y), v.z = fused(f, t.z, rest * v.z), v.w = fused(f, t.w, rest * v.w);
        store4(y + i, v);
    }
}

// The same for one tensor of any size outside the arena (a batch norm's statistics): float32.
KERNEL lerp_tensor(float* y, Input<float> target, Input<double> factor, long long count)
{
    float f = (float)*factor, rest = (float)(1.0 - *factor);
    for (long long i = global_index(); i < count; i += global_threads())
        y[i] = fused(f, target[i], rest * y[i]);
}

// int64 (a batch norm's counter): mixed in float32 and truncated.
KERNEL lerp_tensor_int64(long long* y, Input<long long> target, Input<double> factor, long long count)
{
    float f = (float)*factor, rest = (float)(1.0 - *factor);
    for (long long i = global_index(); i < count; i += global_threads())
        y[i] = (long long)fused(f, (float)target[i], rest * (float)y[i]);
}
