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
    constexpr int N = NUMBERS<V>;
    __shared__ Stages<V, float, 1> shared;
    ColumnPart part = column_part<V>(rows, columns, rows_per_part);
    V sum = all_of<V>(0.0f);
    if (part.exists)
#pragma unroll 4
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
            sum = sum + load<V>(x + row * columns + part.column);
    sum = sum_thread_rows(sum, shared.rows[0]);
    if (part.exists && thread_y() == 0)
        store(partial + (long long)block_y() * columns + part.column, sum);
    if (!parts_are_complete())
        return;
    Each<V> all;
    sum_parts<V>(all.of, part.exists, shared.parts, [=](float (&sum)[N], int p)
    {
        Each<V> v = each(load<V>(partial + (long long)p * columns + part.column));
#pragma unroll
        for (int k = 0; k < N; k++)
            sum[k] += v.of[k];
    });
    if (!part.exists || thread_y() != 0)
        return;
    if (accumulate)
    {
        Each<V> old = each(load<V>(y + part.column));
#pragma unroll
        for (int k = 0; k < N; k++)
            all.of[k] = old.of[k] + all.of[k];
    }
    store(y + part.column, all);
}

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading(float* y, float* partial, const float* x, long long rows, int columns,
    int rows_per_part, int accumulate)
{
    sum<float4>(y, partial, x, rows, columns, rows_per_part, accumulate);
}

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading_odd(float* y, float* partial, const float* x, long long rows, int columns,
    int rows_per_part, int accumulate)
{
    sum<float>(y, partial, x, rows, columns, rows_per_part, accumulate);
}
