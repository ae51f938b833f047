// y = the mean of each window of x, over its pixels inside the input or, with count_padding, inside the padded input; dx = each dy spread
// evenly over its window, gathered. global: the mean over all pixels of an image.
//
// x, dx         float32[N, H, W, C]; y, dy: float32[N, OH, OW, C] (global: [N, C])
// launch        grid-stride, 256 threads, one element a thread
// bytes         least 4 read an input, 4 written an output; a window's neighbours come from cache
// equals        CpuBackend.AvgPool2d, AvgPool2dBackward, GlobalAvgPool2d, GlobalAvgPool2dBackward
#include "pool.cuh"

KERNEL __launch_bounds__(256) avg_pool(float* y, const float* x, Pool p, int count_padding, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        Place o = place_of(i, p.out_height, p.out_width, p.channels);
        const float* from = x + o.image * p.height * p.width * p.channels + o.c;
        float sum = 0;
        for (int h = window_first(o.h, p.stride_h, p.pad_h); h < window_end(o.h, p.stride_h, p.pad_h, p.kernel_h, p.height); h++)
            for (int w = window_first(o.w, p.stride_w, p.pad_w); w < window_end(o.w, p.stride_w, p.pad_w, p.kernel_w, p.width); w++)
                sum += from[(long long)(h * p.width + w) * p.channels];
        y[i] = sum * (1.0f / (float)divisor(p, o.h, o.w, count_padding));
    }
}

KERNEL __launch_bounds__(256) avg_pool_backward(float* dx, const float* dy, Pool p, int count_padding, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        Place o = place_of(i, p.height, p.width, p.channels);
        float sum = 0;
        for (int oh = over_first(o.h, p.stride_h, p.pad_h, p.kernel_h); oh < over_end(o.h, p.stride_h, p.pad_h, p.out_height); oh++)
            for (int ow = over_first(o.w, p.stride_w, p.pad_w, p.kernel_w); ow < over_end(o.w, p.stride_w, p.pad_w, p.out_width); ow++)
                sum = fused(dy[((o.image * p.out_height + oh) * p.out_width + ow) * p.channels + o.c], 1.0f / (float)divisor(p, oh, ow, count_padding), sum);
        dx[i] = sum;
    }
}

KERNEL __launch_bounds__(256) avg_pool_global(float* y, const float* x, int pixels, int channels, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        const float* from = x + i / channels * pixels * channels + i % channels;
        float sum = 0;
        for (int p = 0; p < pixels; p++)
            sum += from[(long long)p * channels];
        y[i] = sum * (1.0f / (float)pixels);
    }
}

KERNEL __launch_bounds__(256) avg_pool_global_backward(float* dx, const float* dy, int pixels, int channels, long long count)
{
    float factor = 1.0f / (float)pixels;
    for (long long i = global_index(); i < count; i += global_threads())
        dx[i] = dy[i / channels / pixels * channels + i % channels] * factor;
}
