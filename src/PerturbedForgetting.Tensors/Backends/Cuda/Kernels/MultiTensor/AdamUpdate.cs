using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>One step of Adam or AdamW; kernels/multi_tensor/adam_update.cu.</summary>
sealed class AdamUpdate(KernelLibrary library)
{
    readonly CudaKernel kernel = library.Get("adam_update");

    /// <param name="stream">Where.</param>
    /// <param name="tiles">Layout and weight decay.</param>
    /// <param name="weights">w, flat.</param>
    /// <param name="first">m, flat.</param>
    /// <param name="second">v, flat.</param>
    /// <param name="gradient">g before it is scaled.</param>
    /// <param name="rule">Numbers of the method.</param>
    /// <param name="control">The control block, float64[6].</param>
    public void Launch(CudaStream stream, TileTable tiles, DevicePointer weights, DevicePointer first, DevicePointer second, in DeviceGradient gradient,
        in AdamRule rule, DevicePointer control) =>
        kernel.Launch(stream.Moving((24 + gradient.Bytes) * tiles.Elements), tiles.TileCount, TileTable.Threads, 0, weights, first, second, gradient.X, gradient.Z, (int)gradient.Weighting, gradient.Coefficients,
            rule.Beta1, rule.Beta2, rule.Epsilon, rule.IsDecoupled ? 1 : 0, control, tiles.Tiles);
}
