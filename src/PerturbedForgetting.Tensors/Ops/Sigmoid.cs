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
            y.Node = new SigmoidNode(x, y);
        return y;
    }

    sealed class SigmoidNode : Node
    {
        readonly Tensor[] inputs;
        readonly Tensor y;

        public SigmoidNode(Tensor x, Tensor y)
        {
            inputs = [x];
            this.y = Save(y);
        }

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.SigmoidBackward(dy, y, dx);
            Send(inputs[0], dx);
        }
    }
}
