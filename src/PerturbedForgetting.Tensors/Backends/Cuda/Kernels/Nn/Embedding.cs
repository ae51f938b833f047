using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Patches of images as rows, class token and positions; kernels/nn/patches.cu, tokens.cu.</summary>
sealed class Embedding(KernelLibrary library)
{
    readonly WideKernel patches = new(library, "patches"), patchesBackward = new(library, "patches_backward"), tokens = new(library, "tokens");

    /// <summary>rows [images H/P W/P, P P C] of image [images, H, W, C].</summary>
    public void Patches(CudaStream stream, DevicePointer rows, DevicePointer image, int patch, int width, int channels, long count) =>
        patches.Launch(stream.Moving(8 * count), count, patch * channels, rows, image, patch * channels, patch, width / patch, count);

    /// <summary>The image of its rows.</summary>
    public void PatchesBackward(CudaStream stream, DevicePointer image, DevicePointer rows, int patch, int width, int channels, long count) =>
        patchesBackward.Launch(stream.Moving(8 * count), count, patch * channels, image, rows, patch * channels, patch, width / patch, count);

    /// <summary>y [images, 1 + tokens, channels]; without a class token (null) [images, tokens, channels]. perImage: elements of an image of y.</summary>
    public void Tokens(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer classToken, DevicePointer positions, long perImage, int channels, long images) =>
        tokens.Launch(stream.Moving(8 * images * perImage), images * perImage, channels, y, x, classToken, positions, perImage, channels, images * perImage);
}
