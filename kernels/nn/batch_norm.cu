// Batch normalisation of channels-last activations (Ioffe and Szegedy, ICML 2015), with the residual sum and the relu behind it:
//   y = relu((x - center) scale + shift + residual)
//   with g = dy where the relu let through, d = x - center, n rows: db = sum g, dw = sum g (d - remainder) / deviation,
//   dx = scale (g - db/n - (d - remainder) / deviation dw/n) = g scale + d slope + level; with frozen statistics g scale
//
// x, y, dy, dx, residual   float32[rows, C]
// saved         float32[5, C]: center, remainder, 1/deviation, scale, shift (Backends/Backend.BatchNorm.cs, BatchNormRow)
// moments       float32[parts, 3, C]; sums: float32[parts, 2, C]; coefficients: float32[2, C], slope and level
// launch        *_statistics, *_gradients: grid (ceil(C / 64), parts), block (16, 16), 4 channels a thread, the last block of a group of
//               channels puts the parts together; *_apply, *_input: grid-stride, 256 threads, 4 elements a thread; *_odd, for C not
//               divisible by 4: 1 instead of 4, and 16 instead of 64; *_frozen: grid-stride over channels
// bytes         least and actual an element: statistics reads 4; apply reads 4 (8 with residual), writes 4; gradients reads 8 (12 with y),
//               writes 0 (4 with residual); input reads 8, writes 4; a channel's numbers come from cache
// equals        CpuBackend.BatchNormStatistics, BatchNormFrozen, BatchNormApply, BatchNormBackward
#include "../include/columns.cuh"
#include "../include/map.cuh"

enum { CENTER, REMAINDER, INVERSE, SCALE, SHIFT };

template <typename V>
using Shared = Stages<V, double, 2>;

DEVICE float smallest(float a, float b) { float v; asm("min.f32 %0, %1, %2;" : "=f"(v) : "f"(a), "f"(b)); return v; }

/// The one between the other two.
DEVICE float median(float a, float b, float c) { return largest(smallest(a, b), smallest(largest(a, b), c)); }
[[maybe_unused]] DEVICE float4 median(float4 a, float4 b, float4 c)
{
    return {median(a.x, b.x, c.x), median(a.y, b.y, c.y), median(a.z, b.z, c.z), median(a.w, b.w, c.w)};
}

// For each channel of a part: the median of its first, middle and last value, and the sums of the distances from it and of their
// squares, so that neither a large mean nor a part that begins far from its mean cancels.
template <typename V>
DEVICE void write_moments(float* moments, const float* x, const ColumnPart& part, int channels, Shared<V>& shared)
{
    V pivot = all_of<V>(0.0f), sum = pivot, squares = pivot;
    if (part.exists)
    {
        const float* column = x + part.column;
        pivot = median(load<V>(column + part.first * channels), load<V>(column + (part.first + part.end) / 2 * channels),
            load<V>(column + (part.end - 1) * channels));
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            V d = load<V>(x + row * channels + part.column) - pivot;
            sum = sum + d;
            squares = fused(d, d, squares);
        }
    }
    sum = sum_thread_rows(sum, shared.rows[0]);
    squares = sum_thread_rows(squares, shared.rows[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* m = moments + 3 * (long long)block_y() * channels + part.column;
    store(m, pivot);
    store(m + channels, sum);
    store(m + 2 * channels, squares);
}

/// Writes the numbers of the channels of a V.
template <typename V>
DEVICE void save(float* saved, int channels, int c, const double (&mean)[NUMBERS<V>], const double (&variance)[NUMBERS<V>], double eps,
    const float* weight, const float* bias)
{
    Each<V> w = each(load<V>(weight + c)), b = each(load<V>(bias + c)), rows[5];
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
    {
        float center = (float)mean[k];
        double remainder = mean[k] - center, inverse = 1.0 / square_root(variance[k] + eps), scale = w.of[k] * inverse;
        rows[CENTER].of[k] = center;
        rows[REMAINDER].of[k] = (float)remainder;
        rows[INVERSE].of[k] = (float)inverse;
        rows[SCALE].of[k] = (float)scale;
        rows[SHIFT].of[k] = (float)(b.of[k] - remainder * scale);
    }
#pragma unroll
    for (int row = 0; row < 5; row++)
        store(saved + row * channels + c, rows[row]);
}

/// running = (1 - momentum) running + momentum batch.
template <typename V>
DEVICE void follow(float* running, const double (&batch)[NUMBERS<V>], double momentum)
{
    Each<V> v = each(load<V>(running));
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
        v.of[k] = (float)((1.0 - momentum) * v.of[k] + momentum * batch[k]);
    store(running, v);
}

// What a launch makes besides saved; each may be null.
struct Running
{
    float *mean, *variance;
    long long* counter;
};

// Puts the parts together (Chan, Golub and LeVeque, 1979), in float64.
template <typename V>
DEVICE void finish(float* saved, const Running& running, const float* moments, const float* weight, const float* bias, double eps,
    double momentum, long long rows, int channels, int rows_per_part, const ColumnPart& part, Shared<V>& shared)
{
    constexpr int N = NUMBERS<V>;
    auto rows_of = [=](int p)
    {
        long long left = rows - (long long)p * rows_per_part;
        return (double)(left < rows_per_part ? left : rows_per_part);
    };
    double mean[N], variance[N];
    sum_parts<V>(mean, part.exists, shared.parts, [=](double (&sum)[N], int p)
    {
        const float* m = moments + 3 * (long long)p * channels + part.column;
        Each<V> first = each(load<V>(m)), distances = each(load<V>(m + channels));
#pragma unroll
        for (int k = 0; k < N; k++)
            sum[k] += rows_of(p) * first.of[k] + distances.of[k];
    });
#pragma unroll
    for (int k = 0; k < N; k++)
        mean[k] /= (double)rows;
    sum_parts<V>(variance, part.exists, shared.parts, [=](double (&sum)[N], int p)
    {
        const float* m = moments + 3 * (long long)p * channels + part.column;
        Each<V> first = each(load<V>(m)), distances = each(load<V>(m + channels)), squares = each(load<V>(m + 2 * channels));
        double n = rows_of(p);
#pragma unroll
        for (int k = 0; k < N; k++)
        {
            double offset = distances.of[k] / n, distance = first.of[k] + offset - mean[k], own = squares.of[k] - n * offset * offset;
            sum[k] += (own < 0.0 ? 0.0 : own) + n * distance * distance;
        }
    });
    if (!part.exists || thread_y() != 0)
        return;
    if (running.counter && part.column == 0)
        ++*running.counter;
#pragma unroll
    for (int k = 0; k < N; k++)
        variance[k] /= (double)rows;
    save<V>(saved, channels, part.column, mean, variance, eps, weight, bias);
    if (running.mean)
    {
        double unbias = (double)rows / ((double)rows - 1.0);
        follow<V>(running.mean + part.column, mean, momentum);
#pragma unroll
        for (int k = 0; k < N; k++)
            variance[k] *= unbias;
        follow<V>(running.variance + part.column, variance, momentum);
    }
}

template <typename V>
DEVICE void statistics(float* saved, const Running& running, float* moments, const float* x, const float* weight, const float* bias,
    double eps, double momentum, long long rows, int channels, int rows_per_part)
{
    __shared__ Shared<V> shared;
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    write_moments<V>(moments, x, part, channels, shared);
    if (parts_are_complete())
        finish<V>(saved, running, moments, weight, bias, eps, momentum, rows, channels, rows_per_part, part, shared);
}

#define STATISTICS(suffix, v) \
    KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_statistics##suffix(float* saved, float* running_mean, float* running_variance, \
        long long* counter, float* moments, const float* x, const float* weight, const float* bias, double eps, double momentum, \
        long long rows, int channels, int rows_per_part) \
    { \
        statistics<v>(saved, {running_mean, running_variance, counter}, moments, x, weight, bias, eps, momentum, rows, channels, \
            rows_per_part); \
    }

#define FROZEN \
    KERNEL batch_norm_frozen(float* saved, const float* mean, const float* variance, const float* weight, const float* bias, double eps, \
        int channels) \
    { \
        for (long long c = global_index(); c < channels; c += global_threads()) \
            save<float>(saved, channels, (int)c, {mean[c]}, {variance[c]}, eps, weight, bias); \
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

#define APPLY(suffix, v) \
    KERNEL __launch_bounds__(MAP_THREADS) batch_norm_apply##suffix(float* y, const float* x, const float* saved, const float* residual, \
        int relu, int channels, long long count) \
    { \
        apply<v>(y, x, saved, residual, relu, channels, count); \
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
DEVICE void write_sums(float* sums, float* residual, const float* dy, const float* x, const float* y, const float* saved, int relu,
    const ColumnPart& part, int channels, Shared<V>& shared)
{
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
    sum = sum_thread_rows(sum, shared.rows[0]);
    product = sum_thread_rows(product, shared.rows[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* to = sums + 2 * (long long)block_y() * channels + part.column;
    store(to, sum);
    store(to + channels, product);
}

/// The columns from c on become v, or += v; to is null where nobody wants them.
template <typename V>
DEVICE void give(float* to, int c, const double (&v)[NUMBERS<V>], int accumulate)
{
    if (!to)
        return;
    Each<V> sum = each(accumulate ? load<V>(to + c) : all_of<V>(0.0f));
#pragma unroll
    for (int k = 0; k < NUMBERS<V>; k++)
        sum.of[k] += (float)v[k];
    store(to + c, sum);
}

// Where the gradients of weight and bias go.
struct Wanted
{
    float *weight, *bias;
    int accumulate_weight, accumulate_bias;
};

// Gradients of weight and bias and the coefficients of dx, from all parts.
template <typename V>
DEVICE void finish_gradients(float* coefficients, const Wanted& wanted, const float* sums, const float* saved, int batch, long long rows,
    int channels, const ColumnPart& part, Shared<V>& shared)
{
    constexpr int N = NUMBERS<V>;
    double sum[N], product[N];
    auto add_row = [=](int row)
    {
        return [=](double (&total)[N], int p)
        {
            Each<V> v = each(load<V>(sums + (2 * (long long)p + row) * channels + part.column));
#pragma unroll
            for (int k = 0; k < N; k++)
                total[k] += (double)v.of[k];
        };
    };
    sum_parts<V>(sum, part.exists, shared.parts, add_row(0));
    sum_parts<V>(product, part.exists, shared.parts, add_row(1));
    if (!part.exists || thread_y() != 0)
        return;
    const float* s = saved + part.column;
    Each<V> inverse = each(load<V>(s + INVERSE * channels)), remainder = each(load<V>(s + REMAINDER * channels));
    Each<V> scale = each(load<V>(s + SCALE * channels));
    Each<V> slopes, levels;
#pragma unroll
    for (int k = 0; k < N; k++)
    {
        product[k] = (product[k] - (double)remainder.of[k] * sum[k]) * (double)inverse.of[k];
        double slope = batch ? -(double)scale.of[k] * (double)inverse.of[k] * product[k] / (double)rows : 0.0;
        slopes.of[k] = (float)slope;
        levels.of[k] = batch ? (float)(-(double)scale.of[k] * sum[k] / (double)rows - slope * (double)remainder.of[k]) : 0.0f;
    }
    give<V>(wanted.bias, part.column, sum, wanted.accumulate_bias);
    give<V>(wanted.weight, part.column, product, wanted.accumulate_weight);
    store(coefficients + part.column, slopes);
    store(coefficients + channels + part.column, levels);
}

template <typename V>
DEVICE void gradients(float* coefficients, const Wanted& wanted, float* sums, float* residual, const float* dy, const float* x,
    const float* y, const float* saved, int relu, int batch, long long rows, int channels, int rows_per_part)
{
    __shared__ Shared<V> shared;
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    write_sums<V>(sums, residual, dy, x, y, saved, relu, part, channels, shared);
    if (parts_are_complete())
        finish_gradients<V>(coefficients, wanted, sums, saved, batch, rows, channels, part, shared);
}

#define GRADIENTS(suffix, v) \
    KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_gradients##suffix(float* coefficients, float* dweight, float* dbias, float* sums, \
        float* residual, const float* dy, const float* x, const float* y, const float* saved, int relu, int batch, int accumulate_weight, \
        int accumulate_bias, long long rows, int channels, int rows_per_part) \
    { \
        gradients<v>(coefficients, {dweight, dbias, accumulate_weight, accumulate_bias}, sums, residual, dy, x, y, saved, relu, batch, \
            rows, channels, rows_per_part); \
    }

// dx, and g into residual where the sums have not made it. dy may be g already: then relu is 0.
template <typename V>
DEVICE void input(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    const float* coefficients, int relu, int channels, long long count)
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

#define INPUT(suffix, v) \
    KERNEL __launch_bounds__(MAP_THREADS) batch_norm_input##suffix(float* dx, float* residual, const float* dy, const float* x, \
        const float* y, const float* saved, const float* coefficients, int relu, int channels, long long count) \
    { \
        input<v>(dx, residual, dy, x, y, saved, coefficients, relu, channels, count); \
    }

#define MODULE_batch_norm STATISTICS(, float4) FROZEN APPLY(, float4) GRADIENTS(, float4) INPUT(, float4)
#define MODULE_batch_norm_statistics_odd STATISTICS(_odd, float)
#define MODULE_batch_norm_apply_odd APPLY(_odd, float)
#define MODULE_batch_norm_gradients_odd GRADIENTS(_odd, float)
#define MODULE_batch_norm_input_odd INPUT(_odd, float)
MODULE_KERNELS
