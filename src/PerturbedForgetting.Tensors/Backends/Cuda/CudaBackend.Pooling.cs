using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Pooling Pools => field ??= new(library);

    public override void MaxPool2d(Tensor x, in Pool2dGeometry geometry, Tensor y, Tensor index)
    {
        if (y.Count > 0)
            Pools.Max(stream, Dense(y), Pointer(index), Dense(x), WindowsOf(x, y, geometry), x.Shape[0]);
    }

    public override void MaxPool2dBackward(Tensor dy, Tensor index, in Pool2dGeometry geometry, Tensor dx)
    {
        if (dx.Count > 0)
            Pools.MaxBackward(stream, Dense(dx), Dense(dy), Pointer(index), WindowsOf(dx, dy, geometry), dx.Shape[0]);
    }

    public override void AvgPool2d(Tensor x, in Pool2dGeometry geometry, bool countPadding, Tensor y)
    {
        if (y.Count > 0)
            Pools.Avg(stream, Dense(y), Dense(x), WindowsOf(x, y, geometry), countPadding, x.Shape[0]);
    }

    public override void AvgPool2dBackward(Tensor dy, in Pool2dGeometry geometry, bool countPadding, Tensor dx)
    {
        if (dx.Count > 0)
            Pools.AvgBackward(stream, Dense(dx), Dense(dy), WindowsOf(dx, dy, geometry), countPadding, dx.Shape[0]);
    }

    public override void GlobalAvgPool2d(Tensor x, Tensor y)
    {
        if (y.Count > 0)
            Pools.Global(stream, Dense(y), Dense(x), checked((int)x.Shape.Product(1, x.Shape.Rank - 1)), x.Shape[-1], x.Shape[0]);
    }

    public override void GlobalAvgPool2dBackward(Tensor dy, Tensor dx)
    {
        if (dx.Count > 0)
            Pools.GlobalBackward(stream, Dense(dx), Dense(dy), checked((int)dx.Shape.Product(1, dx.Shape.Rank - 1)), dx.Shape[-1], dx.Shape[0]);
    }

    static Pooling.Windows WindowsOf(Tensor x, Tensor y, in Pool2dGeometry g) => new()
    {
        Height = x.Shape[1],
        Width = x.Shape[2],
        OutHeight = y.Shape[1],
        OutWidth = y.Shape[2],
        Channels = x.Shape[3],
        KernelH = g.Kernel.H,
        KernelW = g.Kernel.W,
        StrideH = g.Stride.H,
        StrideW = g.Stride.W,
        PadH = g.Padding.H,
        PadW = g.Padding.W,
    };
}
