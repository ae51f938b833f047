using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension, with the biased variance (Ba et al., arXiv
    /// 1607.06450). A mean far from zero costs no digits; a constant row gives the bias.
    /// </summary>
    /// <param name="x">[..., channels].</param>
    /// <param name="weight">[channels].</param>
    /// <param name="bias">[channels].</param>
    /// <param name="eps">Added to the variance.</param>
    /// <exception cref="ArgumentException">Wrong shapes or types.</exception>
    public static Tensor LayerNorm(Tensor x, Tensor weight, Tensor bias, double eps)
    {
        using var range = Ranges.Operation(nameof(LayerNorm));
        RequireLastDimension("LayerNorm", x);
        int width = x.Shape[-1];
        if (weight.Count != width || bias.Count != width || weight.DType != x.DType || bias.DType != x.DType || width == 0)
            throw new ArgumentException($"LayerNorm of {x} needs a weight and a bias of its {width} channels and of its type, not {weight} and {bias}.");
        var y = x.EmptyLike();
        using var statistics = Tensor.Persistent([checked((int)(x.Count / width)), 3], x.DType, x.Device);
        x.Device.Backend.LayerNorm(x, weight, bias, eps, y, statistics);
        if (Records(x, weight, bias))
            y.Node = new LayerNormNode(x, weight, bias, statistics);
        return y;
    }

    sealed class LayerNormNode : Node
    {
        readonly Tensor[] inputs;
        readonly Tensor statistics;

        public LayerNormNode(Tensor x, Tensor weight, Tensor bias, Tensor statistics)
        {
            inputs = [Save(x), Save(weight), bias];
            this.statistics = Save(statistics);
        }

        public override ReadOnlySpan<Tensor> Inputs => inputs;

        protected override void Backward(Tensor dy)
        {
            Tensor x = inputs[0], weight = inputs[1], bias = inputs[2];
            var dx = x.RequiresGrad ? x.EmptyLike() : null;
            Tensor? dweight = Target(weight, out bool accumulateWeight), dbias = Target(bias, out bool accumulateBias);
            dy.Device.Backend.LayerNormBackward(dy, x, weight, statistics, dx, dweight, accumulateWeight, dbias, accumulateBias);
            if (dx is not null)
                Send(x, dx);
            Deliver(weight, dweight);
            Deliver(bias, dbias);
        }
    }
}
