using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/tensor/memory.cu.</remarks>
sealed partial class CudaBackend
{
    BlockCopy BlockCopies => field ??= new(library);

    CudaKernel PlaceBlocksKernel => field ??= library.Get("memory_place_blocks");

    public override void CopyBlocks(Tensor x, Blocks from, Tensor y, Blocks to, long length, long count)
    {
        if (length * count > 0)
            BlockCopies.Launch(stream, Pointer(y), to, Pointer(x), from, y.DType.Size(), length, count);
    }

    public override void PlaceBlocks(Tensor x, Tensor y, Blocks to, long length, long count)
    {
        if (y.Count > 0)
            PlaceBlocksKernel.Launch(Moving([x], [y]), LaunchGrid.Blocks(to.Stride * count, Threads), Threads, 0,
                Dense(y), Dense(x), to.First, to.Stride, length, count);
    }
}
