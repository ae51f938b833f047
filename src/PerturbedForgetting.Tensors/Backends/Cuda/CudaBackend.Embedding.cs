using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Embedding EmbeddingKernels => field ??= new(library);

    public override void Patches(Tensor x, int patch, Tensor y)
    {
        if (x.Count > 0)
            EmbeddingKernels.Patches(stream, Dense(y), Dense(x), patch, x.Shape[2], x.Shape[3], x.Count);
    }

    public override void PatchesBackward(Tensor dy, int patch, Tensor dx)
    {
        if (dx.Count > 0)
            EmbeddingKernels.PatchesBackward(stream, Dense(dx), Dense(dy), patch, dx.Shape[2], dx.Shape[3], dx.Count);
    }

    public override void EmbedTokens(Tensor x, Tensor? classToken, Tensor positions, Tensor y)
    {
        if (y.Count > 0)
            EmbeddingKernels.Tokens(stream, Dense(y), Dense(x), DenseOrNull(classToken), Dense(positions), positions.Count, y.Shape[2], y.Shape[0]);
    }
}
