// Windows of a convolution as rows of a matrix, and the gradient back: what makes a convolution a matrix product where there is no cuDNN
// (Chellapilla et al., 2006). Row (n, oh, ow) of a group holds its window in the order kh, kw, c, that of the weight O, kh, kw, I.
//
// x, dx         float32[N, H, W, C]; only the channels of one group are taken: [first, first + channels)
// rows          float32[N OH OW, kh kw channels]
// launch        grid-stride, 256 threads, one element a thread
// bytes         im2col: least 4 read an input, 4 written an element of the rows; neighbours come from cache
// equals        the operand that CpuBackend.Conv2d gathers; im2col_backward is its transpose
#include "../include/device.cuh"

struct Windows
{
    int height, width, all_channels, first, channels, out_height, out_width;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
};

KERNEL MEMORY_BOUND(256) im2col(float* rows, Input<float> x, Windows p, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long rest = i / p.channels;
        int c = (int)(i - rest * p.channels), kw = (int)(rest % p.kernel_w);
        rest /= p.kernel_w;
        int kh = (int)(rest % p.kernel_h);
        rest /= p.kernel_h;
        int ow = (int)(rest % p.out_width);
        rest /= p.out_width;
        int oh = (int)(rest % p.out_height);
        long long image = rest / p.out_height;
        int h = oh * p.stride_h - p.pad_h + kh * p.dilation_h, w = ow * p.stride_w - p.pad_w + kw * p.dilation_w;
        bool inside = h >= 0 && h < p.height && w >= 0 && w < p.width;
        rows[i] = inside ? x[((image * p.height + h) * p.width + w) * p.all_channels + p.first + c] : 0.0f;
    }
}

// Each input gathers from the windows over it, in a fixed order. count: N H W channels.
KERNEL MEMORY_BOUND(256) im2col_backward(float* dx, Input<float> rows, Windows p, long long count)
{
    int width = p.kernel_h * p.kernel_w * p.channels;
    for (long long i = global_index(); i < count; i += global_threads())
    {
        long long rest = i / p.channels;
        int c = (int)(i - rest * p.channels), w = (int)(rest % p.width);
        rest /= p.width;
        int h = (int)(rest % p.height);
        long long image = rest / p.height;
        float sum = 0;
        for (int kh = 0; kh < p.kernel_h; kh++)
        {
            int top = h + p.pad_h - kh * p.dilation_h, oh = top / p.stride_h;
            if (top < 0 || top % p.stride_h != 0 || oh >= p.out_height)
                continue;
            for (int kw = 0; kw < p.kernel_w; kw++)
            {
                int left = w + p.pad_w - kw * p.dilation_w, ow = left / p.stride_w;
                if (left < 0 || left % p.stride_w != 0 || ow >= p.out_width)
                    continue;
                sum += rows[((image * p.out_height + oh) * p.out_width + ow) * width + (kh * p.kernel_w + kw) * p.channels + c];
            }
        }
        dx[((image * p.height + h) * p.width + w) * p.all_channels + p.first + c] = sum;
    }
}
