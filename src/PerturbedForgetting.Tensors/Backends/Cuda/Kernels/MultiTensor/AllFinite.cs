using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>flag = 0 when an element of the trained parameters is infinite or NaN; kernels/multi_tensor/all_finite.cu.</summary>
sealed class AllFinite(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("all_finite");

    public void Launch(CudaStream stream, TileTable tiles, DevicePointer flag, DevicePointer x) =>
        kernel.Launch(stream.Moving(4 * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, flag, x, tiles.Tiles);
}
