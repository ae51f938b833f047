// A loss of samples: the row of logits is read once from global memory and kept until its gradient is written (rows.cuh). Few classes: four
// samples a block, a warp each; many: one a block. Each kernel exists in both sizes.
#pragma once
#include "../include/arrival.cuh"
#include "../include/math.cuh"
#include "../include/rows.cuh"

constexpr int MANY_THREADS = 256;

extern __shared__ float kept[];

using Few = WarpRow<float>;
using Many = BlockRow<MANY_THREADS, float>;

/// The sample of the thread; the last block may have fewer than it has room for.
template <typename Row>
DEVICE long long sample_of_thread() { return (long long)block_x() * Row::Rows + Row::row(); }

/// loss = factor times the sum of the samples' losses, float64 in a fixed order, rounded once: by the last block to arrive, when every
/// block's samples are written. Every thread of the block calls it.
template <typename Row>
DEVICE void finish_loss(float* loss, const double* values, double factor, int samples)
{
    constexpr int Threads = Row::BlockThreads;
    if (!arrives_last(0, grid_size()))
        return;
    __shared__ double shared[Threads / WARP];
    double sum = 0;
    for (int i = thread_x(); i < samples; i += Threads)
        sum += values[i];
    sum = block_sum<Threads>(sum, shared);
    if (thread_x() == 0)
        *loss = (float)(sum * factor);
}
