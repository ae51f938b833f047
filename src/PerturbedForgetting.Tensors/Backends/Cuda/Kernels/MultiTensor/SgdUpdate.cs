using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>One step of SGD or SGDW; kernels/multi_tensor/sgd_update.cu.</summary>
sealed class SgdUpdate(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("sgd_update");

    /// <param name="stream">Where.</param>
    /// <param name="tiles">Layout and weight decay.</param>
    /// <param name="weights">w, flat.</param>
    /// <param name="momentum">v, flat, or null.</param>
    /// <param name="gradient">g before it is scaled.</param>
    /// <param name="rule">Numbers of the method.</param>
    /// <param name="control">The control block, float64[6].</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer weights, DevicePointer momentum, in DeviceGradient gradient, in SgdRule rule, DevicePointer control) =>
        kernel.Launch(stream.Moving(((momentum.IsNull ? 8 : 16) + gradient.Bytes) * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, weights, momentum, gradient.X, gradient.Z, (int)gradient.Weighting, gradient.Coefficients,
            rule.Momentum, rule.IsDecoupled ? 1 : 0, control, tiles.Tiles);
}
