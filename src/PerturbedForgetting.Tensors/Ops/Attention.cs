using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Multi-head self-attention softmax(scale q k^T) v, fused: the matrix of scores never exists as a whole, and the backward pass
    /// computes it again. The same as slicing, <see cref="MatMul"/> and <see cref="Softmax"/>.
    /// </summary>
    /// <param name="qkv">[B, N, 3C]: queries, keys and values, each with the heads one after the other.</param>
    /// <param name="heads">Divides C.</param>
    /// <param name="scale">Positive; 1 / sqrt(C / heads) as a rule.</param>
    /// <returns>[B, N, C].</returns>
    /// <exception cref="ArgumentException">Shape, heads or scale do not fit.</exception>
    public static Tensor Attention(Tensor qkv, int heads, double scale)
    {
        using var range = Ranges.Operation(nameof(Attention));
        if (qkv.Shape.Rank != 3 || heads < 1 || qkv.Shape[2] % (3 * heads) != 0 || qkv.Shape.Product(1, 3) == 0 || !qkv.DType.IsFloating())
            throw new ArgumentException(
                $"Attention with {heads} heads needs queries, keys and values [batch, tokens, 3 * heads * channels], not {qkv}.");
        if (!(scale > 0 && double.IsFinite(scale)))
            throw new ArgumentOutOfRangeException(nameof(scale), $"The scale of attention is positive; it is {scale}.");
        int batch = qkv.Shape[0], tokens = qkv.Shape[1];
        if (GradMode.IsSecondOrder)
            return AttentionTwice(qkv, heads, scale);
        if (!qkv.Backend.FusesAttention(qkv.Shape[2] / 3 / heads))
            return UnfusedAttention(qkv, heads, scale);
        var y = Tensor.Empty([batch, tokens, qkv.Shape[2] / 3], qkv.DType, qkv.Device);
        using var statistics = Records(qkv) ? Tensor.Hidden([batch, heads, tokens, 2], qkv.DType, qkv.Device) : null;
        qkv.Backend.Attention(qkv, heads, scale, y, statistics);
        if (statistics is not null)
            y.Node = AttentionNode.Record(qkv, y, statistics, heads, scale);
        return y;
    }

    static Tensor UnfusedAttention(Tensor qkv, int heads, double scale)
    {
        (int batch, int tokens, int channels) = (qkv.Shape[0], qkv.Shape[1], qkv.Shape[2] / 3);
        Tensor parts = Permute(Reshape(qkv, [batch, tokens, 3, heads, channels / heads]), 2, 0, 3, 1, 4);
        Tensor probabilities = Softmax(MatMul(Scale(Select(parts, 0, 0), scale), Select(parts, 0, 1), transposeB: true));
        return Reshape(Permute(MatMul(probabilities, Select(parts, 0, 2)), 0, 2, 1, 3), [batch, tokens, channels]);
    }

    sealed class AttentionNode : Node<AttentionNode>
    {
        Tensor statistics = null!;
        int heads;
        double scale;

        public static AttentionNode Record(Tensor qkv, Tensor y, Tensor statistics, int heads, double scale)
        {
            var node = Take(qkv);
            node.Save(qkv);
            node.Save(y);
            (node.statistics, node.heads, node.scale) = (node.Save(statistics), heads, scale);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dqkv = Inputs[0].EmptyLike();
            dy.Backend.AttentionBackward(dy, Output!, Inputs[0], statistics, heads, scale, dqkv);
            Send(Inputs[0], dqkv);
        }

        protected override Tensor? Tangent() => throw NeedsSecondOrder(nameof(Attention));
    }
}
