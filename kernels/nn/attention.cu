// Attention of all heads, y = softmax(scale q k^T) v, tiled so that the scores never leave the chip, with the online softmax of
// Milakov and Gimelshein (2018) as FlashAttention uses it (Dao et al., NeurIPS 2022). float32 on CUDA cores.
//   backward (Dao, "FlashAttention-2", 2023): p = exp(scale (q k^T - most)) / sum, delta = sum(dy y), ds = scale p (dy v^T - delta),
//   dq = ds k, dk = ds^T q, dv = p^T dy. One launch: the first half of a head's blocks has dq of some queries, the second dk and dv of
//   some keys, and every block makes the delta that it needs: nothing is added atomically, nothing waits for another block.
//
// qkv, dqkv     float32[B, N, 3, H, D]; y, dy: float32[B, N, H, D]; D a multiple of 4 up to 128
// statistics    float32[B, H, N, 2]: a query's most and 1 / sum (attention.cuh); may be null in the forward pass
// launch        forward: grid (ceil(N / 64), H, B); backward: grid (2 ceil(N / 32), H, B). Suffix: the padded width, 32, 64 or 128; threads
//               128, for 128 columns 256. Dynamic shared memory in bytes, with S = width + 4: forward and backward 4 (128 S + 64 · 40),
//               for 128 columns 4 (128 S + 64 · 48)
// bytes         forward reads q once and k, v ceil(N / 64) times, writes y; backward reads its loops' tiles (2, 3) ceil(N / 32) times
// equals        CpuBackend.Attention, AttentionBackward
#include "attention.cuh"
#include "../include/vector.cuh"

constexpr int QUERIES = 64, KEYS = 32, OWN = 32, OTHERS = 32, ROWS_AT_ONCE = 16;

/// Operands as they are.
struct Float32
{
    DEVICE_METHOD static float rounded(float v) { return v; }
};

template <int W>
struct Tile
{
    static constexpr int Width = W, Stride = W + 4;

    /// Lanes of a row: twice as many for 128 columns, whose sums would else not fit 128 registers. Of a row of the result a thread has
    /// Fours times four neighbours.
    static constexpr int Lanes = W > 64 ? 16 : 8, Threads = ROWS_AT_ONCE * Lanes, Fours = W / Lanes / 4;

    /// Distance of rows of probabilities: the rows of Lanes columns that a warp writes at once meet in no bank, nor do, by Stride, the 8
    /// lanes that read 16 bytes of 8 rows.
    static constexpr int Probabilities = 32 + Lanes;

    DEVICE_METHOD static int place(int row, int column) { return row * Stride + column; }

    // Thread (ty, tx) = (thread / Lanes, thread % Lanes) has rows ty + 16 i, of the scores columns tx + Lanes j, of a result columns
    // 4 tx + 4 Lanes j and the three behind: lanes of a row are neighbours.
    DEVICE_METHOD static int row(int i) { return thread_x() / Lanes + ROWS_AT_ONCE * i; }
    DEVICE_METHOD static int column(int j) { return thread_x() % Lanes + Lanes * j; }
    DEVICE_METHOD static int four(int j) { return 4 * (thread_x() % Lanes) + 4 * Lanes * j; }
};

/// s[i][j] = row i of a times row j of b.
template <int Rows, int Columns, int W>
DEVICE void multiply_rows(float (&s)[Rows][Columns], const float* a, const float* b)
{
    constexpr int Stride = Tile<W>::Stride;
#pragma unroll
    for (int i = 0; i < Rows; i++)
#pragma unroll
        for (int j = 0; j < Columns; j++)
            s[i][j] = 0.0f;
#pragma unroll 2
    for (int d = 0; d < W; d += 4)
    {
        float4 left[Rows], right[Columns];
#pragma unroll
        for (int i = 0; i < Rows; i++)
            left[i] = load4(a + Tile<W>::row(i) * Stride + d);
#pragma unroll
        for (int j = 0; j < Columns; j++)
            right[j] = load4(b + Tile<W>::column(j) * Stride + d);
#pragma unroll
        for (int i = 0; i < Rows; i++)
#pragma unroll
            for (int j = 0; j < Columns; j++)
                s[i][j] = add_products<Float32>(left[i], right[j], s[i][j]);
    }
}

/// sum[i][j] += row i of p times four columns of v, over Depth rows of v.
template <int Rows, int W, int Depth>
DEVICE void multiply_columns(float4 (&sum)[Rows][Tile<W>::Fours], const float* p, const float* v)
{
    constexpr int Stride = Tile<W>::Stride;
#pragma unroll 1
    for (int k = 0; k < Depth; k += 4)
    {
        float left[Rows][4];
#pragma unroll
        for (int i = 0; i < Rows; i++)
        {
            float4 four = load4(p + Tile<W>::row(i) * Tile<W>::Probabilities + k);
            left[i][0] = four.x, left[i][1] = four.y, left[i][2] = four.z, left[i][3] = four.w;
        }
#pragma unroll
        for (int d = 0; d < 4; d++)
        {
#pragma unroll
            for (int j = 0; j < Tile<W>::Fours; j++)
            {
                float4 right = load4(v + (k + d) * Stride + Tile<W>::four(j));
#pragma unroll
                for (int i = 0; i < Rows; i++)
                    sum[i][j] = fused(right, left[i][d], sum[i][j]);
            }
        }
    }
}

template <int W, int Rows, int Columns>
DEVICE void store_rows(float* p, const float (&s)[Rows][Columns])
{
#pragma unroll
    for (int i = 0; i < Rows; i++)
#pragma unroll
        for (int j = 0; j < Columns; j++)
            p[Tile<W>::row(i) * Tile<W>::Probabilities + Tile<W>::column(j)] = s[i][j];
}

template <int Rows, int W>
DEVICE void write_rows(float* to, long long step, int first, const Heads& h, const float4 (&v)[Rows][Tile<W>::Fours])
{
    // A view begins between multiples of 16 bytes.
    bool whole = are_whole(to);
#pragma unroll
    for (int i = 0; i < Rows; i++)
    {
#pragma unroll
        for (int j = 0; j < Tile<W>::Fours; j++)
        {
            if (first + Tile<W>::row(i) >= h.tokens || Tile<W>::four(j) >= h.width)
                continue;
            float* place = to + (first + Tile<W>::row(i)) * step + Tile<W>::four(j);
            float four[4] = {v[i][j].x, v[i][j].y, v[i][j].z, v[i][j].w};
            if (whole)
                store_global(place, four);
            else
#pragma unroll
                for (int e = 0; e < 4; e++)
                    place[e] = four[e];
        }
    }
}

template <int Rows, int Columns>
DEVICE void clear(float4 (&v)[Rows][Columns])
{
#pragma unroll
    for (int i = 0; i < Rows; i++)
#pragma unroll
        for (int j = 0; j < Columns; j++)
            v[i][j] = all_of<float4>(0.0f);
}

template <int W>
DEVICE void forward(float* y, float* statistics, const float* qkv, const Heads& h)
{
    using T = Tile<W>;
    constexpr int Stride = T::Stride, Rows = QUERIES / ROWS_AT_ONCE, Columns = KEYS / T::Lanes;
    float *q = tiles, *k = q + QUERIES * Stride, *v = k + KEYS * Stride, *p = v + KEYS * Stride;
    int first = block_x() * QUERIES;
    float most[Rows], sum[Rows];
    float4 out[Rows][T::Fours];
    clear(out);
#pragma unroll
    for (int i = 0; i < Rows; i++)
    {
        most[i] = MINUS_INFINITY;
        sum[i] = 0.0f;
    }
    load_tile<QUERIES, T, T::Threads>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    for (int key = 0; key < h.tokens; key += KEYS)
    {
        load_tile<KEYS, T, T::Threads>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<KEYS, T, T::Threads>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        float s[Rows][Columns];
        multiply_rows<Rows, Columns, W>(s, q, k);
#pragma unroll
        for (int i = 0; i < Rows; i++)
        {
            float now = most[i];
#pragma unroll
            for (int j = 0; j < Columns; j++)
            {
                s[i][j] = key + T::column(j) < h.tokens ? s[i][j] : MINUS_INFINITY;
                now = largest_or_nan(now, s[i][j]);
            }
            now = row_max<T::Lanes>(now);
            float shift = shift_of(now), shrink = exp_of((most[i] - shift) * h.scale), added = 0.0f;
            most[i] = now;
#pragma unroll
            for (int j = 0; j < Columns; j++)
            {
                s[i][j] = exp_of((s[i][j] - shift) * h.scale);
                added += s[i][j];
            }
            sum[i] = fused(sum[i], shrink, row_sum<T::Lanes>(added));
#pragma unroll
            for (int j = 0; j < T::Fours; j++)
                out[i][j] = out[i][j] * shrink;
        }
        // A row of p is written and read by one warp.
        store_rows<W>(p, s);
        warp_barrier();
        multiply_columns<Rows, W, KEYS>(out, p, v);
        barrier();
    }
#pragma unroll
    for (int i = 0; i < Rows; i++)
    {
#pragma unroll
        for (int j = 0; j < T::Fours; j++)
            out[i][j] = out[i][j] * (1.0f / sum[i]);
        if (statistics && thread_x() % T::Lanes == 0 && first + T::row(i) < h.tokens)
            write_statistics(statistics, first + T::row(i), most[i], sum[i], h);
    }
    write_rows<Rows, W>(output_of(y, h), h.channels, first, h, out);
}

constexpr int OWN_ROWS = OWN / ROWS_AT_ONCE;

template <int W>
using Scores = float[OWN_ROWS][OTHERS / Tile<W>::Lanes];

/// p and ds of the rows of one side against the columns of the other; the softmax's rows are the queries.
template <int W, bool RowsAreQueries>
DEVICE void probabilities(Scores<W>& p, Scores<W>& ds, const float* own_qk, const float* own_vy, const float* other_qk,
    const float* other_vy, int own, int other, const Query* queries, const Heads& h)
{
    multiply_rows<OWN_ROWS, OTHERS / Tile<W>::Lanes, W>(p, own_qk, other_qk);
    multiply_rows<OWN_ROWS, OTHERS / Tile<W>::Lanes, W>(ds, own_vy, other_vy);
#pragma unroll
    for (int i = 0; i < OWN_ROWS; i++)
    {
#pragma unroll
        for (int j = 0; j < OTHERS / Tile<W>::Lanes; j++)
        {
            int row = own + Tile<W>::row(i), column = other + Tile<W>::column(j);
            bool exists = row < h.tokens && column < h.tokens;
            const Query& query = queries[RowsAreQueries ? row - own : column - other];
            p[i][j] = exists ? query.probability(p[i][j], h.scale) : 0.0f;
            ds[i][j] = exists ? h.scale * p[i][j] * (ds[i][j] - query.delta) : 0.0f;
        }
    }
}

template <int W>
DEVICE void backward_queries(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics,
    Query* queries, int block, const Heads& h)
{
    using T = Tile<W>;
    constexpr int Stride = T::Stride;
    float *q = tiles, *g = q + OWN * Stride, *k = g + OWN * Stride, *v = k + OTHERS * Stride, *shared_ds = v + OTHERS * Stride;
    int first = block * OWN;
    float4 dq[OWN_ROWS][T::Fours];
    clear(dq);
    write_queries<OWN, Float32>(queries, dy, y, statistics, first, h);
    load_tile<OWN, T, T::Threads>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    load_tile<OWN, T, T::Threads>(g, output_of(dy, h), h.channels, first, h);
    for (int key = 0; key < h.tokens; key += OTHERS)
    {
        load_tile<OTHERS, T, T::Threads>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<OTHERS, T, T::Threads>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        Scores<W> p, ds;
        probabilities<W, true>(p, ds, q, g, k, v, first, key, queries, h);
        store_rows<W>(shared_ds, ds);
        warp_barrier();
        multiply_columns<OWN_ROWS, W, OTHERS>(dq, shared_ds, k);
        barrier();
    }
    write_rows<OWN_ROWS, W>(part_of(dqkv, h, 0), 3 * h.channels, first, h, dq);
}

template <int W>
DEVICE void backward_keys(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics,
    Query* queries, int block, const Heads& h)
{
    using T = Tile<W>;
    constexpr int Stride = T::Stride;
    float *k = tiles, *v = k + OWN * Stride, *q = v + OWN * Stride, *g = q + OTHERS * Stride, *shared_p = g + OTHERS * Stride,
        *shared_ds = shared_p + OWN * T::Probabilities;
    int first = block * OWN;
    float4 dk[OWN_ROWS][T::Fours], dv[OWN_ROWS][T::Fours];
    clear(dk);
    clear(dv);
    load_tile<OWN, T, T::Threads>(k, part_of(qkv, h, 1), 3 * h.channels, first, h);
    load_tile<OWN, T, T::Threads>(v, part_of(qkv, h, 2), 3 * h.channels, first, h);
    for (int query = 0; query < h.tokens; query += OTHERS)
    {
        load_tile<OTHERS, T, T::Threads>(q, part_of(qkv, h, 0), 3 * h.channels, query, h);
        load_tile<OTHERS, T, T::Threads>(g, output_of(dy, h), h.channels, query, h);
        write_queries<OTHERS, Float32>(queries, dy, y, statistics, query, h);
        barrier();
        Scores<W> p, ds;
        probabilities<W, false>(p, ds, k, v, q, g, first, query, queries, h);
        store_rows<W>(shared_p, p);
        store_rows<W>(shared_ds, ds);
        warp_barrier();
        multiply_columns<OWN_ROWS, W, OTHERS>(dv, shared_p, g);
        multiply_columns<OWN_ROWS, W, OTHERS>(dk, shared_ds, q);
        barrier();
    }
    write_rows<OWN_ROWS, W>(part_of(dqkv, h, 1), 3 * h.channels, first, h, dk);
    write_rows<OWN_ROWS, W>(part_of(dqkv, h, 2), 3 * h.channels, first, h, dv);
}

template <int W>
DEVICE void backward(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics, const Heads& h)
{
    // Of the block's own rows, or of the others: OWN is the larger.
    __shared__ Query queries[OWN];
    int blocks = (h.tokens + OWN - 1) / OWN, block = block_x();
    if (block < blocks)
        backward_queries<W>(dqkv, dy, y, qkv, statistics, queries, block, h);
    else
        backward_keys<W>(dqkv, dy, y, qkv, statistics, queries, block - blocks, h);
}

// 16 warps an SM, a quarter of those that it holds (on sm_86 and sm_89 a third): arithmetic binds it. With 4 rows a thread a product takes
// one load of 16 bytes of shared memory for 8 multiply-adds and more; with 2 rows for twice the threads it would load 1.5 times as often.
// Shared memory leaves sm_86 and sm_89 two blocks of 64 columns, one of 128.
#define ATTENTION_BOUNDS(width) __launch_bounds__(Tile<width>::Threads, 512 / Tile<width>::Threads)
#define FORWARD(width) \
    KERNEL ATTENTION_BOUNDS(width) MODULE(float* y, float* statistics, Input<float> qkv, Heads h) \
    { \
        forward<width>(y, statistics, qkv, h); \
    }
#define BACKWARD(width) \
    KERNEL ATTENTION_BOUNDS(width) MODULE(float* dqkv, Input<float> dy, Input<float> y, Input<float> qkv, \
        Input<float> statistics, Heads h) \
    { \
        backward<width>(dqkv, dy, y, qkv, statistics, h); \
    }

#define MODULE_attention_32 FORWARD(32)
#define MODULE_attention_64 FORWARD(64)
#define MODULE_attention_128 FORWARD(128)
#define MODULE_attention_backward_32 BACKWARD(32)
#define MODULE_attention_backward_64 BACKWARD(64)
#define MODULE_attention_backward_128 BACKWARD(128)
MODULE_KERNELS
