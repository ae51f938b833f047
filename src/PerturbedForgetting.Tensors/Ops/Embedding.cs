using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Images cut into square patches, each a row of its pixels in the order h, w, c: with a <see cref="Linear"/> layer behind it the
    /// patch embedding of a vision transformer (Dosovitskiy et al., ICLR 2021).
    /// </summary>
    /// <param name="x">[N, H, W, C].</param>
    /// <param name="patch">Edge of a patch, P.</param>
    /// <returns>[N, H/P · W/P, P · P · C], row by row of the image.</returns>
    /// <exception cref="ArgumentException">The patches do not tile the image.</exception>
    public static Tensor Patches(Tensor x, int patch)
    {
        using var range = Ranges.Operation(nameof(Patches));
        if (x.Shape.Rank != 4 || patch < 1 || x.Shape[1] % patch != 0 || x.Shape[2] % patch != 0)
            throw new ArgumentException($"Patches needs images [N, H, W, C] with H and W divisible by the patch size {patch}, not {x}.");
        var y = Tensor.Empty([x.Shape[0], x.Shape[1] / patch * (x.Shape[2] / patch), patch * patch * x.Shape[3]], x.DType, x.Device);
        x.Backend.Patches(x, patch, y);
        if (Records(x))
            y.Node = PatchesNode.Record(x, patch);
        return y;
    }

    /// <summary>
    /// The tokens that a vision transformer's blocks see: a class token before those of the patches, and the position embedding added to
    /// all: y[n, 0] = classToken + positions[0], y[n, 1 + t] = x[n, t] + positions[1 + t]; without a class token x + positions.
    /// </summary>
    /// <param name="x">[N, T, C].</param>
    /// <param name="classToken">[1, 1, C], or none.</param>
    /// <param name="positions">[1, T + 1, C], or [1, T, C] without a class token.</param>
    /// <returns>[N, T + 1, C], or [N, T, C].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor EmbedTokens(Tensor x, Tensor? classToken, Tensor positions)
    {
        using var range = Ranges.Operation(nameof(EmbedTokens));
        if (x.Shape.Rank != 3 || (classToken is not null
            && (classToken.Shape != new Shape(1, 1, x.Shape[2]) || classToken.DType != x.DType)))
            throw new ArgumentException(
            $"EmbedTokens needs tokens [N, T, C] and a class token [1, 1, C] of one type, not {x} and {classToken}.");
        Shape shape = x.Shape.With(1, x.Shape[1] + (classToken is null ? 0 : 1));
        if (positions.Shape != shape.With(0, 1) || positions.DType != x.DType)
            throw new ArgumentException($"EmbedTokens needs positions {x.DType}{shape.With(0, 1)}, not {positions}.");
        var y = Tensor.Empty(shape, x.DType, x.Device);
        x.Backend.EmbedTokens(x, classToken, positions, y);
        if (Records(x, classToken, positions))
            y.Node = EmbedTokensNode.Take(x, positions, classToken);
        return y;
    }

    sealed class PatchesNode : Node<PatchesNode>
    {
        int patch;

        public static PatchesNode Record(Tensor x, int patch)
        {
            var node = Take(x);
            node.patch = patch;
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            var dx = Inputs[0].EmptyLike();
            dy.Backend.PatchesBackward(dy, patch, dx);
            Send(Inputs[0], dx);
        }

        protected override Tensor? Tangent() => TangentOf(Inputs[0]) is { } x ? Patches(x, patch) : null;
    }

    sealed class EmbedTokensNode : Node<EmbedTokensNode>
    {
        protected override void Backward(Tensor dy)
        {
            Tensor x = Inputs[0], positions = Inputs[1];
            if (Inputs.Length == 2)
            {
                SendLeadingSum(positions, dy);
                Send(x, dy);
                return;
            }
            // The class token has the gradient of its position, as long as that is of this pass alone.
            var target = Target(positions, out bool accumulate);
            var sum = target is null || accumulate ? positions.EmptyLike() : target;
            dy.Backend.SumLeading(dy, sum, accumulate: false);
            if (sum == target)
                Deliver(positions, target);
            else
                Send(positions, sum);
            Send(Inputs[2], sum.View(Inputs[2].Shape));
            if (!x.RequiresGrad)
                return;
            var dx = x.EmptyLike();
            CopyPart(dy, dx, 1, 1, x.Shape[1]);
            Send(x, dx);
        }

        protected override Tensor? Tangent() => HasTangents
            ? EmbedTokens(TangentOrZeros(Inputs[0]), Inputs.Length == 2 ? null : TangentOrZeros(Inputs[2]), TangentOrZeros(Inputs[1]))
            : null;
    }
}
