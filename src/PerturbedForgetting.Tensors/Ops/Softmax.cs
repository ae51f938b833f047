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
    }
}
