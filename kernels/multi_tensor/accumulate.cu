// y = scale (a x + b |w|^k z), or y += that, in float64: the gradient of an update that several chunks, batches or processes add up. The
// terms are float32, so that for as many as there are the sum is all but exact, whatever their order.
//
// x, z, w       float32, flat buffers of an arena; frozen tiles are not touched
// y             float64, of their count
// coefficients  float64[2] on the device: a and b; null with z
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 4 for each of x, z and the weighting, 8 when accumulating; writes 8
// equals        CpuBackend.Accumulate
#include "tile.cuh"

DEVICE float2 load2(const float* p) { return *(const float2*)p; }

KERNEL MEMORY_BOUND(TILE_THREADS) accumulate(double* y, Input<float> x, Input<float> z, Input<float> w, int weighting,
    Input<double> coefficients, double scale, int adds, Input<Tile> tiles)
{
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    GradientSource source = gradient_source(x, z, weighting, coefficients, scale);
    // Two elements a thread: 16 bytes of the sum.
    for (long long i = tile.offset + 2 * thread_x(); i < tile.offset + tile.length; i += 2 * TILE_THREADS)
    {
        float2 g = load2(source.x + i);
        g.x *= source.a, g.y *= source.a;
        if (source.z)
        {
            float2 d = load2(source.z + i);
            if (weighting)
            {
                float2 m = load2(w + i);
                d.x = weighted(d.x, m.x, weighting), d.y = weighted(d.y, m.y, weighting);
            }
            g.x += d.x * source.b, g.y += d.y * source.b;
        }
        double2 sum = {0.0, 0.0};
        if (adds)
            sum = *(const double2*)(y + i);
        sum.x += g.x, sum.y += g.y;
        *(double2*)(y + i) = sum;
    }
}
