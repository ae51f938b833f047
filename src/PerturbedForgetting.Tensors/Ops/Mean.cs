using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>The mean over one dimension, which the result no longer has: over the tokens of [B, N, C], axis 1.</summary>
    /// <exception cref="ArgumentException">The dimension has no elements.</exception>
    public static Tensor Mean(Tensor x, int axis)
    {
        using var range = Ranges.Operation(nameof(Mean));
        axis = x.Shape.Axis(axis);
        if (x.Shape[axis] == 0)
            throw new ArgumentException($"Dimension {axis} of {x} has no elements to take a mean of.");
        Span<int> extents = stackalloc int[x.Shape.Rank];
        x.Shape.CopyTo(extents);
        extents[(axis + 1)..].CopyTo(extents[axis..]);
        var y = Tensor.Empty(new Shape(extents[..^1]), x.DType, x.Device);
        x.Backend.Mean(x, axis, y);
        if (Records(x))
            y.Node = MeanNode.Record(x, axis);
        return y;
    }

    /// <summary>The sum of all elements, a scalar.</summary>
    public static Tensor Sum(Tensor x)
    {
        using var range = Ranges.Operation(nameof(Sum));
        var y = Tensor.Empty([], x.DType, x.Device);
        x.Backend.Sum(x, y);
        if (Records(x))
            y.Node = SumNode.Take(x);
        return y;
    }

    sealed class MeanNode : Node<MeanNode>
    {
        int axis;

        public static MeanNode Record(Tensor x, int axis)
        {
            var node = Take(x);
            node.axis = axis;
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.MeanBackward(dy, axis, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent() => TangentOf(Inputs[0]) is { } x ? Mean(x, axis) : null;
    }

    sealed class SumNode : Node<SumNode>
    {
        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.CopyBlocks(dy, new Blocks(0, 0), dx, new Blocks(0, 1), 1, dx.Count);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent() => TangentOf(Inputs[0]) is { } x ? Ops.Sum(x) : null;
    }
}
