// The second stage of a sum over an arena: the last block to arrive adds up the blocks' sums, in a fixed order.
#pragma once
#include "../include/arrival.cuh"
#include "tile.cuh"

/// result[s] = sum over the blocks b of the grid of partials[b, s], s < Sums. Every thread calls it, after the block's own are written.
template <int Sums>
DEVICE void finish_sums(double* result, const double* partials)
{
    if (!arrives_last(0, grid_size()))
        return;
    // As many readers as let each keep to one s while they read one element behind the other.
    constexpr int readers = TILE_THREADS - TILE_THREADS % Sums;
    __shared__ double shared[Sums][TILE_THREADS / WARP];
    int thread = thread_x();
    double own = 0;
    if (thread < readers)
        for (long long i = thread; i < (long long)Sums * grid_size(); i += readers)
            own += partials[i];
    for (int s = 0; s < Sums; s++)
    {
        double sum = block_sum<TILE_THREADS>(thread % Sums == s ? own : 0.0, shared[s]);
        if (thread == 0)
            result[s] = sum;
    }
}
