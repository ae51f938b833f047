// C = op(A) op(B) (+ C) (+ bias), float32 on CUDA cores: for devices without cuBLAS, and as its check. See gemm.cuh.
//
// a             float32[m, k], or [k, m] transposed (gemm_t*); b: float32[k, n], or [n, k] transposed (gemm_*t); c: float32[m, n]
// bias          float32[n] or null
// aligned       bit 0: rows of a begin at multiples of 16 bytes; bit 1: rows of b; bit 2: rows of c
// launch        grid (ceil(n / 128), ceil(m / 128), batch), 256 threads, an 8 x 8 part of C a thread
// bytes         reads m k ceil(n / 128) + k n ceil(m / 128) elements, writes m n; 2 m n k operations
// equals        CpuBackend.MatMul, Linear
#include "gemm.cuh"

/// A thread's lines: neighbours in fours where memory runs along lines, every 16th where it runs along k.
template <bool RunsAlongK>
DEVICE int line_of(int thread, int i)
{
    return RunsAlongK ? thread + 16 * i : thread * 4 + i % 4 + 64 * (i / 4);
}

/// Eight lines at four depths.
template <bool RunsAlongK>
DEVICE void load_lines(float (&v)[8][4], const float* tile, int thread, int k)
{
    if (RunsAlongK)
    {
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            float4 four = load4(tile + line_of<true>(thread, i) * ALONG_K + k);
            v[i][0] = four.x, v[i][1] = four.y, v[i][2] = four.z, v[i][3] = four.w;
        }
        return;
    }
#pragma unroll
    for (int d = 0; d < 4; d++)
    {
#pragma unroll
        for (int half = 0; half < 2; half++)
        {
            float4 four = load4(tile + (k + d) * ALONG_LINES + line_of<false>(thread, 4 * half));
            v[4 * half][d] = four.x, v[4 * half + 1][d] = four.y, v[4 * half + 2][d] = four.z, v[4 * half + 3][d] = four.w;
        }
    }
}

template <bool ARunsAlongK, bool BRunsAlongK>
struct CudaCoreProduct
{
    float sum[8][8];

    DEVICE_METHOD void clear()
    {
#pragma unroll
        for (int i = 0; i < 8; i++)
#pragma unroll
            for (int j = 0; j < 8; j++)
                sum[i][j] = 0.0f;
    }

    DEVICE_METHOD void add(const float* a, const float* b)
    {
#pragma unroll 1
        for (int k = 0; k < SLICE; k += 4)
        {
            float left[8][4], right[8][4];
            load_lines<ARunsAlongK>(left, a, thread_x() / 16, k);
            load_lines<BRunsAlongK>(right, b, thread_x() % 16, k);
#pragma unroll
            for (int d = 0; d < 4; d++)
#pragma unroll
                for (int i = 0; i < 8; i++)
#pragma unroll
                    for (int j = 0; j < 8; j++)
                        sum[i][j] = fused(left[i][d], right[j][d], sum[i][j]);
        }
    }

    DEVICE_METHOD void store(const Result& result, int row, int column)
    {
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            int r = row + line_of<ARunsAlongK>(thread_x() / 16, i);
#pragma unroll
            for (int j = 0; j < 8; j += BRunsAlongK ? 1 : 4)
            {
                int c = column + line_of<BRunsAlongK>(thread_x() % 16, j);
                if (BRunsAlongK)
                    put(result, r, c, sum[i][j]);
                else
                    put_neighbours<4>(result, r, c, sum[i] + j);
            }
        }
    }
};

#define MODULE_gemm_nn GEMM(CudaCoreProduct, false, false)
#define MODULE_gemm_nt GEMM(CudaCoreProduct, false, true)
#define MODULE_gemm_tn GEMM(CudaCoreProduct, true, false)
#define MODULE_gemm_tt GEMM(CudaCoreProduct, true, true)
MODULE_KERNELS
