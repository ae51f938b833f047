using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Pooling of channels-last images; kernels/nn/max_pool.cu, avg_pool.cu.</summary>
sealed unsafe class Pooling(KernelLibrary library)
{
    readonly WideKernel max = new(library, "max_pool"), maxBackward = new(library, "max_pool_backward"), avg = new(library, "avg_pool"),
        avgBackward = new(library, "avg_pool_backward"), global = new(library, "avg_pool_global"), globalBackward = new(library, "avg_pool_global_backward");

    /// <summary>Extents of input and output, and how the window moves.</summary>
    public struct Windows
    {
        public int Height, Width, OutHeight, OutWidth, Channels, KernelH, KernelW, StrideH, StrideW, PadH, PadW;

        internal readonly long Inputs(long images) => images * Height * Width * Channels;

        internal readonly long Outputs(long images) => images * OutHeight * OutWidth * Channels;

        internal readonly long Bytes(long images) => sizeof(float) * (Inputs(images) + Outputs(images));
    }

    /// <summary>y and the pixel that each maximum came from.</summary>
    public void Max(CudaStream stream, DevicePointer y, DevicePointer index, DevicePointer x, Windows windows, long images) =>
        max.Launch(stream.Moving(windows.Bytes(images) + (sizeof(int) * windows.Outputs(images))),
            windows.Outputs(images), windows.Channels, y, index, x, KernelArgument.Structure(&windows), windows.Outputs(images));

    /// <summary>dx.</summary>
    public void MaxBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, DevicePointer index, Windows windows, long images) =>
        maxBackward.Launch(stream.Moving(windows.Bytes(images) + (sizeof(int) * windows.Outputs(images))),
            windows.Inputs(images), windows.Channels, dx, dy, index, KernelArgument.Structure(&windows), windows.Inputs(images));

    /// <summary>y = the mean of each window.</summary>
    public void Avg(CudaStream stream, DevicePointer y, DevicePointer x, Windows windows, bool countPadding, long images) =>
        avg.Launch(stream.Moving(windows.Bytes(images)),
            windows.Outputs(images), windows.Channels, y, x, KernelArgument.Structure(&windows), countPadding ? 1 : 0, windows.Outputs(images));

    /// <summary>dx.</summary>
    public void AvgBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, Windows windows, bool countPadding, long images) =>
        avgBackward.Launch(stream.Moving(windows.Bytes(images)),
            windows.Inputs(images), windows.Channels, dx, dy, KernelArgument.Structure(&windows), countPadding ? 1 : 0, windows.Inputs(images));

    /// <summary>y [images, channels] = the mean over all pixels.</summary>
    public void Global(CudaStream stream, DevicePointer y, DevicePointer x, int pixels, int channels, long images) =>
        global.Launch(stream.Moving(4 * images * channels * (pixels + 1)),
            images * channels, channels, y, x, pixels, channels, images * channels);

    /// <summary>dx [images, pixels, channels].</summary>
    public void GlobalBackward(CudaStream stream, DevicePointer dx, DevicePointer dy, int pixels, int channels, long images) =>
        globalBackward.Launch(stream.Moving(4 * images * channels * (pixels + 1)),
            images * pixels * channels, channels, dx, dy, pixels, channels, images * pixels * channels);
}
