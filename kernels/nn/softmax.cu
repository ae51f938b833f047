// Softmax and log-softmax over rows, forward and backward:
//   y = exp(x - m) / sum exp(x - m)            dx = y (dy - sum dy y)
//   y = x - m - log sum exp(x - m)             dx = dy - exp(y) sum dy,      m = max x
//
// x, y, dy, dx  float32[rows, columns]; y may be x, dx may be dy
// launch        one block a row, 4 columns bytes of dynamic shared memory forward, 8 columns backward (0: the row is read twice, for
//               rows that do not fit); *_few: 32 threads, others 256; 4 elements a thread and turn (1 in *_odd, for columns not
//               divisible by 4)
// bytes         least and actual: forward reads 4 and writes 4 an element, backward reads 8 and writes 4
// equals        CpuBackend.Softmax, SoftmaxBackward, LogSoftmax, LogSoftmaxBackward
#include "../include/reduce.cuh"
#include "../include/vector.cuh"

constexpr int FEW_THREADS = 32, MANY_THREADS = 256;

extern __shared__ float4 kept[];

template <int Threads, bool Log, typename V>
DEVICE void forward(float* to, const float* from, int columns)
{
    __shared__ float shared[2][Threads / WARP];
    V* row = (V*)kept;
    V* y = (V*)(to + (long long)block_x() * columns);
    const V* x = (const V*)(from + (long long)block_x() * columns);
    int n = columns / NUMBERS<V>;
    float most = float_of(0xff800000u), sum = 0;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V v = load(x + j);
        store(row + j, v);
        most = largest_or_nan(most, most_of(v));
    }
    most = block_max<Threads>(most, shared[0]);
    for (int j = thread_x(); j < n; j += Threads)
    {
        V v = load(row + j) - most, e = exp_of(v);
        store(row + j, Log ? v : e);
        sum += total(e);
    }
    sum = block_sum<Threads>(sum, shared[1]);
    float scale = Log ? log_of(sum) : 1.0f / sum;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V v = load(row + j);
        store(y + j, Log ? v - scale : v * scale);
    }
}

template <int Threads, bool Log, typename V>
DEVICE void backward(float* to, const float* upstream, const float* output, int columns, int keep)
{
    __shared__ float shared[Threads / WARP];
    V* row = (V*)kept;
    V* dx = (V*)(to + (long long)block_x() * columns);
    const V *dy = (const V*)(upstream + (long long)block_x() * columns), *y = (const V*)(output + (long long)block_x() * columns);
    int n = columns / NUMBERS<V>;
    float sum = 0;
    for (int j = thread_x(); j < n; j += Threads)
    {
        V g = load(dy + j), v = load(y + j);
        if (keep)
            store(row + j, g), store(row + n + j, v);
        sum += total(Log ? g : g * v);
    }
    sum = block_sum<Threads>(sum, shared);
    for (int j = thread_x(); j < n; j += Threads)
    {
        V g = load(keep ? row + j : dy + j), v = load(keep ? row + n + j : y + j);
        store(dx + j, Log ? fused(exp_of(v), -sum, g) : v * (g - sum));
    }
}

#define BOTH(name, suffix, threads, log, v) \
    KERNEL __launch_bounds__(threads) name##suffix(float* y, const float* x, int columns) { forward<threads, log, v>(y, x, columns); } \
    KERNEL __launch_bounds__(threads) name##_backward##suffix(float* dx, const float* dy, const float* y, int columns, int keep) \
    { \
        backward<threads, log, v>(dx, dy, y, columns, keep); \
    }
#define ALL(name, log) \
    BOTH(name, , MANY_THREADS, log, float4) \
    BOTH(name, _odd, MANY_THREADS, log, float) \
    BOTH(name, _few, FEW_THREADS, log, float4) \
    BOTH(name, _few_odd, FEW_THREADS, log, float)

#define MODULE_softmax ALL(softmax, false)
#define MODULE_softmax_log ALL(softmax_log, true)
MODULE_KERNELS
