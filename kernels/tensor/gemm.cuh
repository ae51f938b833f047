// The tiles of a matrix product C[m, n] = op(A) op(B): blocks of 128 x 128 elements of C, slices of 16 along k, brought to shared memory
// by asynchronous copies, one slice ahead of the arithmetic.
//
// An operand whose memory runs along k is kept as [line][k], one whose memory runs along m or n as [k][line]. The rows of the tiles are
// padded to 20 and 136 elements: then the accesses of a quarter warp, and the fragments of mma.sync, lie in different banks.
//
// Two blocks an SM, a quarter of its threads: arithmetic binds the product, not memory. With an 8 x 8 part a thread a depth of four takes
// 16 loads of 16 bytes of shared memory for 256 multiply-adds, of which 64 at a time wait for nothing but each other's operands; half the
// part for twice the threads would load 1.5 times as often. The sums and the lines of a depth fill 128 registers.
#pragma once
#include "../include/async_copy.cuh"

constexpr int BLOCK = 128, SLICE = 16, GEMM_THREADS = 256, GEMM_BLOCKS = 2, ALONG_K = SLICE + 4, ALONG_LINES = BLOCK + 8;
constexpr int TILE_ELEMENTS = BLOCK * ALONG_K > SLICE * ALONG_LINES ? BLOCK * ALONG_K : SLICE * ALONG_LINES;

struct Operand
{
    const float* p;
    /// Lines (rows of A, columns of B) and depth; distance of two rows of memory.
    int lines, depth;
    long long stride;
    /// Whether rows begin at multiples of 16 bytes.
    bool aligned;
};

/// Begins to copy four neighbours in memory, of which `exist` are there.
DEVICE void copy_four(float* to, const Operand& from, long long at, int exist)
{
    exist = exist < 0 ? 0 : exist > 4 ? 4 : exist;
    // Nothing is read where nothing exists, but the address must be valid.
    const float* p = from.p + (exist > 0 ? at : 0);
    if (from.aligned)
    {
        copy_async_16(to, p, 4 * exist);
        return;
    }
    for (int e = 0; e < 4; e++)
        copy_async_4(to + e, p + (e < exist ? e : 0), e < exist ? 4 : 0);
}

/// Begins to copy the slice at depth k of the lines from `line` on: 512 fours, two a thread.
template <bool RunsAlongK>
DEVICE void copy_slice(float* tile, const Operand& from, int line, int k)
{
    for (int f = thread_x(); f < BLOCK * SLICE / 4; f += GEMM_THREADS)
    {
        if (RunsAlongK)
        {
            // A quarter warp fills 8 lines, which begin in different banks; the warp reads 8 lines of 64 bytes.
            int l = f / WARP * 8 + f % 8, d = f / 8 % (SLICE / 4) * 4;
            copy_four(tile + l * ALONG_K + d, from, (line + l) * from.stride + k + d, line + l < from.lines ? from.depth - k - d : 0);
        }
        else
        {
            int d = f / (BLOCK / 4), l = f % (BLOCK / 4) * 4;
            copy_four(tile + d * ALONG_LINES + l, from, (k + d) * from.stride + line + l, k + d < from.depth ? from.lines - line - l : 0);
        }
    }
}

/// Where the products of a block go.
struct Result
{
    float* c;
    const float* bias;
    int m, n, accumulate;
    /// Whether rows begin at multiples of 16 bytes.
    bool aligned;
};

DEVICE void put(const Result& result, int row, int column, float v)
{
    if (row >= result.m || column >= result.n)
        return;
    float* to = result.c + (long long)row * result.n + column;
    if (result.bias)
        v += result.bias[column];
    *to = result.accumulate ? *to + v : v;
}

/// 2 or 4 neighbours of a row; column is a multiple of their number.
template <int Count>
DEVICE void put_neighbours(const Result& result, int row, int column, const float* v)
{
    float* to = result.c + (long long)row * result.n + column;
    if (!result.aligned)
    {
        for (int e = 0; e < Count; e++)
            put(result, row, column + e, v[e]);
        return;
    }
    if (row >= result.m || column >= result.n)
        return;
    float sum[Count];
    for (int e = 0; e < Count; e++)
    {
        sum[e] = result.bias ? v[e] + result.bias[column + e] : v[e];
        sum[e] = result.accumulate ? to[e] + sum[e] : sum[e];
    }
    store_global(to, sum);
}

/// Runs a block: Product has add(const float* a, const float* b), the arithmetic of one slice, and store(result, row, column).
template <bool ARunsAlongK, bool BRunsAlongK, typename Product>
DEVICE void gemm_block(const Operand& a, const Operand& b, const Result& result, Product& product)
{
    __shared__ __attribute__((aligned(16))) float tiles[2][2][TILE_ELEMENTS];
    int row = block_y() * BLOCK, column = block_x() * BLOCK, slices = (a.depth + SLICE - 1) / SLICE;
    copy_slice<ARunsAlongK>(tiles[0][0], a, row, 0);
    copy_slice<BRunsAlongK>(tiles[0][1], b, column, 0);
    commit_copies();
    for (int s = 0; s < slices; s++)
    {
        if (s + 1 < slices)
        {
            copy_slice<ARunsAlongK>(tiles[(s + 1) & 1][0], a, row, (s + 1) * SLICE);
            copy_slice<BRunsAlongK>(tiles[(s + 1) & 1][1], b, column, (s + 1) * SLICE);
        }
        commit_copies();
        wait_copies<1>();
        barrier();
        product.add(tiles[s & 1][0], tiles[s & 1][1]);
        barrier();
    }
    product.store(result, row, column);
}

/// The operands of batch block_z(): lda and ldb are the distances of two rows of memory, the others those of two matrices.
#define GEMM(product, transpose_a, transpose_b) \
    KERNEL __launch_bounds__(GEMM_THREADS, GEMM_BLOCKS) MODULE(float* c, const float* a, const float* b, Input<float> bias, int m, int n, \
        int k, long long lda, long long ldb, long long batch_a, long long batch_b, long long batch_c, int accumulate, int aligned) \
    { \
        Operand left = {a + block_z() * batch_a, m, k, lda, (aligned & 1) != 0}; \
        Operand right = {b + block_z() * batch_b, n, k, ldb, (aligned & 2) != 0}; \
        Result result = {c + block_z() * batch_c, bias, m, n, accumulate, (aligned & 4) != 0}; \
        product<!transpose_a, transpose_b> block; \
        block.clear(); \
        gemm_block<!transpose_a, transpose_b>(left, right, result, block); \
    }
