// y = 1 / (1 + exp(-x)); dx = dy y (1 - y); second: a y (1 - y) (1 - 2 y), a times the second derivative.
//
// x, y, dy, dx, a   float32[count]; y may be x, dx may be dy, the second's result may be a
// launch        grid-stride, 256 threads, 4 elements a thread
// bytes         least and actual: sigmoid reads 4 and writes 4 an element, sigmoid_backward and sigmoid_second read 8 and write 4
// equals        SigmoidKernel, SigmoidSecondKernel
#include "../include/map.cuh"
#include "../include/math.cuh"

KERNEL MEMORY_BOUND(MAP_THREADS) sigmoid(float* y, const float* x, long long count)
{
    map(y, x, count, [](float v) { return sigmoid_of(v); });
}

KERNEL MEMORY_BOUND(MAP_THREADS) sigmoid_backward(float* dx, const float* dy, const float* y, long long count)
{
    map(dx, dy, y, count, [](float g, float v) { return g * v * (1.0f - v); });
}

KERNEL MEMORY_BOUND(MAP_THREADS) sigmoid_second(float* to, const float* a, const float* y, long long count)
{
    map(to, a, y, count, [](float g, float v) { return g * v * (1.0f - v) * (1.0f - v - v); });
}
