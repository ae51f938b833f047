using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>
/// Windows of a convolution of channels-last images as rows of a matrix, one group of channels at a time; kernels/tensor/im2col.cu.
/// </summary>
sealed unsafe class Im2Col(KernelLibrary library)
{
    const int Threads = 256;

    CudaKernel ForwardKernel => field ??= library.Get("im2col");

    CudaKernel BackwardKernel => field ??= library.Get("im2col_backward");

    /// <summary>rows [images OH OW, kh kw channels] of x [images, H, W, C].</summary>
    public void Forward(CudaStream stream, DevicePointer rows, DevicePointer x, in ConvolutionShape shape, int group, long images)
    {
        Windows windows = new(shape, group);
        long elements = images * shape.OutputPixels * shape.WindowLength;
        long pixels = images * shape.Height * shape.Width * shape.GroupChannels;
        ForwardKernel.Launch(stream.Moving(sizeof(float) * pixels, sizeof(float) * elements), LaunchGrid.Blocks(elements, Threads),
            Threads, 0,
            rows, x, KernelArgument.Structure(&windows), elements);
    }

    /// <summary>dx of the group's channels: each gathers from the rows.</summary>
    public void Backward(CudaStream stream, DevicePointer dx, DevicePointer rows, in ConvolutionShape shape, int group, long images)
    {
        Windows windows = new(shape, group);
        // Elements beyond the border are not read.
        long elements = images * shape.GroupChannels
            * Inside(shape.Height, shape.OutputHeight, shape.KernelHeight, shape.StrideHeight, shape.PaddingHeight, shape.DilationHeight)
            * Inside(shape.Width, shape.OutputWidth, shape.KernelWidth, shape.StrideWidth, shape.PaddingWidth, shape.DilationWidth);
        long pixels = images * shape.Height * shape.Width * shape.GroupChannels;
        BackwardKernel.Launch(stream.Moving(sizeof(float) * elements, sizeof(float) * pixels), LaunchGrid.Blocks(pixels, Threads),
            Threads, 0,
            dx, rows, KernelArgument.Structure(&windows), pixels);
    }

    /// <summary>How many places of all windows along a dimension lie within the image.</summary>
    static long Inside(int extent, int outputs, int kernel, int stride, int padding, int dilation)
    {
        long count = 0;
        for (int k = 0; k < kernel; k++)
        {
            int offset = (k * dilation) - padding, first = offset >= 0 ? 0 : (stride - 1 - offset) / stride;
            int end = offset >= extent ? 0 : Math.Min(outputs, ((extent - 1 - offset) / stride) + 1);
            count += Math.Max(0, end - first);
        }
        return count;
    }

    /// <summary>The kernels' structure of the same members.</summary>
    readonly struct Windows(in ConvolutionShape s, int group)
    {
        public readonly int Height = s.Height, Width = s.Width, AllChannels = s.Channels;
        public readonly int First = group * s.GroupChannels, Channels = s.GroupChannels;
        public readonly int OutHeight = s.OutputHeight, OutWidth = s.OutputWidth, KernelH = s.KernelHeight, KernelW = s.KernelWidth;
        public readonly int StrideH = s.StrideHeight, StrideW = s.StrideWidth, PadH = s.PaddingHeight, PadW = s.PaddingWidth;
        public readonly int DilationH = s.DilationHeight, DilationW = s.DilationWidth;
    }
}
