using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>1 / (1 + exp(-x)), elementwise.</summary>
    public static Tensor Sigmoid(Tensor x)
    {
        using var range = Ranges.Operation(nameof(Sigmoid));
        var y = x.EmptyLike();
        x.Device.Backend.Sigmoid(x, y);
        if (Records(x))
            y.Node = SigmoidNode.Record(x, y);
        return y;
    }

    sealed class SigmoidNode : Node<SigmoidNode>
    {
        public static SigmoidNode Record(Tensor x, Tensor y)
        {
            var node = Take(x);
            node.Save(y);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.SigmoidBackward(dy, Output!, dx);
            Send(Inputs[0], dx);
        }
    }
}
