// One step of Adam (Kingma and Ba, ICLR 2015) or AdamW: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
// w -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps); g and weight decay as in sgd_update.cu. t is read from the device.
//
// w, x, z, m, v float32, flat buffers of an arena; z may be null; frozen tiles are not touched
// control       float64[6]: learning rate, proceed, scale, steps, skipped, norm (MultiTensor/UpdateControl.cs)
// launch        one block of 256 threads a tile
// bytes         least and actual: reads 16 and writes 12 a parameter; z costs 4 more
// equals        CpuBackend.AdamUpdate
#include "tile.cuh"

DEVICE double power(double base, long long exponent)
{
    double result = 1.0;
    for (; exponent > 0; exponent >>= 1, base *= base)
        result *= exponent & 1 ? base : 1.0;
    return result;
}

struct AdamNumbers
{
    float beta1, rest1, beta2, rest2, epsilon, rate, correction, keep, added;
};

DEVICE float adam_element(float w, float g, float& m, float& v, const AdamNumbers& n)
{
    g = fused(n.added, w, g);
    m = fused(n.beta1, m, n.rest1 * g);
    v = fused(n.beta2, v, n.rest2 * g * g);
    return n.keep * w - n.rate * m / fused(square_root(v), n.correction, n.epsilon);
}

KERNEL MEMORY_BOUND(TILE_THREADS) adam_update(float* w, float* m, float* v, Input<float> x, Input<float> z, int weighting,
    Input<double> coefficients, double beta1, double beta2, double epsilon, int decoupled, Input<double> control, Input<Tile> tiles)
{
    __shared__ float rates[2];
    if (control[1] == 0.0)
        return;
    Tile tile = tiles[block_x()];
    if (!tile.trainable)
        return;
    if (thread_x() == 0)
    {
        rates[0] = (float)(control[0] / (1.0 - power(beta1, (long long)control[3])));
        rates[1] = (float)(1.0 / square_root(1.0 - power(beta2, (long long)control[3])));
    }
    barrier();
    GradientSource source = gradient_source(x, z, weighting, coefficients, control[2]);
    AdamNumbers n = {(float)beta1, (float)(1.0 - beta1), (float)beta2, (float)(1.0 - beta2), (float)epsilon, rates[0], rates[1],
        decoupled ? (float)(1.0 - control[0] * tile.decay) : 1.0f, decoupled ? 0.0f : (float)tile.decay};
    for (long long i = tile.offset + 4 * thread_x(); i < tile.offset + tile.length; i += 4 * TILE_THREADS)
    {
        float4 weight = load4(w + i), g = load(source, i, w), first = load4(m + i), second = load4(v + i);
        weight.x = adam_element(weight.x, g.x, first.x, second.x, n);
        weight.y = adam_element(weight.y, g.y, first.y, second.y, n);
        weight.z = adam_element(weight.z, g.z, first.z, second.z, n);
        weight.w = adam_element(weight.w, g.w, first.w, second.w, n);
        store4(m + i, first);
        store4(v + i, second);
        store4(w + i, weight);
    }
}
