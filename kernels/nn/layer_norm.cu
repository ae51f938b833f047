// Layer normalisation over the last dimension (Ba et al., "Layer Normalization", 2016):
//   y = (x - mean) r w + b,   r = 1 / sqrt(variance + eps), biased variance
//   with n = (x - mean) r and g = dy w:   dx = r (g - mean(g) - n mean(g n)),   dw = sum dy n,   db = sum dy over rows
// x may be the sum of two tensors, which is made on the way; each of dx, dw, db may be added to what is there.
//
// x, y, dy, dx  float32[rows, columns]; dx may be dy where it is not added to; residual, sum: the same, both null or both there
// statistics    float32[rows, 3]: the mean in two parts, whose sum is more exact than one number, and r
// partial       float32[2, parts, columns]: sums of a part of the rows for dw and db; null where neither is wanted
// launch        forward: one block a row, 4 columns bytes of dynamic shared memory; backward: one block a part of the rows, 16 columns
//               bytes, the last block of each of 16 groups of parts adds up the group, the last of these blocks the groups;
//               *_few: 32 threads, others 128; 4 elements a thread and turn (1 in *_odd, for columns not divisible by 4)
// bytes         least and actual: forward reads 4 (8 with residual) and writes 4 (8) an element, backward reads 8 (12 when added to) and
//               writes 4; w and b come from cache
// equals        CpuBackend.LayerNorm, AddLayerNorm, LayerNormBackward
#include "../include/arrival.cuh"
#include "../include/reduce.cuh"
#include "../include/vector.cuh"

enum { FEW_THREADS = 32, MANY_THREADS = 128 };

constexpr int GROUPS = 16;

extern __shared__ float4 kept[];

template <int Threads, typename V>
DEVICE void forward(float* to, float* statistics, float* sum_to, const float* from, const float* residual, const float* weight,
    const float* bias, double eps, int columns)
{
    __shared__ float shared[3][Threads / WARP];
    V* row = (V*)kept;
    long long start = (long long)block_x() * columns;
    V *y = (V*)(to + start), *s = (V*)(sum_to + start);
    const V *x = (const V*)(from + start), *other = (const V*)(residual + start), *w = (const V*)weight, *b = (const V*)bias;
    int n = columns / NUMBERS<V>;
    float sum = 0, rest = 0, squares = 0;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V v = load(x + j);
        if (residual)
        {
            v = v + load(other + j);
            store(s + j, v);
        }
        store(row + j, v);
        sum += total(v);
    }
    float mean = block_sum<Threads>(sum, shared[0]) / (float)columns;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V d = load(row + j) - mean;
        store(row + j, d);
        rest += total(d);
        squares += total(d * d);
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
    for (int j = thread_x(); j < n; j += Threads)
        store(y + j, fused((load(row + j) - rest) * inverse, load(w + j), load(b + j)));
}

/// Sum of element j of the rows first, first + step, ...
template <typename V>
DEVICE V sum_rows(const float* rows, int first, int step, int end, int columns, int j)
{
    V sum = load((const V*)(rows + (long long)first * columns) + j);
#pragma unroll 4
    for (int row = first + step; row < end; row += step)
        sum = sum + load((const V*)(rows + (long long)row * columns) + j);
    return sum;
}

// Where the gradients go, and whether they are added there; dx, weight and bias may be null.
struct Gradients
{
    float *dx, *weight, *bias;
    int accumulate_dx, accumulate_weight, accumulate_bias;
};

/// The parts group, group + 16, ... are added into the first of them, then the groups: always in this order.
template <int Threads, typename V>
DEVICE void add_parts(const Gradients& gradients, float* partial, int columns)
{
    int parts = grid_size(), group = block_x() % GROUPS, groups = parts < GROUPS ? parts : GROUPS, n = columns / NUMBERS<V>;
    float *weight_parts = partial, *bias_parts = partial + (long long)parts * columns;
    if (!arrives_last(group, (parts - group + GROUPS - 1) / GROUPS))
        return;
    for (int j = thread_x(); j < n; j += Threads)
    {
        long long place = (long long)group * columns;
        store((V*)(weight_parts + place) + j, sum_rows<V>(weight_parts, group, GROUPS, parts, columns, j));
        store((V*)(bias_parts + place) + j, sum_rows<V>(bias_parts, group, GROUPS, parts, columns, j));
    }
    if (!arrives_last(GROUPS, groups))
        return;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V *dw = (V*)gradients.weight + j, *db = (V*)gradients.bias + j;
        V weight = sum_rows<V>(weight_parts, 0, 1, groups, columns, j), bias = sum_rows<V>(bias_parts, 0, 1, groups, columns, j);
        if (gradients.weight)
            store(dw, gradients.accumulate_weight ? load(dw) + weight : weight);
        if (gradients.bias)
            store(db, gradients.accumulate_bias ? load(db) + bias : bias);
    }
}

template <int Threads, typename V>
DEVICE void backward(const Gradients& gradients, float* partial, const float* upstream, const float* from, const float* weight,
    const float* statistics, long long rows, int columns, int rows_per_part)
{
    __shared__ float shared[2][Threads / WARP];
    int n = columns / NUMBERS<V>;
    V *weight_sum = (V*)kept, *bias_sum = weight_sum + n, *g_row = weight_sum + 2 * n, *n_row = weight_sum + 3 * n;
    const V* w = (const V*)weight;
    for (int j = thread_x(); j < 2 * columns; j += Threads)
        ((float*)kept)[j] = 0.0f;
    barrier();
    long long first = (long long)block_x() * rows_per_part, end = first + rows_per_part < rows ? first + rows_per_part : rows;
    for (long long r = first; r < end; r++)
    {
        const float* s = statistics + 3 * r;
        const V *dy = (const V*)(upstream + r * columns), *x = (const V*)(from + r * columns);
        float mean = s[0], rest = s[1], inverse = s[2], sum = 0, product = 0;
        for (int j = thread_x(); j < n; j += Threads)
        {
            V up = load(dy + j), normal = (load(x + j) - mean - rest) * inverse, g = up * load(w + j);
            store(weight_sum + j, fused(up, normal, load(weight_sum + j)));
            store(bias_sum + j, load(bias_sum + j) + up);
            store(g_row + j, g);
            store(n_row + j, normal);
            sum += total(g);
            product += total(g * normal);
        }
        if (!gradients.dx)
            continue;
        float mean_g = block_sum<Threads>(sum, shared[0]) / (float)columns;
        float mean_gn = block_sum<Threads>(product, shared[1]) / (float)columns;
        V* dx = (V*)(gradients.dx + r * columns);
        for (int j = thread_x(); j < n; j += Threads)
        {
            V v = (load(g_row + j) - mean_g - load(n_row + j) * mean_gn) * inverse;
            store(dx + j, gradients.accumulate_dx ? load(dx + j) + v : v);
        }
        // The next row's sums go to the same place.
        barrier();
    }
    if (!partial)
        return;
    V* weight_part = (V*)(partial + (long long)block_x() * columns);
    V* bias_part = (V*)(partial + (long long)(grid_size() + block_x()) * columns);
    for (int j = thread_x(); j < n; j += Threads)
    {
        store(weight_part + j, load(weight_sum + j));
        store(bias_part + j, load(bias_sum + j));
    }
    add_parts<Threads, V>(gradients, partial, columns);
}

#define FORWARD(threads, v) \
    KERNEL __launch_bounds__(threads) MODULE(float* y, float* statistics, float* sum, const float* x, const float* residual, \
        const float* w, const float* b, double eps, int columns) \
    { \
        forward<threads, v>(y, statistics, sum, x, residual, w, b, eps, columns); \
    }
#define BACKWARD(threads, v) \
    KERNEL __launch_bounds__(threads) MODULE(float* dx, float* dw, float* db, float* partial, const float* dy, const float* x, \
        const float* w, const float* statistics, int accumulate_dx, int accumulate_dw, int accumulate_db, long long rows, int columns, \
        int rows_per_part) \
    { \
        Gradients gradients = {dx, dw, db, accumulate_dx, accumulate_dw, accumulate_db}; \
        backward<threads, v>(gradients, partial, dy, x, w, statistics, rows, columns, rows_per_part); \
    }

#define MODULE_layer_norm FORWARD(MANY_THREADS, float4)
#define MODULE_layer_norm_odd FORWARD(MANY_THREADS, float)
#define MODULE_layer_norm_few FORWARD(FEW_THREADS, float4)
#define MODULE_layer_norm_few_odd FORWARD(FEW_THREADS, float)
#define MODULE_layer_norm_backward BACKWARD(MANY_THREADS, float4)
#define MODULE_layer_norm_backward_odd BACKWARD(MANY_THREADS, float)
#define MODULE_layer_norm_backward_few BACKWARD(FEW_THREADS, float4)
#define MODULE_layer_norm_backward_few_odd BACKWARD(FEW_THREADS, float)
MODULE_KERNELS
