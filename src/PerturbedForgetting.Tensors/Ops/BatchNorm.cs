using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

/// <summary>Whether batch normalisation in training mode updates the running statistics, on this thread.</summary>
public static class BatchNormStatistics
{
    [ThreadStatic] static int holders;

    /// <summary>Whether the running statistics stay as they are.</summary>
    public static bool AreHeld => holders > 0;

    /// <summary>
    /// Until the result is disposed, training mode normalises with the batch's statistics and leaves the running ones as they are:
    /// for the second pass of sharpness-aware minimisation, whose perturbed weights must not leave traces.
    /// </summary>
    public static HeldStatistics Hold()
    {
        holders++;
        return new HeldStatistics();
    }

    internal static void Release() => holders--;
}

/// <summary>While it lives, running statistics are not updated. Made by <see cref="BatchNormStatistics.Hold"/>.</summary>
public readonly ref struct HeldStatistics
{
    /// <summary>Updates again.</summary>
    public void Dispose() => BatchNormStatistics.Release();
}

public static partial class Ops
{
    /// <summary>
    /// Batch normalisation over all dimensions but the last, then optionally a residual sum and max(·, 0), fused forward and backward:
    /// y = (x - mean) / sqrt(variance + eps) · weight + bias (+ residual).
    /// </summary>
    /// <param name="x">[..., C].</param>
    /// <param name="weight">[C].</param>
    /// <param name="bias">[C].</param>
    /// <param name="runningMean">[C], updated in training unless <see cref="BatchNormStatistics.Hold"/> is in force.</param>
    /// <param name="runningVar">[C], likewise, with the unbiased variance (divisor N - 1); the normalisation uses the biased one.</param>
    /// <param name="training">Whether to use the statistics of the batch instead of the running ones.</param>
    /// <param name="momentum">Share of the batch in the new running statistics.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="residual">Of x's shape, added after the normalisation.</param>
    /// <param name="relu">Whether to take max(·, 0) last.</param>
    /// <param name="counter">Int64, one element: grows by 1 in training, also while the statistics are held.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or training has fewer than two values a channel.</exception>
    public static Tensor BatchNorm(Tensor x, Tensor weight, Tensor bias, Tensor runningMean, Tensor runningVar, bool training,
        double momentum = 0.1, double eps = 1e-5, Tensor? residual = null, bool relu = false, Tensor? counter = null)
    {
        using var range = Ranges.Operation(nameof(BatchNorm));
        CheckBatchNorm(x, weight, bias, runningMean, runningVar, training, residual);
        // An empty batch, whose weights may even be on another device.
        if (x.Count == 0)
            return x.EmptyLike();
        var backend = x.Backend;
        using var saved = Tensor.Hidden([BatchNormRow.Count, x.Shape[-1]], x.DType, x.Device);
        if (!training)
            backend.BatchNormFrozen(weight, bias, runningMean, runningVar, eps, saved);
        else if (BatchNormStatistics.AreHeld)
            backend.BatchNormStatistics(x, weight, bias, eps, saved, null, null, 0, counter);
        else
            backend.BatchNormStatistics(x, weight, bias, eps, saved, runningMean, runningVar, momentum, counter);
        var y = x.EmptyLike();
        backend.BatchNormApply(x, saved, residual, relu, y);
        if (Records(x, weight, bias) || (residual is not null && Records(residual)))
            y.Node = BatchNormNode.Record(x, weight, bias, residual, relu, y, saved, training);
        return y;
    }

    static void CheckBatchNorm(Tensor x, Tensor weight, Tensor bias, Tensor runningMean, Tensor runningVar, bool training, Tensor? residual)
    {
        if (x.Shape.Rank < 2)
            throw new ArgumentException($"BatchNorm needs x [..., C] of two dimensions or more, not {x}.");
        int channels = x.Shape[-1];
        RequireVector(nameof(BatchNorm), "weight", weight, channels, x);
        RequireVector(nameof(BatchNorm), "bias", bias, channels, x);
        RequireVector(nameof(BatchNorm), "running mean", runningMean, channels, x);
        RequireVector(nameof(BatchNorm), "running variance", runningVar, channels, x);
        if (residual is not null)
            RequireSame(nameof(BatchNorm), x, residual);
        if (training && x.Count < 2L * channels)
            throw new ArgumentException($"BatchNorm in training mode needs more than one value a channel, not {x.Shape}; use a larger "
                + "batch, a larger image, or evaluation mode.");
    }

    sealed class BatchNormNode : Node<BatchNormNode>
    {
        Tensor saved = null!;
        bool relu, training;

        public static BatchNormNode Record(Tensor x, Tensor weight, Tensor bias, Tensor? residual, bool relu, Tensor y, Tensor saved,
            bool training)
        {
            var node = Take(x, weight, bias, residual);
            (node.relu, node.training) = (relu, training);
            node.saved = node.Save(saved);
            node.Save(x);
            if (relu && residual is not null)
                node.Save(y);
            return node;
        }

        protected override void Backward(Tensor dy)
        {
            Tensor x = Inputs[0], weight = Inputs[1], bias = Inputs[2];
            Tensor? residual = Residual;
            bool wantsResidual = residual is { RequiresGrad: true };
            var dx = x.RequiresGrad ? x.EmptyLike() : null;
            // Without a relu the residual's gradient is dy itself.
            var dresidual = relu && wantsResidual ? dy.EmptyLike() : null;
            var dweight = Target(weight, out bool addWeight);
            var dbias = Target(bias, out bool addBias);
            dy.Backend.BatchNormBackward(dy, x, relu, MaskedBy, saved, training, new(dx, dresidual, dweight, addWeight, dbias, addBias));
            if (dx is not null)
                Send(x, dx);
            if (wantsResidual)
                Send(residual!, dresidual ?? dy);
            Deliver(weight, dweight);
            Deliver(bias, dbias);
        }

        protected override bool IsCurved => true;

        Tensor? Residual => Inputs.Length > 3 ? Inputs[3] : null;

        Tensor? MaskedBy => relu && Residual is not null ? Output : null;

        protected override Tensor? Tangent()
        {
            if (training)
            {
                throw new NotSupportedException("Batch norm has second derivatives in evaluation mode only: "
                    + $"call {nameof(Module)}.{nameof(Module.Train)}(false) before the forward pass.");
            }
            if (!HasTangents)
                return null;
            Tensor x = Inputs[0];
            var y = x.EmptyLike();
            x.Backend.BatchNormTangent(x, TangentOrZeros(x), relu, MaskedBy, saved, TangentOrZeros(Inputs[1]), TangentOrZeros(Inputs[2]),
                TangentOf(Residual), y);
            return y;
        }

        protected override void BackwardTangent(Tensor dy, Tensor? tangent)
        {
            Tensor x = Inputs[0], weight = Inputs[1], bias = Inputs[2];
            tangent ??= Zeros(dy);
            bool wantsResidual = Residual is { RequiresGrad: true };
            var dx = x.RequiresGrad ? x.EmptyLike() : null;
            var dresidual = relu && wantsResidual ? dy.EmptyLike() : null;
            var dweight = Target(weight, out bool addWeight);
            var dbias = Target(bias, out bool addBias);
            dy.Backend.BatchNormBackwardTangent(dy, tangent, x, TangentOrZeros(x), relu, MaskedBy, saved, TangentOrZeros(weight),
                new(dx, dresidual, dweight, addWeight, dbias, addBias));
            if (dx is not null)
                Send(x, dx);
            if (wantsResidual)
                Send(Residual!, dresidual ?? tangent);
            Deliver(weight, dweight);
            Deliver(bias, dbias);
        }
    }
}
