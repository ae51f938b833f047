// Softmax and log-softmax over rows, forward and backward:
//   y = exp(x - m) / sum exp(x - m)            dx = y (dy - sum dy y)
//   y = x - m - log sum exp(x - m)             dx = dy - exp(y) sum dy,      m = max x
//
// x, y, dy, dx  float32[rows, columns]; y may be x, dx may be dy
// launch        one block a row, 4 columns bytes of dynamic shared memory forward, 8 columns backward (0: the row is read twice, for
//               rows that do not fit); *_few: 32 threads, others 256
// bytes         least and actual: forward reads 4 and writes 4 an element, backward reads 8 and writes 4
// equals        CpuBackend.Softmax, SoftmaxBackward, LogSoftmax, LogSoftmaxBackward
#include "../include/math.cuh"
#include "../include/reduce.cuh"

constexpr int FEW_THREADS = 32, MANY_THREADS = 256;

extern __shared__ float row[];

template <int Threads, bool Log>
DEVICE void forward(float* y, const float* x, int columns)
{
    __shared__ float shared[2][Threads / WARP];
    x += (long long)block_x() * columns;
    y += (long long)block_x() * columns;
    float most = float_of(0xff800000u), sum = 0;
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float v = x[j];
        row[j] = v;
        most = largest_or_nan(most, v);
    }
    most = block_max<Threads>(most, shared[0]);
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float v = row[j] - most, e = exp_of(v);
        row[j] = Log ? v : e;
        sum += e;
    }
    sum = block_sum<Threads>(sum, shared[1]);
    float scale = Log ? log_of(sum) : 1.0f / sum;
    for (int j = thread_x(); j < columns; j += Threads)
        y[j] = Log ? row[j] - scale : row[j] * scale;
}

template <int Threads, bool Log>
DEVICE void backward(float* dx, const float* dy, const float* y, int columns, int keep)
{
    __shared__ float shared[Threads / WARP];
    dx += (long long)block_x() * columns;
    dy += (long long)block_x() * columns;
    y += (long long)block_x() * columns;
    float sum = 0;
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float g = dy[j], v = y[j];
        if (keep)
            row[j] = g, row[columns + j] = v;
        sum += Log ? g : g * v;
    }
    sum = block_sum<Threads>(sum, shared);
    for (int j = thread_x(); j < columns; j += Threads)
    {
        float g = keep ? row[j] : dy[j], v = keep ? row[columns + j] : y[j];
        dx[j] = Log ? fused(-exp_of(v), sum, g) : v * (g - sum);
    }
}

#define FORWARD(name, threads, log) \
    KERNEL __launch_bounds__(threads) name(float* y, const float* x, int columns) { forward<threads, log>(y, x, columns); }
#define BACKWARD(name, threads, log) \
    KERNEL __launch_bounds__(threads) name(float* dx, const float* dy, const float* y, int columns, int keep) { backward<threads, log>(dx, dy, y, columns, keep); }

FORWARD(softmax, MANY_THREADS, false)
FORWARD(softmax_few, FEW_THREADS, false)
FORWARD(softmax_log, MANY_THREADS, true)
FORWARD(softmax_log_few, FEW_THREADS, true)
BACKWARD(softmax_backward, MANY_THREADS, false)
BACKWARD(softmax_backward_few, FEW_THREADS, false)
BACKWARD(softmax_log_backward, MANY_THREADS, true)
BACKWARD(softmax_log_backward_few, FEW_THREADS, true)
