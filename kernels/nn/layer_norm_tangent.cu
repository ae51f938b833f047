// Derivatives of layer normalisation and of its backward pass along tangents of what they read (v of x; layer_norm.cu has the symbols):
//   n' = r (v - mean(v) - n mean(v n)),   y' = n' w + n w' + b'
//   with g' = dy' w + dy w':   dx' = r (g' - mean(g') - n (mean(g' n) + mean(g n')) - n' mean(g n)
//   - r mean(v n) (g - mean(g) - n mean(g n))),   mean(g n') = r (mean(g v) - mean(g) mean(v) - mean(g n) mean(v n))
//
// x, v, y', dy, dy', dx', n'   float32[rows, columns]; dx' and n' may be null, dx' may be added to what is there
// statistics    float32[rows, 3]: the mean in two parts, and r
// launch        128 threads, a warp a row, one element a thread and turn
// bytes         least: forward reads 8 and writes 4 an element; backward reads 16 (20 when added to) and writes 8; actual: a row is read
//               twice, from cache the second time; w and b come from cache
// equals        CpuBackend.LayerNormTangent, LayerNormBackwardTangent
#include "../include/reduce.cuh"

constexpr int ROWS = 4;

// One row's statistics.
struct Normal
{
    float mean, rest, inverse;

    DEVICE_METHOD Normal(const float* s) : mean(s[0]), rest(s[1]), inverse(s[2]) {}
    DEVICE_METHOD float operator()(float x) const { return (x - mean - rest) * inverse; }
};

KERNEL MEMORY_BOUND(ROWS * WARP) layer_norm_tangent(float* y, Input<float> x, Input<float> v, Input<float> w, Input<float> w_tangent,
    Input<float> b_tangent, Input<float> statistics, long long rows, int columns)
{
    long long row = (long long)block_x() * ROWS + thread_x() / WARP, at = row * columns;
    if (row >= rows)
        return;
    int lane = thread_x() % WARP;
    Normal normal(statistics + 3 * row);
    float mean = 0, slope = 0;
    for (int j = lane; j < columns; j += WARP)
    {
        mean += v[at + j];
        slope = fused(v[at + j], normal(x[at + j]), slope);
    }
    mean = warp_sum(mean) / (float)columns;
    slope = warp_sum(slope) / (float)columns;
    for (int j = lane; j < columns; j += WARP)
    {
        float n = normal(x[at + j]), change = (v[at + j] - mean - n * slope) * normal.inverse;
        y[at + j] = fused(change, w[j], fused(n, w_tangent[j], b_tangent[j]));
    }
}

KERNEL MEMORY_BOUND(ROWS * WARP) layer_norm_tangent_backward(float* dx, float* change, Input<float> dy, Input<float> dy_tangent,
    Input<float> x, Input<float> v, Input<float> w, Input<float> w_tangent, Input<float> statistics, int accumulate, long long rows,
    int columns)
{
    long long row = (long long)block_x() * ROWS + thread_x() / WARP, at = row * columns;
    if (row >= rows)
        return;
    int lane = thread_x() % WARP;
    Normal normal(statistics + 3 * row);
    float g0 = 0, g1 = 0, h0 = 0, h1 = 0, v0 = 0, v1 = 0, gv = 0, of_columns = 1.0f / (float)columns;
    for (int j = lane; j < columns; j += WARP)
    {
        float n = normal(x[at + j]), up = dy[at + j], g = up * w[j], h = fused(dy_tangent[at + j], w[j], up * w_tangent[j]);
        float move = v[at + j];
        g0 += g, h0 += h, v0 += move;
        g1 = fused(g, n, g1), h1 = fused(h, n, h1), v1 = fused(move, n, v1), gv = fused(g, move, gv);
    }
    g0 = warp_sum(g0) * of_columns, g1 = warp_sum(g1) * of_columns, h0 = warp_sum(h0) * of_columns, h1 = warp_sum(h1) * of_columns;
    v0 = warp_sum(v0) * of_columns, v1 = warp_sum(v1) * of_columns, gv = warp_sum(gv) * of_columns;
    float r = normal.inverse;
    h1 += r * (gv - g0 * v0 - g1 * v1);
    for (int j = lane; j < columns; j += WARP)
    {
        float n = normal(x[at + j]), up = dy[at + j], n_tangent = (v[at + j] - v0 - n * v1) * r;
        if (change)
            change[at + j] = n_tangent;
        if (!dx)
            continue;
        float g = up * w[j] - g0 - n * g1, h = fused(dy_tangent[at + j], w[j], up * w_tangent[j]) - h0 - n * h1;
        float result = (h - n_tangent * g1 - g * v1 * r) * r;
        dx[at + j] = accumulate ? dx[at + j] + result : result;
    }
}
