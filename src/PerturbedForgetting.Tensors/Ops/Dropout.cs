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
        x.Device.Backend.Dropout(x, p, call, y);
        if (Records(x))
            y.Node = new DropoutNode(x, p, call);
        return y;
    }

    sealed class DropoutNode(Tensor x, double p, RandomCall call) : Node
    {
        readonly Tensor[] inputs = [x];

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.Dropout(dy, p, call, dx);
            Send(inputs[0], dx);
        }
    }
}
