using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.Dropout DropoutKernel => field ??= new(library);

    public override void Dropout(Tensor x, double p, Philox generator, Tensor y) =>
        DropoutKernel.Launch(stream, Dense(y), Dense(x), p, generator.Seed, generator.Stream, y.Count);
}
