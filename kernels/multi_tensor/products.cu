// (sum x^2, sum x |w|^k z, sum (|w|^k z)^2): what the decomposition of GSAM needs of the gradient x and the direction z (Zhuang et
// al., "Surrogate Gap Minimization Improves Sharpness-Aware Training", ICLR 2022), in one pass over both.
//
// x, z, w       float32, flat buffers of an arena; w is read only when k > 0
// partials      float64[tiles, 3]
// result        float64[3]
// launch        one block of 256 threads a tile; the last adds up the tiles in a fixed order
// bytes         least and actual: reads 8 a parameter (12 with a weighting), writes and reads 24 a tile
// equals        CpuBackend.Products
#include "sums.cuh"

DEVICE void add_products(float x, float z, double& xx, double& xz, double& zz)
{
    xx = fused((double)x, (double)x, xx);
    xz = fused((double)x, (double)z, xz);
    zz = fused((double)z, (double)z, zz);
}

KERNEL MEMORY_BOUND(TILE_THREADS) products(double* result, double* partials, Input<float> x, Input<float> z, Input<float> w,
    int weighting, Input<Tile> tiles)
{
    __shared__ double shared[3][TILE_THREADS / WARP];
    Tile tile = tiles[block_x()];
    double xx = 0, xz = 0, zz = 0;
    if (tile.trainable)
    {
        for (int i = 4 * thread_x(); i < tile.length; i += 4 * TILE_THREADS)
        {
            float4 u = load4(x + tile.offset + i), v = weighted(load4(z + tile.offset + i), w + tile.offset + i, weighting);
            add_products(u.x, v.x, xx, xz, zz);
            add_products(u.y, v.y, xx, xz, zz);
            add_products(u.z, v.z, xx, xz, zz);
            add_products(u.w, v.w, xx, xz, zz);
        }
    }
    xx = block_sum<TILE_THREADS>(xx, shared[0]);
    xz = block_sum<TILE_THREADS>(xz, shared[1]);
    zz = block_sum<TILE_THREADS>(zz, shared[2]);
    if (thread_x() == 0)
    {
        double* partial = partials + 3 * (long long)block_x();
        partial[0] = xx;
        partial[1] = xz;
        partial[2] = zz;
    }
    finish_sums<3>(result, partials);
}
