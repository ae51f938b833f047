using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>max(x, 0), elementwise. The derivative at 0 is 0.</summary>
    public static Tensor Relu(Tensor x)
    {
        using var range = Ranges.Operation(nameof(Relu));
        var y = x.EmptyLike();
        x.Device.Backend.Relu(x, y);
        if (Records(x))
            y.Node = ReluNode.Record(x, y);
        return y;
    }

    sealed class ReluNode : Node<ReluNode>
    {
        public static ReluNode Record(Tensor x, Tensor y)
        {
            var node = Take(x);
            node.Save(y);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.ReluBackward(dy, Output!, dx);
            Send(Inputs[0], dx);
        }
    }
}
