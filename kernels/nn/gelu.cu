// y = x cdf(x) with the normal distribution's cdf (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016; the exact form);
// dx = dy (cdf(x) + x pdf(x)); second: a (2 - x^2) pdf(x), a times the second derivative.
//
// x, y, dy, dx, a   float32[count]; y may be x or a, dx may be dy
// launch        grid-stride, 256 threads, 4 elements a thread
// bytes         least and actual: gelu reads 4 and writes 4 an element, gelu_backward and gelu_second read 8 and write 4
// equals        GeluKernel, GeluSecondKernel
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

KERNEL MEMORY_BOUND(MAP_THREADS) gelu_second(float* y, const float* a, const float* x, long long count)
{
    map(y, a, x, count, [](float g, float v)
    {
        float density;
        normal_cdf(v, density);
        // Where the density is 0, x^2 may be infinite.
        return density == 0.0f ? g * density : g * ((2.0f - v * v) * (0.398942280f * density));
    });
}
