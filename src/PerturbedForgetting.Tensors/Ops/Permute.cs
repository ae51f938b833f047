using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>x with its dimensions in another order: dimension i of the result is dimension <paramref name="axes"/>[i] of x.</summary>
    /// <exception cref="ArgumentException">The axes are not each dimension of x once.</exception>
    public static Tensor Permute(Tensor x, params ReadOnlySpan<int> axes)
    {
        using var range = Ranges.Operation(nameof(Permute));
        Span<int> order = stackalloc int[axes.Length], shape = stackalloc int[axes.Length];
        int seen = 0;
        for (int i = 0; i < axes.Length && axes.Length == x.Shape.Rank; i++)
        {
            order[i] = x.Shape.Axis(axes[i]);
            shape[i] = x.Shape[order[i]];
            seen |= 1 << order[i];
        }
        if (axes.Length != x.Shape.Rank || seen != (1 << axes.Length) - 1)
            throw new ArgumentException($"Permute needs each dimension of {x.Shape} once, not ({string.Join(", ", axes.ToArray())}).");
        var y = Tensor.Empty(new Shape(shape), x.DType, x.Device);
        x.Backend.Permute(x, order, y);
        if (Records(x))
            y.Node = PermuteNode.Record(x, order);
        return y;
    }

    sealed class PermuteNode : Node<PermuteNode>
    {
        readonly int[] inverse = new int[Shape.MaxRank];

        public static PermuteNode Record(Tensor x, ReadOnlySpan<int> axes)
        {
            var node = Take(x);
            for (int i = 0; i < axes.Length; i++)
                node.inverse[axes[i]] = i;
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Tensor.Empty(Inputs[0].Shape, dy.DType, dy.Device);
            dy.Backend.Permute(dy, inverse.AsSpan(0, dy.Shape.Rank), dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            Span<int> axes = stackalloc int[x.Shape.Rank];
            for (int i = 0; i < axes.Length; i++)
                axes[inverse[i]] = i;
            return Permute(x, axes);
        }
    }
}
