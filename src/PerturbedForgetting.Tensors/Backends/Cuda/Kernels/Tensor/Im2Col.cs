using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Windows of a convolution as rows of a matrix; kernels/tensor/im2col.cu.</summary>
sealed unsafe class Im2Col(KernelLibrary library)
{
    CudaKernel ForwardKernel => field ??= library.Get("im2col");

    CudaKernel BackwardKernel => field ??= library.Get("im2col_backward");

    /// <summary>One group of a convolution of channels-last images.</summary>
    public struct Windows
    {
        public int Height, Width, AllChannels, First, Channels, OutHeight, OutWidth, KernelH, KernelW, StrideH, StrideW, PadH, PadW, DilationH, DilationW;

        /// <summary>Elements of a row.</summary>
        public readonly int RowLength => KernelH * KernelW * Channels;
    }

    /// <summary>rows [images OH OW, kh kw channels] of x [images, H, W, C].</summary>
    public void Forward(CudaStream stream, DevicePointer rows, DevicePointer x, Windows windows, long images)
    {
        long count = images * windows.OutHeight * windows.OutWidth * windows.RowLength;
        ForwardKernel.Launch(stream.Moving(4 * (count + (images * windows.Height * windows.Width * windows.Channels))), LaunchGrid.Blocks(count, 256), 256, 0, rows, x, KernelArgument.Structure(&windows), count);
    }

    /// <summary>dx of the group's channels: each gathers from the rows.</summary>
    public void Backward(CudaStream stream, DevicePointer dx, DevicePointer rows, Windows windows, long images)
    {
        long count = images * windows.Height * windows.Width * windows.Channels;
        BackwardKernel.Launch(stream.Moving(4 * (count + (images * windows.OutHeight * windows.OutWidth * windows.RowLength))), LaunchGrid.Blocks(count, 256), 256, 0, dx, rows, KernelArgument.Structure(&windows), count);
    }
}
