// Filling words of 8 bytes (the driver fills smaller ones), copying blocks, converting.
//
// launch        grid-stride, 256 threads
// bytes         least and actual: fill writes 8 an element, copy reads and writes its size, cast reads the one and writes the other
// equals        CpuBackend.Fill, CopyBlocks, PlaceBlocks, Cast
#include "../include/bfloat16.cuh"

KERNEL memory_fill(unsigned long long* y, unsigned long long value, long long count)
{
    for (long long i = global_index(); i < count; i += global_threads())
        y[i] = value;
}

// Blocks of `length` elements at equal distances; a stride of 0 repeats one block.
template <typename T>
DEVICE void copy_blocks(T* y, const T* x, long long first_x, long long stride_x, long long first_y, long long stride_y, long long length,
    long long count)
{
    for (long long i = global_index(); i < length * count; i += global_threads())
    {
        long long block = i / length, at = i - block * length;
        y[first_y + block * stride_y + at] = x[first_x + block * stride_x + at];
    }
}

#define COPY_BLOCKS(name, type) \
    KERNEL name(type* y, Input<type> x, long long first_x, long long stride_x, long long first_y, long long stride_y, long long length, \
        long long count) \
    { \
        copy_blocks(y, x, first_x, stride_x, first_y, stride_y, length, count); \
    }
COPY_BLOCKS(memory_copy_blocks_1, unsigned char)
COPY_BLOCKS(memory_copy_blocks_4, unsigned)
COPY_BLOCKS(memory_copy_blocks_8, unsigned long long)

// Rows of `stride` elements: a block of `length` from column `first` on, zeros beside it.
KERNEL memory_place_blocks(float* y, Input<float> x, long long first, long long stride, long long length, long long count)
{
    for (long long i = global_index(); i < stride * count; i += global_threads())
    {
        long long block = i / stride, at = i - block * stride - first;
        y[i] = at >= 0 && at < length ? x[block * length + at] : 0.0f;
    }
}

#define CAST(name, from, to) \
    KERNEL name(to* y, Input<from> x, long long count) \
    { \
        for (long long i = global_index(); i < count; i += global_threads()) \
            y[i] = (to)x[i]; \
    }
#define CASTS(name, from) \
    CAST(memory_cast_##name##_f32, from, float) \
    CAST(memory_cast_##name##_f64, from, double) \
    CAST(memory_cast_##name##_i32, from, int) \
    CAST(memory_cast_##name##_i64, from, long long) \
    CAST(memory_cast_##name##_u8, from, unsigned char)
CASTS(f32, float)
CASTS(f64, double)
CASTS(i32, int)
CASTS(i64, long long)
CASTS(u8, unsigned char)

KERNEL memory_cast_f32_bf16(bfloat16* y, Input<float> x, long long count)
{
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (i + 4 <= count)
        {
            float4 v = load4(x + i);
            uint2 packed = {to_bfloat16x2(v.x, v.y), to_bfloat16x2(v.z, v.w)};
            *(uint2*)(y + i) = packed;
        }
        else
            for (long long j = i; j < count; j++)
                y[j] = to_bfloat16(x[j]);
    }
}

KERNEL memory_cast_bf16_f32(float* y, Input<bfloat16> x, long long count)
{
    for (long long i = 4 * global_index(); i < count; i += 4 * global_threads())
    {
        if (i + 4 <= count)
        {
            uint2 packed = *(const uint2*)(x + i);
            float4 v = {low_of(packed.x), high_of(packed.x), low_of(packed.y), high_of(packed.y)};
            store4(y + i, v);
        }
        else
            for (long long j = i; j < count; j++)
                y[j] = from_bfloat16(x[j]);
    }
}
