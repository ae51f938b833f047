// Attention as in attention.cu on tensor cores: operands rounded to tf32 or bfloat16 as they are read from shared memory, sums, softmax and
// everything in global memory in float32. A warp has 16 rows; its scores are fragments of mma.sync (mma.cuh).
//
// arguments, grid, results   those of attention.cu (delta comes from attention_delta); forward 64 queries a block, backward 64 rows
// launch        128 threads; suffix: the padded width, 32, 64 or 128. Dynamic shared memory in bytes, with S = width + 8:
//               forward 4 (64 S + 2 · 32 S + 64 · 40), queries 4 (2 · 64 S + 2 · 32 S + 64 · 40), keys 4 (2 · 64 S + 2 · 32 S + 2 · 64 · 40)
// equals        CpuBackend.Attention, AttentionBackward within the error of the operands' rounding: 2^-11 (tf32) or 2^-8 (bfloat16)
#include "attention.cuh"
#include "../include/bfloat16.cuh"
#include "../include/mma.cuh"

constexpr int OWN = 64, OTHERS = 32, PROBABILITIES = OTHERS + 8;

struct Tf32
{
    static constexpr int Depth = 8, PerRegister = 1;

    DEVICE_METHOD static unsigned pack(const float* p, int) { return to_tf32(*p); }

    DEVICE_METHOD static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_tf32(d, a, b); }
};

struct Bf16
{
    static constexpr int Depth = 16, PerRegister = 2;

    DEVICE_METHOD static unsigned pack(const float* p, int step) { return to_bfloat16x2(p[0], p[step]); }

    DEVICE_METHOD static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_bf16(d, a, b); }
};

DEVICE int group() { return lane_index() / 4; }
DEVICE int member() { return lane_index() % 4; }

/// First of the warp's 16 rows.
DEVICE int warp_row() { return thread_x() / WARP * 16; }

/// The fragment of 16 rows at depth k of a tile whose memory runs along k.
template <typename Type, int Stride>
DEVICE void load_left(unsigned (&a)[4], const float* tile, int row, int k)
{
    const float* p = tile + (row + group()) * Stride + k + member() * Type::PerRegister;
    a[0] = Type::pack(p, 1);
    a[1] = Type::pack(p + 8 * Stride, 1);
    a[2] = Type::pack(p + Type::Depth / 2, 1);
    a[3] = Type::pack(p + 8 * Stride + Type::Depth / 2, 1);
}

/// s += rows of a times rows of b: both run along k. s[j]: columns 8 j to 8 j + 7.
template <typename Type, int Columns, int W, int Stride>
DEVICE void multiply_rows(float (&s)[Columns][4], const float* a, const float* b)
{
#pragma unroll 1
    for (int k = 0; k < W; k += Type::Depth)
    {
        unsigned left[4];
        load_left<Type, Stride>(left, a, warp_row(), k);
#pragma unroll
        for (int j = 0; j < Columns; j++)
        {
            const float* p = b + (8 * j + group()) * Stride + k + member() * Type::PerRegister;
            unsigned right[2] = {Type::pack(p, 1), Type::pack(p + Type::Depth / 2, 1)};
            Type::multiply(s[j], left, right);
        }
    }
}

/// sum += p [*, 40] times v, whose rows are the depth.
template <typename Type, int W, int Stride>
DEVICE void multiply_columns(float (&sum)[W / 8][4], const float* p, const float* v)
{
#pragma unroll 1
    for (int k = 0; k < OTHERS; k += Type::Depth)
    {
        unsigned left[4];
        load_left<Type, PROBABILITIES>(left, p, warp_row(), k);
#pragma unroll
        for (int j = 0; j < W / 8; j++)
        {
            const float* q = v + (k + member() * Type::PerRegister) * Stride + 8 * j + group();
            unsigned right[2] = {Type::pack(q, Stride), Type::pack(q + Type::Depth / 2 * Stride, Stride)};
            Type::multiply(sum[j], left, right);
        }
    }
}

/// Row and column of element e of fragment j within the block.
DEVICE int fragment_row(int e) { return warp_row() + group() + e / 2 * 8; }
DEVICE int fragment_column(int j, int e) { return 8 * j + 2 * member() + e % 2; }

template <int Fragments>
DEVICE void clear(float (&v)[Fragments][4])
{
#pragma unroll
    for (int j = 0; j < Fragments; j++)
#pragma unroll
        for (int e = 0; e < 4; e++)
            v[j][e] = 0.0f;
}

/// A warp's rows are written and read by that warp alone.
DEVICE void store_rows(float* p, const float (&s)[OTHERS / 8][4])
{
#pragma unroll
    for (int j = 0; j < OTHERS / 8; j++)
#pragma unroll
        for (int e = 0; e < 4; e++)
            p[fragment_row(e) * PROBABILITIES + fragment_column(j, e)] = s[j][e];
}

template <int W>
DEVICE void write_rows(float* to, long long step, int first, const Heads& h, const float (&v)[W / 8][4])
{
#pragma unroll
    for (int j = 0; j < W / 8; j++)
#pragma unroll
        for (int e = 0; e < 4; e++)
            if (first + fragment_row(e) < h.tokens && fragment_column(j, e) < h.width)
                to[(first + fragment_row(e)) * step + fragment_column(j, e)] = v[j][e];
}

template <typename Type, int W>
DEVICE void forward(float* y, float* log_sums, const float* qkv, const Heads& h)
{
    constexpr int Stride = W + 8, Columns = OTHERS / 8;
    float *q = tiles, *k = q + OWN * Stride, *v = k + OTHERS * Stride, *p = v + OTHERS * Stride;
    int first = block_x() * OWN;
    float most[2] = {MINUS_INFINITY, MINUS_INFINITY}, sum[2] = {0.0f, 0.0f}, out[W / 8][4];
    clear(out);
    load_tile<OWN, W, Stride>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    for (int key = 0; key < h.tokens; key += OTHERS)
    {
        load_tile<OTHERS, W, Stride>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<OTHERS, W, Stride>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        float s[Columns][4];
        clear(s);
        multiply_rows<Type, Columns, W, Stride>(s, q, k);
#pragma unroll
        for (int half = 0; half < 2; half++)
        {
            float now = most[half], added = 0.0f;
#pragma unroll
            for (int j = 0; j < Columns; j++)
#pragma unroll
                for (int e = 2 * half; e < 2 * half + 2; e++)
                {
                    s[j][e] = key + fragment_column(j, e) < h.tokens ? s[j][e] * h.scale : MINUS_INFINITY;
                    now = largest_or_nan(now, s[j][e]);
                }
            now = row_max<4>(now);
            float shrink = exp_of(most[half] - now);
            most[half] = now;
#pragma unroll
            for (int j = 0; j < Columns; j++)
#pragma unroll
                for (int e = 2 * half; e < 2 * half + 2; e++)
                {
                    s[j][e] = exp_of(s[j][e] - now);
                    added += s[j][e];
                }
            sum[half] = fused(sum[half], shrink, row_sum<4>(added));
#pragma unroll
            for (int j = 0; j < W / 8; j++)
#pragma unroll
                for (int e = 2 * half; e < 2 * half + 2; e++)
                    out[j][e] *= shrink;
        }
        store_rows(p, s);
        warp_barrier();
        multiply_columns<Type, W, Stride>(out, p, v);
        barrier();
    }
#pragma unroll
    for (int e = 0; e < 4; e++)
    {
#pragma unroll
        for (int j = 0; j < W / 8; j++)
            out[j][e] *= 1.0f / sum[e / 2];
        if (log_sums && e % 2 == 0 && member() == 0 && first + fragment_row(e) < h.tokens)
            log_sums[row_numbers(h) + first + fragment_row(e)] = most[e / 2] + log_of(sum[e / 2]);
    }
    write_rows<W>(output_of(y, h), h.channels, first, h, out);
}

template <typename Type, int W, int Stride, bool RowsAreQueries>
DEVICE void probabilities(float (&p)[OTHERS / 8][4], float (&ds)[OTHERS / 8][4], const float* own_qk, const float* own_vy, const float* other_qk,
    const float* other_vy, int own, int other, const float* log_sums, const float* delta, const Heads& h)
{
    clear(p);
    clear(ds);
    multiply_rows<Type, OTHERS / 8, W, Stride>(p, own_qk, other_qk);
    multiply_rows<Type, OTHERS / 8, W, Stride>(ds, own_vy, other_vy);
#pragma unroll
    for (int j = 0; j < OTHERS / 8; j++)
    {
#pragma unroll
        for (int e = 0; e < 4; e++)
        {
            int row = own + fragment_row(e), column = other + fragment_column(j, e), query = RowsAreQueries ? row : column;
            bool exists = row < h.tokens && column < h.tokens;
            p[j][e] = exists ? exp_of(p[j][e] * h.scale - log_sums[row_numbers(h) + query]) : 0.0f;
            ds[j][e] = exists ? h.scale * p[j][e] * (ds[j][e] - delta[row_numbers(h) + query]) : 0.0f;
        }
    }
}

template <typename Type, int W>
DEVICE void backward_queries(float* dqkv, const float* dy, const float* qkv, const float* log_sums, const float* delta, const Heads& h)
{
    constexpr int Stride = W + 8;
    float *q = tiles, *g = q + OWN * Stride, *k = g + OWN * Stride, *v = k + OTHERS * Stride, *shared_ds = v + OTHERS * Stride;
    int first = block_x() * OWN;
    float dq[W / 8][4];
    clear(dq);
    load_tile<OWN, W, Stride>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    load_tile<OWN, W, Stride>(g, output_of(dy, h), h.channels, first, h);
    for (int key = 0; key < h.tokens; key += OTHERS)
    {
        load_tile<OTHERS, W, Stride>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<OTHERS, W, Stride>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        float p[OTHERS / 8][4], ds[OTHERS / 8][4];
        probabilities<Type, W, Stride, true>(p, ds, q, g, k, v, first, key, log_sums, delta, h);
        store_rows(shared_ds, ds);
        warp_barrier();
        multiply_columns<Type, W, Stride>(dq, shared_ds, k);
        barrier();
    }
    write_rows<W>(part_of(dqkv, h, 0), 3 * h.channels, first, h, dq);
}

template <typename Type, int W>
DEVICE void backward_keys(float* dqkv, const float* dy, const float* qkv, const float* log_sums, const float* delta, const Heads& h)
{
    constexpr int Stride = W + 8;
    float *k = tiles, *v = k + OWN * Stride, *q = v + OWN * Stride, *g = q + OTHERS * Stride, *shared_p = g + OTHERS * Stride,
        *shared_ds = shared_p + OWN * PROBABILITIES;
    int first = block_x() * OWN;
    float dk[W / 8][4], dv[W / 8][4];
    clear(dk);
    clear(dv);
    load_tile<OWN, W, Stride>(k, part_of(qkv, h, 1), 3 * h.channels, first, h);
    load_tile<OWN, W, Stride>(v, part_of(qkv, h, 2), 3 * h.channels, first, h);
    for (int query = 0; query < h.tokens; query += OTHERS)
    {
        load_tile<OTHERS, W, Stride>(q, part_of(qkv, h, 0), 3 * h.channels, query, h);
        load_tile<OTHERS, W, Stride>(g, output_of(dy, h), h.channels, query, h);
        barrier();
        float p[OTHERS / 8][4], ds[OTHERS / 8][4];
        probabilities<Type, W, Stride, false>(p, ds, k, v, q, g, first, query, log_sums, delta, h);
        store_rows(shared_p, p);
        store_rows(shared_ds, ds);
        warp_barrier();
        multiply_columns<Type, W, Stride>(dv, shared_p, g);
        multiply_columns<Type, W, Stride>(dk, shared_ds, q);
        barrier();
    }
    write_rows<W>(part_of(dqkv, h, 1), 3 * h.channels, first, h, dk);
    write_rows<W>(part_of(dqkv, h, 2), 3 * h.channels, first, h, dv);
}

#define ATTENTION(name, type, width) \
    KERNEL __launch_bounds__(ATTENTION_THREADS) attention_mma_##name##_##width(float* y, float* log_sums, const float* qkv, Heads h) \
    { \
        forward<type, width>(y, log_sums, qkv, h); \
    } \
    KERNEL __launch_bounds__(ATTENTION_THREADS) attention_mma_##name##_backward_queries_##width(float* dqkv, const float* dy, const float* qkv, \
        const float* log_sums, const float* delta, Heads h) \
    { \
        backward_queries<type, width>(dqkv, dy, qkv, log_sums, delta, h); \
    } \
    KERNEL __launch_bounds__(ATTENTION_THREADS) attention_mma_##name##_backward_keys_##width(float* dqkv, const float* dy, const float* qkv, \
        const float* log_sums, const float* delta, Heads h) \
    { \
        backward_keys<type, width>(dqkv, dy, qkv, log_sums, delta, h); \
    }

ATTENTION(tf32, Tf32, 32)
ATTENTION(tf32, Tf32, 64)
ATTENTION(tf32, Tf32, 128)
ATTENTION(bf16, Bf16, 32)
ATTENTION(bf16, Bf16, 64)
ATTENTION(bf16, Bf16, 128)
