// Batch normalisation of channels-last activations (Ioffe and Szegedy, ICML 2015), with the residual sum and the relu behind it:
//   y = relu((x - center) scale + shift + residual)
//   with g = dy where the relu let through, d = x - center, n rows: db = sum g, dw = sum g (d - remainder) / deviation,
//   dx = scale (g - db/n - (d - remainder) / deviation dw/n) = g scale + d slope + level; with frozen statistics g scale
//
// x, y, dy, dx, residual   float32[rows, C]
// saved         float32[5, C]: center, remainder, 1/deviation, scale, shift (Backends/Backend.BatchNorm.cs, BatchNormRow)
// moments       float32[parts, 3, C]; sums: float32[parts, 2, C]; coefficients: float32[2, C], slope and level
// launch        *_moments, *_sums: grid (ceil(C / 64), parts), block (16, 16), 4 channels a thread; *_apply, *_input: grid-stride, 256
//               threads, 4 elements a thread; *_odd, for C not divisible by 4: 1 instead of 4, and 16 instead of 64; *_finish,
//               *_gradients: grid ceil(C / 16), block (16, 16); *_frozen: grid-stride over channels
// bytes         least and actual an element: moments reads 4; apply reads 4 (8 with residual), writes 4; sums reads 8 (12 with y), writes 0
//               (4 with residual); input reads 8, writes 4; per-channel numbers come from cache
// equals        CpuBackend.BatchNormStatistics, BatchNormFrozen, BatchNormApply, BatchNormBackward
#include "../include/columns.cuh"
#include "../include/map.cuh"

enum { CENTER, REMAINDER, INVERSE, SCALE, SHIFT };

// For each channel of a part: its first value, and the sums of the distances from it and of their squares, so that a large mean does
// not cancel.
template <typename V>
DEVICE void moments_of(float* moments, const float* x, long long rows, int channels, int rows_per_part)
{
    __shared__ V shared[2][ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    V pivot = all_of<V>(0.0f), sum = pivot, squares = pivot;
    if (part.exists)
    {
        pivot = load<V>(x + part.first * channels + part.column);
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            V d = load<V>(x + row * channels + part.column) - pivot;
            sum = sum + d;
            squares = fused(d, d, squares);
        }
    }
    sum = sum_thread_rows(sum, shared[0]);
    squares = sum_thread_rows(squares, shared[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* m = moments + 3 * (long long)block_y() * channels + part.column;
    store(m, pivot);
    store(m + channels, sum);
    store(m + 2 * channels, squares);
}

KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_moments(float* moments, const float* x, long long rows, int channels, int rows_per_part)
{
    moments_of<float4>(moments, x, rows, channels, rows_per_part);
}

KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_moments_odd(float* moments, const float* x, long long rows, int channels, int rows_per_part)
{
    moments_of<float>(moments, x, rows, channels, rows_per_part);
}

DEVICE void save(float* saved, int channels, int c, double mean, double variance, double eps, const float* weight, const float* bias)
{
    float center = (float)mean;
    double remainder = mean - center, inverse = 1.0 / square_root(variance + eps), scale = weight[c] * inverse;
    saved += c;
    saved[CENTER * channels] = center;
    saved[REMAINDER * channels] = (float)remainder;
    saved[INVERSE * channels] = (float)inverse;
    saved[SCALE * channels] = (float)scale;
    saved[SHIFT * channels] = (float)(bias[c] - remainder * scale);
}

// Puts the parts together (Chan, Golub and LeVeque, 1979), in float64; running statistics and the counter of
// batches may be null.
KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_finish(float* saved, float* running_mean, float* running_variance, long long* counter, const float* moments,
    const float* weight, const float* bias, double eps, double momentum, long long rows, int channels, int parts, int rows_per_part)
{
    __shared__ double shared[2][ROWS_AT_ONCE][COLUMNS];
    int c = column_of_thread();
    bool exists = c < channels;
    auto rows_of = [=](int part)
    {
        long long left = rows - (long long)part * rows_per_part;
        return (double)(left < rows_per_part ? left : rows_per_part);
    };
    double sum = sum_parts(parts, exists, shared[0], [=](int part)
    {
        const float* m = moments + 3 * (long long)part * channels + c;
        return rows_of(part) * m[0] + m[channels];
    });
    double mean = sum / (double)rows;
    double squares = sum_parts(parts, exists, shared[1], [=](int part)
    {
        const float* m = moments + 3 * (long long)part * channels + c;
        double n = rows_of(part), offset = m[channels] / n, distance = m[0] + offset - mean, own = m[2 * channels] - n * offset * offset;
        return (own < 0.0 ? 0.0 : own) + n * distance * distance;
    });
    if (!exists || thread_y() != 0)
        return;
    if (counter && c == 0)
        ++*counter;
    double variance = squares / (double)rows;
    save(saved, channels, c, mean, variance, eps, weight, bias);
    if (running_mean)
    {
        double unbias = (double)rows / ((double)rows - 1.0);
        running_mean[c] = (float)((1.0 - momentum) * running_mean[c] + momentum * mean);
        running_variance[c] = (float)((1.0 - momentum) * running_variance[c] + momentum * variance * unbias);
    }
}

KERNEL batch_norm_frozen(float* saved, const float* mean, const float* variance, const float* weight, const float* bias, double eps, int channels)
{
    for (long long c = global_index(); c < channels; c += global_threads())
        save(saved, channels, (int)c, mean[c], variance[c], eps, weight, bias);
}

template <typename V>
DEVICE void apply(float* y, const float* x, const float* saved, const float* residual, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, NUMBERS<V>); walk.i < count; advance(walk))
    {
        const float* s = saved + walk.column;
        V v = fused(load<V>(x + walk.i) - load<V>(s), load<V>(s + SCALE * channels), load<V>(s + SHIFT * channels));
        if (residual)
            v = v + load<V>(residual + walk.i);
        store(y + walk.i, relu ? at_least_zero(v) : v);
    }
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_apply(float* y, const float* x, const float* saved, const float* residual, int relu, int channels, long long count)
{
    apply<float4>(y, x, saved, residual, relu, channels, count);
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_apply_odd(float* y, const float* x, const float* saved, const float* residual, int relu, int channels, long long count)
{
    apply<float>(y, x, saved, residual, relu, channels, count);
}

// The gradient behind the relu: dy where the output is positive. With y the output is read, without it is computed again.
template <typename V>
DEVICE V masked(V dy, V d, V scale, V shift, const float* y, long long i, int relu)
{
    if (!relu)
        return dy;
    return where_positive(y ? load<V>(y + i) : fused(d, scale, shift), dy);
}

template <typename V>
DEVICE void sums_of(float* sums, float* residual, const float* dy, const float* x, const float* y, const float* saved, int relu, long long rows,
    int channels, int rows_per_part)
{
    __shared__ V shared[2][ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    V sum = all_of<V>(0.0f), product = sum;
    if (part.exists)
    {
        const float* s = saved + part.column;
        V center = load<V>(s), scale = load<V>(s + SCALE * channels), shift = load<V>(s + SHIFT * channels);
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            long long i = row * channels + part.column;
            V d = load<V>(x + i) - center, g = masked(load<V>(dy + i), d, scale, shift, y, i, relu);
            if (residual)
                store(residual + i, g);
            sum = sum + g;
            product = fused(g, d, product);
        }
    }
    sum = sum_thread_rows(sum, shared[0]);
    product = sum_thread_rows(product, shared[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* to = sums + 2 * (long long)block_y() * channels + part.column;
    store(to, sum);
    store(to + channels, product);
}

KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_sums(float* sums, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    int relu, long long rows, int channels, int rows_per_part)
{
    sums_of<float4>(sums, residual, dy, x, y, saved, relu, rows, channels, rows_per_part);
}

KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_sums_odd(float* sums, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    int relu, long long rows, int channels, int rows_per_part)
{
    sums_of<float>(sums, residual, dy, x, y, saved, relu, rows, channels, rows_per_part);
}

// Gradients of weight and bias (either may be null) and the coefficients of dx.
KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_gradients(float* coefficients, float* dweight, float* dbias, const float* sums, const float* saved, int batch,
    int accumulate_weight, int accumulate_bias, long long rows, int channels, int parts)
{
    __shared__ double shared[2][ROWS_AT_ONCE][COLUMNS];
    int c = column_of_thread();
    bool exists = c < channels;
    double sum = sum_parts(parts, exists, shared[0], [=](int part) { return (double)sums[2 * (long long)part * channels + c]; });
    double product = sum_parts(parts, exists, shared[1], [=](int part) { return (double)sums[(2 * (long long)part + 1) * channels + c]; });
    if (!exists || thread_y() != 0)
        return;
    double inverse = saved[INVERSE * channels + c], remainder = saved[REMAINDER * channels + c], scale = saved[SCALE * channels + c];
    product = (product - remainder * sum) * inverse;
    if (dbias)
        dbias[c] = (float)sum + (accumulate_bias ? dbias[c] : 0.0f);
    if (dweight)
        dweight[c] = (float)product + (accumulate_weight ? dweight[c] : 0.0f);
    double slope = batch ? -scale * inverse * product / (double)rows : 0.0;
    coefficients[c] = (float)slope;
    coefficients[channels + c] = batch ? (float)(-scale * sum / (double)rows - slope * remainder) : 0.0f;
}

// dx, and g into residual where the sums have not made it. dy may be g already: then relu is 0.
template <typename V>
DEVICE void input(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved, const float* coefficients, int relu,
    int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, NUMBERS<V>); walk.i < count; advance(walk))
    {
        const float *s = saved + walk.column, *k = coefficients + walk.column;
        V d = load<V>(x + walk.i) - load<V>(s), scale = load<V>(s + SCALE * channels);
        V g = masked(load<V>(dy + walk.i), d, scale, load<V>(s + SHIFT * channels), y, walk.i, relu);
        if (residual)
            store(residual + walk.i, g);
        if (dx)
            store(dx + walk.i, fused(g, scale, fused(d, load<V>(k), load<V>(k + channels))));
    }
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_input(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    const float* coefficients, int relu, int channels, long long count)
{
    input<float4>(dx, residual, dy, x, y, saved, coefficients, relu, channels, count);
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_input_odd(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    const float* coefficients, int relu, int channels, long long count)
{
    input<float>(dx, residual, dy, x, y, saved, coefficients, relu, channels, count);
}
