// Where the heads of qkv [B, N, 3, H, D] lie, and tiles of them in shared memory. Rows behind the last token and columns behind the head's
// width are zero in a tile, so that any N and any D (a multiple of 4) up to the padded width W is served.
#pragma once
#include "../include/math.cuh"
#include "../include/reduce.cuh"

constexpr int ATTENTION_THREADS = 128;

extern __shared__ __attribute__((aligned(16))) float tiles[];

struct Heads
{
    int tokens, channels, heads, width;
    float scale;
};

/// The part (0: q, 1: k, 2: v) of the block's head in a tensor with the layout of qkv; rows are 3 C apart.
template <typename T>
DEVICE T* part_of(T* qkv, const Heads& h, int part)
{
    return qkv + (long long)block_z() * h.tokens * 3 * h.channels + part * h.channels + block_y() * h.width;
}

/// The block's head in a tensor with the layout of y; rows are C apart.
template <typename T>
DEVICE T* output_of(T* y, const Heads& h)
{
    return y + (long long)block_z() * h.tokens * h.channels + block_y() * h.width;
}

/// Index of the head's first element in log_sums [B, H, N].
DEVICE long long row_numbers(const Heads& h) { return ((long long)block_z() * h.heads + block_y()) * h.tokens; }

/// Loads Rows rows from `first` on, Tile::Width columns; Tile says where an element stands in shared memory.
template <int Rows, typename Tile>
DEVICE void load_tile(float* tile, const float* from, long long step, int first, const Heads& h)
{
    constexpr int W = Tile::Width;
    for (int f = thread_x(); f < Rows * W / 4; f += ATTENTION_THREADS)
    {
        int row = f / (W / 4), column = f % (W / 4) * 4;
        float4 v = {0, 0, 0, 0};
        if (first + row < h.tokens && column < h.width)
            v = load4_whole(from + (first + row) * step + column);
        store4(tile + Tile::place(row, column), v);
    }
}

/// Sum and maximum over the lanes that share a row: 8 neighbours on CUDA cores, 4 in a fragment of mma.sync.
template <int Lanes>
DEVICE float row_sum(float v)
{
    for (int lanes = Lanes / 2; lanes > 0; lanes /= 2)
        v += shuffle_xor(v, lanes);
    return v;
}

template <int Lanes>
DEVICE float row_max(float v)
{
    for (int lanes = Lanes / 2; lanes > 0; lanes /= 2)
        v = largest_or_nan(v, shuffle_xor(v, lanes));
    return v;
}

/// delta[i] = sum over the head of dy y of row first + i, in shared memory, a warp a row. Visible to the block behind a barrier.
template <int Rows>
DEVICE void write_delta(float* delta, const float* dy, const float* y, int first, const Heads& h)
{
    for (int row = first + thread_x() / WARP; row < first + Rows && row < h.tokens; row += ATTENTION_THREADS / WARP)
    {
        const float *g = output_of(dy, h) + (long long)row * h.channels, *v = output_of(y, h) + (long long)row * h.channels;
        float sum = 0.0f;
        for (int d = lane_index(); d < h.width; d += WARP)
            sum = fused(g[d], v[d], sum);
        sum = warp_sum(sum);
        if (lane_index() == 0)
            delta[row - first] = sum;
    }
}

constexpr float MINUS_INFINITY = -__builtin_huge_valf();

/// What is taken from a row's scores before exp: their maximum, or nothing where all so far are -infinity.
DEVICE float shift_of(float most) { return most == MINUS_INFINITY ? 0.0f : most; }
