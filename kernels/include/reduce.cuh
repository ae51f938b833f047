// Sums and maxima over a warp or block. The order of the operands is fixed, so that a result is the same in every bit on every run.
#pragma once
#include "device.cuh"

DEVICE float shuffle_xor(float v, int lanes)
{
    float other;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(other) : "f"(v), "r"(lanes));
    return other;
}

DEVICE int shuffle_xor(int v, int lanes)
{
    int other;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(other) : "r"(v), "r"(lanes));
    return other;
}

DEVICE double shuffle_xor(double v, int lanes)
{
    unsigned long long bits = bits_of(v);
    unsigned low = (unsigned)shuffle_xor((int)(unsigned)bits, lanes), high = (unsigned)shuffle_xor((int)(unsigned)(bits >> 32), lanes);
    return double_of((unsigned long long)high << 32 | low);
}

/// Sum over the 32 lanes, in every lane. The tree is symmetric, so that all lanes have the same bits.
template <typename T>
DEVICE T warp_sum(T v)
{
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2)
        v += shuffle_xor(v, lanes);
    return v;
}

/// Maximum over the 32 lanes, in every lane; NaN when one lane has it.
DEVICE float warp_max(float v)
{
    for (int lanes = WARP / 2; lanes > 0; lanes /= 2)
        v = largest_or_nan(v, shuffle_xor(v, lanes));
    return v;
}

/// Sum over the block, in every thread. Threads: a multiple of 32. Shared: one T a warp; free again behind the next barrier.
template <int Threads, typename T>
DEVICE T block_sum(T v, T* shared)
{
    v = warp_sum(v);
    if (Threads == WARP)
        return v;
    if (thread_x() % WARP == 0)
        shared[thread_x() / WARP] = v;
    barrier();
    T total = shared[0];
    for (int warp = 1; warp < Threads / WARP; warp++)
        total += shared[warp];
    return total;
}

/// Maximum over the block, in every thread; as block_sum.
template <int Threads>
DEVICE float block_max(float v, float* shared)
{
    v = warp_max(v);
    if (Threads == WARP)
        return v;
    if (thread_x() % WARP == 0)
        shared[thread_x() / WARP] = v;
    barrier();
    float most = shared[0];
    for (int warp = 1; warp < Threads / WARP; warp++)
        most = largest_or_nan(most, shared[warp]);
    return most;
}
