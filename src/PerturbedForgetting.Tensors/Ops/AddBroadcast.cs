using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// x + b, where b is repeated over leading dimensions of x: a bias [C] or an embedding [1, N, C] onto [B, N, C]. The gradient
    /// of b is the sum over what it was repeated over.
    /// </summary>
    /// <exception cref="ArgumentException">The shape of b, without leading ones, is not the end of that of x.</exception>
    public static Tensor AddBroadcast(Tensor x, Tensor b)
    {
        using var range = Ranges.Operation(nameof(AddBroadcast));
        RequireTrailing("AddBroadcast", x, b);
        var y = x.EmptyLike();
        x.Backend.AddBroadcast(x, b, y);
        if (Records(x, b))
            y.Node = AddBroadcastNode.Take(x, b);
        return y;
    }

    static void RequireTrailing(string operation, Tensor x, Tensor b)
    {
        int ones = 0;
        while (ones < b.Shape.Rank && b.Shape[ones] == 1)
            ones++;
        int rank = b.Shape.Rank - ones, skip = x.Shape.Rank - rank;
        bool fits = skip >= 0 && x.DType == b.DType && b.Count > 0;
        for (int i = 0; fits && i < rank; i++)
            fits = x.Shape[skip + i] == b.Shape[ones + i];
        if (!fits)
            throw new ArgumentException($"{operation} repeats its second tensor over leading dimensions of the first, of the same type; "
                + $"{b} does not end as {x} does.");
    }

    sealed class AddBroadcastNode : Node<AddBroadcastNode>
    {
        protected override void Backward(Tensor dy)
        {
            SendLeadingSum(Inputs[1], dy);
            Send(Inputs[0], dy);
        }

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[1]) is not { } b)
                return TangentOf(Inputs[0]);
            return AddBroadcast(TangentOrZeros(Inputs[0]), b);
        }
    }
}
