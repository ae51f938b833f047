// Attention as in attention.cu on tensor cores: operands rounded to tf32 or bfloat16 as they are read from shared memory, sums, softmax and
// everything in global memory in float32. A warp has 16 rows; scores and results are accumulators of mma.sync (mma.cuh). The order of
// the terms of a product is free, so the depth of a fragment is numbered such that a lane reads neighbours along a row, and that its
// scores are, as they stand, the left operand of the next product.
//
// arguments, grid, results   those of attention.cu; forward 64 queries a block, backward 64 queries or keys
// launch        128 threads; suffix: the padded width W, 32, 64 or 128. Dynamic shared memory in bytes: forward 4 · 128 W,
//               backward 4 · 192 W
// equals        CpuBackend.Attention, AttentionBackward within the error of the operands' rounding: 2^-11 (tf32) or 2^-8 (bfloat16)
#include "attention.cuh"
#include "../include/bfloat16.cuh"
#include "../include/mma.cuh"

constexpr int OWN = 64, OTHERS = 32, COLUMNS = OTHERS / 8;

DEVICE int group() { return lane_index() / 4; }
DEVICE int member() { return lane_index() % 4; }

/// A tile without padding: within 32 columns, groups of 4 change places by row. So lanes of 4 neighbouring rows that read 8 bytes along
/// them meet in no bank, nor do lanes of rows 0, 2, 4, 6 (or 1, 3, 5, 7) that read 8 neighbouring columns.
template <int W>
struct Tile
{
    static constexpr int Width = W;

    DEVICE_METHOD static int swizzle(int row) { return (row % 4 ^ row / 4 % 2) * 8 + row / 4 % 2 * 4; }

    DEVICE_METHOD static int place(int row, int column) { return row * W + (column ^ swizzle(row)); }

    /// Two neighbours of a row; column is even.
    DEVICE_METHOD static float2 along(const float* tile, int row, int column) { return *(const float2*)(tile + place(row, column)); }

    /// Column group + 8 j of a row.
    DEVICE_METHOD static float across(const float* tile, int row,
        int j) { return tile[row * W + (group() + 8 * (j % 4) ^ swizzle(row)) + 32 * (j / 4)]; }
};

// low and high are the registers of the first and the second half of a fragment's depth.
struct Tf32
{
    static constexpr int Depth = 8;

    DEVICE_METHOD static float rounded(float v) { return float_of(to_tf32(v)); }

    template <typename Tile>
    DEVICE_METHOD static void along(unsigned& low, unsigned& high, const float* tile, int row, int k)
    {
        float2 v = Tile::along(tile, row, k + 2 * member());
        low = to_tf32(v.x), high = to_tf32(v.y);
    }

    template <typename Tile>
    DEVICE_METHOD static void across(unsigned& low, unsigned& high, const float* tile, int k, int j)
    {
        low = to_tf32(Tile::across(tile, k + 2 * member(), j));
        high = to_tf32(Tile::across(tile, k + 2 * member() + 1, j));
    }

    DEVICE_METHOD static void scores(unsigned (&a)[4], const float (&s)[COLUMNS][4], int step)
    {
        a[0] = to_tf32(s[step][0]), a[1] = to_tf32(s[step][2]), a[2] = to_tf32(s[step][1]), a[3] = to_tf32(s[step][3]);
    }

    DEVICE_METHOD static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_tf32(d, a, b); }
};

struct Bf16
{
    static constexpr int Depth = 16;

    DEVICE_METHOD static float rounded(float v) { return low_of(to_bfloat16x2(v, v)); }

    template <typename Tile>
    DEVICE_METHOD static void along(unsigned& low, unsigned& high, const float* tile, int row, int k)
    {
        float2 v = Tile::along(tile, row, k + 2 * member()), w = Tile::along(tile, row, k + 8 + 2 * member());
        low = to_bfloat16x2(v.x, v.y), high = to_bfloat16x2(w.x, w.y);
    }

    template <typename Tile>
    DEVICE_METHOD static void across(unsigned& low, unsigned& high, const float* tile, int k, int j)
    {
        int row = k + 2 * member();
        low = to_bfloat16x2(Tile::across(tile, row, j), Tile::across(tile, row + 1, j));
        high = to_bfloat16x2(Tile::across(tile, row + 8, j), Tile::across(tile, row + 9, j));
    }

    DEVICE_METHOD static void scores(unsigned (&a)[4], const float (&s)[COLUMNS][4], int step)
    {
        a[0] = to_bfloat16x2(s[2 * step][0], s[2 * step][1]), a[1] = to_bfloat16x2(s[2 * step][2], s[2 * step][3]);
        a[2] = to_bfloat16x2(s[2 * step + 1][0], s[2 * step + 1][1]), a[3] = to_bfloat16x2(s[2 * step + 1][2], s[2 * step + 1][3]);
    }

    DEVICE_METHOD static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_bf16(d, a, b); }
};

/// First of the warp's 16 rows.
DEVICE int warp_row() { return thread_x() / WARP * 16; }

/// Row and column of element e of accumulator j within the block.
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

/// s = the warp's rows of a times the rows of b.
template <typename Type, int W>
DEVICE void multiply_rows(float (&s)[COLUMNS][4], const float* a, const float* b)
{
    clear(s);
#pragma unroll 1
    for (int k = 0; k < W; k += Type::Depth)
    {
        unsigned left[4];
        Type::template along<Tile<W>>(left[0], left[2], a, warp_row() + group(), k);
        Type::template along<Tile<W>>(left[1], left[3], a, warp_row() + group() + 8, k);
#pragma unroll
        for (int j = 0; j < COLUMNS; j++)
        {
            unsigned right[2];
            Type::template along<Tile<W>>(right[0], right[1], b, 8 * j + group(), k);
            Type::multiply(s[j], left, right);
        }
    }
}

/// sum += s times v, whose rows are the depth.
template <typename Type, int W>
DEVICE void multiply_columns(float (&sum)[W / 8][4], const float (&s)[COLUMNS][4], const float* v)
{
#pragma unroll
    for (int step = 0; step < OTHERS / Type::Depth; step++)
    {
        unsigned left[4];
        Type::scores(left, s, step);
#pragma unroll
        for (int j = 0; j < W / 8; j++)
        {
            unsigned right[2];
            Type::template across<Tile<W>>(right[0], right[1], v, step * Type::Depth, j);
            Type::multiply(sum[j], left, right);
        }
    }
}

template <int W>
DEVICE void write_rows(float* to, long long step, int first, const Heads& h, const float (&v)[W / 8][4])
{
#pragma unroll
    for (int j = 0; j < W / 8; j++)
#pragma unroll
        for (int e = 0; e < 4; e += 2)
        {
            float pair[2] = {v[j][e], v[j][e + 1]};
            if (first + fragment_row(e) < h.tokens && fragment_column(j, e) < h.width)
                store_global(to + (first + fragment_row(e)) * step + fragment_column(j, e), pair);
        }
}

/// One step of the online softmax for row group + 8 half: scores become exp(score - maximum), the results so far shrink.
template <int W>
DEVICE void soften(float (&s)[COLUMNS][4], float (&out)[W / 8][4], float& most, float& sum, int half, int key, const Heads& h)
{
    float now = most, added = 0.0f;
#pragma unroll
    for (int j = 0; j < COLUMNS; j++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++)
        {
            s[j][e] = key + fragment_column(j, e) < h.tokens ? s[j][e] : MINUS_INFINITY;
            now = largest_or_nan(now, s[j][e]);
        }
    now = row_max<4>(now);
    float shift = shift_of(now), shrink = exp_of((most - shift) * h.scale);
    most = now;
#pragma unroll
    for (int j = 0; j < COLUMNS; j++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++)
        {
            s[j][e] = exp_of((s[j][e] - shift) * h.scale);
            added += s[j][e];
        }
    sum = fused(sum, shrink, row_sum<4>(added));
#pragma unroll
    for (int j = 0; j < W / 8; j++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++)
            out[j][e] *= shrink;
}

template <typename Type, int W>
DEVICE void forward(float* y, float* statistics, const float* qkv, const Heads& h)
{
    float *q = tiles, *k = q + OWN * W, *v = k + OTHERS * W;
    int first = block_x() * OWN;
    float most[2] = {MINUS_INFINITY, MINUS_INFINITY}, sum[2] = {0.0f, 0.0f}, out[W / 8][4];
    clear(out);
    load_tile<OWN, Tile<W>>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    for (int key = 0; key < h.tokens; key += OTHERS)
    {
        load_tile<OTHERS, Tile<W>>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<OTHERS, Tile<W>>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        float s[COLUMNS][4];
        multiply_rows<Type, W>(s, q, k);
#pragma unroll
        for (int half = 0; half < 2; half++)
            soften<W>(s, out, most[half], sum[half], half, key, h);
        multiply_columns<Type, W>(out, s, v);
        barrier();
    }
#pragma unroll
    for (int e = 0; e < 4; e++)
    {
#pragma unroll
        for (int j = 0; j < W / 8; j++)
            out[j][e] *= 1.0f / sum[e / 2];
        if (statistics && e % 2 == 0 && member() == 0 && first + fragment_row(e) < h.tokens)
            write_statistics(statistics, first + fragment_row(e), most[e / 2], sum[e / 2], h);
    }
    write_rows<W>(output_of(y, h), h.channels, first, h, out);
}

/// p and ds of the rows of one side against those of the other; the softmax's rows are the queries.
template <typename Type, int W, bool RowsAreQueries>
DEVICE void probabilities(float (&p)[COLUMNS][4], float (&ds)[COLUMNS][4], const float* own_qk, const float* own_vy, const float* other_qk,
    const float* other_vy, int own, int other, const Query* queries, const Heads& h)
{
    multiply_rows<Type, W>(p, own_qk, other_qk);
    multiply_rows<Type, W>(ds, own_vy, other_vy);
#pragma unroll
    for (int j = 0; j < COLUMNS; j++)
    {
#pragma unroll
        for (int e = 0; e < 4; e++)
        {
            int row = own + fragment_row(e), column = other + fragment_column(j, e);
            bool exists = row < h.tokens && column < h.tokens;
            const Query& query = queries[RowsAreQueries ? row - own : column - other];
            p[j][e] = exists ? query.probability(p[j][e], h.scale) : 0.0f;
            ds[j][e] = exists ? h.scale * p[j][e] * (ds[j][e] - query.delta) : 0.0f;
        }
    }
}

template <typename Type, int W>
DEVICE void backward_queries(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics,
    Query* queries, int block, const Heads& h)
{
    float *q = tiles, *g = q + OWN * W, *k = g + OWN * W, *v = k + OTHERS * W;
    int first = block * OWN;
    float dq[W / 8][4];
    clear(dq);
    write_queries<OWN, Type>(queries, dy, y, statistics, first, h);
    load_tile<OWN, Tile<W>>(q, part_of(qkv, h, 0), 3 * h.channels, first, h);
    load_tile<OWN, Tile<W>>(g, output_of(dy, h), h.channels, first, h);
    for (int key = 0; key < h.tokens; key += OTHERS)
    {
        load_tile<OTHERS, Tile<W>>(k, part_of(qkv, h, 1), 3 * h.channels, key, h);
        load_tile<OTHERS, Tile<W>>(v, part_of(qkv, h, 2), 3 * h.channels, key, h);
        barrier();
        float p[COLUMNS][4], ds[COLUMNS][4];
        probabilities<Type, W, true>(p, ds, q, g, k, v, first, key, queries, h);
        multiply_columns<Type, W>(dq, ds, k);
        barrier();
    }
    write_rows<W>(part_of(dqkv, h, 0), 3 * h.channels, first, h, dq);
}

template <typename Type, int W>
DEVICE void backward_keys(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics,
    Query* queries, int block, const Heads& h)
{
    float *k = tiles, *v = k + OWN * W, *q = v + OWN * W, *g = q + OTHERS * W;
    int first = block * OWN;
    float dk[W / 8][4], dv[W / 8][4];
    clear(dk);
    clear(dv);
    load_tile<OWN, Tile<W>>(k, part_of(qkv, h, 1), 3 * h.channels, first, h);
    load_tile<OWN, Tile<W>>(v, part_of(qkv, h, 2), 3 * h.channels, first, h);
    for (int query = 0; query < h.tokens; query += OTHERS)
    {
        load_tile<OTHERS, Tile<W>>(q, part_of(qkv, h, 0), 3 * h.channels, query, h);
        load_tile<OTHERS, Tile<W>>(g, output_of(dy, h), h.channels, query, h);
        write_queries<OTHERS, Type>(queries, dy, y, statistics, query, h);
        barrier();
        float p[COLUMNS][4], ds[COLUMNS][4];
        probabilities<Type, W, false>(p, ds, k, v, q, g, first, query, queries, h);
        multiply_columns<Type, W>(dv, p, g);
        multiply_columns<Type, W>(dk, ds, q);
        barrier();
    }
    write_rows<W>(part_of(dqkv, h, 1), 3 * h.channels, first, h, dk);
    write_rows<W>(part_of(dqkv, h, 2), 3 * h.channels, first, h, dv);
}

template <typename Type, int W>
DEVICE void backward(float* dqkv, const float* dy, const float* y, const float* qkv, const float* statistics, const Heads& h)
{
    // Of the block's own rows, or of the others: OWN is the larger.
    __shared__ Query queries[OWN];
    int blocks = (h.tokens + OWN - 1) / OWN, block = block_x();
    if (block < blocks)
        backward_queries<Type, W>(dqkv, dy, y, qkv, statistics, queries, block, h);
    else
        backward_keys<Type, W>(dqkv, dy, y, qkv, statistics, queries, block - blocks, h);
}

// A kernel's last number is the blocks that a multiprocessor shall hold at least: two, so that one loads while another multiplies, and as
// many more as spill nothing. More warps are not wanted for their own sake: what binds is reading fragments from shared memory (256 bytes,
// two clocks, for each mma.sync of one or two), and a warp of fewer rows or a block of smaller tiles would read more of them. Where the
// tiles of two blocks find no room (W = 128 backward: 96 KB; on sm_86 and sm_89 forward too) there is one.
#define FORWARD(type, width, blocks) \
    KERNEL __launch_bounds__(ATTENTION_THREADS, blocks) MODULE(float* y, float* statistics, const float* qkv, Heads h) \
    { \
        forward<type, width>(y, statistics, qkv, h); \
    }
#define BACKWARD(type, width, blocks) \
    KERNEL __launch_bounds__(ATTENTION_THREADS, blocks) MODULE(float* dqkv, const float* dy, const float* y, const float* qkv, \
        const float* statistics, Heads h) \
    { \
        backward<type, width>(dqkv, dy, y, qkv, statistics, h); \
    }

#define MODULE_attention_mma_tf32_32 FORWARD(Tf32, 32, 7)
#define MODULE_attention_mma_tf32_64 FORWARD(Tf32, 64, 5)
#define MODULE_attention_mma_tf32_128 FORWARD(Tf32, 128, 3)
#define MODULE_attention_mma_tf32_backward_32 BACKWARD(Tf32, 32, 4)
#define MODULE_attention_mma_tf32_backward_64 BACKWARD(Tf32, 64, 2)
#define MODULE_attention_mma_tf32_backward_128 BACKWARD(Tf32, 128, 2)
#define MODULE_attention_mma_bf16_32 FORWARD(Bf16, 32, 5)
#define MODULE_attention_mma_bf16_64 FORWARD(Bf16, 64, 4)
#define MODULE_attention_mma_bf16_128 FORWARD(Bf16, 128, 3)
#define MODULE_attention_mma_bf16_backward_32 BACKWARD(Bf16, 32, 4)
#define MODULE_attention_mma_bf16_backward_64 BACKWARD(Bf16, 64, 2)
#define MODULE_attention_mma_bf16_backward_128 BACKWARD(Bf16, 128, 2)
MODULE_KERNELS
