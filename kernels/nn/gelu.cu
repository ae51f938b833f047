// y = x cdf(x) with the normal distribution's cdf (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016; the exact form);
// dx = dy (cdf(x) + x pdf(x)).
//
// x, y, dy, dx  float32[count]; y may be x, dx may be dy
// launch        grid-stride, 256 threads, 4 elements a thread
// bytes         least and actual: gelu reads 4 and writes 4 an element, gelu_backward reads 8 and writes 4
// equals        GeluKernel
#include "../include/map.cuh"
#include "../include/math.cuh"

DEVICE float gelu_of(float x)
{
    float density;
    return x * normal_cdf(x, density);
}

KERNEL MEMORY_BOUND(MAP_THREADS) gelu(float* y, const float* x, long long count)
{
    map(y, x, count, [](float v) { return gelu_of(v); });
}

KERNEL MEMORY_BOUND(MAP_THREADS) gelu_backward(float* dx, const float* dy, const float* x, long long count)
{
    map(dx, dy, x, count, [](float g, float v)
    {
        float density, cdf = normal_cdf(v, density);
        return g * fused(v * 0.398942280f, density, cdf);
    });
}
