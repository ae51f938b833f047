using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = scale·(a·x + b·|w|ᵏ·z), or y += that; kernels/multi_tensor/combine.cu.</summary>
sealed class Combine(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("combine");

    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, in DeviceGradient gradient, DevicePointer weights, double scale, bool accumulate) =>
        kernel.Launch(stream.Moving((4 + gradient.Bytes + (gradient.Weighting == Weighting.None ? 0 : 4) + (accumulate ? 4 : 0)) * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, y, gradient.X, gradient.Z, weights, (int)gradient.Weighting, gradient.Coefficients,
            scale, accumulate ? 1 : 0, tiles.Tiles);
}
