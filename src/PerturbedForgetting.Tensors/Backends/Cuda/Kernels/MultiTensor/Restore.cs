using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = x, a whole flat buffer; kernels/multi_tensor/restore.cu.</summary>
sealed class Restore(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("restore");

    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, DevicePointer x) =>
        kernel.Launch(stream.Moving(8 * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, y, x, tiles.Tiles);
}
