// y = (x - offset_c) / divisor_c of uint8 images, channels last, to float32 or bfloat16; images whose flag is set are mirrored. The
// quotient is rounded once, as on the CPU and in the reference.
//
// x             uint8[images, H, W, C]
// flip          uint8[images], or null
// offset, divisor   float32[C]
// y             float32 or bfloat16, the same shape
// launch        grid-stride, 256 threads, 4 elements a thread; row = W C, image = H W C; fewer than 2^32 elements
// bytes         least and actual: reads 1, writes 4 (2 as bfloat16) an element; a mirrored image is read byte by byte
// equals        CpuBackend.NormalizeImages
#include "../include/bfloat16.cuh"

constexpr int THREADS = 256;

struct Images
{
    const unsigned char* x;
    const unsigned char* flip;
    const float* offset;
    const float* divisor;
    unsigned row, channels, image;
};

// The byte that stands at element i, of channel c, after mirroring.
DEVICE unsigned byte_at(const Images& images, unsigned i, unsigned c)
{
    if (!images.flip || !images.flip[i / images.image])
        return images.x[i];
    unsigned in_row = i % images.row;
    return images.x[i - in_row + (images.row - images.channels - (in_row - c)) + c];
}

// Elements i to i + 3, of which the first `exist` are there.
DEVICE float4 four(const Images& images, unsigned i, unsigned exist)
{
    float v[4] = {0, 0, 0, 0};
    unsigned bytes = !images.flip && exist == 4 ? *(const unsigned*)(images.x + i) : 0, c = i % images.channels;
    for (unsigned k = 0; k < 4; k++)
    {
        if (k < exist)
        {
            unsigned value = !images.flip && exist == 4 ? bytes >> 8 * k & 255 : byte_at(images, i + k, c);
            v[k] = ((float)value - images.offset[c]) / images.divisor[c];
        }
        c = c + 1 == images.channels ? 0 : c + 1;
    }
    float4 result = {v[0], v[1], v[2], v[3]};
    return result;
}

KERNEL __launch_bounds__(THREADS) normalize_images(float* y, const unsigned char* x, const unsigned char* flip, const float* offset, const float* divisor,
    unsigned row, unsigned channels, unsigned image, unsigned count)
{
    Images images = {x, flip, offset, divisor, row, channels, image};
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        unsigned exist = i + 4 <= count ? 4 : (unsigned)(count - i);
        float4 v = four(images, (unsigned)i, exist);
        if (exist == 4)
        {
            store4(y + i, v);
            continue;
        }
        y[i] = v.x;
        if (exist > 1)
            y[i + 1] = v.y;
        if (exist > 2)
            y[i + 2] = v.z;
    }
}

KERNEL __launch_bounds__(THREADS) normalize_images_bfloat16(bfloat16* y, const unsigned char* x, const unsigned char* flip, const float* offset, const float* divisor,
    unsigned row, unsigned channels, unsigned image, unsigned count)
{
    Images images = {x, flip, offset, divisor, row, channels, image};
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        unsigned exist = i + 4 <= count ? 4 : (unsigned)(count - i);
        float4 v = four(images, (unsigned)i, exist);
        if (exist == 4)
        {
            uint2 packed = {to_bfloat16x2(v.x, v.y), to_bfloat16x2(v.z, v.w)};
            *(uint2*)(y + i) = packed;
            continue;
        }
        y[i] = to_bfloat16(v.x);
        if (exist > 1)
            y[i + 1] = to_bfloat16(v.y);
        if (exist > 2)
            y[i + 2] = to_bfloat16(v.z);
    }
}
