// Geometry of a pooling window over [N, H, W, C] (Backends/Pool2dGeometry.cs), and the place of an element.
#pragma once
#include "../include/device.cuh"

struct Pool
{
    int height, width, out_height, out_width, channels, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

struct Place
{
    long long image;
    int h, w, c;
};

DEVICE Place place_of(long long i, int height, int width, int channels)
{
    Place p;
    p.c = (int)(i % channels);
    i /= channels;
    p.w = (int)(i % width);
    i /= width;
    p.h = (int)(i % height);
    p.image = i / height;
    return p;
}

DEVICE int at_least(int a, int b) { return a > b ? a : b; }
DEVICE int at_most(int a, int b) { return a < b ? a : b; }

/// Pixels of the window of an output, inside the input: [first, end).
DEVICE int window_first(int out, int stride, int pad) { return at_least(out * stride - pad, 0); }
DEVICE int window_end(int out, int stride, int pad, int kernel, int extent) { return at_most(out * stride - pad + kernel, extent); }

/// Outputs whose window holds a pixel: [first, end).
DEVICE int over_first(int pixel, int stride, int pad, int kernel) { int v = pixel + pad - kernel; return v < 0 ? 0 : v / stride + 1; }
DEVICE int over_end(int pixel, int stride, int pad, int outputs) { return at_most((pixel + pad) / stride + 1, outputs); }

/// By how many pixels the sum of a window is divided.
DEVICE int divisor(const Pool& p, int oh, int ow, int count_padding)
{
    int h = oh * p.stride_h - p.pad_h, w = ow * p.stride_w - p.pad_w;
    if (count_padding)
        return (at_most(h + p.kernel_h, p.height + p.pad_h) - h) * (at_most(w + p.kernel_w, p.width + p.pad_w) - w);
    return (at_most(h + p.kernel_h, p.height) - at_least(h, 0)) * (at_most(w + p.kernel_w, p.width) - at_least(w, 0));
}
