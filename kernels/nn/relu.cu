// y = max(x, 0), NaN stays NaN; dx = dy where y > 0, else 0.
//
// x, y, dy, dx  float32[count]; y may be x, dx may be dy
// launch        grid-stride, 256 threads, 4 elements a thread
// bytes         least and actual: relu reads 4 and writes 4 an element, relu_backward reads 8 and writes 4
// equals        ReluKernel
#include "../include/map.cuh"

KERNEL MEMORY_BOUND(MAP_THREADS) relu(float* y, const float* x, long long count)
{
    map(y, x, count, [](float v) { return v < 0.0f ? 0.0f : v; });
}

KERNEL MEMORY_BOUND(MAP_THREADS) relu_backward(float* dx, const float* dy, const float* y, long long count)
{
    map(dx, dy, y, count, [](float g, float v) { return v > 0.0f ? g : 0.0f; });
}
