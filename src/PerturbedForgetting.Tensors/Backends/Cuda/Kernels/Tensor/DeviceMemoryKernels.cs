using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Filling, copying blocks, converting; kernels/tensor/memory.cu.</summary>
sealed class DeviceMemoryKernels(KernelLibrary library)
{
    const int Threads = 256;

    /// <summary>y = value, elements of 8 bytes given by their bits; the driver fills bytes and words.</summary>
    public void Fill(CudaStream stream, DevicePointer y, ulong bits, long count) =>
        library.Get("memory_fill").Launch(stream.Moving(8 * count), LaunchGrid.Blocks(count, Threads), Threads, 0, y, bits, count);

    /// <summary>Copies blocks of elements of 1, 4 or 8 bytes.</summary>
    public void CopyBlocks(CudaStream stream, DevicePointer y, Blocks to, DevicePointer x, Blocks from, int size, long length, long count) =>
        library.Get($"memory_copy_blocks_{size}").Launch(stream.Moving(2 * size * length * count), LaunchGrid.Blocks(length * count, Threads), Threads, 0,
            y, x, from.First, from.Stride, to.First, to.Stride, length, count);

    /// <summary>y = rows of <c>to.Stride</c> float32 with a block of x in each and zeros beside it.</summary>
    public void PlaceBlocks(CudaStream stream, DevicePointer y, Blocks to, DevicePointer x, long length, long count) =>
        library.Get("memory_place_blocks").Launch(stream.Moving(4 * (length + to.Stride) * count), LaunchGrid.Blocks(to.Stride * count, Threads), Threads, 0,
            y, x, to.First, to.Stride, length, count);

    /// <summary>y = x in another type.</summary>
    public void Cast(CudaStream stream, DevicePointer y, DType to, DevicePointer x, DType from, long count) =>
        library.Get($"memory_cast_{Name(from)}_{Name(to)}").Launch(stream.Moving((from.Size() + to.Size()) * count), LaunchGrid.Blocks(count, Threads), Threads, 0, y, x, count);

    /// <summary>bfloat16 of float32, rounded to nearest even.</summary>
    public void ToBFloat16(CudaStream stream, DevicePointer y, DevicePointer x, long count) =>
        library.Get("memory_cast_f32_bf16").Launch(stream.Moving(6 * count), LaunchGrid.Blocks(count, 4 * Threads), Threads, 0, y, x, count);

    /// <summary>float32 of bfloat16, exact.</summary>
    public void FromBFloat16(CudaStream stream, DevicePointer y, DevicePointer x, long count) =>
        library.Get("memory_cast_bf16_f32").Launch(stream.Moving(6 * count), LaunchGrid.Blocks(count, 4 * Threads), Threads, 0, y, x, count);

    static string Name(DType type) => type switch
    {
        DType.Float32 => "f32",
        DType.Float64 => "f64",
        DType.Int32 => "i32",
        DType.Int64 => "i64",
        _ => "u8",
    };
}
