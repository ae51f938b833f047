// y = the sum of x over its rows, or y += that: the gradient of a bias or of a position embedding. Two stages, fixed order.
//
// x             float32[rows, columns]
// partial       float32[parts, columns]
// launch        sum_leading: grid (ceil(columns / 32), parts), block (32, 8); sum_leading_parts: grid-stride, 256 threads
// bytes         least and actual: reads 4 an element; the parts are few
// equals        CpuBackend.SumLeading
#include "../include/columns.cuh"

KERNEL __launch_bounds__(COLUMN_THREADS) sum_leading(float* partial, const float* x, long long rows, int columns, int rows_per_part)
{
    __shared__ float shared[ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part(rows, columns, rows_per_part);
    float sum = 0;
    if (part.exists)
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
            sum += x[row * columns + part.column];
    sum = sum_thread_rows(sum, shared);
    if (part.exists && thread_y() == 0)
        partial[(long long)block_y() * columns + part.column] = sum;
}

KERNEL sum_leading_parts(float* y, const float* partial, int parts, int columns, int accumulate)
{
    for (long long c = global_index(); c < columns; c += global_threads())
    {
        float sum = accumulate ? y[c] : 0.0f;
        for (int part = 0; part < parts; part++)
            sum += partial[(long long)part * columns + c];
        y[c] = sum;
    }
}
