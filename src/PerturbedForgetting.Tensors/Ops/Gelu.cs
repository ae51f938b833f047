using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>x * cdf(x), elementwise, with the cdf of the normal distribution: the exact (erf) form of Hendrycks and Gimpel, arXiv 1606.08415.</summary>
    public static Tensor Gelu(Tensor x)
    {
        using var range = Ranges.Operation(nameof(Gelu));
        var y = x.EmptyLike();
        x.Device.Backend.Gelu(x, y);
        if (Records(x))
            y.Node = GeluNode.Record(x);
        return y;
    }

    sealed class GeluNode : Node<GeluNode>
    {
        public static GeluNode Record(Tensor x)
        {
            var node = Take(x);
            node.Save(x);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = dy.EmptyLike();
            dy.Device.Backend.GeluBackward(dy, Inputs[0], dx);
            Send(Inputs[0], dx);
        }
    }
}
