// Softmax and log-softmax over rows, forward and backward:
//   y = exp(x - m) / sum exp(x - m)            dx = y (dy - sum dy y)
//   y = x - m - log sum exp(x - m)             dx = dy - exp(y) sum dy,      m = max x
//
// x, y, dy, dx  float32[rows, columns]
// launch        one block of 256 threads a row, 4 columns bytes of dynamic shared memory forward, 8 columns backward (0: the row is read
//               twice, for rows that do not fit); *_few, up to 256 columns: 128 threads for four rows, none; 4 elements a thread and turn
//               (1 in *_odd, for columns not divisible by 4)
// bytes         least and actual: forward reads 4 and writes 4 an element, backward reads 8 and writes 4
// equals        CpuBackend.Softmax, SoftmaxBackward, LogSoftmax, LogSoftmaxBackward
#include "../include/rows.cuh"

constexpr int MANY_THREADS = 256;

extern __shared__ float4 kept[];

template <typename Row, bool Log, typename V>
DEVICE void forward(float* to, const float* from, long long rows, int columns)
{
    __shared__ float shared[2][Row::Threads / WARP];
    long long r = (long long)block_x() * Row::Rows + Row::row();
    if (r >= rows)
        return;
    Row row((V*)kept);
    V* y = (V*)(to + r * columns);
    const V* x = (const V*)(from + r * columns);
    int n = columns / NUMBERS<V>;
    float most = float_of(0xff800000u), sum = 0;
    Row::walk(n, [&](Turn i)
    {
        V v = load(x + i.j);
        row.put(i, v);
        most = largest_or_nan(most, most_of(v));
    });
    most = block_max<Row::Threads>(most, shared[0]);
    Row::walk(n, [&](Turn i)
    {
        V v = row.get(i) - most, e = exp_of(v);
        row.put(i, Log ? v : e);
        sum += total(e);
    });
    sum = block_sum<Row::Threads>(sum, shared[1]);
    float scale = Log ? log_of(sum) : 1.0f / sum;
    Row::walk(n, [&](Turn i) { store(y + i.j, Log ? row.get(i) - scale : row.get(i) * scale); });
}

template <typename Row, bool Log, typename V>
DEVICE void backward(float* to, const float* upstream, const float* output, long long rows, int columns, int keep)
{
    __shared__ float shared[Row::Threads / WARP];
    long long r = (long long)block_x() * Row::Rows + Row::row();
    if (r >= rows)
        return;
    int n = columns / NUMBERS<V>;
    Row g_row((V*)kept), y_row((V*)kept + n);
    V* dx = (V*)(to + r * columns);
    const V *dy = (const V*)(upstream + r * columns), *y = (const V*)(output + r * columns);
    bool keeps = Row::Threads == WARP || keep;
    float sum = 0;
    Row::walk(n, [&](Turn i)
    {
        V g = load(dy + i.j), v = load(y + i.j);
        if (keeps)
            g_row.put(i, g), y_row.put(i, v);
        sum += total(Log ? g : g * v);
    });
    sum = block_sum<Row::Threads>(sum, shared);
    auto give = [&](int j, V g, V v) { store(dx + j, Log ? fused(exp_of(v), -sum, g) : v * (g - sum)); };
    if (keeps)
        Row::walk(n, [&](Turn i) { give(i.j, g_row.get(i), y_row.get(i)); });
    else
        Row::walk(n, [&](Turn i) { give(i.j, load(dy + i.j), load(y + i.j)); });
}

#define BOTH(name, suffix, row, log, v) \
    KERNEL MEMORY_BOUND(row::BlockThreads) name##suffix(float* y, Input<float> x, long long rows, int columns) \
    { \
        forward<row, log, v>(y, x, rows, columns); \
    } \
    KERNEL MEMORY_BOUND(row::BlockThreads) name##_backward##suffix(float* dx, Input<float> dy, Input<float> y, \
        long long rows, int columns, int keep) \
    { \
        backward<row, log, v>(dx, dy, y, rows, columns, keep); \
    }
using Many = BlockRow<MANY_THREADS, float4>;
using ManyOdd = BlockRow<MANY_THREADS, float>;
#define ALL(name, log) \
    BOTH(name, , Many, log, float4) \
    BOTH(name, _odd, ManyOdd, log, float) \
    BOTH(name, _few, WarpRow<float4>, log, float4) \
    BOTH(name, _few_odd, WarpRow<float>, log, float)

#define MODULE_softmax ALL(softmax, false)
#define MODULE_softmax_log ALL(softmax_log, true)
MODULE_KERNELS
