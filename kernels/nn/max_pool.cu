// y = the maximum of each window of x; index is the pixel h W + w it came from: the first of equal ones, the last NaN if there is any.
// dx = dy at those pixels, gathered by each pixel from the windows over it, so that nothing is added atomically.
//
// x, dx         float32[N, H, W, C]; y, dy: float32[N, OH, OW, C]; index: int32 of y's shape
// launch        grid-stride, 256 threads, one element a thread
// bytes         least 4 read an input, 8 written an output; a window's neighbours come from cache
// equals        CpuBackend.MaxPool2d, MaxPool2dBackward
#include "pool.cuh"

KERNEL __launch_bounds__(256) max_pool(float* y, int* index, const float* x, Pool p, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        Place o = place_of(i, p.out_height, p.out_width, p.channels);
        const float* from = x + o.image * p.height * p.width * p.channels + o.c;
        int left = window_first(o.w, p.stride_w, p.pad_w), right = window_end(o.w, p.stride_w, p.pad_w, p.kernel_w, p.width);
        int top = window_first(o.h, p.stride_h, p.pad_h), bottom = window_end(o.h, p.stride_h, p.pad_h, p.kernel_h, p.height);
        int at = top * p.width + left;
        float most = from[(long long)at * p.channels];
        for (int h = top; h < bottom; h++)
        {
            for (int w = left; w < right; w++)
            {
                float v = from[(long long)(h * p.width + w) * p.channels];
                if (v > most || v != v)
                {
                    most = v;
                    at = h * p.width + w;
                }
            }
        }
        y[i] = most;
        index[i] = at;
    }
}

KERNEL __launch_bounds__(256) max_pool_backward(float* dx, const float* dy, const int* index, Pool p, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        Place o = place_of(i, p.height, p.width, p.channels);
        int own = o.h * p.width + o.w;
        float sum = 0;
        for (int oh = over_first(o.h, p.stride_h, p.pad_h, p.kernel_h); oh < over_end(o.h, p.stride_h, p.pad_h, p.out_height); oh++)
        {
            for (int ow = over_first(o.w, p.stride_w, p.pad_w, p.kernel_w); ow < over_end(o.w, p.stride_w, p.pad_w, p.out_width); ow++)
            {
                long long j = ((o.image * p.out_height + oh) * p.out_width + ow) * p.channels + o.c;
                if (index[j] == own)
                    sum += dy[j];
            }
        }
        dx[i] = sum;
    }
}
