using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe sealed partial class CpuBackend
{
    public override void Conv2d(Tensor x, Tensor weight, Tensor? bias, in Conv2dGeometry geometry, Tensor y)
    {
        var shape = ShapeOf(x, weight, geometry);
        if (x.DType == DType.Float32)
            Convolution.Forward(shape, x.Pointer<float>(), weight.Pointer<float>(), PointerOrNull<float>(bias), y.Pointer<float>());
        else
            Convolution.Forward(shape, x.Pointer<double>(), weight.Pointer<double>(), PointerOrNull<double>(bias), y.Pointer<double>());
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
        if (dx.DType == DType.Float32)
            Convolution.BackwardInput(shape, dy.Pointer<float>(), weight.Pointer<float>(), dx.Pointer<float>());
        else
            Convolution.BackwardInput(shape, dy.Pointer<double>(), weight.Pointer<double>(), dx.Pointer<double>());
    }

    public override void Conv2dBackwardWeight(Tensor x, Tensor dy, in Conv2dGeometry geometry, Tensor dweight, bool accumulate)
    {
        var shape = ShapeOf(x, dweight, geometry);
        if (x.DType == DType.Float32)
            Convolution.BackwardWeight(shape, x.Pointer<float>(), dy.Pointer<float>(), dweight.Pointer<float>(), accumulate);
        else
            Convolution.BackwardWeight(shape, x.Pointer<double>(), dy.Pointer<double>(), dweight.Pointer<double>(), accumulate);
    }

    static Conv2dShape ShapeOf(Tensor x, Tensor weight, in Conv2dGeometry g) => new(
        x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], weight.Shape[0], weight.Shape[1], weight.Shape[2],
        g.Stride.H, g.Stride.W, g.Padding.H, g.Padding.W, g.Dilation.H, g.Dilation.W, g.Groups);
}
