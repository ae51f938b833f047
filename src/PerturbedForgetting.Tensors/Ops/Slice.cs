using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>The elements [start, start + length) of a dimension; a view where they lie together in memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The dimension or the range is not there.</exception>
    public static Tensor Slice(Tensor x, int axis, int start, int length)
    {
        using var range = Ranges.Operation(nameof(Slice));
        axis = x.Shape.Axis(axis);
        return Part(x, axis, start, length, x.Shape.With(axis, Math.Max(0, length)));
    }

    /// <summary>One index of a dimension, which the result no longer has.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The dimension or the index is not there.</exception>
    public static Tensor Select(Tensor x, int axis, int index)
    {
        using var range = Ranges.Operation(nameof(Select));
        axis = x.Shape.Axis(axis);
        Span<int> extents = stackalloc int[x.Shape.Rank];
        x.Shape.CopyTo(extents);
        extents[(axis + 1)..].CopyTo(extents[axis..]);
        return Part(x, axis, index, 1, new Shape(extents[..^1]));
    }

    static Tensor Part(Tensor x, int axis, int start, int length, Shape shape)
    {
        if (start < 0 || length < 0 || start > x.Shape[axis] - length)
            throw new ArgumentOutOfRangeException(nameof(start),
                $"Dimension {axis} of {x.Shape} has no elements {start} to {start + length - 1}.");
        Tensor y;
        if (x.Shape.Product(0, axis) == 1)
            y = x.View(shape, start * x.Shape.Product(axis + 1, x.Shape.Rank));
        else
        {
            y = Tensor.Empty(shape, x.DType, x.Device);
            CopyPart(x, y, axis, start, length);
        }
        if (Records(x))
            y.Node = SliceNode.Record(x, axis, start, length);
        return y;
    }

    sealed class SliceNode : Node<SliceNode>
    {
        int axis, start, length;

        public static SliceNode Record(Tensor x, int axis, int start, int length)
        {
            var node = Take(x);
            (node.axis, node.start, node.length) = (axis, start, length);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            var (part, stretch, count) = Blocks(dx.Shape, axis, start, length);
            dy.Backend.PlaceBlocks(dy, dx, stretch, part.Stride, count);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent() =>
            TangentOf(Inputs[0]) is { } x ? Part(x, axis, start, length, Output!.Shape) : null;
    }
}
