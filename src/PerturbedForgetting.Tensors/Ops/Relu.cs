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
            y.Node = new ReluNode(x, y);
        return y;
    }

    sealed class ReluNode : Node
    {
        readonly Tensor[] inputs;
        readonly Tensor y;

        public ReluNode(Tensor x, Tensor y)
        {
            inputs = [x];
            this.y = Save(y);
        }

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.ReluBackward(dy, y, dx);
            Send(inputs[0], dx);
        }
    }
}
