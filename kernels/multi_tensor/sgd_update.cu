// One step of SGD or SGDW with momentum: v = momentum v + g, w -= lr v, g = scale (a x + b |w|^k z) + decay w, or, decoupled
// (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019), w *= 1 - lr decay. Clipping (scale) and GSAM's
// combination are folded in. Learning rate, scale and whether to proceed are read from the device, so that a captured graph holds for
// every step.
//
// w, x, z, v    float32, flat buffers of an arena; z and v may be null; frozen tiles are not touched
// control       float64[6]: learning rate, proceed, scale, steps, skipped, norm (MultiTensor/UpdateControl.cs)
// launch        one block of 256 threads a tile
// bytes         least and actual: with momentum reads 12 and writes 8 a parameter, without 8 and 4; z costs 4 more
// equals        CpuBackend.SgdUpdate
#include "tile.cuh"

KERNEL MEMORY_BOUND(TILE_THREADS) sgd_update(float* w, float* v, Input<float> x, Input<float> z, int weighting,
    Input<double> coefficients, double momentum, int decoupled, Input<double> control, Input<Tile> tiles)
{
    if (control[1] == 0.0)
        return;
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    GradientSource source = gradient_source(x, z, weighting, coefficients, control[2]);
    float rate = (float)control[0], m = (float)momentum;
    float keep = decoupled ? (float)(1.0 - control[0] * tile.decay) : 1.0f, added = decoupled ? 0.0f : (float)tile.decay;
    for (long long i = tile.offset + 4 * thread_x(); i < tile.offset + tile.length; i += 4 * TILE_THREADS)
    {
        float4 weight = load4(w + i), g = load(source, i, w);
        g.x = fused(added, weight.x, g.x), g.y = fused(added, weight.y, g.y);
        g.z = fused(added, weight.z, g.z), g.w = fused(added, weight.w, g.w);
        if (v)
        {
            float4 old = load4(v + i);
            g.x = fused(m, old.x, g.x), g.y = fused(m, old.y, g.y), g.z = fused(m, old.z, g.z), g.w = fused(m, old.w, g.w);
            store4(v + i, g);
        }
        weight.x = fused(-rate, g.x, keep * weight.x), weight.y = fused(-rate, g.y, keep * weight.y);
        weight.z = fused(-rate, g.z, keep * weight.z), weight.w = fused(-rate, g.w, keep * weight.w);
        store4(w + i, weight);
    }
}
