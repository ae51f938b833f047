// Batch normalisation of channels-last activations (Ioffe and Szegedy, ICML 2015), with the residual sum and the relu behind it:
//   y = relu((x - center) scale + shift + residual)
//   with g = dy where the relu let through, d = x - center, n rows: db = sum g, dw = sum g (d - remainder) / deviation,
//   dx = scale (g - db/n - (d - remainder) / deviation dw/n) = g scale + d slope + level; with frozen statistics g scale
// and, with frozen statistics, the derivatives of both along tangents of what they read, x' of x and so on:
//   y' = x' scale + (d - remainder) / deviation weight' + bias' + residual' where the relu let through
//   with g' = dy' there: dx' = g' scale + g weight' / deviation, db' = sum g', dw' = sum (g' (d - remainder) + g x') / deviation
//
// x, y, dy, dx, residual   float32[rows, C]
// saved         float32[5, C]: center, remainder, 1/deviation, scale, shift (Backends/Backend.BatchNorm.cs, BatchNormRow)
// moments       float32[parts, 3, C]; sums: float32[parts, 2, C]; coefficients: float32[2, C], slope and level
// launch        *_statistics, *_gradients: grid (ceil(C / 64), parts), block (16, 16), 4 channels a thread, the last block of a group of
//               channels puts the parts together; *_apply, *_input: grid-stride, 256 threads, 4 elements a thread; *_odd, for C not
//               divisible by 4: 1 instead of 4, and 16 instead of 64; *_frozen: grid-stride over channels; *_tangent as *_apply,
//               *_tangent_backward as *_gradients
// bytes         least and actual an element: statistics reads 4; apply reads 4 (8 with residual), writes 4; gradients reads 8 (12 with y),
//               writes 0 (4 with residual); input reads 8, writes 4; tangent reads 8 (12 with y, and with residual), writes 4;
//               tangent_backward reads 16 (20 with y), writes 4 (8 with residual); a channel's numbers come from cache
// equals        CpuBackend.BatchNormStatistics, BatchNormFrozen, BatchNormApply, BatchNormBackward, BatchNormTangent,
//               BatchNormBackwardTangent
#include "../include/columns.cuh"
#include "../include/map.cuh"

enum { CENTER, REMAINDER, INVERSE, SCALE, SHIFT };

/// Of the sums over the rows of a part, and of those over the parts.
template <typename V>
union Shared
{
    Planes<V> rows;
    double parts[COLUMN_THREADS];
};

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
    float column_sum = sum_thread_rows<V>(sum, shared.rows);
    float column_squares = sum_thread_rows<V>(squares, shared.rows);
    float* m = moments + 3 * (long long)block_y() * channels;
    if (part.exists && thread_y() == 0)
        store(m + part.column, pivot);
    int c;
    if (!has_column<V>(channels, c))
        return;
    m[channels + c] = column_sum;
    m[2 * channels + c] = column_squares;
}

/// Writes the numbers of a channel.
[[maybe_unused]] DEVICE void save(float* saved, int channels, int c, double mean, double variance, double eps, const float* weight,
    const float* bias)
{
    float center = (float)mean;
    double remainder = mean - center, inverse = 1.0 / square_root(variance + eps), scale = weight[c] * inverse;
    saved[CENTER * channels + c] = center;
    saved[REMAINDER * channels + c] = (float)remainder;
    saved[INVERSE * channels + c] = (float)inverse;
    saved[SCALE * channels + c] = (float)scale;
    saved[SHIFT * channels + c] = (float)(bias[c] - remainder * scale);
}

/// running = (1 - momentum) running + momentum batch.
[[maybe_unused]] DEVICE void follow(float& running, double batch, double momentum)
{
    running = (float)((1.0 - momentum) * running + momentum * batch);
}

// What a launch makes besides saved; each may be null.
struct Running
{
    float *mean, *variance;
    long long* counter;
};

// Puts the parts together in float64 (Chan, Golub and LeVeque, 1979), all distances taken from the first part's median.
template <typename V>
DEVICE void finish(float* saved, const Running& running, const float* moments, const float* weight, const float* bias, double eps,
    double momentum, long long rows, int channels, int rows_per_part, Shared<V>& shared)
{
    // Divisions in float64 are dear: one for the last part's rows, one for those of every other.
    int last = grid_size_y() - 1;
    double most = (double)rows_per_part, of_most = 1.0 / most;
    double least = (double)(rows - (long long)last * rows_per_part), of_least = 1.0 / least;
    double total[2];
    sum_parts<V>(total, channels, shared.parts, [=](double (&sum)[2], int c, int p)
    {
        const float* m = moments + 3 * (long long)p * channels + c;
        double n = p == last ? least : most, of_n = p == last ? of_least : of_most;
        double own = m[channels], squares = m[2 * channels] - own * own * of_n, distance = n * ((double)m[0] - moments[c]) + own;
        sum[0] += distance;
        sum[1] += (squares < 0.0 ? 0.0 : squares) + distance * distance * of_n;
    });
    int c;
    if (!has_column<V>(channels, c))
        return;
    double distance = total[0] / (double)rows, mean = moments[c] + distance, variance = (total[1] - total[0] * distance) / (double)rows;
    variance = variance < 0.0 ? 0.0 : variance;
    if (running.counter && c == 0)
        ++*running.counter;
    save(saved, channels, c, mean, variance, eps, weight, bias);
    if (running.mean)
    {
        follow(running.mean[c], mean, momentum);
        follow(running.variance[c], variance * ((double)rows / ((double)rows - 1.0)), momentum);
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
        finish<V>(saved, running, moments, weight, bias, eps, momentum, rows, channels, rows_per_part, shared);
}

#define STATISTICS(suffix, v) \
    KERNEL MEMORY_BOUND(COLUMN_THREADS) batch_norm_statistics##suffix(float* saved, float* running_mean, float* running_variance, \
        long long* counter, float* moments, Input<float> x, Input<float> weight, Input<float> bias, double eps, double momentum, \
        long long rows, int channels, int rows_per_part) \
    { \
        statistics<v>(saved, {running_mean, running_variance, counter}, moments, x, weight, bias, eps, momentum, rows, channels, \
            rows_per_part); \
    }

#define FROZEN \
    KERNEL batch_norm_frozen(float* saved, Input<float> mean, Input<float> variance, Input<float> weight, Input<float> bias, double eps, \
        int channels) \
    { \
        for (long long c = global_index(); c < channels; c += global_threads()) \
            save(saved, channels, (int)c, mean[c], variance[c], eps, weight, bias); \
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
    KERNEL MEMORY_BOUND(MAP_THREADS) batch_norm_apply##suffix(float* y, Input<float> x, Input<float> saved, Input<float> residual, \
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

/// Adds the sums of a block's threads and writes those of its part: two numbers a channel.
template <typename V>
DEVICE void write_column_sums(float* sums, V sum, V product, int channels, Shared<V>& shared)
{
    float column_sum = sum_thread_rows<V>(sum, shared.rows);
    float column_product = sum_thread_rows<V>(product, shared.rows);
    int c;
    if (!has_column<V>(channels, c))
        return;
    float* to = sums + 2 * (long long)block_y() * channels;
    to[c] = column_sum;
    to[channels + c] = column_product;
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
    write_column_sums<V>(sums, sum, product, channels, shared);
}

/// Column c becomes v, or += v; to is null where nobody wants it.
[[maybe_unused]] DEVICE void give(float* to, int c, double v, int accumulate)
{
    if (to)
        to[c] = (accumulate ? to[c] : 0.0f) + (float)v;
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
    int channels, Shared<V>& shared)
{
    double total[2];
    sum_parts<V>(total, channels, shared.parts, [=](double (&sum)[2], int c, int p)
    {
        const float* own = sums + 2 * (long long)p * channels + c;
        sum[0] += (double)own[0];
        sum[1] += (double)own[channels];
    });
    int c;
    if (!has_column<V>(channels, c))
        return;
    double inverse = saved[INVERSE * channels + c], remainder = saved[REMAINDER * channels + c], scale = saved[SCALE * channels + c];
    double sum = total[0], product = (total[1] - remainder * sum) * inverse;
    double slope = batch ? -scale * inverse * product / (double)rows : 0.0;
    give(wanted.bias, c, sum, wanted.accumulate_bias);
    give(wanted.weight, c, product, wanted.accumulate_weight);
    coefficients[c] = (float)slope;
    coefficients[channels + c] = batch ? (float)(-scale * sum / (double)rows - slope * remainder) : 0.0f;
}

template <typename V>
DEVICE void gradients(float* coefficients, const Wanted& wanted, float* sums, float* residual, const float* dy, const float* x,
    const float* y, const float* saved, int relu, int batch, long long rows, int channels, int rows_per_part)
{
    __shared__ Shared<V> shared;
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    write_sums<V>(sums, residual, dy, x, y, saved, relu, part, channels, shared);
    if (parts_are_complete())
        finish_gradients<V>(coefficients, wanted, sums, saved, batch, rows, channels, shared);
}

#define GRADIENTS(suffix, v) \
    KERNEL MEMORY_BOUND(COLUMN_THREADS) batch_norm_gradients##suffix(float* coefficients, float* dweight, float* dbias, float* sums, \
        float* residual, Input<float> dy, Input<float> x, Input<float> y, Input<float> saved, int relu, int batch, int accumulate_weight, \
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
        V shift = relu && !y ? load<V>(s + SHIFT * channels) : all_of<V>(0.0f);
        V g = masked(load<V>(dy + walk.i), d, scale, shift, y, walk.i, relu);
        if (residual)
            store(residual + walk.i, g);
        if (dx)
            store(dx + walk.i, fused(g, scale, fused(d, load<V>(k), load<V>(k + channels))));
    }
}

#define INPUT(suffix, v) \
    KERNEL MEMORY_BOUND(MAP_THREADS) batch_norm_input##suffix(float* dx, float* residual, Input<float> dy, Input<float> x, \
        Input<float> y, Input<float> saved, Input<float> coefficients, int relu, int channels, long long count) \
    { \
        input<v>(dx, residual, dy, x, y, saved, coefficients, relu, channels, count); \
    }

template <typename V>
DEVICE void tangent(float* to, const float* x, const float* moves, const float* y, const float* saved, const float* weight,
    const float* bias, const float* residual, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, NUMBERS<V>); walk.i < count; advance(walk))
    {
        auto of_channel = [&](int row) { return load_input((const V*)(saved + row * channels + walk.column)); };
        V d = load<V>(x + walk.i) - of_channel(CENTER), scale = of_channel(SCALE);
        V normal = (d - of_channel(REMAINDER)) * of_channel(INVERSE);
        V v = fused(load<V>(moves + walk.i), scale, fused(normal, load<V>(weight + walk.column), load<V>(bias + walk.column)));
        if (residual)
            v = v + load<V>(residual + walk.i);
        if (relu)
            v = where_positive(y ? load_input((const V*)(y + walk.i)) : fused(d, scale, of_channel(SHIFT)), v);
        store(to + walk.i, v);
    }
}

#define TANGENT(suffix, v) \
    KERNEL MEMORY_BOUND(MAP_THREADS) batch_norm_tangent##suffix(float* to, Input<float> x, Input<float> x_tangent, Input<float> y, \
        Input<float> saved, Input<float> weight_tangent, Input<float> bias_tangent, Input<float> residual_tangent, int relu, \
        int channels, long long count) \
    { \
        tangent<v>(to, x, x_tangent, y, saved, weight_tangent, bias_tangent, residual_tangent, relu, channels, count); \
    }

// What the derivative of the backward pass reads.
struct Tangents
{
    const float *dy, *dy_tangent, *x, *x_tangent, *y, *saved, *weight;
};

template <typename V>
DEVICE void write_tangent_sums(float* sums, float* dx, float* residual, const Tangents& from, int relu, const ColumnPart& part,
    int channels, Shared<V>& shared)
{
    V sum = all_of<V>(0.0f), product = sum;
    if (part.exists)
    {
        const float* s = from.saved + part.column;
        V center = load<V>(s), scale = load<V>(s + SCALE * channels), shift = load<V>(s + SHIFT * channels);
        V slope = load<V>(s + INVERSE * channels) * load<V>(from.weight + part.column);
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            // One index for all arrays, not a pointer for each, which would take registers.
            long long i = opaque(row * channels + part.column);
            V d = load<V>(from.x + i) - center, g = masked(load<V>(from.dy + i), d, scale, shift, from.y, i, relu);
            V h = masked(load<V>(from.dy_tangent + i), d, scale, shift, from.y, i, relu);
            if (residual)
                store(residual + i, h);
            if (dx)
                store(dx + i, fused(h, scale, g * slope));
            sum = sum + h;
            product = fused(h, d, fused(g, load<V>(from.x_tangent + i), product));
        }
    }
    write_column_sums<V>(sums, sum, product, channels, shared);
}

template <typename V>
DEVICE void tangent_backward(float* coefficients, const Wanted& wanted, float* sums, float* dx, float* residual, const Tangents& from,
    int relu, long long rows, int channels, int rows_per_part)
{
    __shared__ Shared<V> shared;
    ColumnPart part = column_part<V>(rows, channels, rows_per_part);
    write_tangent_sums<V>(sums, dx, residual, from, relu, part, channels, shared);
    if (parts_are_complete())
        finish_gradients<V>(coefficients, wanted, sums, from.saved, 0, rows, channels, shared);
}

#define TANGENT_BACKWARD(suffix, v) \
    KERNEL MEMORY_BOUND(COLUMN_THREADS) batch_norm_tangent_backward##suffix(float* coefficients, float* dweight, float* dbias, \
        float* sums, float* dx, float* residual, Input<float> dy, Input<float> dy_tangent, Input<float> x, Input<float> x_tangent, \
        Input<float> y, Input<float> saved, Input<float> weight_tangent, int relu, int accumulate_weight, int accumulate_bias, \
        long long rows, int channels, int rows_per_part) \
    { \
        tangent_backward<v>(coefficients, {dweight, dbias, accumulate_weight, accumulate_bias}, sums, dx, residual, \
            {dy, dy_tangent, x, x_tangent, y, saved, weight_tangent}, relu, rows, channels, rows_per_part); \
    }

#define MODULE_batch_norm STATISTICS(, float4) FROZEN APPLY(, float4) GRADIENTS(, float4) INPUT(, float4)
#define MODULE_batch_norm_statistics_odd STATISTICS(_odd, float)
#define MODULE_batch_norm_apply_odd APPLY(_odd, float)
#define MODULE_batch_norm_gradients_odd GRADIENTS(_odd, float)
#define MODULE_batch_norm_input_odd INPUT(_odd, float)
#define MODULE_batch_norm_tangent TANGENT(, float4) TANGENT_BACKWARD(, float4)
#define MODULE_batch_norm_tangent_odd TANGENT(_odd, float)
#define MODULE_batch_norm_tangent_backward_odd TANGENT_BACKWARD(_odd, float)
MODULE_KERNELS
