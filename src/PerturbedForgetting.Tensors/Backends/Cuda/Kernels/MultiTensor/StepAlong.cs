using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>y = w + sign·radius·|w|ᵏ·d / (√squaredNorm + 1e-12), frozen parts copied, and a flag set to 0 where the norm is not finite; kernels/multi_tensor/step_along.cu.</summary>
sealed class StepAlong(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("step_along");

    public void Launch(CudaStream stream, TileTable tiles, DevicePointer y, DevicePointer weights, DevicePointer d, Weighting weighting,
        DevicePointer squaredNorm, DevicePointer radius, double sign, DevicePointer finite = default) =>
        kernel.Launch(stream.Moving(12 * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, y, weights, d, (int)weighting, squaredNorm, radius, sign, finite, tiles.Tiles);
}
