// A class token before the patch tokens, and the position embedding added to all: y[n, 0] = class + position[0],
// y[n, 1 + t] = x[n, t] + position[1 + t]. Without a class token (null) y[n, t] = x[n, t] + position[t]. The gradient of x is the slice
// behind the class token; those of class token and positions are sums over images (sum_leading.cu).
//
// x, dx         float32[N, T, C]; y, dy: float32[N, P + T, C], P = 1 with a class token, else 0
// launch        grid-stride, 256 threads, one element a thread
// bytes         least and actual: reads 4 and writes 4 an element; class token and positions come from cache
// equals        Ops.Concat and AddBroadcast; Ops.Slice
#include "../include/device.cuh"

KERNEL __launch_bounds__(256) tokens(float* y, const float* x, const float* class_token, const float* position, long long per_image, int channels, long long count)
{
    int before = class_token ? channels : 0;
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long image = i / per_image, at = i - image * per_image;
        float v = at < before ? class_token[at] : x[image * (per_image - before) + at - before];
        y[i] = v + position[at];
    }
}

KERNEL __launch_bounds__(256) tokens_backward(float* dx, const float* dy, long long per_image, int before, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long kept = per_image - before, image = i / kept;
        dx[i] = dy[image * per_image + before + i - image * kept];
    }
}
