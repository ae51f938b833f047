// result = sum of (|w|^k x)^2 over the trained parameters: the L2 norm of a gradient, and of ASAM's weighted gradient (Kwon et al.,
// "ASAM", ICML 2021). A sum a tile, then, by the last block, the tiles in a fixed order; float64 sums of float32 products, exact in
// float64.
//
// x, w          float32, flat buffers of an arena; w is read only when k > 0
// partials      float64[tiles], the sum of each tile
// result        float64[1]
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 4 a parameter (8 with a weighting); writes and reads 8 a tile
// equals        CpuBackend.SquaredNorm
#include "sums.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) squared_norm(double* result, double* partials, Input<float> x, Input<float> w, int weighting,
    Input<Tile> tiles)
{
    __shared__ double shared[TILE_THREADS / WARP];
    Tile tile = tiles[block_x()];
    double sum = 0;
    if (tile.trainable)
    {
        for (int i = 4 * thread_x(); i < tile.length; i += 4 * TILE_THREADS)
        {
            float4 v = weighted(load4(x + tile.offset + i), w + tile.offset + i, weighting);
            sum = fused((double)v.x, (double)v.x, sum);
            sum = fused((double)v.y, (double)v.y, sum);
            sum = fused((double)v.z, (double)v.z, sum);
            sum = fused((double)v.w, (double)v.w, sum);
        }
    }
    sum = block_sum<TILE_THREADS>(sum, shared);
    if (thread_x() == 0)
        partials[block_x()] = sum;
    finish_sums<1>(result, partials);
}
