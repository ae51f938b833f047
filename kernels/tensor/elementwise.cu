// Sums, differences, products, multiples: y = a + b, a - b, a b, f x.
//
// a, b, x, y    float32[count]; y may be a source; factor: float32[1] on the device
// launch        grid-stride, 256 threads, 4 elements a thread
// bytes         least and actual: two sources read 8 and write 4 an element, one reads 4 and writes 4
// equals        AddKernel, SubKernel, MulKernel, ScaleKernel
#include "../include/map.cuh"

KERNEL MEMORY_BOUND(MAP_THREADS) elementwise_add(float* y, const float* a, const float* b, long long count)
{
    map(y, a, b, count, [](float u, float v) { return u + v; });
}

KERNEL MEMORY_BOUND(MAP_THREADS) elementwise_sub(float* y, const float* a, const float* b, long long count)
{
    map(y, a, b, count, [](float u, float v) { return u - v; });
}

KERNEL MEMORY_BOUND(MAP_THREADS) elementwise_mul(float* y, const float* a, const float* b, long long count)
{
    map(y, a, b, count, [](float u, float v) { return u * v; });
}

KERNEL MEMORY_BOUND(MAP_THREADS) elementwise_scale(float* y, const float* x, float factor, long long count)
{
    map(y, x, count, [factor](float v) { return v * factor; });
}

KERNEL MEMORY_BOUND(MAP_THREADS) elementwise_scale_by(float* y, const float* x, Input<float> factor, long long count)
{
    float f = *factor;
    map(y, x, count, [f](float v) { return v * f; });
}
