// result = sum of (|w|^k x)^2 over the trained parameters: the L2 norm of a gradient, and of ASAM's weighted gradient (Kwon et al.,
// "ASAM", ICML 2021). Two stages: a sum a tile, then the tiles in a fixed order; float64 sums of float32 products, exact in float64.
//
// x, w          float32, flat buffers of an arena; w is read only when k > 0
// partials      float64[tiles, 3]; the sum of tile t goes to partials[3 t]
// launch        squared_norm: one block of 256 threads a tile; sum_tiles: one block of 256 threads a sum
// bytes         least and actual: reads 4 a parameter (8 with a weighting), writes 24 a tile
// equals        CpuBackend.SquaredNorm
#include "tile.cuh"

KERNEL __launch_bounds__(TILE_THREADS) squared_norm(double* partials, const float* x, const float* w, int weighting, const Tile* tiles)
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
        partials[3 * (long long)block_x()] = sum;
}

// result[s] = sum over tiles of partials[3 t + s], s = block index.
KERNEL __launch_bounds__(TILE_THREADS) squared_norm_sum_tiles(double* result, const double* partials, long long tiles)
{
    __shared__ double shared[TILE_THREADS / WARP];
    double sum = 0;
    for (long long t = thread_x(); t < tiles; t += TILE_THREADS)
        sum += partials[3 * t + block_x()];
    sum = block_sum<TILE_THREADS>(sum, shared);
    if (thread_x() == 0)
        result[block_x()] = sum;
}
