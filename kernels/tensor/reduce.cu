// Sum of all elements, means over one dimension, and their gradients; two stages with a fixed order for the whole sum.
//
// x             float32[count], or [outer, n, inner]
// partial       float64[blocks]
// launch        reduce_sum: 256 threads, any grid; reduce_sum_parts: one block of 256; reduce_mean, reduce_mean_backward: grid-stride, 256
//               threads; reduce_mean_last, for inner = 1: blocks of 256 threads, a warp a row
// bytes         least and actual: reads 4 an element; the backward pass writes 4
// equals        CpuBackend.Sum, Mean, MeanBackward
#include "../include/reduce.cuh"

constexpr int THREADS = 256;

KERNEL MEMORY_BOUND(THREADS) reduce_sum(double* partial, Input<float> x, long long count)
{
    __shared__ double shared[THREADS / WARP];
    double sum = 0;
    bool whole = are_whole(x);
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (whole && i + 4 <= count)
        {
            float4 v = load4_whole(x + i);
            sum += (double)v.x + v.y + ((double)v.z + v.w);
        }
        else
            for (long long j = i; j < i + 4 && j < count; j++)
                sum += load_input(x + j);
    }
    sum = block_sum<THREADS>(sum, shared);
    if (thread_x() == 0)
        partial[block_x()] = sum;
}

KERNEL MEMORY_BOUND(THREADS) reduce_sum_parts(float* y, Input<double> partial, int parts)
{
    __shared__ double shared[THREADS / WARP];
    double sum = 0;
    for (int p = thread_x(); p < parts; p += THREADS)
        sum += partial[p];
    sum = block_sum<THREADS>(sum, shared);
    if (thread_x() == 0)
        *y = (float)sum;
}

KERNEL MEMORY_BOUND(THREADS) reduce_mean(float* y, Input<float> x, int n, long long inner, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        const float* from = x + (i / inner * n * inner + i % inner);
        float sum = 0;
        for (int k = 0; k < n; k++)
            sum += load_input(from + k * inner);
        y[i] = sum / (float)n;
    }
}

KERNEL MEMORY_BOUND(THREADS) reduce_mean_last(float* y, Input<float> x, int n, long long rows)
{
    long long row = (long long)block_x() * (THREADS / WARP) + thread_x() / WARP;
    if (row >= rows)
        return;
    const float* from = x + row * n;
    float sum = 0;
    for (int k = lane_index(); k < n; k += WARP)
        sum += from[k];
    sum = warp_sum(sum);
    if (lane_index() == 0)
        y[row] = sum / (float)n;
}

KERNEL MEMORY_BOUND(THREADS) reduce_mean_backward(float* dx, Input<float> dy, int n, long long inner, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        dx[i] = dy[i / inner / n * inner + i % inner] / (float)n;
}
