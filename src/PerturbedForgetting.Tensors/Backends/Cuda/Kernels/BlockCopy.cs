using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Copies blocks of elements of 1, 4 or 8 bytes, which may be parts of tensors; kernels/tensor/memory.cu.</summary>
sealed class BlockCopy(KernelLibrary library)
{
    const int Threads = 256;

    CudaKernel Bytes => field ??= library.Get("memory_copy_blocks_1");

    CudaKernel Words => field ??= library.Get("memory_copy_blocks_4");

    CudaKernel Doubles => field ??= library.Get("memory_copy_blocks_8");

    /// <summary><paramref name="count"/> blocks of <paramref name="length"/> elements of <paramref name="size"/> bytes.</summary>
    public void Launch(CudaStream stream, DevicePointer y, Blocks to, DevicePointer x, Blocks from, int size, long length, long count) =>
        (size == 1 ? Bytes : size == 4 ? Words : Doubles).Launch(stream.Moving(size * length * count, size * length * count),
            LaunchGrid.Blocks(length * count, Threads), Threads, 0, y, x, from.First, from.Stride, to.First, to.Stride, length, count);
}
