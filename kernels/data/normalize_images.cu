// y = (x - offset_c) / divisor_c of uint8 images, channels last, to float32 or bfloat16; images whose flag is set are mirrored. The
// quotient is rounded once, as on the CPU and in the reference.
//
// x             uint8[images, H, W, C]
// flip          uint8[images], or null
// offset, divisor   float32[C]
// y             float32 or bfloat16, the same shape
// launch        one block of 256 threads for rows_per_block rows of the images, a multiple of 4; row = W C, rows = images H; dynamic
//               shared memory: 8 C bytes, the rows, a byte a row
// bytes         least and actual: reads 1, writes 4 (2 as bfloat16) an element; 8 C a block. Rows are mirrored in shared memory, so
//               that global memory sees whole words
// equals        CpuBackend.NormalizeImages
#include "../include/bfloat16.cuh"

constexpr int THREADS = 256;

extern __shared__ float memory[];

struct Images
{
    const unsigned char* x;
    const unsigned char* flip;
    const float* offset;
    const float* divisor;
    int row, channels, height;
    long long rows;
    int rows_per_block;
};

DEVICE void store(float* y, float v) { *y = v; }
DEVICE void store(bfloat16* y, float v) { *y = to_bfloat16(v); }
DEVICE void store(float* y, float4 v) { store4(y, v); }

DEVICE void store(bfloat16* y, float4 v)
{
    uint2 packed = {to_bfloat16x2(v.x, v.y), to_bfloat16x2(v.z, v.w)};
    *(uint2*)y = packed;
}

/// A block's part of the images in shared memory, read element by element.
struct Reader
{
    const unsigned char* bytes;
    const unsigned char* mirrored;
    const float* offset;
    const float* divisor;
    int width, channels, row, in_row, channel;
};

DEVICE float next(Reader& reader)
{
    int from = reader.mirrored[reader.row] ? reader.width - reader.channels - reader.in_row + 2 * reader.channel : reader.in_row;
    float v = ((float)reader.bytes[reader.row * reader.width + from] - reader.offset[reader.channel]) / reader.divisor[reader.channel];
    reader.channel = reader.channel + 1 == reader.channels ? 0 : reader.channel + 1;
    bool ends = ++reader.in_row == reader.width;
    reader.row += ends;
    reader.in_row = ends ? 0 : reader.in_row;
    return v;
}

template <typename T>
DEVICE void normalize(T* y, const Images& images)
{
    int row = images.row, channels = images.channels;
    float *offset = memory, *divisor = memory + channels;
    unsigned char *bytes = (unsigned char*)(memory + 2 * channels), *mirrored = bytes + images.rows_per_block * row;
    long long first = (long long)block_x() * images.rows_per_block, left = images.rows - first;
    int rows = left < images.rows_per_block ? (int)left : images.rows_per_block, count = rows * row;
    const unsigned char* x = images.x + first * row;
    y += first * row;
    // A view may begin at any byte, and any element.
    bool reads_words = ((unsigned long long)x & 3) == 0, writes_fours = ((unsigned long long)y & (4 * sizeof(T) - 1)) == 0;

    for (int c = thread_x(); c < channels; c += THREADS)
    {
        offset[c] = images.offset[c];
        divisor[c] = images.divisor[c];
    }
    for (int r = thread_x(); r < rows; r += THREADS)
        mirrored[r] = images.flip ? images.flip[(first + r) / images.height] : 0;
    for (int i = 4 * thread_x(); i < count; i += 4 * THREADS)
    {
        if (reads_words && i + 4 <= count)
            *(unsigned*)(bytes + i) = load_input((const unsigned*)(x + i));
        else
            for (int j = i; j < i + 4 && j < count; j++)
                bytes[j] = load_input(x + j);
    }
    barrier();
    for (int i = 4 * thread_x(); i < count; i += 4 * THREADS)
    {
        int r = i / row, in_row = i - r * row;
        Reader reader = {bytes, mirrored, offset, divisor, row, channels, r, in_row, in_row % channels};
        if (writes_fours && i + 4 <= count)
        {
            float4 four;
            four.x = next(reader), four.y = next(reader), four.z = next(reader), four.w = next(reader);
            store(y + i, four);
        }
        else
            for (int j = i; j < i + 4 && j < count; j++)
                store(y + j, next(reader));
    }
}

KERNEL MEMORY_BOUND(THREADS) normalize_images(float* y, Input<unsigned char> x, Input<unsigned char> flip, Input<float> offset,
    Input<float> divisor, int row, int channels, int height, long long rows, int rows_per_block)
{
    normalize(y, Images{x, flip, offset, divisor, row, channels, height, rows, rows_per_block});
}

KERNEL MEMORY_BOUND(THREADS) normalize_images_bfloat16(bfloat16* y, Input<unsigned char> x, Input<unsigned char> flip,
    Input<float> offset, Input<float> divisor, int row, int channels, int height, long long rows, int rows_per_block)
{
    normalize(y, Images{x, flip, offset, divisor, row, channels, height, rows, rows_per_block});
}
