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
        CheckLayerNorm(nameof(LayerNorm), x, weight, bias);
        var y = x.EmptyLike();
        using var statistics = LayerNormStatistics(x);
        x.Backend.LayerNorm(x, weight, bias, eps, y, statistics);
        if (Records(x, weight, bias))
            y.Node = LayerNormNode.Record(x, weight, bias, statistics);
        return y;
    }

    /// <summary>
    /// x + residual and the <see cref="LayerNorm"/> of that, both made in one pass: what stands between the branches of a transformer.
    /// The gradient of the sum that arrives from elsewhere is added to in the backward pass of the norm.
    /// </summary>
    /// <param name="x">[..., channels].</param>
    /// <param name="residual">Of x's shape.</param>
    /// <param name="weight">[channels].</param>
    /// <param name="bias">[channels].</param>
    /// <param name="eps">Added to the variance.</param>
    /// <exception cref="ArgumentException">Wrong shapes or types.</exception>
    public static (Tensor Sum, Tensor Normal) AddLayerNorm(Tensor x, Tensor residual, Tensor weight, Tensor bias, double eps)
    {
        using var range = Ranges.Operation(nameof(AddLayerNorm));
        RequireSame(nameof(AddLayerNorm), x, residual);
        CheckLayerNorm(nameof(AddLayerNorm), x, weight, bias);
        Tensor sum = x.EmptyLike(), y = x.EmptyLike();
        using var statistics = LayerNormStatistics(x);
        x.Backend.AddLayerNorm(x, residual, weight, bias, eps, sum, y, statistics);
        if (Records(x, residual))
            sum.Node = AddNode.Take(x, residual);
        if (Records(sum, weight, bias))
            y.Node = LayerNormNode.Record(sum, weight, bias, statistics);
        return (sum, y);
    }

    static void CheckLayerNorm(string operation, Tensor x, Tensor weight, Tensor bias)
    {
        RequireLastDimension(operation, x);
        int width = x.Shape[-1];
        if (weight.Count != width || bias.Count != width || weight.DType != x.DType || bias.DType != x.DType || width == 0)
            throw new ArgumentException(
                $"{operation} of {x} needs a weight and a bias of its {width} channels and of its type, not {weight} and {bias}.");
    }

    static Tensor LayerNormStatistics(Tensor x) =>
        Tensor.Hidden([Shape.Extent(x.Count / x.Shape[-1], "rows of a layer norm"), 3], x.DType, x.Device);

    sealed class LayerNormNode : Node<LayerNormNode>
    {
        Tensor statistics = null!;

        public static LayerNormNode Record(Tensor x, Tensor weight, Tensor bias, Tensor statistics)
        {
            var node = Take(x, weight, bias);
            node.Save(x);
            node.Save(weight);
            node.statistics = node.Save(statistics);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            Tensor x = Inputs[0], weight = Inputs[1], bias = Inputs[2];
            Tensor? dx = Target(x, out bool accumulate), dweight = Target(weight, out bool accumulateWeight),
                dbias = Target(bias, out bool accumulateBias);
            dy.Backend.LayerNormBackward(dy, x, weight, statistics, new(dx, accumulate, dweight, accumulateWeight, dbias, accumulateBias));
            Deliver(x, dx);
            Deliver(weight, dweight);
            Deliver(bias, dbias);
        }

        protected override bool IsCurved => true;

        protected override Tensor? Tangent()
        {
            if (!HasTangents)
                return null;
            Tensor x = Inputs[0], weight = Inputs[1];
            var y = x.EmptyLike();
            x.Backend.LayerNormTangent(x, TangentOrZeros(x), weight, TangentOrZeros(weight), TangentOrZeros(Inputs[2]), statistics, y);
            return y;
        }

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            Tensor x = Inputs[0], weight = Inputs[1], bias = Inputs[2];
            Tensor? dx = Target(x, out bool accumulate), dweight = Target(weight, out bool accumulateWeight),
                dbias = Target(bias, out bool accumulateBias);
            dy.Backend.LayerNormBackwardTangent(dy, tangent ?? Zeros(dy), x, TangentOrZeros(x), weight, TangentOrZeros(weight), statistics,
                new(dx, accumulate, dweight, accumulateWeight, dbias, accumulateBias));
            Deliver(x, dx);
            Deliver(weight, dweight);
            Deliver(bias, dbias);
        }
    }
}
