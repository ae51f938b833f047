// y = scale (a x + b |w|^k z), or y += that: GSAM's combined gradient, and the accumulation and scaling of gradients (z is null).
//
// x, z, w, y    float32, flat buffers of an arena; frozen tiles are not touched; y may be x
// coefficients  float64[2] on the device: a and b; null with z
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 4 for each of x, z, the weighting and, when accumulating, y; writes 4
// equals        CpuBackend.Combine
#include "tile.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) combine(float* y, const float* x, Input<float> z, Input<float> w, int weighting,
    Input<double> coefficients, double scale, int accumulate, Input<Tile> tiles)
{
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    GradientSource source = gradient_source(x, z, weighting, coefficients, scale);
    for (long long i = tile.offset + 4 * thread_x(); i < tile.offset + tile.length; i += 4 * TILE_THREADS)
    {
        float4 g = load(source, i, w);
        if (accumulate)
        {
            float4 v = load4(y + i);
            g.x += v.x, g.y += v.y, g.z += v.z, g.w += v.w;
        }
        store4(y + i, g);
    }
}
