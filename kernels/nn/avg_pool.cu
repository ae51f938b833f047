// y = the mean of each window of x, over its pixels inside the input or, with count_padding, inside the padded input; dx = each dy spread
// evenly over its window, gathered. global: the mean over all pixels of an image.
//
// x, dx         float32[N, H, W, C]; y, dy: float32[N, OH, OW, C] (global: [N, C])
// launch        grid-stride, 256 threads, 4 channels a thread (1 in *_odd, for C not divisible by 4)
// bytes         least 4 read an input, 4 written an output; a window's neighbours come from cache
// equals        CpuBackend.AvgPool2d, AvgPool2dBackward, GlobalAvgPool2d, GlobalAvgPool2dBackward
#include "../include/vector.cuh"
#include "pool.cuh"

template <typename V>
DEVICE void forward(V* y, const V* x, const Pool& p, int count_padding, long long count)
{
    int channels = p.channels / NUMBERS<V>;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        Place o = place_of(i, p.out_height, p.out_width, channels);
        const V* from = x + o.image * p.height * p.width * channels + o.c;
        V sum = all_of<V>(0.0f);
        for (int h = window_first(o.h, p.stride_h, p.pad_h); h < window_end(o.h, p.stride_h, p.pad_h, p.kernel_h, p.height); h++)
            for (int w = window_first(o.w, p.stride_w, p.pad_w); w < window_end(o.w, p.stride_w, p.pad_w, p.kernel_w, p.width); w++)
                sum = sum + load(from + (long long)(h * p.width + w) * channels);
        store(y + i, sum * (1.0f / (float)divisor(p, o.h, o.w, count_padding)));
    }
}

template <typename V>
DEVICE void backward(V* dx, const V* dy, const Pool& p, int count_padding, long long count)
{
    int channels = p.channels / NUMBERS<V>;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        Place o = place_of(i, p.height, p.width, channels);
        V sum = all_of<V>(0.0f);
        for (int oh = over_first(o.h, p.stride_h, p.pad_h, p.kernel_h); oh < over_end(o.h, p.stride_h, p.pad_h, p.out_height); oh++)
            for (int ow = over_first(o.w, p.stride_w, p.pad_w, p.kernel_w); ow < over_end(o.w, p.stride_w, p.pad_w, p.out_width); ow++)
                sum = fused(load(dy + ((o.image * p.out_height + oh) * p.out_width + ow) * channels + o.c),
                    1.0f / (float)divisor(p, oh, ow, count_padding), sum);
        store(dx + i, sum);
    }
}

template <typename V>
DEVICE void global(V* y, const V* x, int pixels, int channels, long long count)
{
    channels /= NUMBERS<V>;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
    {
        const V* from = x + (i / channels * pixels * channels + i % channels);
        V sum = all_of<V>(0.0f);
        for (int p = 0; p < pixels; p++)
            sum = sum + load_input(from + (long long)p * channels);
        store(y + i, sum * (1.0f / (float)pixels));
    }
}

template <typename V>
DEVICE void global_backward(V* dx, const V* dy, int pixels, int channels, long long count)
{
    channels /= NUMBERS<V>;
    float factor = 1.0f / (float)pixels;
    for (long long i = global_index(); i < count / NUMBERS<V>; i += global_threads())
        store(dx + i, load(dy + i / channels / pixels * channels + i % channels) * factor);
}

#define ALL(suffix, v) \
    KERNEL MEMORY_BOUND(256) avg_pool##suffix(float* y, Input<float> x, Pool p, int count_padding, long long count) \
    { \
        forward((v*)y, (const v*)x, p, count_padding, count); \
    } \
    KERNEL MEMORY_BOUND(256) avg_pool_backward##suffix(float* dx, Input<float> dy, Pool p, int count_padding, long long count) \
    { \
        backward((v*)dx, (const v*)dy, p, count_padding, count); \
    } \
    KERNEL MEMORY_BOUND(256) avg_pool_global##suffix(float* y, Input<float> x, int pixels, int channels, long long count) \
    { \
        global((v*)y, (const v*)x, pixels, channels, count); \
    } \
    KERNEL MEMORY_BOUND(256) avg_pool_global_backward##suffix(float* dx, Input<float> dy, int pixels, int channels, long long count) \
    { \
        global_backward((v*)dx, (const v*)dy, pixels, channels, count); \
    }

ALL(, float4)
ALL(_odd, float)
