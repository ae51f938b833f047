// A loss of one sample a block: the row of logits is read once from global memory and kept in dynamic shared memory, C floats, until
// its gradient is written. Blocks of 32 threads serve few classes, of 256 many; each kernel exists in both sizes.
#pragma once
#include "../include/arrival.cuh"
#include "../include/math.cuh"
#include "../include/reduce.cuh"

constexpr int FEW_THREADS = 32, MANY_THREADS = 256;

extern __shared__ float row[];

/// loss = factor times the sum of the samples' losses, float64 in a fixed order, rounded once: by the last block to arrive, when every
/// block's sample is written.
template <int Threads>
DEVICE void finish_loss(float* loss, const double* values, double factor)
{
    if (!arrives_last(0, grid_size()))
        return;
    __shared__ double shared[Threads / WARP];
    double sum = 0;
    for (unsigned i = thread_x(); i < grid_size(); i += Threads)
        sum += values[i];
    sum = block_sum<Threads>(sum, shared);
    if (thread_x() == 0)
        *loss = (float)(sum * factor);
}
