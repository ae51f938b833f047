using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.Dropout DropoutKernel => field ??= new(library);

    public override void Dropout(Tensor x, double p, in RandomCall call, Tensor y) =>
        DropoutKernel.Launch(stream, Dense(y), Dense(x), p, call.Seed, call.Stream, PointerOrNull(call.Counter), y.Count);
}
