using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend<T>
{
    public override void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y)
    {
        var shape = ShapeOf(x, weight, geometry);
        if (y.Count > 0)
            Convolution.Forward(shape, x.Pointer<T>(), weight.Pointer<T>(), PointerOrNull(bias), y.Pointer<T>());
    }

    public override void AddConv2d(Tensor x, Tensor weight, in Conv2dGeometry geometry, Tensor y)
    {
        var shape = ShapeOf(x, weight, geometry);
        if (y.Count > 0)
            Convolution.Forward(shape, x.Pointer<T>(), weight.Pointer<T>(), null, y.Pointer<T>(), accumulate: true);
    }

    public override void AddConv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx)
    {
        var shape = ShapeOf(dx, weight, geometry);
        Convolution.BackwardInput(shape, dy.Pointer<T>(), weight.Pointer<T>(), dx.Pointer<T>(), accumulate: true);
    }

    public override void Conv2dBackwardInput(Tensor dy, Tensor weight, in Conv2dGeometry geometry, Tensor dx, bool accumulate)
    {
        if (accumulate)
        {
            // One sum at the end: adding a deep product to dx block by block would round it once a block.
            using var gradient = Tensor.Hidden(dx.Shape, dx.DType, dx.Device);
            Conv2dBackwardInput(dy, weight, geometry, gradient, accumulate: false);
            Map(Binary.Add, dx, gradient, dx);
            return;
        }
        var shape = ShapeOf(dx, weight, geometry);
        Convolution.BackwardInput(shape, dy.Pointer<T>(), weight.Pointer<T>(), dx.Pointer<T>());
    }

    public override void Conv2dBackwardWeight(Tensor x, Tensor dy, in Conv2dGeometry geometry, Tensor dweight, bool accumulate)
    {
        var shape = ShapeOf(x, dweight, geometry);
        Convolution.BackwardWeight(shape, x.Pointer<T>(), dy.Pointer<T>(), dweight.Pointer<T>(), accumulate);
    }

    static Conv2dShape ShapeOf(Tensor x, Tensor weight, in Conv2dGeometry g) => new(
        x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], weight.Shape[0], weight.Shape[1], weight.Shape[2],
        g.Stride.H, g.Stride.W, g.Padding.H, g.Padding.W, g.Dilation.H, g.Dilation.W, g.Groups);
}
