using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>[1, ...] repeated to [count, ...]: a class token for every image of a batch. The gradient is the sum.</summary>
    /// <exception cref="ArgumentException">The first extent of x is not 1.</exception>
    public static Tensor Expand(Tensor x, int count)
    {
        using var range = Ranges.Operation(nameof(Expand));
        if (x.Shape.Rank == 0 || x.Shape[0] != 1)
            throw new ArgumentException($"Expand repeats a tensor whose first extent is 1, not {x}.");
        var y = Tensor.Empty(x.Shape.With(0, count), x.DType, x.Device);
        x.Backend.CopyBlocks(x, new(0, 0), y, new(0, x.Count), x.Count, count);
        if (Records(x))
            y.Node = ExpandNode.Take(x);
        return y;
    }

    sealed class ExpandNode : Node<ExpandNode>
    {
        protected override void Backward(Tensor dy) => SendLeadingSum(Inputs[0], dy);

        protected override Tensor? Tangent() => TangentOf(Inputs[0]) is { } x ? Expand(x, Output!.Shape[0]) : null;
    }
}
