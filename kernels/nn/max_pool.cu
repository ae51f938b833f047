// y = the maximum of each window of x; index is the pixel h W + w it came from: the first of equal ones, the last NaN if there is any.
// dx = dy at those pixels, gathered by each pixel from the windows over it, so that nothing is added atomically.
// pick: y = another x of the same shape at those pixels.
//
// x, dx         float32[N, H, W, C]; y, dy: float32[N, OH, OW, C]; index: int32 of y's shape
// launch        grid-stride, 256 threads, 4 channels a thread (1 in *_odd, for C not divisible by 4, and in pick)
// bytes         least 4 read an input, 8 written an output; a window's neighbours come from cache; pick reads 8 and writes 4 an output
// equals        CpuBackend.MaxPool2d, MaxPool2dBackward, MaxPool2dPick
#include "../include/vector.cuh"
#include "pool.cuh"

DEVICE void start(int& at, int pixel) { at = pixel; }
DEVICE void start(int4& at, int pixel) { at = {pixel, pixel, pixel, pixel}; }

DEVICE void take(float v, int pixel, float& most, int& at)
{
    if (v > most || v != v)
    {
        most = v;
        at = pixel;
    }
}

DEVICE void take(float4 v, int pixel, float4& most, int4& at)
{
    take(v.x, pixel, most.x, at.x), take(v.y, pixel, most.y, at.y);
    take(v.z, pixel, most.z, at.z), take(v.w, pixel, most.w, at.w);
}

DEVICE float where(int index, int pixel, float v) { return index == pixel ? v : 0.0f; }
DEVICE float4 where(int4 index, int pixel, float4 v)
{
    return {where(index.x, pixel, v.x), where(index.y, pixel, v.y), where(index.z, pixel, v.z), where(index.w, pixel, v.w)};
}

template <typename V, typename I>
DEVICE void forward(V* y, I* index, const V* x, const Pool& p, long long count)
{
    int channels = p.channels / NUMBERS<V>;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        Place o = place_of(i, p.out_height, p.out_width, channels);
        const V* from = x + o.image * p.height * p.width * channels + o.c;
        int left = window_first(o.w, p.stride_w, p.pad_w), right = window_end(o.w, p.stride_w, p.pad_w, p.kernel_w, p.width);
        int top = window_first(o.h, p.stride_h, p.pad_h), bottom = window_end(o.h, p.stride_h, p.pad_h, p.kernel_h, p.height);
        int first = top * p.width + left;
        V most = load(from + (long long)first * channels);
        I at;
        start(at, first);
        for (int h = top; h < bottom; h++)
            for (int w = left; w < right; w++)
                take(load(from + (long long)(h * p.width + w) * channels), h * p.width + w, most, at);
        store(y + i, most);
        index[i] = at;
    }
}

template <typename V, typename I>
DEVICE void backward(V* dx, const V* dy, const I* index, const Pool& p, long long count)
{
    int channels = p.channels / NUMBERS<V>;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        Place o = place_of(i, p.height, p.width, channels);
        int own = o.h * p.width + o.w;
        V sum = all_of<V>(0.0f);
        for (int oh = over_first(o.h, p.stride_h, p.pad_h, p.kernel_h); oh < over_end(o.h, p.stride_h, p.pad_h, p.out_height); oh++)
        {
            for (int ow = over_first(o.w, p.stride_w, p.pad_w, p.kernel_w); ow < over_end(o.w, p.stride_w, p.pad_w, p.out_width); ow++)
            {
                long long j = ((o.image * p.out_height + oh) * p.out_width + ow) * channels + o.c;
                sum = sum + where(index[j], own, load(dy + j));
            }
        }
        store(dx + i, sum);
    }
}

#define BOTH(suffix, v, i) \
    KERNEL MEMORY_BOUND(256) max_pool##suffix(float* y, int* index, Input<float> x, Pool p, long long count) \
    { \
        forward((v*)y, (i*)index, (const v*)x, p, count); \
    } \
    KERNEL MEMORY_BOUND(256) max_pool_backward##suffix(float* dx, Input<float> dy, Input<int> index, Pool p, long long count) \
    { \
        backward((v*)dx, (const v*)dy, (const i*)index, p, count); \
    }

BOTH(, float4, int4)
BOTH(_odd, float, int)

KERNEL MEMORY_BOUND(256) max_pool_pick(float* y, Input<float> x, Input<int> index, long long pixels, long long windows, int channels,
    long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        y[i] = x[(i / (windows * channels) * pixels + index[i]) * channels + i % channels];
}
