// y = x cdf(x) with the normal distribution's cdf (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016; the exact form);
// dx = dy (cdf(x) + x pdf(x)). gelu_bias adds a linear layer's bias first and keeps the sum for the backward pass.
//
// x, y, dy, dx  float32[count]; y may be x, dx may be dy
// pre           float32[rows, columns]: x + bias; may be x
// launch        grid-stride, 256 threads, 4 elements a thread (1 in gelu_bias_odd, for columns not divisible by 4)
// bytes         least and actual: gelu reads 4 and writes 4 an element, gelu_backward reads 8 and writes 4, gelu_bias reads 4 and writes 8;
//               the bias comes from cache
// equals        CpuBackend.Gelu, GeluBackward, LinearGelu behind its product
#include "../include/map.cuh"
#include "../include/math.cuh"

DEVICE float gelu_of(float x)
{
    float density;
    return x * normal_cdf(x, density);
}

KERNEL __launch_bounds__(MAP_THREADS) gelu(float* y, const float* x, long long count)
{
    map(y, x, count, [](float v) { return gelu_of(v); });
}

KERNEL __launch_bounds__(MAP_THREADS) gelu_backward(float* dx, const float* dy, const float* x, long long count)
{
    map(dx, dy, x, count, [](float g, float v)
    {
        float density, cdf = normal_cdf(v, density);
        return g * fused(v * 0.398942280f, density, cdf);
    });
}

KERNEL __launch_bounds__(MAP_THREADS) gelu_bias(float* y, float* pre, const float* x, const float* bias, int columns, long long count)
{
    for (RowWalk walk = row_walk(columns, 4); walk.i < count; advance(walk))
    {
        float4 v = load4(x + walk.i), b = load4(bias + walk.column);
        v.x += b.x, v.y += b.y, v.z += b.z, v.w += b.w;
        store4(pre + walk.i, v);
        v.x = gelu_of(v.x), v.y = gelu_of(v.y), v.z = gelu_of(v.z), v.w = gelu_of(v.w);
        store4(y + walk.i, v);
    }
}

KERNEL __launch_bounds__(MAP_THREADS) gelu_bias_odd(float* y, float* pre, const float* x, const float* bias, int columns, long long count)
{
    for (RowWalk walk = row_walk(columns, 1); walk.i < count; advance(walk))
    {
        float v = x[walk.i] + bias[walk.column];
        pre[walk.i] = v;
        y[walk.i] = gelu_of(v);
    }
}
