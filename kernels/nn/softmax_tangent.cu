// The derivative of softmax's backward pass along tangents of dy and of the softmax's input, whose softmax is y: with
// change = (dy - sum dy y) (x_tangent - sum x_tangent y) + dy_tangent,   dx = y (change - sum change y).
//
// dx, dy, dy_tangent, y, x_tangent   float32[rows, columns]
// launch        128 threads, a warp a row, one element a thread and turn
// bytes         least: reads 16 and writes 4 an element; actual: a row is read three times, from cache the second and third time
// equals        CpuBackend.SoftmaxBackwardTangent
#include "../include/reduce.cuh"

constexpr int ROWS = 4;

KERNEL MEMORY_BOUND(ROWS * WARP) softmax_tangent_backward(float* dx, Input<float> dy, Input<float> dy_tangent, Input<float> y,
    Input<float> x_tangent, long long rows, int columns)
{
    long long row = (long long)block_x() * ROWS + thread_x() / WARP, at = row * columns;
    if (row >= rows)
        return;
    int lane = thread_x() % WARP;
    float of_dy = 0, of_x = 0, sum = 0;
    for (int j = lane; j < columns; j += WARP)
    {
        of_dy = fused(dy[at + j], y[at + j], of_dy);
        of_x = fused(x_tangent[at + j], y[at + j], of_x);
    }
    of_dy = warp_sum(of_dy);
    of_x = warp_sum(of_x);
    auto change = [&](int j) { return fused(dy[at + j] - of_dy, x_tangent[at + j] - of_x, dy_tangent[at + j]); };
    for (int j = lane; j < columns; j += WARP)
        sum = fused(change(j), y[at + j], sum);
    sum = warp_sum(sum);
    for (int j = lane; j < columns; j += WARP)
        dx[at + j] = (change(j) - sum) * y[at + j];
}
