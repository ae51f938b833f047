using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/dropout.cu.</remarks>
sealed partial class CudaBackend
{
    CudaKernel DropoutKernel => field ??= library.Get("dropout");

    public override void Dropout(Tensor x, double p, in RandomCall call, Tensor y) =>
        DropoutKernel.Launch(Moving([x], [y]), LaunchGrid.Blocks(y.Count, 4 * Threads), Threads, 0,
            Dense(y), Dense(x), (ulong)(p * 4294967296.0), p < 1 ? (float)(1 / (1 - p)) : 0f,
            call.Seed, call.Stream, PointerOrNull(call.Counter), y.Count);
}
