// y = w + sign rho |w|^k d / (||d|| + 1e-12): the perturbed weights of SAM (Foret et al., "Sharpness-Aware Minimization", ICLR 2021,
// equation 2), written to a second arena, so that restoring is switching back. k = 1 and 2 are the forms of ASAM (Kwon et al., 2021);
// together with the norm of squared_norm.cu, weighted or not, they make its four.
//
// w, d, y       float32, flat buffers of an arena; frozen tiles are copied
// squared_norm, radius   float64[1] on the device
// finite        float64[1] or null: set to 0 where the norm is not finite, else left
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 8 and writes 4 a parameter
// equals        CpuBackend.StepAlong
#include "tile.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) step_along(float* y, Input<float> w, Input<float> d, int weighting, Input<double> squared_norm,
    Input<double> radius, double sign, double* finite, Input<Tile> tiles)
{
    __shared__ float step_of_block;
    Tile tile = tiles[block_x()];
    if (finite && global_index() == 0 && !is_finite(*squared_norm))
        *finite = 0.0;
    if (thread_x() == 0)
        step_of_block = (float)(sign * *radius / (square_root(*squared_norm) + 1e-12));
    barrier();
    float step = step_of_block;
    for (int i = 4 * thread_x(); i < tile.length; i += 4 * TILE_THREADS)
    {
        float4 v = load4(w + tile.offset + i);
        if (tile.trainable)
        {
            float4 g = load4(d + tile.offset + i);
            v.x = fused(weighted(g.x, v.x, weighting), step, v.x);
            v.y = fused(weighted(g.y, v.y, weighting), step, v.y);
            v.z = fused(weighted(g.z, v.z, weighting), step, v.z);
            v.w = fused(weighted(g.w, v.w, weighting), step, v.w);
        }
        store4(y + tile.offset + i, v);
    }
}
