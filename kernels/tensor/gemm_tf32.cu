// The same product as gemm.cu on tensor cores: operands rounded to tf32 (10 bits of mantissa), sums in float32. See gemm.cuh, mma.cuh.
//
// launch        grid (ceil(n / 128), ceil(m / 128), batch), 256 threads: 8 warps of 64 x 32 elements of C
// equals        CpuBackend.MatMul within the error of tf32: 2^-11 of each factor
#include "gemm.cuh"
#include "../include/mma.cuh"

template <bool RunsAlongK>
DEVICE unsigned element(const float* tile, int line, int k)
{
    return to_tf32(RunsAlongK ? tile[line * ALONG_K + k] : tile[k * ALONG_LINES + line]);
}

template <bool ARunsAlongK, bool BRunsAlongK>
struct TensorCoreProduct
{
    // 4 x 4 products of 16 x 8.
    float sum[4][4][4];

    DEVICE_METHOD void clear()
    {
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 4; j++)
#pragma unroll
                for (int e = 0; e < 4; e++)
                    sum[i][j][e] = 0.0f;
    }

    DEVICE_METHOD static int first_row() { return thread_x() / WARP / 4 * 64; }
    DEVICE_METHOD static int first_column() { return thread_x() / WARP % 4 * 32; }

    DEVICE_METHOD void add(const float* a, const float* b)
    {
        int group = lane_index() / 4, member = lane_index() % 4;
#pragma unroll 1
        for (int k = 0; k < SLICE; k += 8)
        {
            unsigned left[4][4], right[4][2];
#pragma unroll
            for (int i = 0; i < 4; i++)
            {
                int row = first_row() + 16 * i + group;
                left[i][0] = element<ARunsAlongK>(a, row, k + member);
                left[i][1] = element<ARunsAlongK>(a, row + 8, k + member);
                left[i][2] = element<ARunsAlongK>(a, row, k + member + 4);
                left[i][3] = element<ARunsAlongK>(a, row + 8, k + member + 4);
            }
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                int column = first_column() + 8 * j + group;
                right[j][0] = element<BRunsAlongK>(b, column, k + member);
                right[j][1] = element<BRunsAlongK>(b, column, k + member + 4);
            }
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    multiply_tf32(sum[i][j], left[i], right[j]);
        }
    }

    DEVICE_METHOD void store(const Result& result, int row, int column)
    {
        int group = lane_index() / 4, member = lane_index() % 4;
#pragma unroll
        for (int i = 0; i < 4; i++)
        {
#pragma unroll
            for (int j = 0; j < 4; j++)
            {
                int r = row + first_row() + 16 * i + group, c = column + first_column() + 8 * j + 2 * member;
                put_neighbours<2>(result, r, c, sum[i][j]);
                put_neighbours<2>(result, r + 8, c, sum[i][j] + 2);
            }
        }
    }
};

#define MODULE_gemm_tf32_nn GEMM(TensorCoreProduct, false, false)
#define MODULE_gemm_tf32_nt GEMM(TensorCoreProduct, false, true)
#define MODULE_gemm_tf32_tn GEMM(TensorCoreProduct, true, false)
#define MODULE_gemm_tf32_tt GEMM(TensorCoreProduct, true, true)
MODULE_KERNELS
