using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// In training, drops each element with probability p and divides the others by 1 - p (inverted dropout, Srivastava et al.
    /// 2014). In evaluation, or with p = 0, returns x itself and draws nothing.
    /// </summary>
    /// <param name="x">Any shape.</param>
    /// <param name="p">Probability of dropping, in [0, 1].</param>
    /// <param name="training">Whether to drop.</param>
    /// <param name="stream">Advanced by one call.</param>
    /// <exception cref="ArgumentOutOfRangeException">p is no probability.</exception>
    public static Tensor Dropout(Tensor x, double p, bool training, DropoutStream stream)
    {
        using var range = Ranges.Operation(nameof(Dropout));
        if (!(p >= 0 && p <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), $"A dropout probability lies in [0, 1]; it is {p}.");
        if (!training || p == 0)
            return x;
        var call = stream.Next();
        var y = x.EmptyLike();
        x.Backend.Dropout(x, p, call, y);
        if (Records(x))
            y.Node = DropoutNode.Record(x, p, call);
        return y;
    }

    sealed class DropoutNode : Node<DropoutNode>
    {
        double p;
        RandomCall call;

        public static DropoutNode Record(Tensor x, double p, in RandomCall call)
        {
            var node = Take(x);
            (node.p, node.call) = (p, call);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Backend.Dropout(dy, p, call, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } x)
                return null;
            var y = x.EmptyLike();
            x.Backend.Dropout(x, p, call, y);
            return y;
        }
    }
}
