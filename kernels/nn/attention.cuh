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

/// Place of the head's query in statistics [B, H, N, 2]: the largest score before scaling, and 1 / sum exp. They stay apart, because the
/// rounding of one number with both in it is an error in all probabilities of the row at once: with large scores it would no longer sum to
/// one.
DEVICE long long place_of(int query, const Heads& h) { return 2 * ((((long long)block_z() * h.heads + block_y()) * h.tokens) + query); }

DEVICE void write_statistics(float* statistics, int query, float most, float sum, const Heads& h)
{
    float both[2] = {most, 1.0f / sum};
    store_global(statistics + place_of(query, h), both);
}

/// What the backward pass needs of a query: its statistics, and delta, the sum over the head of dy y.
struct Query
{
    float most, inverse, delta;

    /// The probability of a score before scaling. A score has the same bits in both passes, and only the scaled difference is rounded.
    DEVICE_METHOD float probability(float score, float scale) const { return exp_of((score - most) * scale) * inverse; }
};

/// Loads Rows rows from `first` on, Tile::Width columns; Tile says where an element stands in shared memory.
template <int Rows, typename Tile, int Threads = ATTENTION_THREADS>
DEVICE void load_tile(float* tile, const float* from, long long step, int first, const Heads& h)
{
    constexpr int W = Tile::Width;
    for (int f = thread_x(); f < Rows * W / 4; f += Threads)
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

/// sum + a b, of four neighbours: the last first.
template <typename Type>
DEVICE float add_products(float4 a, float4 b, float sum)
{
    sum = fused(Type::rounded(a.z), Type::rounded(b.z), fused(Type::rounded(a.w), Type::rounded(b.w), sum));
    return fused(Type::rounded(a.x), Type::rounded(b.x), fused(Type::rounded(a.y), Type::rounded(b.y), sum));
}

/// Rows queries from `first` on, in shared memory, a thread a query. Visible to the block behind a barrier. Type rounds as the products
/// dy v do, and adds in their order where that is known: where all of a row's weight lies on one key, y is that key's v, and delta takes
/// away exactly what it must.
template <int Rows, typename Type>
DEVICE void write_queries(Query* queries, const float* dy, const float* y, const float* statistics, int first, const Heads& h)
{
    int row = first + thread_x();
    if (thread_x() >= Rows || row >= h.tokens)
        return;
    const float *g = output_of(dy, h) + (long long)row * h.channels, *v = output_of(y, h) + (long long)row * h.channels;
    float delta = 0.0f;
    for (int d = 0; d < h.width; d += 4)
        delta = add_products<Type>(load4_whole(g + d), load4_whole(v + d), delta);
    const float* saved = statistics + place_of(row, h);
    queries[thread_x()] = {load_input(saved), load_input(saved + 1), delta};
}

constexpr float MINUS_INFINITY = -__builtin_huge_valf();

/// What is taken from a row's scores before exp: their maximum, or nothing where all so far are -infinity.
DEVICE float shift_of(float most) { return most == MINUS_INFINITY ? 0.0f : most; }
