// Layer normalisation over the last dimension (Ba et al., "Layer Normalization", 2016):
//   y = (x - mean) r w + b,   r = 1 / sqrt(variance + eps), biased variance
//   with n = (x - mean) r and g = dy w:   dx = r (g - mean(g) - n mean(g n)),   dw = sum dy n,   db = sum dy over rows
// x may be the sum of two tensors, which is made on the way; each of dx, dw, db may be added to what is there.
//
// x, y, dy, dx  float32[rows, columns]; residual, sum: the same, both null or both there
// statistics    float32[rows, 3]: the mean in two parts, whose sum is more exact than one number, and r
// partial       float32[2, parts, columns]: sums of a part of the rows for dw and db; null where neither is wanted
// launch        128 threads; forward: one block a row, 4 columns bytes of dynamic shared memory; backward: one block a part of the rows,
//               16 columns bytes, the last block of each of 32 groups of parts adds up the group, the last of these blocks the groups;
//               *_few, up to 256 columns: a warp a row, four rows or a part's rows in turn a block, no dynamic shared memory; 4 elements
//               a thread and turn (1 in *_odd, for columns not divisible by 4)
// bytes         least and actual: forward reads 4 (8 with residual) and writes 4 (8) an element, backward reads 8 (12 when added to) and
//               writes 4; w and b come from cache
// equals        CpuBackend.LayerNorm, AddLayerNorm, LayerNormBackward
#include "../include/arrival.cuh"
#include "../include/rows.cuh"

constexpr int MANY_THREADS = 128, GROUPS = 32;

extern __shared__ float4 kept[];

template <typename Row, typename V>
DEVICE void forward(float* to, float* statistics, float* sum_to, const float* from, const float* residual, const float* weight,
    const float* bias, double eps, long long rows, int columns)
{
    __shared__ float shared[3][Row::Threads / WARP];
    long long r = (long long)block_x() * Row::Rows + Row::row(), start = r * columns;
    if (r >= rows)
        return;
    Row row((V*)kept);
    V *y = (V*)(to + start), *s = (V*)(sum_to + start);
    const V *x = (const V*)(from + start), *other = (const V*)(residual + start), *w = (const V*)weight, *b = (const V*)bias;
    int n = columns / NUMBERS<V>;
    float sum = 0, rest = 0, squares = 0;
    Row::walk(n, [&](Turn i)
    {
        V v = load(x + i.j);
        if (residual)
        {
            v = v + load(other + i.j);
            store(s + i.j, v);
        }
        row.put(i, v);
        sum += total(v);
    });
    float mean = block_sum<Row::Threads>(sum, shared[0]) / (float)columns;
    Row::walk(n, [&](Turn i)
    {
        V d = row.get(i) - mean;
        row.put(i, d);
        rest += total(d);
        squares += total(d * d);
    });
    // The deviations from the rounded mean are exact or nearly so; their own mean is what the rounding took away.
    rest = block_sum<Row::Threads>(rest, shared[1]) / (float)columns;
    float variance = fused(-rest, rest, block_sum<Row::Threads>(squares, shared[2]) / (float)columns);
    variance = variance < 0.0f ? 0.0f : variance;
    float inverse = reciprocal_root(variance + (float)eps);
    if (Row::thread() == 0)
    {
        float* s = statistics + 3 * r;
        s[0] = mean;
        s[1] = rest;
        s[2] = inverse;
    }
    Row::walk(n, [&](Turn i) { store(y + i.j, fused((row.get(i) - rest) * inverse, load(w + i.j), load(b + i.j))); });
}

/// Sum of `count` Vs, `step` apart.
template <typename V>
DEVICE V sum_rows(const V* p, long long step, int count)
{
    V sum = load(p);
#pragma unroll 4
    for (int row = 1; row < count; row++)
    {
        p += step;
        sum = sum + load(p);
    }
    return sum;
}

// Where the gradients go, and whether they are added there; dx, weight and bias may be null.
struct Gradients
{
    float *dx, *weight, *bias;
    int accumulate_dx, accumulate_weight, accumulate_bias;
};

/// The parts group, group + 32, ... are added into the first of them, then the groups: always in this order.
template <int Threads, typename V>
DEVICE void add_parts(const Gradients& gradients, float* partial, int columns)
{
    int parts = grid_size(), group = block_x() % GROUPS, groups = parts < GROUPS ? parts : GROUPS, n = columns / NUMBERS<V>;
    int of_group = (parts - group + GROUPS - 1) / GROUPS;
    // The first of the parts of a V: of those of the weight below n, of the bias behind it.
    auto first_part = [=](int j) { return (V*)partial + (j < n ? j : (long long)parts * n + j - n); };
    if (!arrives_last(group, of_group))
        return;
#pragma unroll 1
    for (int j = thread_x(); j < 2 * n; j += Threads)
    {
        V* first = first_part(j) + (long long)group * n;
        store(first, sum_rows<V>(first, (long long)GROUPS * n, of_group));
    }
    if (!arrives_last(GROUPS, groups))
        return;
#pragma unroll 1
    for (int j = thread_x(); j < 2 * n; j += Threads)
    {
        V sum = sum_rows<V>(first_part(j), n, groups);
        V* to = (V*)(j < n ? gradients.weight : gradients.bias);
        if (!to)
            continue;
        to += j < n ? j : j - n;
        store(to, (j < n ? gradients.accumulate_weight : gradients.accumulate_bias) ? load(to) + sum : sum);
    }
}

/// The sum of the block's rows of threads, each of which has summed other rows, becomes a row of parts.
template <typename Row, typename V>
DEVICE void write_part(float* part, Row& sums, int n)
{
    V* to = (V*)part;
    if constexpr (Row::Rows == 1)
        Row::walk(n, [&](Turn i) { store(to + i.j, sums.get(i)); });
    else
    {
        __shared__ V shared[Row::Rows][FEW_NUMBERS / NUMBERS<V>];
        // What stands there from before has been read.
        barrier();
        Row::walk(n, [&](Turn i) { store(shared[Row::row()] + i.j, sums.get(i)); });
        barrier();
        for (int j = thread_x(); j < n; j += Row::BlockThreads)
        {
            V sum = load(shared[0] + j);
            for (int row = 1; row < Row::Rows; row++)
                sum = sum + load(shared[row] + j);
            store(to + j, sum);
        }
    }
}

template <typename Row, typename V>
DEVICE void backward(const Gradients& gradients, float* partial, const float* upstream, const float* from, const float* weight,
    const float* statistics, long long rows, int columns, int rows_per_part)
{
    __shared__ float shared[2][Row::Threads / WARP];
    int n = columns / NUMBERS<V>;
    Row weight_sum((V*)kept), bias_sum((V*)kept + n), g_row((V*)kept + 2 * n), n_row((V*)kept + 3 * n);
    const V* w = (const V*)weight;
    // clang stores a zero that it knows in halves, in which lanes meet in banks.
    V zero = all_of<V>(float_of((unsigned)opaque(0)));
    Row::walk(n, [&](Turn i) { weight_sum.put(i, zero), bias_sum.put(i, zero); });
    long long first = (long long)block_x() * rows_per_part, end = first + rows_per_part < rows ? first + rows_per_part : rows;
    for (long long r = first + Row::row(); r < end; r += Row::Rows)
    {
        const float* s = statistics + 3 * r;
        long long start = opaque(r * columns);
        const V *dy = (const V*)(upstream + start), *x = (const V*)(from + start);
        float mean = s[0], rest = s[1], inverse = s[2], sum = 0, product = 0;
        Row::walk(n, [&](Turn i)
        {
            V up = load(dy + i.j), normal = (load(x + i.j) - mean - rest) * inverse, g = up * load(w + i.j);
            weight_sum.put(i, fused(up, normal, weight_sum.get(i)));
            bias_sum.put(i, bias_sum.get(i) + up);
            g_row.put(i, g);
            n_row.put(i, normal);
            sum += total(g);
            product += total(g * normal);
        });
        if (!gradients.dx)
            continue;
        float mean_g = block_sum<Row::Threads>(sum, shared[0]) / (float)columns;
        float mean_gn = block_sum<Row::Threads>(product, shared[1]) / (float)columns;
        V* dx = (V*)(gradients.dx + start);
        Row::walk(n, [&](Turn i)
        {
            V v = (g_row.get(i) - mean_g - n_row.get(i) * mean_gn) * inverse;
            store(dx + i.j, gradients.accumulate_dx ? load(dx + i.j) + v : v);
        });
        // The next row's sums go to the same place.
        if (Row::Rows == 1)
            barrier();
    }
    if (!partial)
        return;
    write_part<Row, V>(partial + (long long)block_x() * columns, weight_sum, n);
    write_part<Row, V>(partial + (long long)(grid_size() + block_x()) * columns, bias_sum, n);
    add_parts<Row::BlockThreads, V>(gradients, partial, columns);
}

#define FORWARD(row, v) \
    KERNEL MEMORY_BOUND(row::BlockThreads) MODULE(float* y, float* statistics, float* sum, Input<float> x, \
        Input<float> residual, Input<float> w, Input<float> b, double eps, long long rows, \
        int columns) \
    { \
        forward<row, v>(y, statistics, sum, x, residual, w, b, eps, rows, columns); \
    }
#define BACKWARD(row, v) \
    KERNEL MEMORY_BOUND(row::BlockThreads) MODULE(float* dx, float* dw, float* db, float* partial, Input<float> dy, \
        Input<float> x, Input<float> w, Input<float> statistics, int accumulate_dx, \
        int accumulate_dw, int accumulate_db, long long rows, int columns, int rows_per_part) \
    { \
        Gradients gradients = {dx, dw, db, accumulate_dx, accumulate_dw, accumulate_db}; \
        backward<row, v>(gradients, partial, dy, x, w, statistics, rows, columns, rows_per_part); \
    }

using Many = BlockRow<MANY_THREADS, float4>;
using ManyOdd = BlockRow<MANY_THREADS, float>;
using Few = WarpRow<float4>;
using FewOdd = WarpRow<float>;
#define MODULE_layer_norm FORWARD(Many, float4)
#define MODULE_layer_norm_odd FORWARD(ManyOdd, float)
#define MODULE_layer_norm_few FORWARD(Few, float4)
#define MODULE_layer_norm_few_odd FORWARD(FewOdd, float)
#define MODULE_layer_norm_backward BACKWARD(Many, float4)
#define MODULE_layer_norm_backward_odd BACKWARD(ManyOdd, float)
#define MODULE_layer_norm_backward_few BACKWARD(Few, float4)
#define MODULE_layer_norm_backward_few_odd BACKWARD(FewOdd, float)
MODULE_KERNELS
