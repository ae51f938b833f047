using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/patches.cu, tokens.cu.</remarks>
sealed partial class CudaBackend
{
    WideKernel PatchesKernel => field ??= new(library, "patches");

    WideKernel PatchesBackwardKernel => field ??= new(library, "patches_backward");

    WideKernel TokensKernel => field ??= new(library, "tokens");

    public override void Patches(Tensor x, int patch, Tensor y) => Patches(PatchesKernel, image: x, patch, x, y);

    public override void PatchesBackward(Tensor dy, int patch, Tensor dx) => Patches(PatchesBackwardKernel, image: dx, patch, dy, dx);

    void Patches(WideKernel kernel, Tensor image, int patch, Tensor from, Tensor to)
    {
        int row = patch * image.Shape[3];
        if (image.Count > 0)
            kernel.Launch(Moving([from], [to]), image.Count, row, Dense(to), Dense(from), row, patch, image.Shape[2] / patch, image.Count);
    }

    public override void EmbedTokens(Tensor x, Tensor? classToken, Tensor positions, Tensor y)
    {
        int channels = y.Shape[2];
        if (y.Count > 0)
            TokensKernel.Launch(Moving([x, classToken, positions], [y]), y.Count, channels,
                Dense(y), Dense(x), DenseOrNull(classToken), Dense(positions), positions.Count, channels, y.Count);
    }
}
