// Sum of all elements, means over one dimension, and their gradients; two stages with a fixed order for the whole sum.
//
// x             float32[count], or [outer, n, inner]
// partial       float64[blocks]
// launch        reduce_sum: 256 threads, any grid; reduce_sum_parts: one block of 256; reduce_mean, reduce_mean_backward: grid-stride, 256
//               threads; reduce_mean_last: one warp a row, for inner = 1
// bytes         least and actual: reads 4 an element; the backward pass writes 4
// equals        CpuBackend.Sum, Mean, MeanBackward
#include "../include/reduce.cuh"

constexpr int THREADS = 256;

KERNEL __launch_bounds__(THREADS) reduce_sum(double* partial, const float* x, long long count)
{
    __shared__ double shared[THREADS / WARP];
    double sum = 0;
    bool whole = are_whole(x);
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (whole && i + 4 <= count)
        {
            float4 v = load4(x + i);
            sum += (double)v.x + v.y + ((double)v.z + v.w);
        }
        else
            for (long long j = i; j < i + 4 && j < count; j++)
                sum += x[j];
    }
    sum = block_sum<THREADS>(sum, shared);
    if (thread_x() == 0)
        partial[block_x()] = sum;
}

KERNEL __launch_bounds__(THREADS) reduce_sum_parts(float* y, const double* partial, int parts)
{
    __shared__ double shared[THREADS / WARP];
    double sum = 0;
    for (int p = thread_x(); p < parts; p += THREADS)
        sum += partial[p];
    sum = block_sum<THREADS>(sum, shared);
    if (thread_x() == 0)
        *y = (float)sum;
}

KERNEL __launch_bounds__(THREADS) reduce_mean(float* y, const float* x, int n, long long inner, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        const float* from = x + i / inner * n * inner + i % inner;
        float sum = 0;
        for (int k = 0; k < n; k++)
            sum += from[k * inner];
        y[i] = sum / (float)n;
    }
}

KERNEL __launch_bounds__(WARP) reduce_mean_last(float* y, const float* x, int n)
{
    const float* from = x + (long long)block_x() * n;
    float sum = 0;
    for (int k = lane_index(); k < n; k += WARP)
        sum += from[k];
    sum = warp_sum(sum);
    if (lane_index() == 0)
        y[block_x()] = sum / (float)n;
}

KERNEL __launch_bounds__(THREADS) reduce_mean_backward(float* dx, const float* dy, int n, long long inner, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        dx[i] = dy[i / inner / n * inner + i % inner] / (float)n;
}
