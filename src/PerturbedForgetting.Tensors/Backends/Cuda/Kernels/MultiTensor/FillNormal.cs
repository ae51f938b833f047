using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels.MultiTensor;

/// <summary>y = standard normal numbers of one Philox stream, in trained parameters; kernels/multi_tensor/fill_normal.cu.</summary>
sealed class FillNormal(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("fill_normal");

    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, ulong seed, ulong randomStream)
    {
        if (tiles.RunCount > 0)
            kernel.Launch(stream, tiles.RunCount, TileTable.Threads, 0, y, seed, randomStream, tiles.Runs);
    }
}
