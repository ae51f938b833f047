using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>Attention with its matrix of scores, recorded so that it can be differentiated twice.</summary>
    static Tensor AttentionTwice(Tensor qkv, int heads, double scale)
    {
        var cut = new HeadCut(qkv.Shape, heads);
        using var parts = Tensor.Hidden(cut.Parts, qkv.DType, qkv.Device);
        using var p = Tensor.Hidden(cut.Scores, qkv.DType, qkv.Device);
        using var scores = Tensor.Hidden(cut.Scores, qkv.DType, qkv.Device);
        cut.Divide(qkv, scale, parts);
        var backend = qkv.Backend;
        backend.MatMul(cut.Part(parts, 0), false, cut.Part(parts, 1), true, scores, false);
        backend.Softmax(scores, p);
        using var mixed = Tensor.Hidden(cut.Head, qkv.DType, qkv.Device);
        backend.MatMul(p, false, cut.Part(parts, 2), false, mixed, false);
        var y = Tensor.Empty([cut.Batch, cut.Tokens, heads * cut.Width], qkv.DType, qkv.Device);
        cut.Join(mixed, y);
        if (Records(qkv))
            y.Node = AttentionTwiceNode.Record(qkv, parts, p, cut, scale);
        return y;
    }

    /// <summary>How queries, keys and values [B, N, 3C] become [3, B, heads, N, C / heads], and back.</summary>
    readonly record struct HeadCut(int Batch, int Tokens, int Heads, int Width)
    {
        public HeadCut(Shape qkv, int heads) : this(qkv[0], qkv[1], heads, qkv[2] / 3 / heads)
        {
        }

        public Shape Parts => [3, Batch, Heads, Tokens, Width];

        public Shape Head => [Batch, Heads, Tokens, Width];

        public Shape Scores => [Batch, Heads, Tokens, Tokens];

        /// <summary>Queries, keys or values.</summary>
        public Tensor Part(Tensor parts, int index) => parts.View(Head, index * Head.Count);

        /// <summary>The queries times the scale, the keys, the values.</summary>
        public void Divide(Tensor qkv, double scale, Tensor parts)
        {
            qkv.Backend.Permute(qkv.View([Batch, Tokens, 3, Heads, Width]), [2, 0, 3, 1, 4], parts);
            Tensor queries = Part(parts, 0);
            qkv.Backend.Map(Unary.Scale, queries, queries, scale);
        }

        /// <summary>The other way, of gradients.</summary>
        public void Unite(Tensor parts, double scale, Tensor qkv)
        {
            Tensor queries = Part(parts, 0);
            qkv.Backend.Map(Unary.Scale, queries, queries, scale);
            qkv.Backend.Permute(parts, [1, 3, 0, 2, 4], qkv.View([Batch, Tokens, 3, Heads, Width]));
        }

        /// <summary>Heads beside each other: [B, N, C].</summary>
        public void Join(Tensor heads, Tensor y) => y.Backend.Permute(heads, [0, 2, 1, 3], y.View([Batch, Tokens, Heads, Width]));

        /// <summary>The other way.</summary>
        public Tensor Separate(Tensor y)
        {
            var heads = Tensor.Empty(Head, y.DType, y.Device);
            y.Backend.Permute(y.View([Batch, Tokens, Heads, Width]), [0, 2, 1, 3], heads);
            return heads;
        }
    }

    /// <summary>y = p v with p = softmax(q kᵀ), of queries that are scaled. Its tangents keep, for each lane, those of q, k and v, of the
    /// scores and of p; its backward pass, the gradients of y, p and the scores.</summary>
    sealed class AttentionTwiceNode : Node<AttentionTwiceNode>
    {
        Tensor parts = null!, p = null!;
        Tensor? ofMixed, ofP, ofScores;
        HeadCut cut;
        double scale;

        public static AttentionTwiceNode Record(Tensor qkv, Tensor parts, Tensor p, in HeadCut cut, double scale)
        {
            var node = Take(qkv);
            (node.parts, node.p, node.cut, node.scale) = (node.Save(parts), node.Save(p), cut, scale);
            node.ofMixed = node.ofP = node.ofScores = null;
            return node;
        }

        Tensor Queries => cut.Part(parts, 0);

        Tensor Keys => cut.Part(parts, 1);

        Tensor Values => cut.Part(parts, 2);

        protected override void Backward(Tensor dy)
        {
            var backend = dy.Backend;
            var (mixed, dp, scores) = Gradients(dy);
            var dparts = parts.EmptyLike();
            backend.MatMul(scores, false, Keys, false, cut.Part(dparts, 0), false);
            backend.MatMul(scores, true, Queries, false, cut.Part(dparts, 1), false);
            backend.MatMul(p, true, mixed, false, cut.Part(dparts, 2), false);
            if (IsPrimal)
                (ofMixed, ofP, ofScores) = (Save(mixed), Save(dp), Save(scores));
            SendUnited(dparts);
        }

        /// <summary>Those of the heads' results, of p and of the scores.</summary>
        (Tensor Mixed, Tensor P, Tensor Scores) Gradients(Tensor dy)
        {
            Tensor mixed = cut.Separate(dy), dp = p.EmptyLike(), scores = p.EmptyLike();
            dy.Backend.MatMul(mixed, false, Values, true, dp, false);
            dy.Backend.SoftmaxBackward(dp, p, scores);
            return (mixed, dp, scores);
        }

        void SendUnited(Tensor dparts)
        {
            var dqkv = Inputs[0].EmptyLike();
            cut.Unite(dparts, scale, dqkv);
            Send(Inputs[0], dqkv);
        }

        // One tensor with the tangents of the parts, of the scores and of p.
        Tensor PartsOf(Tensor kept) => kept.View(cut.Parts);

        Tensor ScoresOf(Tensor kept) => kept.View(cut.Scores, cut.Parts.Count);

        Tensor ProbabilitiesOf(Tensor kept) => kept.View(cut.Scores, cut.Parts.Count + cut.Scores.Count);

        protected override Tensor? Tangent()
        {
            if (TangentOf(Inputs[0]) is not { } tangent)
                return null;
            var backend = tangent.Backend;
            int size = Shape.Extent(cut.Parts.Count + (2 * cut.Scores.Count), "tangents of attention");
            Tensor kept = Tensor.Empty([size], tangent.DType, tangent.Device), moved = PartsOf(kept), scores = ScoresOf(kept),
                probabilities = ProbabilitiesOf(kept), mixed = Tensor.Empty(cut.Head, tangent.DType, tangent.Device);
            cut.Divide(tangent, scale, moved);
            backend.MatMul(cut.Part(moved, 0), false, Keys, true, scores, false);
            backend.MatMul(Queries, false, cut.Part(moved, 1), true, scores, true);
            backend.SoftmaxBackward(scores, p, probabilities);
            backend.MatMul(probabilities, false, Values, false, mixed, false);
            backend.MatMul(p, false, cut.Part(moved, 2), false, mixed, true);
            Kept = kept;
            var y = Output!.EmptyLike();
            cut.Join(mixed, y);
            return y;
        }

        protected override bool IsCurved => true;

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            if (Kept is not { } kept)
            {
                if (tangent is not null)
                    Backward(tangent);
                return;
            }
            var (ofHeads, ofProbabilities, ofLogits) = ofMixed is null ? Gradients(dy) : (ofMixed, ofP!, ofScores!);
            var backend = dy.Backend;
            Tensor moved = PartsOf(kept), probabilities = ProbabilitiesOf(kept), mixed = cut.Separate(tangent ?? Zeros(dy)),
                dp = p.EmptyLike(), scores = p.EmptyLike(), dparts = parts.EmptyLike();
            backend.MatMul(mixed, false, Values, true, dp, false);
            backend.MatMul(ofHeads, false, cut.Part(moved, 2), true, dp, true);
            backend.SoftmaxBackwardTangent(ofProbabilities, dp, p, ScoresOf(kept), scores);
            Tensor queries = cut.Part(dparts, 0), keys = cut.Part(dparts, 1), values = cut.Part(dparts, 2);
            backend.MatMul(scores, false, Keys, false, queries, false);
            backend.MatMul(ofLogits, false, cut.Part(moved, 1), false, queries, true);
            backend.MatMul(scores, true, Queries, false, keys, false);
            backend.MatMul(ofLogits, true, cut.Part(moved, 0), false, keys, true);
            backend.MatMul(p, true, mixed, false, values, false);
            backend.MatMul(probabilities, true, ofHeads, false, values, true);
            SendUnited(dparts);
        }
    }
}
