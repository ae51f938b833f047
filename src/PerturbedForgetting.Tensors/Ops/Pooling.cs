using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>The maximum of each window. The gradient of equal maxima goes to the first in row-major order; pixels outside the image
    /// never win.</summary>
    /// <param name="x">[N, H, W, C].</param>
    /// <param name="kernel">Extent of the window.</param>
    /// <param name="stride">Pixels between windows; the kernel's extent where none is given.</param>
    /// <param name="padding">How far windows reach over each border, at most half of the kernel.</param>
    /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
    /// <returns>[N, OH, OW, C].</returns>
    /// <exception cref="ArgumentException">The window does not fit.</exception>
    public static Tensor MaxPool2d(Tensor x, Size2d kernel, Size2d? stride = null, Size2d padding = default, bool ceilMode = false)
    {
        using var range = Ranges.Operation(nameof(MaxPool2d));
        var geometry = new Pool2dGeometry(kernel, stride ?? kernel, padding);
        var y = Tensor.Empty(PoolOutput(nameof(MaxPool2d), x, geometry, ceilMode), x.DType, x.Device);
        using var index = Tensor.Hidden(y.Shape, DType.Int32, x.Device);
        x.Backend.MaxPool2d(x, geometry, y, index);
        if (Records(x))
            y.Node = MaxPool2dNode.Record(x, index, geometry);
        return y;
    }

    /// <summary>The mean of each window.</summary>
    /// <param name="x">[N, H, W, C].</param>
    /// <param name="kernel">Extent of the window.</param>
    /// <param name="stride">Pixels between windows; the kernel's extent where none is given.</param>
    /// <param name="padding">How far windows reach over each border, at most half of the kernel.</param>
    /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
    /// <param name="countIncludePad">Whether the padding counts as zeros in the mean. What rounding up adds never counts.</param>
    /// <returns>[N, OH, OW, C].</returns>
    /// <exception cref="ArgumentException">The window does not fit.</exception>
    public static Tensor AvgPool2d(Tensor x, Size2d kernel, Size2d? stride = null, Size2d padding = default, bool ceilMode = false,
        bool countIncludePad = true)
    {
        using var range = Ranges.Operation(nameof(AvgPool2d));
        var geometry = new Pool2dGeometry(kernel, stride ?? kernel, padding);
        var y = Tensor.Empty(PoolOutput(nameof(AvgPool2d), x, geometry, ceilMode), x.DType, x.Device);
        x.Backend.AvgPool2d(x, geometry, countIncludePad, y);
        if (Records(x))
            y.Node = AvgPool2dNode.Record(x, geometry, countIncludePad);
        return y;
    }

    /// <summary>The mean over all pixels: [N, H, W, C] to [N, C].</summary>
    public static Tensor GlobalAvgPool2d(Tensor x)
    {
        using var range = Ranges.Operation(nameof(GlobalAvgPool2d));
        if (x.Shape.Rank != 4 || x.Shape[1] == 0 || x.Shape[2] == 0)
            throw new ArgumentException($"GlobalAvgPool2d needs x [N, H, W, C] with at least one pixel, not {x}.");
        var y = Tensor.Empty([x.Shape[0], x.Shape[3]], x.DType, x.Device);
        x.Backend.GlobalAvgPool2d(x, y);
        if (Records(x))
            y.Node = GlobalAvgPool2dNode.Take(x);
        return y;
    }

    static Shape PoolOutput(string operation, Tensor x, in Pool2dGeometry g, bool ceilMode)
    {
        if (g.Kernel.H < 1 || g.Kernel.W < 1 || g.Stride.H < 1 || g.Stride.W < 1 || g.Padding.H < 0 || g.Padding.W < 0
            || g.Padding.H > g.Kernel.H / 2 || g.Padding.W > g.Kernel.W / 2)
            throw new ArgumentException(
            $"{operation} needs kernel and stride of 1 at least and padding of at most half the kernel, not {g}.");
        // Rounding up lets a window reach less than a stride over the padded input.
        int excessH = ceilMode ? g.Stride.H - 1 : 0, excessW = ceilMode ? g.Stride.W - 1 : 0;
        if (x.Shape.Rank != 4 || x.Shape[1] == 0 || x.Shape[2] == 0
            || x.Shape[1] + (2 * g.Padding.H) + excessH < g.Kernel.H || x.Shape[2] + (2 * g.Padding.W) + excessW < g.Kernel.W)
            throw new ArgumentException(
            $"{operation} with kernel {g.Kernel} and padding {g.Padding} needs x [N, H, W, C] of at least that size, not {x}.");
        int height = Pool2dGeometry.Outputs(x.Shape[1], g.Kernel.H, g.Stride.H, g.Padding.H, ceilMode);
        int width = Pool2dGeometry.Outputs(x.Shape[2], g.Kernel.W, g.Stride.W, g.Padding.W, ceilMode);
        return [x.Shape[0], height, width, x.Shape[3]];
    }

    sealed class MaxPool2dNode : Node<MaxPool2dNode>
    {
        Tensor index = null!;
        Pool2dGeometry geometry;

        public static MaxPool2dNode Record(Tensor x, Tensor index, in Pool2dGeometry geometry)
        {
            var node = Take(x);
            (node.index, node.geometry) = (node.Save(index), geometry);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.MaxPool2dBackward(dy, index, geometry, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            var y = Output!.EmptyLike();
            x.Backend.MaxPool2dPick(x, index, y);
            return y;
        }
    }

    sealed class AvgPool2dNode : Node<AvgPool2dNode>
    {
        Pool2dGeometry geometry;
        bool countPadding;

        public static AvgPool2dNode Record(Tensor x, in Pool2dGeometry geometry, bool countPadding)
        {
            var node = Take(x);
            (node.geometry, node.countPadding) = (geometry, countPadding);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.AvgPool2dBackward(dy, geometry, countPadding, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            var y = Output!.EmptyLike();
            x.Backend.AvgPool2d(x, geometry, countPadding, y);
            return y;
        }
    }

    sealed class GlobalAvgPool2dNode : Node<GlobalAvgPool2dNode>
    {
        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.GlobalAvgPool2dBackward(dy, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent() => TangentOf(Inputs[0]) is { } x ? GlobalAvgPool2d(x) : null;
    }
}
