using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Patches of images as rows, class token and positions; kernels/nn/patches.cu, tokens.cu.</summary>
sealed class Embedding(KernelLibrary library)
{
    const int Threads = 256;

    readonly CudaKernel patches = library.Get("patches"), patchesBackward = library.Get("patches_backward"), tokens = library.Get("tokens"),
        tokensBackward = library.Get("tokens_backward");

    /// <summary>rows [images H/P W/P, P P C] of image [images, H, W, C].</summary>
    public void Patches(CudaStream stream, DevicePointer rows, DevicePointer image, int patch, int width, int channels, long count) =>
        patches.Launch(stream, LaunchGrid.Blocks(count, Threads), Threads, 0, rows, image, patch * channels, patch, width / patch, count);

    /// <summary>The image of its rows.</summary>
    public void PatchesBackward(CudaStream stream, DevicePointer image, DevicePointer rows, int patch, int width, int channels, long count) =>
        patchesBackward.Launch(stream, LaunchGrid.Blocks(count, Threads), Threads, 0, image, rows, patch * channels, patch, width / patch, count);

    /// <summary>y [images, 1 + tokens, channels]; without a class token (null) [images, tokens, channels]. perImage: elements of an image of y.</summary>
    public void Tokens(CudaStream stream, DevicePointer y, DevicePointer x, DevicePointer classToken, DevicePointer positions, long perImage, int channels, long images) =>
        tokens.Launch(stream, LaunchGrid.Blocks(images * perImage, Threads), Threads, 0, y, x, classToken, positions, perImage, channels, images * perImage);

    /// <summary>dx: dy without the elements of the class token, <paramref name="before"/> an image.</summary>
    public void TokensBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, long perImage, int before, long images) =>
        tokensBackward.Launch(stream, LaunchGrid.Blocks(images * (perImage - before), Threads), Threads, 0, dx, dy, perImage, before, images * (perImage - before));
}
