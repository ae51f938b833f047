// y = the sum of x over its rows, or y += that: the gradient of a bias or of a position embedding. Two stages in one launch, fixed order.
//
// x             float32[rows, columns]
// partial       float32[parts, columns]
// launch        grid (ceil(columns / 64), parts), block (16, 16); sum_leading_odd, for columns not divisible by 4: grid
//               (ceil(columns / 16), parts); the last block of a group of columns adds the parts
// bytes         least and actual: reads 4 an element; the parts are few
// equals        CpuBackend.SumLeading
#include "../include/columns.cuh"

template <typename V>
DEVICE void sum(float* y, float* partial, const float* x, long long rows, int columns, int rows_per_part, int accumulate)
{
    // The columns' rows and their parts, one behind the other.
    __shared__ union { Planes<V> rows; float parts[COLUMN_THREADS]; } shared;
    ColumnPart part = column_part<V>(rows, columns, rows_per_part);
    V sum = all_of<V>(0.0f);
    if (part.exists)
#pragma unroll 4
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
            sum = sum + load<V>(x + row * columns + part.column);
    float own = sum_thread_rows<V>(sum, shared.rows);
    int column;
    bool has = has_column<V>(columns, column);
    if (has)
        partial[(long long)block_y() * columns + column] = own;
    if (!parts_are_complete())
        return;
    float all[1];
    sum_parts<V>(all, columns, shared.parts, [=](float (&sum)[1], int c, int p) { sum[0] += partial[(long long)p * columns + c]; });
    if (has)
        y[column] = accumulate ? y[column] + all[0] : all[0];
}

KERNEL MEMORY_BOUND(COLUMN_THREADS) sum_leading(float* y, float* partial, Input<float> x, long long rows, int columns,
    int rows_per_part, int accumulate)
{
    sum<float4>(y, partial, x, rows, columns, rows_per_part, accumulate);
}

KERNEL MEMORY_BOUND(COLUMN_THREADS) sum_leading_odd(float* y, float* partial, Input<float> x, long long rows, int columns,
    int rows_per_part, int accumulate)
{
    sum<float>(y, partial, x, rows, columns, rows_per_part, accumulate);
}
