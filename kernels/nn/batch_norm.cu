// Batch normalisation of channels-last activations (Ioffe and Szegedy, ICML 2015), with the residual sum and the relu behind it:
//   y = relu((x - center) scale + shift + residual)
//   with g = dy where the relu let through, d = x - center, n rows: db = sum g, dw = sum g (d - remainder) / deviation,
//   dx = scale (g - db/n - (d - remainder) / deviation dw/n) = g scale + d slope + level; with frozen statistics g scale
//
// x, y, dy, dx, residual   float32[rows, C]
// saved         float32[5, C]: center, remainder, 1/deviation, scale, shift (Backends/Backend.BatchNorm.cs, BatchNormRow)
// moments       float32[parts, 3, C]; sums: float32[parts, 2, C]; coefficients: float32[2, C], slope and level
// launch        *_moments, *_sums: grid (ceil(C / 32), parts), block (32, 8); *_finish, *_frozen: grid-stride over channels;
//               *_apply, *_input: grid-stride, 4 elements a thread (1 in *_odd, for C not divisible by 4)
// bytes         least and actual an element: moments reads 4; apply reads 4 (8 with residual), writes 4; sums reads 8 (12 with y), writes 0
//               (4 with residual); input reads 8, writes 4; per-channel numbers come from cache
// equals        CpuBackend.BatchNormStatistics, BatchNormFrozen, BatchNormApply, BatchNormBackward
#include "../include/columns.cuh"
#include "../include/map.cuh"

enum { CENTER, REMAINDER, INVERSE, SCALE, SHIFT };

// For each channel of a part: its first value, and the sums of the distances from it and of their squares, so that a large mean does
// not cancel.
KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_moments(float* moments, const float* x, long long rows, int channels, int rows_per_part)
{
    __shared__ float shared[2][ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part(rows, channels, rows_per_part);
    float pivot = 0, sum = 0, squares = 0;
    if (part.exists)
    {
        pivot = x[part.first * channels + part.column];
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            float d = x[row * channels + part.column] - pivot;
            sum += d;
            squares = fused(d, d, squares);
        }
    }
    sum = sum_thread_rows(sum, shared[0]);
    squares = sum_thread_rows(squares, shared[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* m = moments + 3 * (long long)block_y() * channels + part.column;
    m[0] = pivot;
    m[channels] = sum;
    m[2 * channels] = squares;
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

// Puts the parts together (Chan, Golub and LeVeque, 1979), in float64; running statistics may be null.
KERNEL batch_norm_finish(float* saved, float* running_mean, float* running_variance, const float* moments, const float* weight, const float* bias,
    double eps, double momentum, long long rows, int channels, int parts, int rows_per_part)
{
    for (long long c = global_index(); c < channels; c += global_threads())
    {
        double sum = 0, squares = 0;
        for (int p = 0; p < parts; p++)
        {
            const float* m = moments + 3 * (long long)p * channels + c;
            long long left = rows - (long long)p * rows_per_part, n = left < rows_per_part ? left : rows_per_part;
            sum += (double)n * m[0] + m[channels];
        }
        double mean = sum / (double)rows;
        for (int p = 0; p < parts; p++)
        {
            const float* m = moments + 3 * (long long)p * channels + c;
            long long left = rows - (long long)p * rows_per_part, n = left < rows_per_part ? left : rows_per_part;
            double offset = (double)m[channels] / (double)n, distance = m[0] + offset - mean, own = m[2 * channels] - (double)n * offset * offset;
            squares += (own > 0.0 ? own : own != own ? own : 0.0) + (double)n * distance * distance;
        }
        double variance = squares / (double)rows;
        save(saved, channels, (int)c, mean, variance, eps, weight, bias);
        if (running_mean)
        {
            double unbias = (double)rows / ((double)rows - 1.0);
            running_mean[c] = (float)((1.0 - momentum) * running_mean[c] + momentum * mean);
            running_variance[c] = (float)((1.0 - momentum) * running_variance[c] + momentum * variance * unbias);
        }
    }
}

KERNEL batch_norm_frozen(float* saved, const float* mean, const float* variance, const float* weight, const float* bias, double eps, int channels)
{
    for (long long c = global_index(); c < channels; c += global_threads())
        save(saved, channels, (int)c, mean[c], variance[c], eps, weight, bias);
}

DEVICE float applied(float x, float center, float scale, float shift, float residual, int relu)
{
    float y = fused(x - center, scale, shift) + residual;
    return relu && y < 0.0f ? 0.0f : y;
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_apply(float* y, const float* x, const float* saved, const float* residual, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, 4); walk.i < count; advance(walk))
    {
        const float* s = saved + walk.column;
        float4 v = load4(x + walk.i), center = load4(s), scale = load4(s + SCALE * channels), shift = load4(s + SHIFT * channels), add = {0, 0, 0, 0};
        if (residual)
            add = load4(residual + walk.i);
        v.x = applied(v.x, center.x, scale.x, shift.x, add.x, relu), v.y = applied(v.y, center.y, scale.y, shift.y, add.y, relu);
        v.z = applied(v.z, center.z, scale.z, shift.z, add.z, relu), v.w = applied(v.w, center.w, scale.w, shift.w, add.w, relu);
        store4(y + walk.i, v);
    }
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_apply_odd(float* y, const float* x, const float* saved, const float* residual, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, 1); walk.i < count; advance(walk))
    {
        const float* s = saved + walk.column;
        y[walk.i] = applied(x[walk.i], s[0], s[SCALE * channels], s[SHIFT * channels], residual ? residual[walk.i] : 0.0f, relu);
    }
}

// The gradient behind the relu: dy where the output is positive. With y the output is read, without it is computed again.
DEVICE float masked(float dy, float d, float scale, float shift, const float* y, long long i, int relu)
{
    if (!relu)
        return dy;
    return (y ? y[i] : fused(d, scale, shift)) > 0.0f ? dy : 0.0f;
}

KERNEL __launch_bounds__(COLUMN_THREADS) batch_norm_sums(float* sums, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    int relu, long long rows, int channels, int rows_per_part)
{
    __shared__ float shared[2][ROWS_AT_ONCE][COLUMNS];
    ColumnPart part = column_part(rows, channels, rows_per_part);
    float sum = 0, product = 0;
    if (part.exists)
    {
        const float* s = saved + part.column;
        float center = s[0], scale = s[SCALE * channels], shift = s[SHIFT * channels];
        for (long long row = part.first + thread_y(); row < part.end; row += ROWS_AT_ONCE)
        {
            long long i = row * channels + part.column;
            float d = x[i] - center, g = masked(dy[i], d, scale, shift, y, i, relu);
            if (residual)
                residual[i] = g;
            sum += g;
            product = fused(g, d, product);
        }
    }
    sum = sum_thread_rows(sum, shared[0]);
    product = sum_thread_rows(product, shared[1]);
    if (!part.exists || thread_y() != 0)
        return;
    float* to = sums + 2 * (long long)block_y() * channels + part.column;
    to[0] = sum;
    to[channels] = product;
}

// Gradients of weight and bias (either may be null) and the coefficients of dx.
KERNEL batch_norm_gradients(float* coefficients, float* dweight, float* dbias, const float* sums, const float* saved, int batch, int accumulate_weight,
    int accumulate_bias, long long rows, int channels, int parts)
{
    for (long long c = global_index(); c < channels; c += global_threads())
    {
        double sum = 0, product = 0;
        for (int p = 0; p < parts; p++)
        {
            sum += sums[2 * (long long)p * channels + c];
            product += sums[(2 * (long long)p + 1) * channels + c];
        }
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
}

// dx, and g into residual where the sums have not made it. dy may be g already: then relu is 0.
KERNEL __launch_bounds__(MAP_THREADS) batch_norm_input(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    const float* coefficients, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, 4); walk.i < count; advance(walk))
    {
        const float *s = saved + walk.column, *k = coefficients + walk.column;
        float4 center = load4(s), scale = load4(s + SCALE * channels), shift = load4(s + SHIFT * channels), slope = load4(k), level = load4(k + channels);
        float4 d = load4(x + walk.i), g = load4(dy + walk.i);
        d.x -= center.x, d.y -= center.y, d.z -= center.z, d.w -= center.w;
        if (relu)
        {
            float4 out = {fused(d.x, scale.x, shift.x), fused(d.y, scale.y, shift.y), fused(d.z, scale.z, shift.z), fused(d.w, scale.w, shift.w)};
            if (y)
                out = load4(y + walk.i);
            g.x = out.x > 0.0f ? g.x : 0.0f, g.y = out.y > 0.0f ? g.y : 0.0f, g.z = out.z > 0.0f ? g.z : 0.0f, g.w = out.w > 0.0f ? g.w : 0.0f;
        }
        if (residual)
            store4(residual + walk.i, g);
        if (!dx)
            continue;
        g.x = fused(g.x, scale.x, fused(d.x, slope.x, level.x)), g.y = fused(g.y, scale.y, fused(d.y, slope.y, level.y));
        g.z = fused(g.z, scale.z, fused(d.z, slope.z, level.z)), g.w = fused(g.w, scale.w, fused(d.w, slope.w, level.w));
        store4(dx + walk.i, g);
    }
}

KERNEL __launch_bounds__(MAP_THREADS) batch_norm_input_odd(float* dx, float* residual, const float* dy, const float* x, const float* y, const float* saved,
    const float* coefficients, int relu, int channels, long long count)
{
    for (RowWalk walk = row_walk(channels, 1); walk.i < count; advance(walk))
    {
        const float *s = saved + walk.column, *k = coefficients + walk.column;
        float d = x[walk.i] - s[0], scale = s[SCALE * channels], g = masked(dy[walk.i], d, scale, s[SHIFT * channels], y, walk.i, relu);
        if (residual)
            residual[walk.i] = g;
        if (dx)
            dx[walk.i] = fused(g, scale, fused(d, k[0], k[channels]));
    }
}
