using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/max_pool.cu, avg_pool.cu.</remarks>
unsafe sealed partial class CudaBackend
{
    WideKernel MaxPoolKernel => field ??= new(library, "max_pool");

    WideKernel MaxPoolBackwardKernel => field ??= new(library, "max_pool_backward");

    WideKernel AvgPoolKernel => field ??= new(library, "avg_pool");

    WideKernel AvgPoolBackwardKernel => field ??= new(library, "avg_pool_backward");

    WideKernel GlobalAvgPoolKernel => field ??= new(library, "avg_pool_global");

    WideKernel GlobalAvgPoolBackwardKernel => field ??= new(library, "avg_pool_global_backward");

    public override void MaxPool2d(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index)
    {
        PoolWindows windows = new(x, y, geometry);
        if (y.Count > 0)
            MaxPoolKernel.Launch(Moving([x], [y, index]), y.Count, windows.Channels,
                Dense(y), Pointer(index), Dense(x), KernelArgument.Structure(&windows), y.Count);
    }

    public override void MaxPool2dBackward(Tensor dy, Tensor index, in Pool2dGeometry geometry, Tensor dx)
    {
        PoolWindows windows = new(dx, dy, geometry);
        if (dx.Count > 0)
            MaxPoolBackwardKernel.Launch(Moving([dy, index], [dx]), dx.Count, windows.Channels,
                Dense(dx), Dense(dy), Pointer(index), KernelArgument.Structure(&windows), dx.Count);
    }

    public override void MaxPool2dPick(Tensor x, Tensor index, Tensor y) =>
        Map("max_pool_pick", Moving([x, index], [y]), 4 * y.Count, Dense(y), Dense(x), Pointer(index), x.Shape.Product(1, 3),
            y.Shape.Product(1, 3), y.Shape[3], y.Count);

    public override void AvgPool2d(Tensor x, in Pool2dGeometry geometry, bool countPadding, Tensor y)
    {
        PoolWindows windows = new(x, y, geometry);
        if (y.Count > 0)
            AvgPoolKernel.Launch(Moving([x], [y]), y.Count, windows.Channels,
                Dense(y), Dense(x), KernelArgument.Structure(&windows), countPadding ? 1 : 0, y.Count);
    }

    public override void AvgPool2dBackward(Tensor dy, in Pool2dGeometry geometry, bool countPadding, Tensor dx)
    {
        PoolWindows windows = new(dx, dy, geometry);
        if (dx.Count > 0)
            AvgPoolBackwardKernel.Launch(Moving([dy], [dx]), dx.Count, windows.Channels,
                Dense(dx), Dense(dy), KernelArgument.Structure(&windows), countPadding ? 1 : 0, dx.Count);
    }

    public override void GlobalAvgPool2d(Tensor x, Tensor y)
    {
        int channels = x.Shape[-1];
        if (y.Count > 0)
            GlobalAvgPoolKernel.Launch(Moving([x], [y]), y.Count, channels, Dense(y), Dense(x), PixelsOf(x), channels, y.Count);
    }

    public override void GlobalAvgPool2dBackward(Tensor dy, Tensor dx)
    {
        int channels = dx.Shape[-1];
        if (dx.Count > 0)
            GlobalAvgPoolBackwardKernel.Launch(Moving([dy], [dx]), dx.Count, channels,
                Dense(dx), Dense(dy), PixelsOf(dx), channels, dx.Count);
    }

    static int PixelsOf(Tensor images) => Shape.Extent(images.Shape.Product(1, images.Shape.Rank - 1), "pixels of an image");

    /// <summary>Extents of input and output, and how the window moves; the kernels' structure of the same members.</summary>
    readonly struct PoolWindows(Tensor x, Tensor y, in Pool2dGeometry g)
    {
        public readonly int Height = HeightOf(x, g), Width = x.Shape[2], OutHeight = y.Shape[1], OutWidth = y.Shape[2];
        public readonly int Channels = x.Shape[3];
        public readonly int KernelH = g.Kernel.H, KernelW = g.Kernel.W, StrideH = g.Stride.H, StrideW = g.Stride.W;
        public readonly int PadH = g.Padding.H, PadW = g.Padding.W;

        // The kernels number the pixels of an image, and those of its padding, with an int.
        static int HeightOf(Tensor x, in Pool2dGeometry g)
        {
            Shape.Extent((x.Shape[1] + (2L * g.Padding.H) + g.Kernel.H) * (x.Shape[2] + (2L * g.Padding.W) + g.Kernel.W),
                "pixels of an image and its padding");
            return x.Shape[1];
        }
    }
}
