// Layer normalisation over the last dimension (Ba et al., "Layer Normalization", 2016):
//   y = (x - mean) r w + b,   r = 1 / sqrt(variance + eps), biased variance
//   with n = (x - mean) r and g = dy w:   dx = r (g - mean(g) - n mean(g n)),   dw = sum dy n,   db = sum dy over rows
//
// x, y, dy, dx  float32[rows, columns]; dx may be dy
// statistics    float32[rows, 3]: the mean in two parts, whose sum is more exact than one number, and r
// partial       float32[2, parts, columns]: sums of a part of the rows for dw and db; sum_leading_parts adds them up
// launch        forward: one block a row, 4 columns bytes of dynamic shared memory; backward: one block a part of the rows, 16 columns
//               bytes; *_few: 32 threads, others 256
// bytes         least and actual: forward reads 4 and writes 4 an element, backward reads 8 and writes 4; w and b come from cache
// equals        CpuBackend.LayerNorm, LayerNormBackward
#include "../include/math.cuh"
#include "../include/reduce.cuh"

constexpr int FEW_THREADS = 32, MANY_THREADS = 256;

extern __shared__ float kept[];

template <int Threads>
DEVICE void forward(float* y, float* statistics, const float* x, const float* w, const float* b, double eps, int columns)
{
    __shared__ float shared[3][Threads / WARP];
    x += (long long)block_x() * columns;
    y += (long long)block_x() * columns;
    float sum = 0, rest = 0, squares = 0;
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float v = x[j];
        kept[j] = v;
        sum += v;
    }
    float mean = block_sum<Threads>(sum, shared[0]) / (float)columns;
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float d = kept[j] - mean;
        kept[j] = d;
        rest += d;
        squares = fused(d, d, squares);
    }
    // The deviations from the rounded mean are exact or nearly so; their own mean is what the rounding took away.
    rest = block_sum<Threads>(rest, shared[1]) / (float)columns;
    float variance = fused(-rest, rest, block_sum<Threads>(squares, shared[2]) / (float)columns);
    variance = variance < 0.0f ? 0.0f : variance;
    float inverse = reciprocal_root(variance + (float)eps);
    if (thread_x() == 0)
    {
        float* s = statistics + 3 * (long long)block_x();
        s[0] = mean;
        s[1] = rest;
        s[2] = inverse;
    }
    for (int j = thread_x(); j < columns; j += Threads)
        y[j] = fused((kept[j] - rest) * inverse, w[j], b[j]);
}

template <int Threads>
DEVICE void backward(float* dx, float* partial, const float* dy, const float* x, const float* w, const float* statistics, long long rows, int columns,
    int rows_per_part)
{
    __shared__ float shared[2][Threads / WARP];
    float *weight_sum = kept, *bias_sum = kept + columns, *g_row = kept + 2 * columns, *n_row = kept + 3 * columns;
    for (int j = thread_x(); j < columns; j += Threads)
        weight_sum[j] = bias_sum[j] = 0.0f;
    long long first = (long long)block_x() * rows_per_part, end = first + rows_per_part < rows ? first + rows_per_part : rows;
    for (long long r = first; r < end; r++)
    {
        const float* s = statistics + 3 * r;
        float mean = s[0], rest = s[1], inverse = s[2], sum = 0, product = 0;
        for (int j = thread_x(); j < columns; j += Threads)
        {
            float up = dy[r * columns + j], n = (x[r * columns + j] - mean - rest) * inverse, g = up * w[j];
            weight_sum[j] = fused(up, n, weight_sum[j]);
            bias_sum[j] += up;
            g_row[j] = g;
            n_row[j] = n;
            sum += g;
            product = fused(g, n, product);
        }
        if (!dx)
            continue;
        float mean_g = block_sum<Threads>(sum, shared[0]) / (float)columns, mean_gn = block_sum<Threads>(product, shared[1]) / (float)columns;
        for (int j = thread_x(); j < columns; j += Threads)
            dx[r * columns + j] = inverse * (g_row[j] - mean_g - n_row[j] * mean_gn);
        // The next row's sums go to the same place.
        barrier();
    }
    if (!partial)
        return;
    long long part = block_x(), parts = grid_size();
    for (int j = thread_x(); j < columns; j += Threads)
    {
        partial[part * columns + j] = weight_sum[j];
        partial[(parts + part) * columns + j] = bias_sum[j];
    }
}

#define BOTH(suffix, threads) \
    KERNEL __launch_bounds__(threads) layer_norm##suffix(float* y, float* statistics, const float* x, const float* w, const float* b, double eps, int columns) \
    { \
        forward<threads>(y, statistics, x, w, b, eps, columns); \
    } \
    KERNEL __launch_bounds__(threads) layer_norm_backward##suffix(float* dx, float* partial, const float* dy, const float* x, const float* w, \
        const float* statistics, long long rows, int columns, int rows_per_part) \
    { \
        backward<threads>(dx, partial, dy, x, w, statistics, rows, columns, rows_per_part); \
    }

BOTH(, MANY_THREADS)
BOTH(_few, FEW_THREADS)
