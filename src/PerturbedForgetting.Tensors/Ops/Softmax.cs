using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>exp(x) / sum(exp(x)) over the last dimension, safe for any finite x.</summary>
    /// <exception cref="ArgumentException">x is a scalar.</exception>
    public static Tensor Softmax(Tensor x)
    {
        using var range = Ranges.Operation(nameof(Softmax));
        RequireLastDimension("Softmax", x);
        var y = x.EmptyLike();
        x.Backend.Softmax(x, y);
        if (Records(x))
            y.Node = SoftmaxNode.Record(x, y);
        return y;
    }

    /// <summary>log(softmax(x)) over the last dimension, safe for any finite x.</summary>
    /// <exception cref="ArgumentException">x is a scalar.</exception>
    public static Tensor LogSoftmax(Tensor x)
    {
        using var range = Ranges.Operation(nameof(LogSoftmax));
        RequireLastDimension("LogSoftmax", x);
        var y = x.EmptyLike();
        x.Backend.LogSoftmax(x, y);
        if (Records(x))
            y.Node = LogSoftmaxNode.Record(x, y);
        return y;
    }

    static void RequireLastDimension(string operation, Tensor x)
    {
        if (x.Shape.Rank == 0)
            throw new ArgumentException($"{operation} runs over the last dimension; a scalar has none.");
    }

    sealed class SoftmaxNode : Node<SoftmaxNode>
    {
        public static SoftmaxNode Record(Tensor x, Tensor y)
        {
            var node = Take(x);
            node.Save(y);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Backend.SoftmaxBackward(dy, Output!, dx);
            Send(Inputs[0], dx);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            var y = x.EmptyLike();
            x.Backend.SoftmaxBackward(x, Output!, y);
            return y;
        }

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            var dx = dy.EmptyLike();
            dy.Backend.SoftmaxBackwardTangent(dy, tangent ?? Zeros(dy), Output!, TangentOrZeros(Inputs[0]), dx);
            Send(Inputs[0], dx);
        }
    }

    sealed class LogSoftmaxNode : Node<LogSoftmaxNode>
    {
        public static LogSoftmaxNode Record(Tensor x, Tensor y)
        {
            var node = Take(x);
            node.Save(y);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Backend.LogSoftmaxBackward(dy, Output!, dx);
            Send(Inputs[0], dx);
        }

        protected override bool IsCurved => true;

        // With p = exp(y), which is the softmax of y, too: x' - sum(p x').
        protected override Tensor? Tangent() =>
            TangentOf(Inputs[0]) is { } x ? Sub(x, RowSums(Mul(Softmax(Output!), x))) : null;

        // dx = dy - p sum(dy): -p' sum(dy).
        protected override void Curve(Tensor dy)
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return;
            Tensor change = dy.EmptyLike();
            dy.Backend.SoftmaxBackward(x, Softmax(Output!), change);
            Send(Inputs[0], Scale(Mul(change, RowSums(dy)), -1));
        }

        /// <summary>The sum of each row, in all of its places.</summary>
        static Tensor RowSums(Tensor x)
        {
            Tensor sums = x.EmptyLike();
            x.Backend.MeanBackward(Scale(Mean(x, -1), (double)x.Shape[-1] * x.Shape[-1]), x.Shape.Rank - 1, sums);
            return sums;
        }
    }
}
