// loss = factor times the sum of the samples' losses, in a fixed order, float64 rounded once.
//
// values        float64[samples]
// launch        one block of 256 threads
// bytes         least and actual: reads 8 a sample
// equals        CpuBackend.Reduce
#include "../include/reduce.cuh"

KERNEL __launch_bounds__(256) loss_sum(float* loss, const double* values, double factor, long long samples)
{
    __shared__ double shared[256 / WARP];
    double sum = 0;
    for (long long i = thread_x(); i < samples; i += 256)
        sum += values[i];
    sum = block_sum<256>(sum, shared);
    if (thread_x() == 0)
        *loss = (float)(sum * factor);
}
