// y = the sum of x over its rows, or y += that: the gradient of a bias or of a position embedding. Two stages, fixed order.
//
// x             float32[rows, columns]
// partial       float32[parts, columns]
// launch        sum_leading: grid (ceil(columns / 64), parts), sum_leading_odd, for columns not divisible by 4: grid
//               (ceil(columns / 16), parts), block (16, 16); sum_leading_parts: grid ceil(columns / 16), block (16, 16)
// bytes         least and actual: reads 4 an element; the parts are few
// equals        CpuBackend.SumLeading
#include "../include/columns.cuh"

template <typename V>
DEVICE void sum(float* partial, const float* x, long long rows, int columns, int rows_per_part)
{
    __shared__ V shared[ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part<V>(rows, columns, rows_per_part);
    V sum = all_of<V>(0.0f);
    if (part.exists)
#pragma unroll 4
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
            sum = sum + load<V>(x + row * columns + part.column);
    sum = sum_thread_rows(sum, shared);
    if (part.exists && thread_y() == 0)
        store(partial + (long long)block_y() * columns + part.column, sum);
}

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading(float* partial, const float* x, long long rows, int columns, int rows_per_part)
{
    sum<float4>(partial, x, rows, columns, rows_per_part);
}

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading_odd(float* partial, const float* x, long long rows, int columns, int rows_per_part)
{
    sum<float>(partial, x, rows, columns, rows_per_part);
}

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading_parts(float* y, const float* partial, int parts, int columns, int accumulate)
{
    __shared__ float shared[ROWS_AT_ONCE][COLUMNS];
    int c = column_of_thread();
    float sum = sum_parts(parts, c < columns, shared, [=](int part) { return partial[(long long)part * columns + c]; });
    if (c < columns && thread_y() == 0)
        y[c] = accumulate ? y[c] + sum : sum;
}
